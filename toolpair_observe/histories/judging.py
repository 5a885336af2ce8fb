"""Judge units: read each list of messages, check what was sent, and sum it up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.key_marks import Marks
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.histories.envelopes.message_lists import as_stored
from toolpair_observe.histories.judging_plain import is_plain, plainly_clean, prefix_ends, prove
from toolpair_observe.histories.limits import PREFIX_WORK, too_many_messages
from toolpair_observe.histories.masked_sum import MaskedSum
from toolpair_observe.histories.unit import Extent, Layer, Status, Unit, unread
from toolpair_observe.pairing.closer_look import judge as judge_transcript
from toolpair_observe.pairing.providers.bodies import on_wire as as_body
from toolpair_observe.pairing.providers.identify import Target
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, is_told_elsewhere, target_of_row
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import HARM, Cause, Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.histories.limits import ReadLimits
    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.providers.recorded import Origin
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.transcript import Entry


@dataclass(slots=True, kw_only=True)
class Judged:
    """A unit with its verdict.

    Attributes:
        unit: The unit; of a list that could not be read after all, as unreadable.
        effects: How many of its requests have which effect. Several units may share them, so that
            nobody changes them; so may their breaches.
        breaches: How many of its requests have a violation of which kind and effect.
        kinds: The kinds of its violations, each once, in the order in which they are met.
        causes: Their likely causes, each once.
        target: What it was judged by, None for what was not checked.
        violations: The violations; one that several requests repeat is there once. A report holds
            2,000 and counts the others.
        worst: The report of its worst request, None where all are clean.
        messages: The messages of its lists.
        harmed: Which of its requests have an effect that harms, by their numbers from 0. Whoever
            judges the unit, its requests have the same numbers.
        masked: The results that other software made up; one that several requests repeat is there
            once, and fresh where one of its requests is the first to have it.
        masked_requests: How many of its requests have such a result.
        masked_report: The report of a request that has them.
    """

    unit: Unit
    effects: Counter[Effect] = field(default_factory=Counter)
    breaches: Counter[tuple[ViolationKind, Effect]] = field(default_factory=Counter)
    kinds: tuple[ViolationKind, ...] = ()
    causes: tuple[Cause, ...] = ()
    target: Target | None = None
    violations: tuple[Violation, ...] = ()
    worst: PairingReport | None = None
    messages: int = 0
    harmed: frozenset[int] = frozenset()
    masked: tuple[MaskedResult, ...] = ()
    masked_requests: int = 0
    masked_report: PairingReport | None = None

    @property
    def requests(self) -> int:
        """How many requests it stands for."""
        return self.effects.total()

    @property
    def effect(self) -> Effect:
        """The worst effect of its requests."""
        return Effect.worst(*self.effects)


def judge_unit(
    unit: Unit,
    limits: ReadLimits,
    profile: Profile | None = None,
    name_id: Callable[[str], str] = str,
    *,
    target: Target | None = None,
) -> Judged:
    """Judge every request of a unit.

    Args:
        unit: The unit.
        limits: How much of it is read.
        profile: The profile to check against; None for that of whoever the row says was asked, as
            is where a measured profile was measured of another host or model than the row tells.
        name_id: Returns what a report has in place of an id.
        target: What judges, whatever the row says; None for that of `profile`.
    """
    if unit.status is not Status.CHECKED:
        return Judged(unit=unit)
    given = None if target is None else _Judge(target, target.profile.row(target.facts))
    judge = given or _judge_of(unit, profile)
    marks = None if unit.unproven is None else Marks()
    try:
        clean = plainly_clean(unit, limits, judge.profile.plain, marks)
        if unit.unproven is not None:
            try:
                prove(unit, marks if clean is not None else None, limits)
            except HistoryFileError as error:
                return Judged(unit=unread(unit.line, str(error)))
        if clean is not None:
            messages = len(unit.conversations[0].messages)
            return Judged(
                unit=unit,
                effects=clean,
                breaches=_NO_BREACHES,
                target=judge.target,
                messages=messages,
            )
        unit = as_stored(unit)
        sum_ = _Sum(given or _judge_of(unit, profile), limits, name_id)
        for conversation in unit.conversations:
            sum_.add(unit, conversation.messages, conversation.known)
    except HistoryFileError as error:
        return Judged(unit=as_unreadable(unit, str(error)))
    except Exception as error:  # noqa: BLE001 - one bad row must not stop the others
        # The error's own text may quote content.
        return Judged(unit=as_unreadable(unit, f"it could not be checked ({type_name(error)})"))
    return sum_.judged(unit)


def as_unreadable(unit: Unit, reason: str) -> Unit:
    """Return the unit as one that is not understood."""
    return Unit(
        line=unit.line,
        row=unit.row,
        format=unit.format,
        status=Status.UNREADABLE,
        reason=reason,
        name=unit.name,
        thread_id=unit.thread_id,
        run_id=unit.run_id,
    )


# Making one costs as much as a few messages do, and nearly every unit has it.
_NO_BREACHES: Final[Counter[tuple[ViolationKind, Effect]]] = Counter()


class _Judge(NamedTuple):
    """Who judges a unit, and the row of the profile that holds for it."""

    target: Target
    profile: Profile


def _judge_of(unit: Unit, profile: Profile | None) -> _Judge:
    on_wire = unit.layer is Layer.WIRE
    if unit.origin is NO_ORIGIN:
        return _judge_of_nobody(profile, on_wire)
    return _made_judge(unit.origin, profile, on_wire=on_wire)


@lru_cache(maxsize=8)
def _judge_of_nobody(profile: Profile | None, on_wire: bool) -> _Judge:  # noqa: FBT001 - a cache's key
    return _made_judge(NO_ORIGIN, profile, on_wire=on_wire)


def _made_judge(origin: Origin, profile: Profile | None, *, on_wire: bool) -> _Judge:
    target = target_of_row(origin, on_wire=on_wire)
    if profile is not None and not _is_elsewhere(profile, origin):
        profile = as_body(profile) if on_wire else profile
        target = Target(profile, target.facts, target.model, profile.provider, identified=True)
    return _Judge(target, target.profile.row(target.facts))


def _is_elsewhere(profile: Profile, origin: Origin) -> bool:
    """Whether a measured profile does not hold for a row, which is judged then as without it."""
    return profile.measured is not None and is_told_elsewhere(origin, profile.measured)


def _is_plainly_real(dialect: Dialect, messages: Sequence[Any]) -> bool:
    """Whether what stands behind the last request is understood, and no result of it made up."""
    try:
        entries = dialect.read(messages).entries
    except HistoryFileError:
        return False
    return not _holds_made_up(entries)


def _holds_made_up(entries: Sequence[Entry]) -> bool:
    return any(result.made_up for entry in entries for result in entry.results)


class _Sum:
    """What the requests of one unit come to."""

    def __init__(self, judge: _Judge, limits: ReadLimits, name_id: Callable[[str], str]) -> None:
        self._target = judge.target
        self._profile = judge.profile
        self._limits = limits
        self._name_id = name_id
        self._effects: Counter[Effect] = Counter()
        self._breaches: Counter[tuple[ViolationKind, Effect]] = Counter()
        self._violations: dict[tuple[ViolationKind, int, str, int], Violation] = {}
        self._harmed: list[int] = []
        self._worst: PairingReport | None = None
        self._masked = MaskedSum()
        self._messages = 0
        self._work = 0

    def add(self, unit: Unit, messages: Sequence[Any], known: int) -> None:
        self._bound(messages)
        dialect = unit.dialect or dialect_of(messages)
        if dialect.unfold is not None:
            messages = dialect.unfold(messages)
            self._bound(messages)
        self._messages += len(messages)
        if unit.extent is Extent.WHOLE:
            report = self._report(dialect.read(messages), dialect)
            self._count(report)
            self._masked.add(report)
        else:
            self._add_prefixes(dialect, messages, known)

    def _bound(self, messages: Sequence[Any]) -> None:
        if len(messages) > self._limits.messages:
            raise HistoryFileError(too_many_messages(self._limits))

    def judged(self, unit: Unit) -> Judged:
        violations = tuple(self._violations.values())
        return Judged(
            unit=unit,
            effects=self._effects,
            breaches=self._breaches,
            kinds=tuple(dict.fromkeys(found.kind for found in violations)),
            causes=tuple(dict.fromkeys(found.cause for found in violations)),
            target=self._target,
            violations=violations,
            worst=self._worst,
            messages=self._messages,
            harmed=frozenset(self._harmed),
            masked=self._masked.results,
            masked_requests=self._masked.requests,
            masked_report=self._masked.report,
        )

    def _add_prefixes(self, dialect: Dialect, messages: Sequence[Any], known: int) -> None:
        ends = [end for end in prefix_ends(dialect, messages) if end > known]
        last = ends[-1] if ends else 0
        plain = self._profile.plain
        if (
            last
            and plain is not None
            and is_plain(dialect, messages[:last], plain)
            and _is_plainly_real(dialect, messages[last:])
        ):
            self._effects[Effect.CLEAN] += len(ends)
            return
        # All of it is read, though the last answer is no request: nothing may hide there.
        entries = dialect.read(messages).entries
        if ends:
            self._add_requests(dialect, entries, ends)
        behind = max(last, known)
        if _holds_made_up(entries[behind:]):
            # A run that died after it was mended leaves a state that ends so.
            whole = self._report(Transcript(entries), dialect)
            self._masked.add_behind(replace(whole, violations=(), effect=Effect.CLEAN), behind)

    def _add_requests(self, dialect: Dialect, entries: Sequence[Entry], ends: list[int]) -> None:
        last = ends[-1]
        longest = self._report(Transcript(entries[:last]), dialect)
        self._masked.add_prefixes(longest, ends)
        if not longest.violations:
            # What pairs in place pairs in each of its prefixes.
            self._effects[Effect.CLEAN] += len(ends)
            return
        first = min(_start(found) for found in longest.violations)
        for end in ends:
            if end <= first:
                self._effects[Effect.CLEAN] += 1
            elif end == last:
                self._count(longest)
            else:
                self._count(self._report(Transcript(entries[:end]), dialect))

    def _report(self, transcript: Transcript, dialect: Dialect) -> PairingReport:
        if self._work > PREFIX_WORK:
            msg = (
                f"its broken prefixes have more than {PREFIX_WORK:,} messages, calls and results "
                f"together, too many to check each"
            )
            raise HistoryFileError(msg)
        name_id = self._name_id if dialect.has_ids else _nameless
        report = judge_transcript(transcript, self._profile, self._target.facts, name_id)
        if self._target.facts.server_state and report.violations:
            report = _without_strangers(report)
        self._work += report.message_count + report.call_count + report.result_count
        return report

    def _count(self, report: PairingReport) -> None:
        if report.effect in HARM:
            self._harmed.append(self._effects.total())
        self._effects[report.effect] += 1
        self._breaches.update({(found.kind, found.effect) for found in report.violations})
        alike: Counter[tuple[ViolationKind, int, str]] = Counter()
        for found in report.violations:
            # The likely cause may change as a history grows; the violation does not.
            key = found.kind, found.message_index, found.tool_call_id
            # An id that a message has three times is there twice too often.
            self._violations.setdefault((*key, alike[key]), found)
            alike[key] += 1
        if report.violations and (
            self._worst is None or report.effect.rank <= self._worst.effect.rank
        ):
            self._worst = report


def _without_strangers(report: PairingReport) -> PairingReport:
    """Leave out the results whose calls lie with the provider, which it takes."""
    kept = tuple(
        found
        for found in report.violations
        if found.kind is not ViolationKind.ORPHAN_RESULT or found.effect is not Effect.ACCEPT
    )
    return replace(report, violations=kept, effect=Effect.worst(*(each.effect for each in kept)))


def _start(violation: Violation) -> int:
    call = violation.call_message_index
    return violation.message_index if call is None else min(call, violation.message_index)


def _nameless(_: str) -> str:
    """Show no id of a history whose calls have none: ours are made up."""
    return ""


def to_dict(judged: Judged, file: str, name_id: Callable[[str], str] = str) -> dict[str, Any]:
    """Return one unit as JSON-able data without content: a line of `check --json`."""
    unit = judged.unit
    told: dict[str, Any] = {
        "file": file,
        "line": unit.line,
        "row": unit.row,
        "format": unit.format,
        "layer": unit.layer.value if unit.layer else None,
        "status": unit.status.value,
    }
    if unit.status is not Status.CHECKED or judged.target is None:
        told["reason"] = unit.reason
        return told
    target = judged.target
    return told | {
        "requests": judged.requests,
        "effect": judged.effect.value,
        "kinds": [kind.value for kind in judged.kinds],
        "causes": [cause.value for cause in judged.causes],
        "profile": target.profile.name,
        "identified": target.identified,
        "provider": target.provider or None,
        "model": target.model or None,
        "recorded": unit.recorded.value if unit.recorded else None,
        "rejected_kind": unit.rejected_kind.value if unit.rejected_kind else None,
        "masked": [found.to_dict() for found in judged.masked],
        "thread_id": name_id(unit.thread_id) if unit.thread_id else None,
        "run_id": name_id(unit.run_id) if unit.run_id else None,
        "violations": [found.to_dict() for found in judged.violations],
    }
