"""Amazon Bedrock's Converse, for Claude and for other makers' models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.anthropic import (
    ANTHROPIC_RESULTS,
)
from toolpair_observe.pairing.providers.profile import Grade, Profile, Row, Rule, Server
from toolpair_observe.pairing.providers.rules import (
    MISPLACED,
    ORPHANS,
    RESPONSES_BLOCKS,
    disputed,
    raises,
    reject,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    answers_by_turn,
    fill_blank_humans,
    find_empty_ids,
    lose_each,
    merge_ais,
    merge_users,
    refuse,
    refuse_blocks,
    refuse_messages,
    take_out_systems,
)
from toolpair_observe.pairing.providers.wire import Step, Wire, step
from toolpair_observe.pairing.transcript import Result
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import BAD_CALLS, Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.transcript import Entry

_CONVERSE_MISSING = reject(
    Grade.REPORTED,
    "camel-ai/camel#3954",
    "Expected toolResult blocks at messages.{next_position}.content for the following Ids: {ids}",
)
_CONVERSE_ORPHAN = reject(
    Grade.REPORTED,
    "pydantic/pydantic-ai#2327, strands-agents/sdk-python#1435",
    "The number of toolResult blocks at messages.{position}.content exceeds the number of toolUse "
    "blocks of previous turn.",
)
_PARAM_VALIDATION = "botocore.exceptions.ParamValidationError: Parameter validation failed"
_CONVERSE_DUPLICATE_ID = reject(
    Grade.REPORTED,
    "public code that handles the text",
    "The toolUse blocks at messages.{call_position}.content contain duplicate Ids: {id}",
)
_CONVERSE_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _CONVERSE_MISSING),
    **dict.fromkeys(MISPLACED, _CONVERSE_MISSING),
    **dict.fromkeys((*ORPHANS, Case.DUPLICATE, Case.DUPLICATE_LATER, Case.EARLY), _CONVERSE_ORPHAN),
    Case.MISSING_AT_END: unknown("no report of a request that ends there"),
    Case.DUPLICATE_CALL_ID: _CONVERSE_DUPLICATE_ID,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _CONVERSE_DUPLICATE_ID,
    Case.CALL_WITHOUT_ID: raises("botocore's own check", _PARAM_VALIDATION),
    Case.RESULT_WITHOUT_ID: raises("botocore's own check", _PARAM_VALIDATION),
    Case.MISMATCHED_WITHOUT_ID: raises("botocore's own check", _PARAM_VALIDATION),
    Case.TEXT_BEFORE_RESULT: unknown("Claude's rule, not reported for Converse"),
    Case.CONTENT_AFTER_CALL: disputed(
        "Anthropic refuses it of Claude; nobody has shown whether Bedrock does"
    ),
    Case.RESULT_IN_AI_TURN: _CONVERSE_ORPHAN,
    Case.INVALID_ID: reject(
        Grade.DOCUMENTED,
        "Bedrock's API reference, ToolResultBlock: 1 to 64 characters; it documents "
        "[a-zA-Z0-9_-], but ids with . and : (Kimi's) were answered with 200",
        "Value '{id}' at 'messages.{position}.member.content' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
    ),
}


@step("Turn calls and results into text, as is done where no tools are bound")
def send_as_text(wire: Wire) -> None:
    if not wire.facts.tools_bound:
        lose_each(wire, {Carrier.TOOL_RESULT_IN_TOOL})
        said = wire.unsent_uses.union(*(turn.calls for turn in wire.turns))
        for call, result in wire.given.answer.items():
            if call not in said and Carrier.INVALID_TOOL_CALL not in call.carriers:
                wire.lose(Case.CALL_NOT_SENT, "its call is not sent", None, result)
        for turn in wire.turns:
            turn.calls, turn.results, turn.has_text = [], [], True
        wire.findings = [f for f in wire.findings if f.case is not Case.RESULT_IN_AI_TURN]
        for entry in wire.transcript.entries:
            wire.own_results.update(entry.results)


def _has_server_result(entry: Entry) -> bool:
    """Whether the message carries a result of a provider's own tool."""
    return bool(entry.server_results)


# Whose messages LangChain translates so that this block is wrapped in another one.
_WRAPS_STANDARD_RESULT = frozenset({"google_genai", "google_vertexai"})


def _has_standard_server_result(entry: Entry) -> bool:
    """Whether such a result is one of LangChain's own blocks, once its translation is done."""
    if entry.is_standard:
        return entry.has_standard_result
    if entry.has_standard_result:
        return entry.made_by not in _WRAPS_STANDARD_RESULT
    return _has_server_result(entry) and entry.made_by == "anthropic"


def _refuse_server_results(text: str, met: Callable[[Entry], bool]) -> Step:
    """Make the step that raises on results of a provider's own tools."""

    @step(f"Raise where there is a result of a provider-executed call: {text}")
    def refuse_uses(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            for use in entry.server_uses if met(entry) else ():
                wire.fail(Case.UNSUPPORTED_CALL, text, entry.index, call=use)

    return refuse_uses


def _drop_invalid_calls_in(carrier: Carrier) -> Step:
    """Make the step that leaves out calls with bad arguments which stand there, too."""

    @step(f"Leave out calls with bad arguments that stand in a {carrier}")
    def drop_invalid_calls(wire: Wire) -> None:
        dropped = {carrier, Carrier.INVALID_TOOL_CALL}
        for turn in wire.turns:
            turn.calls = [call for call in turn.calls if not call.carriers >= dropped]

    return drop_invalid_calls


def _drop_calls_only_in(carrier: Carrier) -> Step:
    """Make the step that leaves out calls which stand there and nowhere else.

    The integration looks such a call's id up among the others, so one without an id is not found.
    """
    unsent = frozenset({carrier})
    unsent_without_id = frozenset({carrier, Carrier.INVALID_TOOL_CALL})

    @step(f"Leave out calls that stand in a {carrier} alone")
    def drop_calls(wire: Wire) -> None:
        for turn in wire.turns:
            turn.calls = [
                call
                for call in turn.calls
                if call.carriers != unsent and (call.id or call.carriers != unsent_without_id)
            ]

    return drop_calls


# Whose messages are sent as they are. Others' go through LangChain's translation first, which knows
# the blocks that their own integration makes.
_NOT_TRANSLATED = frozenset({None, "bedrock", "bedrock_converse"})
_TRANSLATED: Mapping[str | None, frozenset[Carrier]] = {
    "anthropic": frozenset({Carrier.TOOL_USE}),
    "openai": frozenset(
        {Carrier.STANDARD_BLOCK, Carrier.STANDARD_INVALID_BLOCK, Carrier.FUNCTION_CALL_BLOCK}
    ),
}


@step("Leave out calls in blocks that LangChain's translation of a foreign message does not know")
def drop_untranslated_calls(wire: Wire) -> None:
    for turn in wire.turns:
        entry = wire.transcript.entries[turn.index]
        if entry.made_by in _NOT_TRANSLATED or entry.is_standard:
            continue
        known = _TRANSLATED.get(entry.made_by, frozenset())
        own = {call for call in turn.calls if Carrier.TOOL_CALL in call.carriers}
        # Beside exactly one call of `tool_calls` every block is taken for that one.
        if entry.made_by == "anthropic" and len(own) == 1:
            known = frozenset()
        turn.calls = [call for call in turn.calls if call in own or call.carriers & known]


@step(
    "Build the calls of OpenAI's messages anew beside those in the content, where they carry marks "
    "of langchain-openai's releases before 1.0",
    Trait.REBUILT_CALL,
)
def send_rebuilt_calls_too(wire: Wire) -> None:
    copied = {Carrier.TOOL_CALL, Carrier.FUNCTION_CALL_BLOCK}
    for turn in wire.turns:
        entry = wire.transcript.entries[turn.index]
        is_copied = entry.is_rebuilt and entry.made_by == "openai" and not entry.is_standard
        if is_copied and wire.facts.tools_bound:
            wire.findings += [
                Finding(Case.DUPLICATE_CALL_ID, call, None, turn.index)
                for call in turn.calls
                if call.carriers >= copied
            ]


@step("Leave out calls with bad arguments in content blocks that lack an id or a name")
def drop_invalid_blocks_without_name(wire: Wire) -> None:
    for turn in wire.turns:
        turn.calls = [
            call
            for call in turn.calls
            if not call.carriers <= _INVALID_BLOCKS or (call.id and call.name)
        ]


_INVALID_BLOCKS = BAD_CALLS | {Carrier.RAW_CALL}


@step("Raise where a call's block has no input and tool_calls do not hold it: KeyError: 'input'")
def refuse_bare_blocks(wire: Wire) -> None:
    for turn in wire.turns:
        for call in turn.calls:
            if Carrier.BARE_TOOL_USE in call.carriers and Carrier.TOOL_CALL not in call.carriers:
                wire.fail(Case.UNSUPPORTED_CALL, "KeyError: 'input'", turn.index, call=call)


@step("Send LangChain's own block for a result of a provider's tool, stamped by none, as a result")
def send_standard_results(wire: Wire) -> None:
    for entry in wire.transcript.entries:
        if entry.has_standard_result and not entry.server_uses and not entry.made_by:
            wire.findings += [
                Finding(
                    Case.RESULT_IN_AI_TURN,
                    None,
                    Result(entry.index, result_id, None, Carrier.SERVER_RESULT),
                    entry.index,
                )
                for result_id in entry.server_results
            ]


@step("Leave calls to the provider that stand in content with their results, as Nova's own do")
def keep_calls_with_their_results(wire: Wire) -> None:
    for turn in wire.turns:
        entry = wire.transcript.entries[turn.index]
        given = {r.id: r for r in entry.results if r.carrier is Carrier.TOOL_RESULT_IN_AI}
        if not given:
            continue
        own = {use for use in entry.server_uses if use.id in given}
        own |= {c for c in turn.calls if c.id in given and Carrier.TOOL_CALL not in c.carriers}
        wire.own_results.update(given[call.id] for call in own)
        wire.unsent_uses.update(own)
        turn.calls = [call for call in turn.calls if call not in own]


@step("Send provider-executed calls that no integration has stamped as the client's own")
def send_unstamped_server_uses(wire: Wire) -> None:
    _send_server_uses(wire, lambda entry: entry.made_by in _NOT_TRANSLATED)


@step("Send provider-executed calls as the client's own")
def send_all_server_uses(wire: Wire) -> None:
    _send_server_uses(wire, lambda _: True)


def _send_server_uses(wire: Wire, met: Callable[[Entry], bool]) -> None:
    for turn in wire.turns:
        entry = wire.transcript.entries[turn.index]
        if met(entry) and not entry.is_standard:
            uses = [use for use in entry.server_uses if use not in wire.unsent_uses]
            turn.calls = [*turn.calls, *uses]
            wire.unsent_uses.update(uses)


# What changed when foreign messages were not translated yet.
_UNTRANSLATED_STEPS = {send_unstamped_server_uses: send_all_server_uses}


@step("Take calls for unanswered whose results come in a later message than the first ones")
def miss_results_of_later_messages(wire: Wire) -> None:
    for turn, answering in answers_by_turn(wire.turns):
        placed = [r for r in answering if r.carrier is Carrier.CONVERSE_RESULT]
        late = {result.id for result in placed if result.index > placed[0].index}
        late -= {result.id for result in placed if result.index == placed[0].index}
        wire.findings += [
            Finding(Case.MISSING_SOME, call, None, turn.position)
            for call in turn.calls
            if call.id in late
        ]


_NO_ID: Final = reject(
    Grade.DOCUMENTED,
    "Bedrock's API reference, ToolUseBlock and ToolResultBlock: at least 1 character",
)
# Calls for which a result has to come in the very next message, and ids that are not empty.
_SERVER: Final = Server(
    (
        keep_calls_with_their_results,
        take_out_systems,
        find_empty_ids,
        miss_results_of_later_messages,
    ),
    dict.fromkeys(
        (Case.CALL_WITHOUT_ID, Case.RESULT_WITHOUT_ID, Case.MISMATCHED_WITHOUT_ID), _NO_ID
    ),
)

_CONVERSE_TYPE = "ValueError: Unsupported message type"
_BEDROCK_CONVERSE = Profile(
    name="bedrock-converse",
    title="Claude on Bedrock through ChatBedrockConverse",
    provider="aws.bedrock",
    package="langchain-aws",
    calls=frozenset(
        {
            Carrier.TOOL_CALL,
            Carrier.TOOL_USE,
            Carrier.FUNCTION_CALL_BLOCK,
            Carrier.CONVERSE_BLOCK,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            Carrier.V1_BLOCK,
            Carrier.V1_INVALID_BLOCK,
        }
    ),
    results=ANTHROPIC_RESULTS | {Carrier.CONVERSE_RESULT},
    rules=_CONVERSE_RULES,
    steps=(
        refuse({Carrier.FUNCTION: _CONVERSE_TYPE, Carrier.CHAT_TOOL: _CONVERSE_TYPE}),
        refuse_messages(_CONVERSE_TYPE, Role.CHAT, Role.REMOVE),
        refuse(
            {
                Carrier.RESPONSES_OUTPUT: "ValueError: Unsupported content block type",
                Carrier.OUTPUT_IN_TOOL: "ValueError: Unsupported content block type",
            }
        ),
        _refuse_server_results("KeyError: 'toolUseId'", _has_standard_server_result),
        drop_untranslated_calls,
        _drop_calls_only_in(Carrier.FUNCTION_CALL_BLOCK),
        send_rebuilt_calls_too,
        drop_invalid_blocks_without_name,
        refuse_bare_blocks,
        send_standard_results,
        keep_calls_with_their_results,
        send_unstamped_server_uses,
        refuse({Carrier.TOOL_RESULT_IN_TOOL: _PARAM_VALIDATION}, only_with_tools=True),
        take_out_systems,
        fill_blank_humans,
        merge_users,
        merge_ais,
        send_as_text,
        find_empty_ids,
    ),
    server=_SERVER,
    id_max=64,
    id_pattern="a-zA-Z0-9_.:-",
)
_CONVERSE_MIXED = reject(
    Grade.REPORTED,
    "langchain-ai/langchain-aws#141, strands-agents/harness-sdk#1223",
    "messages.{position}.content: Conversation blocks and tool result blocks cannot be provided in "
    "the same turn.",
)


def _with_older_converse(profile: Profile) -> Profile:
    """Add how langchain-aws took foreign content blocks before."""
    dropped = replace(
        profile,
        calls=profile.calls - {Carrier.STANDARD_INVALID_BLOCK, Carrier.V1_INVALID_BLOCK},
    )
    block = "ValueError: Unsupported content block type"
    raised = replace(
        dropped,
        steps=(
            refuse_blocks(
                block,
                Carrier.STANDARD_BLOCK,
                Carrier.STANDARD_INVALID_BLOCK,
                Carrier.V1_INVALID_BLOCK,
                *RESPONSES_BLOCKS,
            ),
            _refuse_server_results(block, _has_server_result),
            *(
                _UNTRANSLATED_STEPS.get(step, step)
                for step in profile.steps
                if step is not drop_untranslated_calls
            ),
        ),
    )
    lost = _drop_invalid_calls_in(Carrier.FUNCTION_CALL_BLOCK)
    dropped = replace(dropped, steps=(lost, *profile.steps))
    return replace(profile, rows=(Row(raised, before="1.7.3"), Row(dropped, before="1.7.7")))


BEDROCK_CONVERSE: Final = _with_older_converse(
    replace(
        _BEDROCK_CONVERSE,
        id_documented="a-zA-Z0-9_-",
        rules={
            **_CONVERSE_RULES,
            Case.UNDOCUMENTED_ID: disputed(
                "Bedrock documents [a-zA-Z0-9_-], and Anthropic refuses more for Claude; ids "
                "with . and : were answered with 200 on Converse, for Kimi"
            ),
        },
    )
)
_BEDROCK_CONVERSE_OTHER = replace(
    _BEDROCK_CONVERSE,
    name="bedrock-converse-other",
    title="models other than Claude on Bedrock through ChatBedrockConverse",
)
_BEDROCK_CONVERSE_UNMIXED = replace(
    _BEDROCK_CONVERSE_OTHER,
    rules={
        **_CONVERSE_RULES,
        Case.TEXT_BEFORE_RESULT: _CONVERSE_MIXED,
        Case.HUMAN_AFTER_TOOL: _CONVERSE_MIXED,
    },
)
# For these the refusal is reported. Nova takes text beside results, as recorded answers show.
_UNMIXED_MODELS = r"(?:.*/)?(?:[a-z-]+\.)?(?:meta|mistral)\."
BEDROCK_CONVERSE_OTHER: Final = replace(
    _BEDROCK_CONVERSE_OTHER,
    rows=(
        Row(_with_older_converse(_BEDROCK_CONVERSE_UNMIXED), models=_UNMIXED_MODELS),
        *_with_older_converse(_BEDROCK_CONVERSE_OTHER).rows,
    ),
)
