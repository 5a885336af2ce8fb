"""What an audit knows: sums and worst cases of any number of units, in bounded memory.

An `Aggregate` of a part and one of another part merge to that of both, whatever the parts are, so
that processes and machines can share the work. `told.tell` makes of one the structure that text,
JSON and page show.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.audit.bounded import Firsts, Groups, Sums, shuffled
from toolpair_observe.audit.records import DIMENSIONS, as_record, cell_of, findings_of
from toolpair_observe.histories.tally import VERDICT_TITLES, agreement
from toolpair_observe.histories.unit import Recorded, Status
from toolpair_observe.pairing.report import worst_of
from toolpair_observe.pairing.shown import clean, line
from toolpair_observe.pairing.words import Effect
from toolpair_observe.stopping import stopping_effects

if TYPE_CHECKING:
    from toolpair_observe.audit.bounded import Key, Rank, Record
    from toolpair_observe.audit.options import Alternative, AuditOptions
    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.histories.unit import Unit
    from toolpair_observe.pairing.providers.profile import Profile

# The counts of requests in each cell. The first ones are the effects, each request in one of them.
EFFECTS: Final = tuple(effect.value for effect in Effect)
MEASURES: Final = (
    *EFFECTS,
    "blocked",
    "blocked_refused",
    "blocked_answered",
    "blocked_failed",
    "accepted",
    "rejected",
    "failed",
    "escaped",
    "lost_answered",
    "masked",
)
# The counts of a kind with its cause and effect.
KIND_MEASURES: Final = ("units", "breaches")
# The counts of an alternative.
AS_MEASURES: Final = (*EFFECTS, "blocked", "breaks", "mends", "untold")
# The counts of made-up results: each once in a unit, and those that a request is the first to have.
MASKED_MEASURES: Final = ("results", "fresh")

_MEASURE: Final = {name: place for place, name in enumerate(MEASURES)}
_EFFECT: Final = {effect: place for place, effect in enumerate(Effect)}
_ANSWER: Final = {
    Recorded.ACCEPTED: ("accepted", "blocked_answered"),
    Recorded.REJECTED: ("rejected", "blocked_refused"),
    Recorded.FAILED: ("failed", "blocked_failed"),
}

_CELLS: Final = 10_000
_VALUES: Final = 5_000
_KINDS: Final = 10_000
_THREADS: Final = 20_000
_REASONS: Final = 500
_GROUPS: Final = 40
_OF_EACH_GROUP: Final = 20
_FINDINGS: Final = 5_000
_NUMBERS: Final = re.compile(r"\d[\d,]*")
_ESCAPED: Final = "escaped"


def _newest_first(key: Key) -> tuple[int, Key]:
    """Order cells by their days, so that of too many the old ones are summed up."""
    digits = key[0].replace("-", "")
    return -int(digits) if digits.isdecimal() else 0, key


class Aggregate:
    """The sums of judged units. See the module.

    Args:
        options: What is asked. Only aggregates of the same options can be merged.

    Attributes:
        options: As given.
        units: Units by status.
        formats: Units that were checked by form.
        layers: Units that were checked by layer.
        files: The files read.
        messages: Messages of the lists that were checked.
        totals: Requests by each of `MEASURES`.
        agreement: Requests by recorded answer and how the prediction compares.
        cells: Requests by `DIMENSIONS`; a row has `MEASURES`.
        kinds: Kind, cause and effect after `DIMENSIONS`; a row has `KIND_MEASURES`.
        kind_totals: Kind, cause and effect; a row has `KIND_MEASURES`.
        values: Requests by dimension and value, whatever the others are; a row has `MEASURES`.
        value_kinds: Units by dimension, value and kind.
        threads: Conversations with a near miss or a refusal, by id; a row has `MEASURES`.
        others: Profile and alternative; a row has `AS_MEASURES`.
        masked: Results that other software made up, by who did it and what was wrong; a row has
            `MASKED_MEASURES`.
        worst: Records of the worst units, some of each sort.
        findings: Violations with their places, where `options.wants_findings`.
        reasons: Status and reason, numbers left out, of units that were not checked.
        examples: Where a reason was met first, by status and reason.
    """

    def __init__(self, options: AuditOptions) -> None:
        self.options = options
        self.units: Counter[str] = Counter()
        self.formats = Sums(1, _REASONS)
        self.layers: Counter[str] = Counter()
        self.files = 0
        self.messages = 0
        self.totals = [0] * len(MEASURES)
        self.agreement: Counter[tuple[str, str]] = Counter()
        self.cells = Sums(len(MEASURES), _CELLS, _newest_first)
        self.kinds = Sums(len(KIND_MEASURES), _CELLS, _newest_first)
        # Cells are many, so that old ones are summed up. What is told of everything is not.
        self.kind_totals = Sums(len(KIND_MEASURES), _KINDS)
        self.values = Sums(len(MEASURES), _VALUES)
        self.value_kinds = Sums(1, _KINDS)
        self.threads = Sums(len(MEASURES) + 1, _THREADS, shuffled)
        self.others = Sums(len(AS_MEASURES), _REASONS)
        self.masked = Sums(len(MASKED_MEASURES), _REASONS)
        self.worst = Groups(_GROUPS, _OF_EACH_GROUP)
        self.findings = Firsts(_FINDINGS)
        self.reasons = Sums(1, _REASONS)
        self.examples = Groups(2 * _REASONS, 1)

    @property
    def requests(self) -> int:
        """How many requests were checked."""
        return sum(self.totals[: len(EFFECTS)])

    def total(self, measure: str) -> int:
        """Return one of `MEASURES` over everything."""
        return self.totals[_MEASURE[measure]]

    def judged_under(self, profile: Profile) -> int:
        """Return how many requests a profile judged."""
        row = dict(self.values.items()).get(("profile", clean(profile.name)), [])
        return sum(row[: len(EFFECTS)])

    # Adding

    def add(self, judged: Judged, file: str) -> None:
        """Count a unit of a file."""
        unit = judged.unit
        self.units[unit.status.value] += 1
        if unit.status is not Status.CHECKED or judged.target is None:
            self._add_unchecked(unit, file)
            return
        self.formats.row((clean(unit.format),))[0] += 1
        self.layers[unit.layer.value if unit.layer else ""] += 1
        self.messages += judged.messages
        row = self._row(judged)
        for place, count in enumerate(row):
            self.totals[place] += count
        cell = cell_of(judged)
        self.cells.add(cell, row)
        for value in zip(DIMENSIONS, cell, strict=True):
            self.values.add(value, row)
        self._add_agreement(judged)
        for found in judged.masked:
            self.masked.add((found.by, found.kind.value), [1, int(found.fresh)])
        is_escape = bool(row[_MEASURE["escaped"]])
        if not (judged.effect.is_near_miss or is_escape or judged.violations):
            return
        self._add_kinds(judged, cell)
        if judged.effect.is_near_miss or is_escape:
            self._add_near_miss(judged, file, row)

    def add_other(self, judged: Judged, other: Judged | None, alternative: Alternative) -> None:
        """Count a unit as it is judged by its own profile and under an alternative.

        Args:
            judged: By its own profile.
            other: Under the alternative; None where that can't be told.
            alternative: The alternative.
        """
        if judged.target is None:
            return
        row = self.others.row((judged.target.profile.name, alternative.label))
        if other is None or other.target is None:
            row[AS_MEASURES.index("untold")] += judged.requests
            return
        for effect, count in other.effects.items():
            row[_EFFECT[effect]] += count
        row[AS_MEASURES.index("blocked")] += self._blocked(other)
        row[AS_MEASURES.index("breaks")] += len(other.harmed - judged.harmed)
        row[AS_MEASURES.index("mends")] += len(judged.harmed - other.harmed)

    def _stopping(self, judged: Judged) -> frozenset[Effect]:
        target = judged.target
        if target is None:
            return frozenset()
        return stopping_effects(
            self.options.block_on,
            block_unidentified=self.options.block_unidentified,
            profile=target.profile.name,
            identified=target.identified,
        )

    def _blocked(self, judged: Judged) -> int:
        stopping = self._stopping(judged)
        return sum(count for effect, count in judged.effects.items() if effect in stopping)

    def _row(self, judged: Judged) -> list[int]:
        row = [0] * len(MEASURES)
        effects = judged.effects
        for effect, count in effects.items():
            row[_EFFECT[effect]] += count
        stopping = self._stopping(judged)
        row[_MEASURE["masked"]] = judged.masked_requests
        row[_MEASURE["blocked"]] = sum(n for effect, n in effects.items() if effect in stopping)
        recorded = judged.unit.recorded
        if recorded is None:
            return row
        answer, blocked = _ANSWER[recorded]
        for effect, count in _answered(judged).items():
            row[_MEASURE[answer]] += count
            if effect in stopping:
                row[_MEASURE[blocked]] += count
            if recorded is Recorded.REJECTED and not effect.is_near_miss:
                row[_MEASURE["escaped"]] += count
            if recorded is Recorded.ACCEPTED and effect is Effect.SILENT_LOSS:
                row[_MEASURE["lost_answered"]] += count
        return row

    def _add_agreement(self, judged: Judged) -> None:
        recorded = judged.unit.recorded
        if recorded is not None and recorded in VERDICT_TITLES:
            for effect, count in _answered(judged).items():
                self.agreement[recorded.value, agreement(effect, recorded).value] += count

    def _add_kinds(self, judged: Judged, cell: Key) -> None:
        breaches = Counter(
            (each.kind.value, each.cause.value, each.effect.value) for each in judged.violations
        )
        for what, count in breaches.items():
            self.kinds.add((*cell, *what), [1, count])
            self.kind_totals.add(what, [1, count])
            for value in zip(DIMENSIONS, cell, strict=True):
                self.value_kinds.row((*value, what[0]))[0] += 1

    def _add_near_miss(self, judged: Judged, file: str, row: list[int]) -> None:
        unit, name_id = judged.unit, self.options.name_id
        if unit.thread_id:
            self.threads.add((clean(name_id(unit.thread_id)),), [1, *row])
        place = (file, unit.line or 0, unit.row)
        group = _group(judged)
        rank = (-len(judged.violations), *place)
        if self.worst.wants(group, rank):
            self.worst.add(group, rank, as_record(judged, file, name_id))
        if self.options.wants_findings:
            for number, found in enumerate(findings_of(judged, file)):
                self.findings.add((number, *place), found)

    def _add_unchecked(self, unit: Unit, file: str) -> None:
        key = (unit.status.value, line(_NUMBERS.sub("N", unit.reason)))
        self.reasons.row(key)[0] += 1
        rank = (file, unit.line or 0, unit.row)
        if self.examples.wants(key, rank):
            told = {"file": file, "line": unit.line, "row": clean(unit.row), "form": unit.format}
            self.examples.add(key, rank, told | {"reason": line(unit.reason)})

    # Merging

    def merge(self, other: Aggregate) -> None:
        """Add what another aggregate has."""
        self.units += other.units
        self.layers += other.layers
        self.agreement += other.agreement
        self.files += other.files
        self.messages += other.messages
        self.totals = [
            ours + theirs for ours, theirs in zip(self.totals, other.totals, strict=True)
        ]
        for name in _SUMS:
            getattr(self, name).merge(getattr(other, name))
        for name in _LISTS:
            getattr(self, name).merge(getattr(other, name))

    def move_lines(self, by: int) -> None:
        """Add to the numbers of all lines: what was read is a later part of its file."""
        if by:
            for name in _LISTS:
                getattr(self, name).moved(lambda rank, record: _moved(rank, record, by))

    def state(self) -> dict[str, Any]:
        """Return everything as JSON-able data, from which `restore` makes the same."""
        return {
            "units": self.units,
            "layers": self.layers,
            "agreement": [[*key, count] for key, count in self.agreement.items()],
            "files": self.files,
            "messages": self.messages,
            "totals": self.totals,
            **{name: getattr(self, name).state() for name in (*_SUMS, *_LISTS)},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Add what `state` has returned."""
        self.units += Counter(state["units"])
        self.layers += Counter(state["layers"])
        self.agreement += Counter({(a, b): count for a, b, count in state["agreement"]})
        self.files += state["files"]
        self.messages += state["messages"]
        self.totals = [a + b for a, b in zip(self.totals, state["totals"], strict=True)]
        for name in (*_SUMS, *_LISTS):
            getattr(self, name).restore(state[name])


_SUMS: Final = (
    "formats",
    "cells",
    "kinds",
    "kind_totals",
    "values",
    "value_kinds",
    "threads",
    "others",
    "masked",
    "reasons",
)
_LISTS: Final = ("worst", "findings", "examples")


def _moved(rank: Rank, record: Record, by: int) -> tuple[Rank, Record]:
    """Move a record's line. A rank ends with file, line and row."""
    if record["line"] is None:
        return rank, record
    *before, number, row = rank
    return (*before, number + by, row), record | {"line": record["line"] + by}


def _group(judged: Judged) -> Key:
    """Return the sort of a near miss, of which some examples are kept: the worst sorts first."""
    unit = judged.unit
    recorded = unit.recorded.value if unit.recorded else ""
    if not judged.effect.is_near_miss:
        kind = unit.rejected_kind.value if unit.rejected_kind else ""
        return ("9", _ESCAPED, kind, "", recorded)
    worst = worst_of(judged.violations)
    effect = judged.effect
    return (str(effect.rank), effect.value, worst.kind.value, worst.cause.value, recorded)


def _answered(judged: Judged) -> Counter[Effect]:
    """Return the requests, by effect, that the recorded answer is about.

    Of several requests that ended in an error, the error is that of one: the worst. It would not
    have gone on after it.
    """
    if judged.unit.recorded is Recorded.ACCEPTED or judged.requests <= 1:
        return judged.effects
    return Counter({judged.effect: 1})
