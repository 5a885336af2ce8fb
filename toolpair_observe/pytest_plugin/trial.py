"""One run of one test: what it gave to chat models, and what of that it answers for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pytest_plugin.terms import Terms
    from toolpair_observe.testing import Requests, Watch


class Fate(StrEnum):
    """What becomes of a broken history."""

    BROKEN = "broken"
    MINOR = "below the threshold"
    EXPECTED = "expected"
    IGNORED = "ignored"


@dataclass(slots=True)
class Trial:
    """One run of one test.

    Attributes:
        watch: What looks at its requests.
        requests: Those requests.
        terms: What the test says of broken histories in it.
        can_fail: Whether such a history fails the test.
        told: The number of reports that an outcome of the test accounts for already.
    """

    watch: Watch
    requests: Requests
    terms: Terms
    can_fail: bool
    told: int = 0

    def admits(self, report: PairingReport) -> bool:
        """Whether the test allows all for which a request would be stopped."""
        return not self.terms.beyond(self.watch.stopping_kinds(report))

    def fate_of(self, report: PairingReport) -> Fate:
        """Return what becomes of a broken history."""
        if not self.admits(report):
            return Fate.BROKEN
        kinds = kinds_of(report)
        if self.terms.beyond(kinds):
            return Fate.MINOR
        return Fate.EXPECTED if kinds & self.terms.expected else Fate.IGNORED

    def untold(self, *fates: Fate) -> list[PairingReport]:
        """Return the reports with one of these fates that no outcome accounts for yet."""
        new = self.requests.reports[self.told :]
        return [report for report in new if self.fate_of(report) in fates]

    def not_found(self) -> list[str]:
        """Return the expected kinds that did not occur."""
        found = {kind for report in self.requests.reports for kind in kinds_of(report)}
        return sorted(self.terms.expected - found)


def kinds_of(report: PairingReport) -> set[str]:
    """Return the kinds of violations that make a report a near miss."""
    return {each.kind.value for each in report.violations if each.effect.is_near_miss}


def distinct(reports: list[PairingReport]) -> list[tuple[PairingReport, int]]:
    """Return each breach once, with the number of requests that had it.

    A history that grows keeps its breach, so what counts is the violations and not the length.
    """
    first: dict[object, PairingReport] = {}
    counts: dict[object, int] = {}
    for report in reports:
        key = report.profile, report.violations
        first.setdefault(key, report)
        counts[key] = counts.get(key, 0) + 1
    return [(report, counts[key]) for key, report in first.items()]
