"""Anthropic's Messages API, direct and on Vertex AI."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.integration import Integration
from toolpair_observe.pairing.providers.places import Home, at_home
from toolpair_observe.pairing.providers.profile import Grade, Profile, Row, Rule, Server
from toolpair_observe.pairing.providers.rules import MISPLACED, ORPHANS, reject, unknown
from toolpair_observe.pairing.providers.steps import (
    USER_ROLES,
    drop_blank_humans,
    is_blank,
    leave,
    merge_ais,
    merge_users,
    refuse,
    refuse_blocks,
    refuse_messages,
    take_out_systems,
)
from toolpair_observe.pairing.providers.wire import Step, Wire, step
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.transcript import Call
    from toolpair_observe.pairing.turns import Turn

_ANTHROPIC_MISSING = reject(
    Grade.REPORTED,
    "Anthropic's page on tool use; anthropics/claude-code#1237, #1686",
    "messages.{call_position}: `tool_use` ids were found without `tool_result` blocks immediately "
    "after: {ids}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message.",
)
_ANTHROPIC_ORPHAN = reject(
    Grade.REPORTED,
    "router-for-me/CLIProxyAPI#497, editor-code-assistant/eca#209",
    "messages.{position}.content.{result_block}: unexpected `tool_use_id` found in `tool_result` "
    "blocks: {result_id}. Each `tool_result` block must have a corresponding `tool_use` block in "
    "the previous message.",
)
_ANTHROPIC_UNIQUE = reject(
    Grade.REPORTED,
    "anthropics/claude-code#28515, BerriAI/litellm#23510",
    "messages.{call_position}.content.{call_block}: `tool_use` ids must be unique",
)
ANTHROPIC_RULES: Final[Mapping[Case, Rule]] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _ANTHROPIC_MISSING),
    **dict.fromkeys(MISPLACED, _ANTHROPIC_MISSING),
    **dict.fromkeys((*ORPHANS, Case.DUPLICATE_LATER, Case.EARLY), _ANTHROPIC_ORPHAN),
    Case.MISSING_AT_END: unknown("no report of a request that ends there"),
    Case.DUPLICATE: reject(
        Grade.REPORTED,
        "public code that handles the text",
        "messages.{position}.content.{result_block}: each tool_use must have a single result. "
        "Found multiple `tool_result` blocks with id: {id}",
    ),
    Case.DUPLICATE_CALL_ID: _ANTHROPIC_UNIQUE,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _ANTHROPIC_UNIQUE,
    Case.CALL_WITHOUT_ID: reject(
        Grade.REPORTED,
        "farion1231/cc-switch#1181, badlogic/pi-mono#9048",
        "messages.{call_position}.content.{call_block}.tool_use.id: String should match pattern "
        "'^[a-zA-Z0-9_-]+$'",
    ),
    Case.RESULT_WITHOUT_ID: _ANTHROPIC_ORPHAN,
    Case.MISMATCHED_WITHOUT_ID: _ANTHROPIC_ORPHAN,
    Case.TEXT_BEFORE_RESULT: reject(
        Grade.DOCUMENTED,
        "Anthropic's page on tool use: results come first",
        _ANTHROPIC_MISSING.text,
    ),
    Case.TEXT_AFTER_CALL: unknown("the API joins turns of one role; text after a call not tried"),
    Case.CONTENT_AFTER_CALL: reject(
        Grade.REPORTED,
        "a recorded 400 in pydantic-ai's tests, vercel/ai#13013, stacklok/mecatl#1481",
        _ANTHROPIC_MISSING.text,
    ),
    Case.RESULT_IN_AI_TURN: reject(
        Grade.REPORTED,
        "public code that handles the text",
        "messages.{position}: `tool_result` blocks can only be in `user` messages",
    ),
    Case.SERVER_RESULT_UNPAIRED: reject(
        Grade.REPORTED,
        "anthropics/claude-code#64383",
        "messages.{position}.content.{result_block}: unexpected `tool_use_id` found in result "
        "blocks: {result_id}. Each result block must have a corresponding `server_tool_use` block "
        "before it.",
    ),
    Case.SERVER_TOOL_UNPAIRED: reject(
        Grade.REPORTED,
        "Anthropic's page on server tools",
        "messages.{position}: `{name}` tool use with id `{id}` was found without a corresponding "
        "`{name}_tool_result` block",
    ),
}

_ID_PATTERN: Final = "a-zA-Z0-9_-"

# LangChain's own blocks are translated where the message says that its content is made of them.
_VALID_CALLS = frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE, Carrier.V1_BLOCK})
_ANTHROPIC_CALLS = _VALID_CALLS | {Carrier.INVALID_TOOL_CALL, Carrier.V1_INVALID_BLOCK}
ANTHROPIC_RESULTS = frozenset(
    {Carrier.TOOL_MESSAGE, Carrier.TOOL_RESULT_IN_TOOL, Carrier.TOOL_RESULT_IN_HUMAN}
)


@step("Move one run of system messages out of the list; a second run raises")
def take_out_one_run_of_systems(wire: Wire) -> None:
    starts: list[Turn] = []
    before: Role | None = None
    for turn in wire.turns:
        if turn.role is Role.SYSTEM and before is not Role.SYSTEM:
            starts.append(turn)
        before = turn.role
    _raise_at_second(wire, starts)
    take_out_systems.run(wire)


def _raise_at_second(wire: Wire, runs: list[Turn]) -> None:
    for turn in runs[1:2]:
        text = "ValueError: Received multiple non-consecutive system messages."
        wire.fail(None, text, turn.index)


@step("Leave system messages between a user turn and an AI turn, or at the end, where they stand")
def take_out_systems_not_in_place(wire: Wire) -> None:
    # What stands there does not concern pairing. One other run is moved out of the list, a second
    # one raises.
    moved: list[Turn] = []
    staying: list[Turn] = []
    before: Turn | None = None
    neighbor: Role | None = None
    spoken = [turn for turn in wire.turns if turn.role is not Role.SYSTEM]
    in_place = 0
    for turn in wire.turns:
        if turn.role is Role.SYSTEM:
            if neighbor is Role.SYSTEM:
                continue
            (staying if staying or _lets_system_follow(wire, before) else moved).append(turn)
        elif turn.role is not Role.AI or not is_blank(turn) or turn is spoken[-1]:
            if turn.role is not Role.AI:
                moved += staying
            else:
                in_place += bool(staying)
            staying, before = [], turn
        turn.behind = in_place
        neighbor = turn.role
    _raise_at_second(wire, moved)
    take_out_systems.run(wire)


def _lets_system_follow(wire: Wire, turn: Turn | None) -> bool:
    if turn is None or turn.role in USER_ROLES:
        return turn is not None
    return bool(wire.transcript.entries[turn.index].server_results) and not turn.calls


@step("Leave out calls with bad arguments that lack an id or a name, or share the id of another")
def drop_unsendable_invalid_calls(wire: Wire) -> None:
    for turn in wire.turns:
        sent = {call.id for call in turn.calls if call.carriers & _VALID_CALLS}
        kept: list[Call] = []
        for call in turn.calls:
            if not call.carriers & _VALID_CALLS:
                if not (call.id and call.name) or call.id in sent:
                    continue
                sent.add(call.id)
            kept.append(call)
        turn.calls = kept


def drop_foreign_invalid_blocks(*but_in: Carrier) -> Step:
    """Make the step that knows blocks of bad calls in the integration's own messages only."""
    sent = _VALID_CALLS | set(but_in)

    @step("Leave out calls with bad arguments that stand in blocks of foreign messages alone")
    def drop_blocks(wire: Wire) -> None:
        for turn in wire.turns:
            if wire.transcript.entries[turn.index].made_by != "anthropic":
                turn.calls = [call for call in turn.calls if call.carriers & sent]

    return drop_blocks


@step("Leave out messages that only ask to remove another one")
def drop_removals(wire: Wire) -> None:
    wire.turns = [turn for turn in wire.turns if turn.role is not Role.REMOVE]


@step("Leave out AI messages without content and calls")
def drop_blank_ais(wire: Wire) -> None:
    wire.turns = [t for t in wire.turns if t.role is not Role.AI or not is_blank(t)]


_NO_TYPE = "ValueError: Dict content block must have a type key"
_DROP_FOREIGN_INVALID_BLOCKS = drop_foreign_invalid_blocks(Carrier.INVALID_TOOL_CALL)
_REFUSE_REMOVALS = refuse_messages("KeyError: 'remove'", Role.REMOVE)
ANTHROPIC_STEPS = (
    refuse({Carrier.FUNCTION: "KeyError: 'function'", Carrier.CHAT_TOOL: "KeyError: 'chat'"}),
    refuse({Carrier.CONVERSE_RESULT: _NO_TYPE}),
    refuse_blocks(_NO_TYPE, Carrier.CONVERSE_BLOCK),
    refuse_messages("KeyError: 'chat'", Role.CHAT),
    _REFUSE_REMOVALS,
    merge_users,
    take_out_one_run_of_systems,
    _DROP_FOREIGN_INVALID_BLOCKS,
    drop_unsendable_invalid_calls,
    drop_blank_ais,
    leave,
    merge_users,
    merge_ais,
)
BASE_ANTHROPIC = Profile(
    name="anthropic",
    title="Anthropic through ChatAnthropic",
    provider="anthropic",
    package="langchain-anthropic",
    calls=_ANTHROPIC_CALLS,
    results=ANTHROPIC_RESULTS,
    rules=ANTHROPIC_RULES,
    steps=ANTHROPIC_STEPS,
    # The integration hashes ids that the provider would refuse.
    server=Server(
        ANTHROPIC_STEPS[ANTHROPIC_STEPS.index(leave) :],
        {Case.INVALID_ID: ANTHROPIC_RULES[Case.CALL_WITHOUT_ID]},
        id_pattern=_ID_PATTERN,
    ),
)
# Before 1.7.5 the blocks were sent, and the attribute was not.
_ANTHROPIC_NO_INVALID = replace(
    BASE_ANTHROPIC,
    calls=_VALID_CALLS | {Carrier.V1_INVALID_BLOCK},
    steps=tuple(
        drop_foreign_invalid_blocks() if each is _DROP_FOREIGN_INVALID_BLOCKS else each
        for each in ANTHROPIC_STEPS
    ),
)
_ANTHROPIC_KEEPS_IDS = replace(
    _ANTHROPIC_NO_INVALID,
    calls=_VALID_CALLS,
    rules={**ANTHROPIC_RULES, Case.INVALID_ID: ANTHROPIC_RULES[Case.CALL_WITHOUT_ID]},
    id_pattern=_ID_PATTERN,
)
# langchain-anthropic's own table says which models take system messages within the conversation.
_SYSTEM_IN_PLACE_MODELS = (
    r"claude-(?:(?:fable|mythos)-5(?:-1)?|haiku-5-5|opus-(?:4-8|5(?:-5)?)|sonnet-5(?:-5)?)$"
)


def _with_system_in_place(profile: Profile) -> Profile:
    steps = tuple(
        take_out_systems_not_in_place if step is take_out_one_run_of_systems else step
        for step in profile.steps
    )
    row = Row(replace(profile, steps=steps), models=_SYSTEM_IN_PLACE_MODELS)
    return replace(profile, rows=(row,))


ANTHROPIC: Final = replace(
    BASE_ANTHROPIC,
    rows=(
        Row(_ANTHROPIC_KEEPS_IDS, before="1.4.4"),
        Row(_with_system_in_place(_ANTHROPIC_NO_INVALID), before="1.7.5"),
        *_with_system_in_place(BASE_ANTHROPIC).rows,
    ),
)
# What ChatAnthropicVertex keeps from the provider, and what it sends in another form.
_OF_THE_INTEGRATION: Final = (Case.CONTENT_AFTER_CALL, Case.SERVER_TOOL_UNPAIRED)
ANTHROPIC_VERTEX: Final = replace(
    BASE_ANTHROPIC,
    name="anthropic-vertex",
    title="Anthropic on Vertex AI through ChatAnthropicVertex",
    provider="gcp.vertex_ai",
    package="langchain-google-vertexai",
    calls=frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE}),
    rules={
        # The integration puts calls last.
        **{k: rule for k, rule in ANTHROPIC_RULES.items() if k is not Case.CONTENT_AFTER_CALL},
        Case.INVALID_ID: ANTHROPIC_RULES[Case.CALL_WITHOUT_ID],
        Case.SERVER_TOOL_UNPAIRED: unknown("the integration sends such calls without their ids"),
    },
    steps=(
        drop_blank_humans,
        drop_removals,
        *(step for step in ANTHROPIC_STEPS if step is not _REFUSE_REMOVALS),
    ),
    server=replace(
        BASE_ANTHROPIC.server,
        rules={
            **BASE_ANTHROPIC.server.rules,
            **{case: ANTHROPIC_RULES[case] for case in _OF_THE_INTEGRATION},
        },
    ),
    id_pattern=_ID_PATTERN,
)


# Several providers serve their own models on Anthropic's API, with rules of their own, and some of
# them under Claude's names.
_ANTHROPIC_HOME: Final = Home(
    frozenset({"api.anthropic.com"}),
    ("anthropic_api_url",),
    ("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
    maker="anthropic",
)
_VERTEX_HOME: Final = Home(
    frozenset({"googleapis.com"}),
    ("api_endpoint",),
    ("ANTHROPIC_VERTEX_BASE_URL",),
    closed_too=True,
)

INTEGRATIONS: Final = (
    Integration(
        "anthropic-chat",
        "langchain.chat_models.anthropic.ChatAnthropic",
        frozenset({"anthropic"}),
        at_home(ANTHROPIC, _ANTHROPIC_HOME),
    ),
    Integration(
        "anthropic-chat-vertexai",
        "langchain_google_vertexai.model_garden.ChatAnthropicVertex",
        frozenset({"anthropicvertex"}),
        at_home(ANTHROPIC_VERTEX, _VERTEX_HOME),
    ),
)
