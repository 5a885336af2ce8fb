"""What a profile makes of a history: each breach with its effect.

Two pairings are compared. The first, on the messages as LangChain holds them, says what is broken
and where. The second, on the turns that the integration sends, says what the provider gets to see.
A breach has the worst effect of all that happens to its call and its result on the way.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from toolpair_observe.pairing.pair import pair, pair_anywhere, without_async
from toolpair_observe.pairing.providers.sending import run, send
from toolpair_observe.pairing.transcript import Result
from toolpair_observe.pairing.turns import Finding, Turn
from toolpair_observe.pairing.words import (
    BAD_CALLS,
    EVERY_CALL,
    HARM,
    Carrier,
    Case,
    Effect,
    Role,
    ViolationKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.providers.profile import Profile, Rule
    from toolpair_observe.pairing.providers.wire import Note, Wire
    from toolpair_observe.pairing.transcript import Call, Entry, Transcript
    from toolpair_observe.pairing.turns import Pairing


@dataclass(slots=True)
class Breach:
    """A breach and what happens to it.

    Attributes:
        finding: What is broken, where.
        met: What the wire's pairing finds about the same call or result.
        notes: What the integration does to them.
    """

    finding: Finding
    met: list[tuple[Finding, Rule]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def effect(self) -> Effect:
        """The worst of all that happens; accepted where nothing does."""
        met = [rule.effect for _, rule in self.met]
        return Effect.worst(Effect.ACCEPT, *met, *[note.effect for note in self.notes])

    @property
    def is_told(self) -> bool:
        """Whether it is reported though the history is sound as given."""
        return (
            self.effect in HARM
            or any(rule.is_told for _, rule in self.met)
            or any(note.effect is Effect.UNKNOWN for note in self.notes)
        )

    @property
    def rule(self) -> tuple[Finding, Rule] | None:
        """The wire's worst finding with its rule, or None."""
        return min(self.met, key=lambda met: met[1].effect.rank, default=None)


class Prediction(NamedTuple):
    """What a profile makes of a history.

    Attributes:
        given: The pairing of the history as it was given.
        breaches: The breaches, in the order of the messages.
        turns: The history, with what the profile takes for calls and results.
        sent: The turns as they leave.
        filled: Positions of the messages that get a filler for content.
    """

    given: Pairing
    breaches: list[Breach]
    turns: list[Turn]
    sent: list[Turn]
    filled: set[int]


def predict(transcript: Transcript, profile: Profile, facts: Facts) -> Prediction:
    """Pair the history and say what `profile` does about each breach."""
    turns = [
        as_turn(entry, profile.calls_of(entry), profile.results) for entry in transcript.entries
    ]
    owed = without_async(turns) if profile.lets_async_wait else turns
    given = pair(owed)
    if owed is turns and profile.sends_as_given:
        sent = run(transcript, given, facts, turns, profile.steps)
    else:
        sent = send(transcript, given, facts, (turn.copy() for turn in owed), profile.steps)
    _note_unsent_calls(sent, profile)
    found = _wire_findings(sent, profile, owed)
    breaches = _Ledger(given)
    # What the integration does comes first: it is the ground of what the provider then meets.
    for note in sent.notes:
        breaches.noted(note)
    for finding in found:
        rule = profile.rules.get(finding.case)
        if rule is not None:
            breaches.met(finding, rule)
    return Prediction(given, breaches.settled(), turns, sent.left or sent.turns, sent.filled)


def as_turn(entry: Entry, made: list[Call], results: frozenset[Carrier]) -> Turn:
    """Reduce an entry to the calls that count and the results that stand in one of `results`."""
    given = entry.results
    if given and not results.issuperset([result.carrier for result in given]):
        given = [result for result in given if result.carrier in results]
    if len(given) > 1:
        # An integration that reads the blocks in a ToolMessage does not read the message's own id.
        inner = [result for result in given if result.carrier is Carrier.TOOL_RESULT_IN_TOOL]
        given = inner or given
    index = entry.index
    behind_text = _in_both(given, entry.behind_text) if entry.behind_text else entry.behind_text
    return Turn(index, index, entry.role, made, given, entry.has_text, behind_text, last=index)


def _note_unsent_calls(wire: Wire, profile: Profile) -> None:
    """Note results that stay while their call never leaves: answers to nothing that was asked.

    An unanswered call that is left out does no harm.
    """
    if profile.calls >= EVERY_CALL:
        return
    strays = [f for f in wire.given.findings if f.result and f.case.kind in _WITHOUT_CALL]
    if not strays:
        return
    unsent: dict[str, list[Call]] = {}
    for entry in wire.transcript.entries:
        for call in entry.calls:
            if not call.carriers & profile.calls:
                unsent.setdefault(call.id, []).append(call)
    kept = {result for turn in wire.turns for result in turn.results}
    for stray in strays:
        result = stray.result
        asked = _asking(unsent.get(result.id, []), stray) if result else None
        # A bad call is not missed where its result is no result on the wire either.
        if asked is not None and (result in kept or not asked.carriers & BAD_CALLS):
            wire.lose(Case.CALL_NOT_SENT, "its call is not sent", None, result)


def _asking(calls: list[Call], stray: Finding) -> Call | None:
    """Of several calls under its id a result answers the last one before it."""
    before = bisect_left(calls, stray.index, key=lambda call: call.index)
    if not before:
        # A bad call that follows has nothing to do with it.
        return next((call for call in calls[:1] if not call.carriers & BAD_CALLS), None)
    last = calls[before - 1]
    return last if stray.call is None or stray.call.index <= last.index else None


def _in_both(some: list[Result], others: list[Result]) -> list[Result]:
    known = set(others)
    return [result for result in some if result in known]


_WITHOUT_CALL = frozenset(
    {
        ViolationKind.ORPHAN_RESULT,
        ViolationKind.DUPLICATE_RESULT,
        ViolationKind.MISMATCHED_RESULT,
        ViolationKind.MISPLACED_RESULT,
    }
)


class _Ledger:
    """Collects what happens to the calls and results of each breach."""

    def __init__(self, given: Pairing) -> None:
        self.breaches = [Breach(finding) for finding in given.findings]
        self.extra: dict[tuple[Call | Result | int, bool], Breach] = {}
        self.at_large: dict[Effect, Note] = {}
        self.owner = {result: call for call, result in given.answer.items()}
        self.by_subject: dict[Call | Result, list[Breach]] = {}
        for breach in self.breaches:
            for subject in _subjects(breach.finding):
                self.by_subject.setdefault(subject, []).append(breach)

    def met(self, finding: Finding, rule: Rule) -> None:
        for breach in self._breaches_of(finding):
            breach.met.append((finding, rule))

    def noted(self, note: Note) -> None:
        if note.call is None and note.result is None:
            self._noted_message(note)
            return
        finding = Finding(note.case or Case.LATE, note.call, note.result, note.index)
        for breach in self._breaches_of(finding, known_only=note.case is None):
            breach.notes.append(note)

    def _noted_message(self, note: Note) -> None:
        if note.case is None:
            # One of each effect says it: every breach gets them all.
            self.at_large.setdefault(note.effect, note)
            return
        finding = Finding(note.case, None, None, note.index, message=note.index)
        self.extra.setdefault((note.index, False), Breach(finding)).notes.append(note)

    def _breaches_of(self, finding: Finding, *, known_only: bool = False) -> list[Breach]:
        subjects = _subjects(finding)
        apart = finding.case.kind is ViolationKind.INVALID_ID  # whatever else is wrong
        for subject in subjects:
            if subject in self.by_subject and not apart:
                return self.by_subject[subject]
        if known_only or not subjects:
            return []
        subject = subjects[0]
        key = self.owner.get(subject, subject) if subject is finding.result else subject
        return [self.extra.setdefault((key, apart), Breach(finding))]

    def settled(self) -> list[Breach]:
        # What is sound as it was given is reported only where harm has been shown, where reports
        # disagree, or where a step could not tell.
        beyond = [breach for breach in self.extra.values() if breach.is_told]
        breaches = sorted([*self.breaches, *beyond], key=lambda breach: breach.finding.index)
        # An error that no call or result is the ground of matters where pairing is broken.
        for breach in breaches:
            breach.notes[:0] = self.at_large.values()
        return breaches


def _subjects(finding: Finding) -> list[Call | Result]:
    """The result first: it is what a breach with both is about."""
    if finding.case.kind is ViolationKind.DUPLICATE_RESULT and finding.result is not None:
        return [finding.result]
    return [subject for subject in (finding.result, finding.call) if subject is not None]


def _wire_findings(wire: Wire, profile: Profile, owed: list[Turn]) -> list[Finding]:
    if profile.pairs_anywhere:
        pairing = pair_anywhere(wire.turns)
    elif profile.ids_matter and not wire.keys and wire.turns == owed:
        # Most integrations send what they are given, and that has been paired already.
        pairing = wire.given
    else:
        pairing = pair(wire.turns, wire.keys, ids_matter=profile.ids_matter)
    met = pairing.findings
    if wire.resumes:
        # The call may lie with the provider.
        met = [finding for finding in met if finding.case.kind is not ViolationKind.ORPHAN_RESULT]
    found = met + wire.findings + invalid_ids(wire.turns, profile)
    for case, find in _BEYOND_PAIRING.items():
        if case in profile.rules:
            found += find(wire, pairing)
    return found


def _reused_ids(wire: Wire, _: Pairing) -> list[Finding]:
    seen: set[str] = set()
    found: list[Finding] = []
    for turn in wire.turns:
        found += [
            Finding(Case.REUSED_CALL_ID, call, None, turn.position)
            for call in turn.calls
            if call.id and call.id in seen
        ]
        seen.update(call.id for call in turn.calls)
    return found


def _text_before_results(wire: Wire, pairing: Pairing) -> list[Finding]:
    owner = {result: call for call, result in pairing.answer.items()}
    block_of = {call: block for block in pairing.blocks for call in block.turn.calls}
    return [
        Finding(
            Case.TEXT_BEFORE_RESULT, owner[result], result, turn.position, block_of[owner[result]]
        )
        for turn in wire.turns
        for result in turn.behind_text
        if result in owner
    ]


def _text_after_calls(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.TEXT_AFTER_CALL, call, None, turn.position)
        for turn in wire.turns[:-1]  # no answer is due yet where the request ends
        if turn.text_last
        for call in turn.calls
    ]


def _content_after_calls(wire: Wire, _: Pairing) -> list[Finding]:
    """Find messages whose content goes on behind the last call.

    A call that stands in no block is sent last, so that nothing follows it.
    """
    found: list[Finding] = []
    for turn in wire.turns[:-1]:
        entry = wire.transcript.entries[turn.last]
        goes_on = (
            entry.more_than_text_after_calls if wire.texts_lead else entry.says_more_after_calls
        )
        if turn.calls and goes_on:
            last = [call for call in turn.calls if call.index == turn.last]
            if all(call.carriers & _PLACED for call in last):
                found.append(Finding(Case.CONTENT_AFTER_CALL, turn.calls[-1], None, turn.position))
    return found


_PLACED = frozenset({Carrier.TOOL_USE, Carrier.CONVERSE_BLOCK, Carrier.V1_BLOCK})


def _humans_after_results(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.HUMAN_AFTER_TOOL, None, turn.results[-1], turn.position)
        for turn in wire.turns
        if turn.results and turn.has_text and turn.role is not Role.AI
    ]


def _systems_after_results(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.SYSTEM_AFTER_TOOL, None, before.results[-1], turn.position)
        for before, turn in zip(wire.turns, wire.turns[1:], strict=False)
        if before.results and turn.role is Role.SYSTEM
    ]


def _call_first(wire: Wire, _: Pairing) -> list[Finding]:
    given = next((e for e in wire.transcript.entries if e.role is not Role.SYSTEM), None)
    first = next((turn for turn in wire.turns if turn.role is not Role.SYSTEM), None)
    # Where a human message that says nothing is left out, the list then starts with a call through
    # no fault of its pairs.
    if given is None or given.role is Role.HUMAN or first is None or not first.calls:
        return []
    return [Finding(Case.CALL_FIRST, first.calls[0], None, first.position)]


def _server_tools_unpaired(wire: Wire, _: Pairing) -> list[Finding]:
    """Find provider-executed calls whose result block is gone while the conversation went on.

    A program that calls the client's tools, one after the other, waits for their results: until
    it is done, turns made of nothing but such calls and results follow.
    """
    entries = wire.transcript.entries
    went_on = next((e.index for e in reversed(entries) if not _only_calls_or_results(e)), -1)
    done = {result_id: e.index for e in entries for result_id in e.server_results}
    return [
        Finding(Case.SERVER_TOOL_UNPAIRED, use, None, entry.index)
        for entry in entries
        for use in entry.server_uses
        if use not in wire.unsent_uses and done.get(use.id, -1) < entry.index < went_on
    ]


def _server_results_unpaired(wire: Wire, _: Pairing) -> list[Finding]:
    """Find results of provider-executed calls whose call stands neither there nor before."""
    asked: set[str] = set()
    found: list[Finding] = []
    for entry in wire.transcript.entries:
        asked.update(use.id for use in entry.server_uses)
        asked.update(call.id for call in entry.calls)
        found += [
            Finding(
                Case.SERVER_RESULT_UNPAIRED,
                None,
                Result(entry.index, result_id, None, Carrier.SERVER_RESULT),
                entry.index,
            )
            for result_id in entry.server_results
            if result_id not in asked
        ]
    return found


def _results_in_ai_turns(wire: Wire, _: Pairing) -> list[Finding]:
    return [
        Finding(Case.RESULT_IN_AI_TURN, None, result, entry.index)
        for entry in wire.transcript.entries
        for result in entry.results
        if result.carrier is Carrier.TOOL_RESULT_IN_AI and result not in wire.own_results
    ]


def _only_calls_or_results(entry: Entry) -> bool:
    says_more = entry.has_text or entry.server_uses or entry.server_results
    return bool(entry.calls or entry.results) and not says_more


_BEYOND_PAIRING: Mapping[Case, Callable[[Wire, Pairing], list[Finding]]] = {
    Case.REUSED_CALL_ID: _reused_ids,
    Case.TEXT_BEFORE_RESULT: _text_before_results,
    Case.TEXT_AFTER_CALL: _text_after_calls,
    Case.CONTENT_AFTER_CALL: _content_after_calls,
    Case.RESULT_IN_AI_TURN: _results_in_ai_turns,
    Case.SERVER_RESULT_UNPAIRED: _server_results_unpaired,
    Case.HUMAN_AFTER_TOOL: _humans_after_results,
    Case.SYSTEM_AFTER_TOOL: _systems_after_results,
    Case.CALL_FIRST: _call_first,
    Case.SERVER_TOOL_UNPAIRED: _server_tools_unpaired,
}


def invalid_ids(turns: Sequence[Turn], profile: Profile) -> list[Finding]:
    """Find ids that the provider refuses, or does not document, on calls and on results."""
    found = _misfits(turns, Case.INVALID_ID, profile.takes_ids)
    if profile.id_documented is not None:
        known = {finding.call or finding.result for finding in found}
        doubtful = _misfits(turns, Case.UNDOCUMENTED_ID, profile.documents_ids)
        found += [finding for finding in doubtful if (finding.call or finding.result) not in known]
    return found


def _misfits(
    turns: Sequence[Turn], case: Case, suits: Callable[[Sequence[str]], bool]
) -> list[Finding]:
    ids = [call.id for turn in turns for call in turn.calls]
    ids += [result.id for turn in turns for result in turn.results]
    if suits(ids):
        return []
    found: list[Finding] = []
    for turn in turns:
        found += [
            Finding(case, call, None, turn.position) for call in turn.calls if not suits([call.id])
        ]
        found += [
            Finding(case, None, result, turn.position)
            for result in turn.results
            if not suits([result.id])
        ]
    return found
