"""What a profile makes of a history: each breach with its effect.

Two pairings are compared. The first, on the messages as LangChain holds them, says what is broken
and where. The second, on the turns that the integration sends, says what the provider gets to see.
A breach has the worst effect of all that happens to its call and its result on the way.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from toolpair_observe.pairing.beyond import BEYOND_PAIRING, invalid_ids
from toolpair_observe.pairing.pair import pair, pair_anywhere, without_async
from toolpair_observe.pairing.providers.sending import run, send
from toolpair_observe.pairing.turns import Finding, Turn
from toolpair_observe.pairing.words import (
    BAD_CALLS,
    EVERY_CALL,
    HARM,
    Carrier,
    Case,
    Effect,
    ViolationKind,
)

if TYPE_CHECKING:
    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.providers.profile import Profile, Rule
    from toolpair_observe.pairing.providers.wire import Note, Wire
    from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
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


class Arrival(NamedTuple):
    """What reaches the server.

    Attributes:
        given: The pairing of the history as it was given.
        turns: The history, with what the profile takes for calls and results.
        wire: What the integration has made of it.
        findings: Breaches that the server meets, whatever it does about them.
    """

    given: Pairing
    turns: list[Turn]
    wire: Wire
    findings: list[Finding]


def arrival(transcript: Transcript, profile: Profile, facts: Facts) -> Arrival:
    """Pair the history, do to it what the integration does, and pair what is sent."""
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
    return Arrival(given, turns, sent, _wire_findings(sent, profile, owed))


def predict(transcript: Transcript, profile: Profile, facts: Facts) -> Prediction:
    """Pair the history and say what `profile` does about each breach."""
    given, turns, sent, found = arrival(transcript, profile, facts)
    breaches = _Ledger(given)
    # What the integration does comes first: it is the ground of what the provider then meets.
    for note in sent.notes:
        breaches.noted(note)
    for finding in found:
        rule = profile.rules.get(finding.case)
        if rule is not None:
            breaches.met(finding, rule)
    for demand in profile.demands:
        for finding in demand.find(sent.turns):
            breaches.met(finding, demand.rule)
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
        if finding.call is None and finding.result is None:
            # It is about the message as such.
            self.extra.setdefault((finding.index, False), Breach(finding)).met.append(
                (finding, rule)
            )
            return
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
    for case, find in BEYOND_PAIRING.items():
        if case in profile.rules:
            found += find(wire, pairing)
    return found
