"""What an integration sends: the turns after its merging, dropping and moving.

Each step mirrors one thing that integrations do to a history before the request leaves. A profile
lists its steps in order. Steps change the turns and note what the model will no longer see as it
was given (`lose`) or where the integration raises (`fail`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from toolpair_observe.pairing.pair import Finding, Turn, pair
from toolpair_observe.pairing.words import Carrier, Case, Effect, Role, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.pair import Pairing
    from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript

    Step = Callable[["Wire"], None]


@dataclass(slots=True)
class Note:
    """Something that a step does to a call or result, or an error that it raises.

    Attributes:
        case: The breach that this amounts to where the history is sound otherwise.
        effect: `SILENT_LOSS` or `LOCAL_ERROR`.
        text: What is lost, or the exception.
        call: The call concerned, or None.
        result: The result concerned, or None.
        index: Position of the message at which it happens.
    """

    case: Case | None
    effect: Effect
    text: str
    call: Call | None
    result: Result | None
    index: int


@dataclass(slots=True)
class Wire:
    """The turns on their way out.

    Attributes:
        transcript: The history as it was given.
        given: Its pairing, as it was given.
        facts: What only a live call knows.
        turns: What is sent, so far.
        notes: What was lost or raised on the way.
        findings: Breaches that a step sees and pairing would not.
        keys: What calls and results are matched by, where that is not their ids.
        resumes: Whether the provider adds earlier turns that it has kept.
        unsent_uses: Calls of the provider's own tools that are left out.
    """

    transcript: Transcript
    given: Pairing
    facts: Facts
    turns: list[Turn]
    notes: list[Note] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    keys: dict[Call | Result, str] = field(default_factory=dict)
    resumes: bool = False
    unsent_uses: set[Call] = field(default_factory=set)

    def lose(self, case: Case | None, text: str, call: Call | None, result: Result | None) -> None:
        """Note that the request goes out without, or with a changed, call or result."""
        bearer = result if result is not None else call
        index = bearer.index if bearer is not None else 0
        self.notes.append(Note(case, Effect.SILENT_LOSS, text, call, result, index))

    def fail(
        self,
        case: Case | None,
        text: str,
        index: int,
        call: Call | None = None,
        result: Result | None = None,
    ) -> None:
        """Note that the integration raises before any request."""
        self.notes.append(Note(case, Effect.LOCAL_ERROR, text, call, result, index))


def send(
    transcript: Transcript,
    given: Pairing,
    facts: Facts,
    turns: Iterable[Turn],
    steps: Iterable[Step],
) -> Wire:
    """Run the steps over `turns` and number what is left."""
    wire = Wire(transcript, given, facts, list(turns), resumes=facts.server_state)
    for step in steps:
        step(wire)
    for position, turn in enumerate(wire.turns):
        turn.position = position
    return wire


def _is_blank(turn: Turn) -> bool:
    return not turn.has_text and not turn.calls and not turn.results


def drop_blank_humans(wire: Wire) -> None:
    """Leave out human messages without content."""
    wire.turns = [t for t in wire.turns if t.role is not Role.HUMAN or not _is_blank(t)]


def drop_blank_ais(wire: Wire) -> None:
    """Leave out AI messages without content and calls."""
    wire.turns = [t for t in wire.turns if t.role is not Role.AI or not _is_blank(t)]


def take_out_systems(wire: Wire) -> None:
    """Move system messages out of the list, wherever they stand."""
    wire.turns = [turn for turn in wire.turns if turn.role is not Role.SYSTEM]


def take_out_one_run_of_systems(wire: Wire) -> None:
    """Move one run of system messages out of the list; a second run raises."""
    runs = 0
    before: Role | None = None
    for turn in wire.turns:
        if turn.role is Role.SYSTEM and before is not Role.SYSTEM:
            runs += 1
            if runs > 1:
                text = "ValueError: Received multiple non-consecutive system messages."
                wire.fail(None, text, turn.index)
        before = turn.role
    take_out_systems(wire)


def take_out_systems_not_in_place(wire: Wire) -> None:
    """Leave system messages between a user turn and an AI turn, or at the end, where they stand.

    What stands there is no matter of pairing. One other run is moved out of the list, a second one
    raises.
    """
    moved: list[Turn] = []
    staying: list[Turn] = []
    before: Turn | None = None
    neighbor: Role | None = None
    spoken = [turn for turn in wire.turns if turn.role is not Role.SYSTEM]
    for turn in wire.turns:
        if turn.role is Role.SYSTEM:
            if neighbor is Role.SYSTEM:
                continue
            (staying if staying or _lets_system_follow(wire, before) else moved).append(turn)
        elif turn.role is not Role.AI or not _is_blank(turn) or turn is spoken[-1]:
            if turn.role is not Role.AI:
                moved += staying
            staying, before = [], turn
        neighbor = turn.role
    for turn in moved[1:]:
        text = "ValueError: Received multiple non-consecutive system messages."
        wire.fail(None, text, turn.index)
    take_out_systems(wire)


def _lets_system_follow(wire: Wire, turn: Turn | None) -> bool:
    if turn is None or turn.role in _USER_ROLES:
        return turn is not None
    return bool(wire.transcript.entries[turn.index].server_results) and not turn.calls


_USER_ROLES = frozenset({Role.HUMAN, Role.TOOL})


def merge_users(wire: Wire) -> None:
    """Join human and tool messages that follow each other into one user turn."""
    wire.turns = _merge(wire.turns, lambda turn: turn.role in _USER_ROLES)


def merge_ais(wire: Wire) -> None:
    """Join AI messages that follow each other into one turn."""
    wire.turns = _merge(wire.turns, lambda turn: turn.role is Role.AI)


def merge_last_ais(wire: Wire) -> None:
    """Take AI messages at the end for one turn, as the provider does."""
    start = len(wire.turns)
    while start and wire.turns[start - 1].role is Role.AI:
        start -= 1
    if start:
        last = _merge(wire.turns[start:], lambda turn: turn.role is Role.AI)
        wire.turns = wire.turns[:start] + last


def _merge(turns: list[Turn], takes: Callable[[Turn], bool]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        if merged and takes(turn) and takes(merged[-1]):
            merged[-1] = _joined(merged[-1], turn)
        else:
            merged.append(turn)
    return merged


def _joined(first: Turn, second: Turn) -> Turn:
    return Turn(
        index=first.index,
        position=first.position,
        role=first.role if first.role is Role.AI or first.has_text else second.role,
        calls=first.calls + second.calls,
        results=first.results + second.results,
        has_text=first.has_text or second.has_text,
        text_first=first.text_first
        or second.text_first
        or (first.has_text and bool(second.results)),
        text_last=first.text_last or second.text_last or (bool(first.calls) and second.has_text),
        last=second.last,
    )


def put_results_first(wire: Wire) -> None:
    """Within a user turn move results before other content."""
    for turn in wire.turns:
        if turn.text_first:
            turn.text_first = False
            for result in turn.results:
                wire.lose(None, "the result is moved before the text of its turn", None, result)


def send_as_text(wire: Wire) -> None:
    """Turn calls and results into text, as is done where no tools are bound."""
    if not wire.facts.tools_bound:
        _lose_blocks(wire, {Carrier.TOOL_RESULT_IN_TOOL})
        for turn in wire.turns:
            turn.calls, turn.results, turn.has_text = [], [], True


def lose_blocks(*carriers: Carrier) -> Step:
    """Make the step that sends result blocks without what they say."""

    def step(wire: Wire) -> None:
        _lose_blocks(wire, set(carriers))

    step.__doc__ = f"Send without its content: {_listed(carriers)}"
    return step


def _lose_blocks(wire: Wire, carriers: set[Carrier]) -> None:
    for entry in wire.transcript.entries:
        for result in entry.results:
            if result.carrier in carriers:
                wire.lose(Case.UNSUPPORTED_RESULT, "the result's content is dropped", None, result)


def lose_empty_lists(wire: Wire) -> None:
    """Leave out results whose content is an empty list."""
    for turn in wire.turns:
        if wire.transcript.entries[turn.index].is_empty_list:
            for result in turn.results:
                wire.lose(Case.UNSUPPORTED_RESULT, "the empty result is dropped", None, result)
            turn.results, turn.role = [], Role.HUMAN


def fill_blank_humans(wire: Wire) -> None:
    """Send a human message without content with a filler in its place."""
    for turn in wire.turns:
        turn.has_text = turn.has_text or (turn.role is Role.HUMAN and _is_blank(turn))


_MISPLACED = ViolationKind.MISPLACED_RESULT


def regroup_by_id(wire: Wire) -> None:
    """Pull all results out, and put the first one of each id behind every AI turn that asks for it.

    A result that no call asks for is gone; one whose id several turns use is sent for each of them.
    """
    before = pair([turn for turn in wire.turns if not _is_blank(turn)], ids_matter=False)
    misplaced = {f.result for f in before.findings if f.case.kind is _MISPLACED}
    results = [result for turn in wire.turns for result in turn.results]
    place = {result: number for number, result in enumerate(results)}
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.id, result)
    sent: set[Result] = set()
    turns: list[Turn] = []
    for turn in wire.turns:
        if turn.only_answers:
            continue
        turn.results = []
        turns.append(turn)
        asked = {call.id: call for call in turn.calls if call.id in first and not call.null_id}
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
    replayed = {note.result for note in wire.notes if note.case is Case.REUSED_CALL_ID}
    for result in results:
        if result not in sent and result not in replayed:
            wire.lose(Case.ORPHAN_AMONG_RESULTS, "the result is dropped", None, result)
    wire.turns = turns


def match_names_in_order(wire: Wire) -> None:
    """Pair results with calls as a provider does that sees tool names, but no ids.

    The n-th result under a name belongs to the n-th call of that name.
    """
    for turn, answering in _answering(wire.turns):
        waiting: dict[str | None, deque[Call]] = defaultdict(deque)
        for call in turn.calls:
            waiting[call.name].append(call)
        by_id = {call.id: call for call in reversed(turn.calls)}
        left: list[Result] = []
        for result in answering:
            meant = by_id.get(result.id)
            queue = waiting[result.name or (meant.name if meant else None)]
            if queue:
                _match(wire, result, queue.popleft())
            else:
                left.append(result)
        # As many responses as calls is all that some count; under which names is not checked.
        unmatched = [call for call in turn.calls if call not in wire.keys]
        if len(left) <= len(unmatched):
            for result, call in zip(left, unmatched, strict=False):
                wire.keys[call] = wire.keys[result] = f"{call.index}/{len(wire.keys)}"
                found = Finding(Case.RESULT_OF_OTHER_TOOL, call, result, turn.position)
                wire.findings.append(found)


def match_positions(wire: Wire) -> None:
    """Pair results with calls as a provider does that sees neither ids nor names.

    The n-th result behind an AI turn with calls belongs to its n-th call.
    """
    for turn, answering in _answering(wire.turns, past_text=True):
        for result, call in zip(answering, turn.calls, strict=False):
            _match(wire, result, call)


def _answering(turns: list[Turn], *, past_text: bool = False) -> list[tuple[Turn, list[Result]]]:
    """For each AI turn with calls the results until the next AI turn, or the next with calls."""
    found: list[tuple[Turn, list[Result]]] = []
    current: list[Result] = []
    for turn in turns:
        if turn.role is Role.AI:
            if turn.calls or not past_text:
                current = []
            if turn.calls:
                found.append((turn, current))
        else:
            current += turn.results
    return found


def _match(wire: Wire, result: Result, call: Call) -> None:
    wire.keys[call] = wire.keys[result] = f"{call.index}/{len(wire.keys)}"
    if call.id != result.id and result.carrier is not Carrier.CHAT_TOOL:
        made = f"call {call.id or 'without id'} of tool {call.name}"
        text = f"the model reads the result as that of {made}"
        wire.lose(Case.RESULT_ORDER, text, None, result)


def name_from_previous_ai(wire: Wire) -> None:
    """Give each result the tool name of the AI message before it; raise where there is none."""
    names: dict[str, str | None] | None = None
    started = False
    for turn in wire.turns:
        for result in turn.results:
            if result.name is None and names is not None and result.id not in names:
                wire.fail(
                    Case.ORPHAN_AMONG_RESULTS,
                    "ValueError: Message name is empty and can't find corresponding tool call for "
                    f"id: '${result.id}'",
                    result.index,
                    result=result,
                )
            elif not started:
                text = "IndexError: list index out of range"
                wire.fail(Case.ORPHAN_FIRST, text, result.index, result=result)
            elif result.name is None and names is None:
                found = Finding(Case.RESULT_WITHOUT_NAME, None, result, turn.position)
                wire.findings.append(found)
        if turn.role is Role.AI:
            names = {call.id: call.name for call in turn.calls if not call.null_id}
        elif turn.role in (Role.HUMAN, Role.SYSTEM):
            names = None
        started = started or turn.role is not Role.SYSTEM


_CALL_BLOCKS = frozenset({Carrier.FUNCTION_CALL_BLOCK, Carrier.STANDARD_BLOCK})


def drop_repeated_calls(wire: Wire) -> None:
    """Leave out a call whose id an earlier call has already, unless it is a content block."""
    seen: set[str] = set()
    for turn in wire.turns:
        kept: list[Call] = []
        for call in turn.calls:
            if call.id in seen and not call.carriers & _CALL_BLOCKS:
                answer = wire.given.answer.get(call)
                wire.lose(Case.REUSED_CALL_ID, "the call is not sent", call, answer)
            else:
                kept.append(call)
        seen.update(call.id for call in turn.calls)
        turn.calls = kept


def drop_same_id_in_message(wire: Wire) -> None:
    """Of several calls of one message under one id send the first."""
    for turn in wire.turns:
        kept: dict[str, Call] = {}
        for call in turn.calls:
            first = kept.setdefault(call.id, call)
            # Where nothing answers that id, nothing that is sent misses the call.
            if first is not call and wire.given.answer.keys() & {first, call}:
                wire.lose(Case.DUPLICATE_CALL_ID, "the call is not sent", call, None)
        turn.calls = list(kept.values())


def start_after_last_response(wire: Wire) -> None:
    """Send only what follows the last response that the provider keeps, if it is told to."""
    if not wire.facts.resumes_response:
        return
    kept = [
        entry.index
        for entry in wire.transcript.entries
        if entry.role is Role.AI and (entry.response_id or "").startswith("resp_")
    ]
    if kept:
        # The kept response's own calls wait for answers, though the message is not sent.
        wire.turns = [turn for turn in wire.turns if turn.index >= kept[-1]]
        wire.resumes = True


def refuse(texts: Mapping[Carrier, str], *, only_with_tools: bool = False) -> Step:
    """Make the step that raises on results which the integration cannot convert."""

    def step(wire: Wire) -> None:
        if only_with_tools and not wire.facts.tools_bound:
            return
        for entry in wire.transcript.entries:
            for result in entry.results:
                if result.carrier in texts:
                    text = texts[result.carrier]
                    wire.fail(Case.UNSUPPORTED_RESULT, text, entry.index, result=result)

    raised = "; ".join(f"{carrier}: {text}" for carrier, text in texts.items())
    step.__doc__ = f"Raise where there is a {raised}"
    return step


def drop_invalid_calls_without_id(wire: Wire) -> None:
    """Leave out calls with bad arguments that have no id."""
    for turn in wire.turns:
        turn.calls = [c for c in turn.calls if c.id or Carrier.INVALID_TOOL_CALL not in c.carriers]


def drop_invalid_calls_in(carrier: Carrier) -> Step:
    """Make the step that leaves out calls with bad arguments which stand there, too."""

    def step(wire: Wire) -> None:
        dropped = {carrier, Carrier.INVALID_TOOL_CALL}
        for turn in wire.turns:
            turn.calls = [call for call in turn.calls if not call.carriers >= dropped]

    step.__doc__ = f"Leave out calls with bad arguments that stand in a {carrier}."
    return step


def drop_calls_only_in(carrier: Carrier) -> Step:
    """Make the step that leaves out calls which stand there and nowhere else.

    The integration looks such a call's id up among the others, so one without an id is not found.
    """
    unsent = frozenset({carrier})
    unsent_without_id = frozenset({carrier, Carrier.INVALID_TOOL_CALL})

    def step(wire: Wire) -> None:
        for turn in wire.turns:
            turn.calls = [
                call
                for call in turn.calls
                if call.carriers != unsent and (call.id or call.carriers != unsent_without_id)
            ]

    step.__doc__ = f"Leave out calls that stand in a {carrier} alone."
    return step


def drop_server_uses_in(*carriers: Carrier) -> Step:
    """Make the step that leaves out calls of the provider's own tools which stand there."""
    dropped = frozenset(carriers)

    def step(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            wire.unsent_uses.update(use for use in entry.server_uses if use.carriers <= dropped)

    step.__doc__ = f"Leave out provider-executed calls that stand in a {_listed(carriers)}."
    return step


def refuse_blocks(
    text: str, *carriers: Carrier, server_calls: bool = False, unpacks_standard: bool = False
) -> Step:
    """Make the step that raises on calls in content blocks which the integration cannot convert.

    Some integrations take of content that is written in LangChain's own blocks what they know, and
    leave the rest out (`unpacks_standard`).
    """
    refused = frozenset(carriers)

    def step(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            if unpacks_standard and entry.is_standard:
                continue
            bad = [call for call in entry.calls if call.carriers & refused]
            if server_calls:
                bad += entry.server_uses
            for call in bad:
                wire.fail(Case.UNSUPPORTED_CALL, text, entry.index, call=call)

    asked = [*carriers, *["provider-executed call"] * server_calls]
    where = " outside LangChain's own blocks" * unpacks_standard
    step.__doc__ = f"Raise where there is a {_listed(asked)}{where}: {text}"
    return step


def has_server_result(entry: Entry) -> bool:
    """Whether the message carries a result of a provider's own tool."""
    return bool(entry.server_results)


# Whose messages LangChain translates so that this block is wrapped in another one.
_WRAPS_STANDARD_RESULT = frozenset({"google_genai", "google_vertexai"})


def has_standard_server_result(entry: Entry) -> bool:
    """Whether such a result is one of LangChain's own blocks, once its translation is done."""
    if entry.is_standard:
        return entry.has_standard_result
    if entry.has_standard_result:
        return entry.made_by not in _WRAPS_STANDARD_RESULT
    return has_server_result(entry) and entry.made_by == "anthropic"


def refuse_server_results(text: str, met: Callable[[Entry], bool]) -> Step:
    """Make the step that raises on results of a provider's own tools."""

    def step(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            for use in entry.server_uses if met(entry) else ():
                wire.fail(Case.UNSUPPORTED_CALL, text, entry.index, call=use)

    step.__doc__ = f"Raise where there is a result of a provider-executed call: {text}"
    return step


def refuse_last(text: str, *roles: Role) -> Step:
    """Make the step that raises where one of these speaks last."""

    def step(wire: Wire) -> None:
        last = wire.turns[-1] if wire.turns else None
        if last is None or last.role not in roles:
            return
        made = wire.transcript.entries[last.index].calls
        unsent = next((call for call in made if call not in last.calls), None)
        case = None if unsent is None else Case.MISSING_AT_END
        wire.fail(case, text, last.index, call=unsent)

    step.__doc__ = f"Raise where the last turn is of {_listed(roles)}: {text}"
    return step


def miss_early_results(wire: Wire) -> None:
    """Take a call for unanswered whose result stands before it, where no result stands after it."""
    asked: dict[str, Call] = {}
    answered: set[Call] = set()
    for turn in wire.turns:
        answered.update(asked[result.id] for result in turn.results if result.id in asked)
        asked.update({call.id: call for call in turn.calls})
    for turn, after in zip(wire.turns, wire.turns[1:], strict=False):
        for call in turn.calls:
            answer = wire.given.answer.get(call)
            came_early = answer is not None and answer.index < call.index
            if came_early and call not in answered and not after.results:
                wire.findings.append(Finding(Case.MISSING_ALL, call, None, turn.index))


def find_empty_ids(wire: Wire) -> None:
    """Take an empty id of a result for none, even where its call has an empty one too."""
    for turn in wire.turns:
        wire.findings += [
            Finding(Case.RESULT_WITHOUT_ID, None, result, turn.index)
            for result in turn.results
            if not result.id
        ]


def refuse_null_ids(text: str) -> Step:
    """Make the step that raises on calls whose id is None."""

    def step(wire: Wire) -> None:
        for turn in wire.turns:
            for call in turn.calls:
                if call.null_id:
                    wire.fail(Case.CALL_WITHOUT_ID, text, turn.index, call=call)

    step.__doc__ = f"Raise where a call's id is None: {text}"
    return step


def refuse_nothing_left(text: str) -> Step:
    """Make the step that raises where nothing but dropped results was in the history."""

    def step(wire: Wire) -> None:
        if not wire.turns:
            wire.fail(None, text, 0)

    step.__doc__ = f"Raise where nothing is left to send: {text}"
    return step


def _listed(carriers: Iterable[str]) -> str:
    return ", ".join(carriers)
