"""Judge every request of every row and count the hits and the misses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.corpora.profiles import UNKNOWN_SERVERS, facts_of
from toolpair_observe import Effect, ViolationKind, check_messages
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_core.messages import BaseMessage

    from tests.corpora.histories import Row
    from toolpair_observe import PairingReport

FAILS = frozenset({Effect.REJECT, Effect.LOCAL_ERROR})
KINDS = {
    "missing": {ViolationKind.MISSING_RESULT},
    "orphan": {ViolationKind.ORPHAN_RESULT},
    "duplicate": {ViolationKind.DUPLICATE_RESULT, ViolationKind.DUPLICATE_CALL_ID},
    "mismatched": {ViolationKind.MISMATCHED_RESULT, ViolationKind.MISSING_ID},
    "misplaced": {ViolationKind.MISPLACED_RESULT},
}
"""The kinds that may name what a row's own label names; an id that is absent is a mismatch."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A row about which the prediction and the provider disagree."""

    row: Row
    profile: str
    effect: Effect
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.row.file} {self.row.id}: {self.profile} says {self.effect} {self.kinds}"


@dataclass(slots=True)
class Tally:
    """The figures of one provider's rows under one profile."""

    provider: str
    profile: str
    rows: int = 0
    requests: int = 0
    accepted: int = 0
    rejected_for_pairing: int = 0
    rejected_for_other_reasons: int = 0
    caught: int = 0
    named: int = 0
    effects_of_accepted: Counter[Effect] = field(default_factory=Counter)
    false_alarms: list[Miss] = field(default_factory=list)
    flagged: list[Miss] = field(default_factory=list)
    flagged_server_state: list[Miss] = field(default_factory=list)
    uncaught: list[Miss] = field(default_factory=list)
    misnamed: list[Miss] = field(default_factory=list)
    strangers: list[Miss] = field(default_factory=list)

    def take(self, row: Row) -> None:
        """Judge a row and count it."""
        self.rows += 1
        for messages in row.requests():
            self.requests += 1
            report = check_messages(messages, profile=self.profile, **facts_of(row))
            if row.accepted:
                self._take_accepted(row, report)
            elif row.breaks_pairing:
                self._take_broken(row, self._worst_version(messages, report))
            else:
                self._take_other(row, report)

    def _take_accepted(self, row: Row, report: PairingReport) -> None:
        self.accepted += 1
        self.effects_of_accepted[report.effect] += 1
        if report.effect in FAILS:
            self.false_alarms.append(self._miss(row, report))
        if report.effect.is_near_miss:
            into = self.flagged_server_state if "server_state" in row.meta else self.flagged
            into.append(self._miss(row, report))

    def _take_broken(self, row: Row, report: PairingReport) -> None:
        self.rejected_for_pairing += 1
        if not self._is_caught(report):
            self.uncaught.append(self._miss(row, report))
            return
        self.caught += 1
        kinds = {violation.kind for violation in report.violations}
        if kinds & KINDS[row.kind or ""]:
            self.named += 1
        else:
            self.misnamed.append(self._miss(row, report))

    def _take_other(self, row: Row, report: PairingReport) -> None:
        self.rejected_for_other_reasons += 1
        if report.effect.is_near_miss:
            self.strangers.append(self._miss(row, report))

    def _worst_version(self, messages: list[BaseMessage], report: PairingReport) -> PairingReport:
        """Return the worst report over all known versions, because a row has no version."""
        older = [row.profile for row in PROFILES[self.profile].rows if row.before]
        reports = [report, *(check_messages(messages, profile=profile) for profile in older)]
        return min(reports, key=lambda one: list(Effect).index(one.effect))

    def _is_caught(self, report: PairingReport) -> bool:
        """Whether the breach is seen; no effect is promised there."""
        if self.profile in UNKNOWN_SERVERS:
            return report.effect.is_near_miss
        return report.effect in FAILS

    def _miss(self, row: Row, report: PairingReport) -> Miss:
        kinds = tuple(sorted({str(violation.kind) for violation in report.violations}))
        return Miss(row, self.profile, report.effect, kinds)


def tally(rows: Iterable[Row], profile_of: Callable[[Row], str]) -> list[Tally]:
    """Judge every row; one tally per provider and profile."""
    tallies: dict[tuple[str, str], Tally] = {}
    for row in rows:
        key = (row.provider, profile_of(row))
        if key not in tallies:
            tallies[key] = Tally(*key)
        tallies[key].take(row)
    return [tallies[key] for key in sorted(tallies)]
