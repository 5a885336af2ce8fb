"""Gemini, through its own API and through Vertex AI."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.pair import pair
from toolpair_observe.pairing.providers.integration import Integration
from toolpair_observe.pairing.providers.places import Home, at_home
from toolpair_observe.pairing.providers.profile import Grade, Profile, Row, Rule, Server
from toolpair_observe.pairing.providers.rules import (
    MISPLACED,
    ORPHANS,
    RESPONSES_BLOCKS,
    TOOL_CALLS,
    TOOL_MESSAGES,
    reject,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    answers_by_turn,
    drop_blank_humans,
    is_blank,
    lose_blocks,
    match,
    merge,
    merge_ais,
    merge_users,
    refuse,
    refuse_blocks,
    refuse_last,
    refuse_messages,
    take_out_systems,
    tie,
)
from toolpair_observe.pairing.providers.wire import Step, Wire, step
from toolpair_observe.pairing.turns import Finding, Turn
from toolpair_observe.pairing.words import Carrier, Case, Role, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.pairing.transcript import Call, Result

_GEMINI_COUNT = reject(
    Grade.REPORTED,
    "google-gemini/gemini-cli#4504",
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn.",
)
_GEMINI_ORDER = reject(
    Grade.REPORTED,
    "langchain-ai/langgraph#2276, langchain-ai/langchain-google#302",
    "Please ensure that function call turn comes immediately after a user turn or after a function "
    "response turn.",
)
_GEMINI_ORPHAN = reject(
    Grade.REPORTED,
    "langchain-ai/langgraph#2276, langchain-ai/langchain-google#302",
    "Please ensure that function response turn comes immediately after a function call turn.",
)
_GEMINI_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _GEMINI_COUNT),
    **dict.fromkeys(MISPLACED, _GEMINI_COUNT),
    **dict.fromkeys(ORPHANS, _GEMINI_ORPHAN),
    Case.EARLY: _GEMINI_ORPHAN,
    Case.DUPLICATE: _GEMINI_COUNT,
    Case.DUPLICATE_LATER: _GEMINI_ORPHAN,
    Case.MISSING_AT_END: unknown("no report of a request that ends there"),
    Case.DUPLICATE_CALL_ID: _GEMINI_COUNT,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _GEMINI_COUNT,
    Case.CALL_FIRST: _GEMINI_ORDER,
}


@step(
    "Pull all results out, and put the first one of each id behind every AI turn that asks for it",
    Trait.REUSED_ID,
)
def regroup_by_id(wire: Wire) -> None:
    # A result that no call asks for is gone; one whose id several turns use is sent for each.
    before = pair([turn for turn in wire.turns if not is_blank(turn)], ids_matter=False)
    misplaced = {f.result for f in before.findings if f.case.kind is ViolationKind.MISPLACED_RESULT}
    # A FunctionMessage stays where it stands.
    movable = [turn for turn in wire.turns if turn.role is not Role.FUNCTION]
    results = [result for turn in movable for result in turn.results]
    place = {result: number for number, result in enumerate(results)}
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.id, result)
    sent: set[Result] = set()
    turns: list[Turn] = []
    for turn in wire.turns:
        if turn.role is Role.FUNCTION:
            turns.append(turn)
            continue
        if turn.only_answers:
            continue
        turn.results = []
        turns.append(turn)
        asked = {call.id: call for call in turn.calls if _is_answerable(call) and call.id in first}
        given = sorted((first[call_id] for call_id in asked), key=place.__getitem__)
        for answer in given:
            call = asked[answer.id]
            if answer in sent:
                text = f"the result of message {answer.index} is sent again for this call"
                wire.lose(Case.REUSED_CALL_ID, text, call, before.answer.get(call))
            elif answer in misplaced:
                wire.lose(None, "the result is moved behind its call", call, answer)
        if given:
            # Copies, because a result that is sent twice is two results to the model.
            copies = [replace(answer) if answer in sent else answer for answer in given]
            turns.append(
                Turn(turn.index, 0, Role.TOOL, results=copies, has_text=False, last=turn.last)
            )
        sent.update(given)
    _lose_unsent(wire, results, sent)
    wire.turns = turns


def _is_answerable(call: Call) -> bool:
    """Whether results are looked for: of `tool_calls` alone, and by an id."""
    return Carrier.TOOL_CALL in call.carriers and not call.null_id


def _lose_unsent(wire: Wire, results: list[Result], sent: set[Result]) -> None:
    replayed = {note.result for note in wire.notes if note.case is Case.REUSED_CALL_ID}
    for result in results:
        if result not in sent and result not in replayed:
            wire.lose(Case.ORPHAN_AMONG_RESULTS, "the result is dropped", None, result)


def _match_names(wire: Wire, match_with: Callable[[Wire, Result, Call], None]) -> None:
    # The n-th result under a name belongs to the n-th call of that name.
    for turn, answering in answers_by_turn(wire.turns):
        waiting: dict[str | None, deque[Call]] = defaultdict(deque)
        for call in turn.calls:
            waiting[call.name].append(call)
        by_id = {call.id: call for call in reversed(turn.calls)}
        left: list[Result] = []
        for result in answering:
            meant = by_id.get(result.id)
            queue = waiting[result.name or (meant.name if meant else None)]
            if queue:
                match_with(wire, result, queue.popleft())
            else:
                left.append(result)
        # As many responses as calls is all that some count; under which names is not checked.
        unmatched = [call for call in turn.calls if call not in wire.keys]
        if len(left) <= len(unmatched):
            for result, call in zip(left, unmatched, strict=False):
                tie(wire, result, call)
                found = Finding(Case.RESULT_OF_OTHER_TOOL, call, result, turn.position)
                wire.findings.append(found)


@step(
    "Pair results with calls as a provider does that sees tool names, but no ids",
    Trait.OTHER_ORDER_BY_TOOL,
)
def match_names_in_order(wire: Wire) -> None:
    _match_names(wire, match)


@step("Pair results with calls by tool names and order, whatever their ids are")
def match_names_alone(wire: Wire) -> None:
    _match_names(wire, tie)


# Turns of one side that follow each other are one to it.
_SERVER: Final = Server((take_out_systems, merge_users, merge_ais, match_names_alone))


@step("Take AI messages at the end for one turn, as the provider does")
def merge_last_ais(wire: Wire) -> None:
    start = len(wire.turns)
    while start and wire.turns[start - 1].role is Role.AI:
        start -= 1
    if start:
        last = merge(wire.turns[start:], lambda turn: turn.role is Role.AI)
        wire.turns = wire.turns[:start] + last


def refuse_nothing_left(text: str) -> Step:
    """Make the step that raises where nothing but dropped results was in the history."""

    @step(f"Raise where nothing is left to send: {text}")
    def refuse_empty(wire: Wire) -> None:
        if not wire.turns:
            wire.fail(None, text, 0)

    return refuse_empty


# --- Through ChatGoogleGenerativeAI --------------------------------------------------------------

_MESSAGE_TYPE = "ValueError: Unexpected message with type"
_RESULTS = TOOL_MESSAGES | {Carrier.FUNCTION}
_GENAI_BLOCK = "ValueError: Unrecognized message part type: tool_result."
_GOOGLE_GENAI = Profile(
    name="google-genai",
    title="Gemini through ChatGoogleGenerativeAI",
    provider="gcp.gemini",
    package="langchain-google-genai",
    calls=TOOL_CALLS,
    spare_calls={Carrier.LEGACY_CALL: TOOL_CALLS, Carrier.V1_BLOCK: TOOL_CALLS},
    results=_RESULTS,
    rules=_GEMINI_RULES,
    steps=(
        refuse(
            {
                Carrier.CHAT_TOOL: _MESSAGE_TYPE,
                Carrier.TOOL_RESULT_IN_HUMAN: _GENAI_BLOCK,
                Carrier.RESPONSES_OUTPUT: "ValueError: Unrecognized message part type",
            }
        ),
        lose_blocks(Carrier.CONVERSE_RESULT),
        refuse_messages(_MESSAGE_TYPE, Role.CHAT, Role.REMOVE),
        take_out_systems,
        drop_blank_humans,
        regroup_by_id,
        match_names_in_order,
        merge_last_ais,
        refuse_nothing_left("ValueError: contents are required."),
    ),
    server=_SERVER,
    ids_matter=False,
)
# Before 4.0 an unanswered call was followed by a turn without parts.
_GEMINI_EMPTY = reject(
    Grade.REPORTED,
    "langchain-ai/langchain-google#1055",
    "GenerateContentRequest.contents[{next_position}].parts: contents.parts must not be empty",
)
# Before 4.4 it raised where foreign blocks stood in a message without calls; now it drops them.
_GOOGLE_GENAI_RAISES = replace(
    _GOOGLE_GENAI,
    steps=(
        refuse_blocks(
            "ValueError: Unrecognized message part type",
            Carrier.TOOL_USE,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            *RESPONSES_BLOCKS,
            unpacks_standard=True,
            only_alone=True,
        ),
        *_GOOGLE_GENAI.steps,
    ),
)
_GOOGLE_GENAI_SENDS_EMPTY_TURNS = replace(
    _GOOGLE_GENAI_RAISES,
    rules={
        **_GEMINI_RULES,
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_AT_END), _GEMINI_EMPTY),
    },
)
# Models that take no prefill: the integration raises where the last turn is the model's.
_NO_PREFILL_MODELS = r"(?i)(?:.*/)?(?:[a-z]{2,}\.)?gemini-3\.(?:5-flash-lite|6-flash)(?:-\d{3})?$"
_GENAI_PREFILL = (
    "ValueError: Model does not support model prefilling. The final request turn must be a user "
    "message or a function response."
)


def _with_prefill_refused(profile: Profile) -> Profile:
    refusing = replace(profile, steps=(*profile.steps, refuse_last(_GENAI_PREFILL, Role.AI)))
    return replace(profile, rows=(Row(refusing, models=_NO_PREFILL_MODELS),))


GOOGLE_GENAI: Final = replace(
    _GOOGLE_GENAI,
    rows=(
        Row(_GOOGLE_GENAI_SENDS_EMPTY_TURNS, before="4.0"),
        Row(_GOOGLE_GENAI_RAISES, before="4.3"),
        Row(_with_prefill_refused(_GOOGLE_GENAI_RAISES), before="4.4"),
        *_with_prefill_refused(_GOOGLE_GENAI).rows,
    ),
)

# --- Through ChatVertexAI ------------------------------------------------------------------------


@step("Give each result the tool name of the AI message before it; raise where there is none")
def name_from_previous_ai(wire: Wire) -> None:
    names: dict[str, str | None] | None = None
    started = False
    for turn in wire.turns:
        for result in turn.results:
            if result.name is None and names is not None and result.id not in names:
                text = partial(_no_name, result)
                wire.fail(Case.ORPHAN_AMONG_RESULTS, text, result.index, result=result)
            elif not started:
                raised = "IndexError: list index out of range"
                wire.fail(Case.ORPHAN_FIRST, raised, result.index, result=result)
            elif result.name is None and names is None:
                found = Finding(Case.RESULT_WITHOUT_NAME, None, result, turn.position)
                wire.findings.append(found)
        if turn.role is Role.AI:
            names = {call.id: call.name for call in turn.calls if not call.null_id}
        elif turn.role in (Role.HUMAN, Role.SYSTEM):
            names = None
        started = started or turn.role is not Role.SYSTEM


def _no_name(result: Result, show_id: ShowId) -> str:
    return (
        "ValueError: Message name is empty and can't find corresponding tool call for "
        f"id: '${show_id(result.id)}'"
    )


_VERTEX_RULES: Mapping[Case, Rule] = {
    **_GEMINI_RULES,
    Case.RESULT_WITHOUT_NAME: reject(
        Grade.REPORTED,
        "Gemini's own text",
        "* GenerateContentRequest.contents[{position}].parts[0].function_response.name: Name "
        "cannot be empty.",
    ),
    Case.TEXT_BEFORE_RESULT: unknown("a turn of text and results, not tried"),
    Case.RESULT_OF_OTHER_TOOL: unknown("the count is right, the names are not; not tried"),
}

_VERTEX_PART = "ValueError: Only text, image_url, and media types are supported!"
GOOGLE_VERTEXAI: Final = Profile(
    name="google-vertexai",
    title="Gemini on Vertex AI through ChatVertexAI",
    provider="gcp.vertex_ai",
    package="langchain-google-vertexai",
    calls=TOOL_CALLS,
    results=_RESULTS,
    rules=_VERTEX_RULES,
    steps=(
        refuse(
            {
                Carrier.CHAT_TOOL: _MESSAGE_TYPE,
                Carrier.TOOL_RESULT_IN_HUMAN: _VERTEX_PART,
                Carrier.CONVERSE_RESULT: "KeyError: 'type'",
                Carrier.RESPONSES_OUTPUT: _VERTEX_PART,
            }
        ),
        refuse_messages(_MESSAGE_TYPE, Role.CHAT, Role.REMOVE),
        refuse_blocks("KeyError: 'type'", Carrier.CONVERSE_BLOCK),
        refuse_blocks(
            _VERTEX_PART,
            *RESPONSES_BLOCKS,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            server_calls=True,
            unpacks_standard=True,
        ),
        name_from_previous_ai,
        take_out_systems,
        merge_users,
        merge_ais,
        match_names_in_order,
    ),
    server=_SERVER,
    ids_matter=False,
)

_GEMINI_HOME: Final = Home(
    frozenset({"googleapis.com"}),
    ("base_url", "api_endpoint"),
    ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL"),
    maker="google",
    silence_tells=True,
)

INTEGRATIONS: Final = (
    Integration(
        "chat-google-generative-ai",
        "langchain_google_genai.chat_models.ChatGoogleGenerativeAI",
        frozenset({"google_genai", "google_vertexai"}),
        at_home(GOOGLE_GENAI, _GEMINI_HOME),
    ),
    Integration(
        "vertexai",
        "langchain.chat_models.vertexai.ChatVertexAI",
        frozenset({"google_vertexai"}),
        at_home(GOOGLE_VERTEXAI, _GEMINI_HOME),
    ),
)
