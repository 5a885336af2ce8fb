"""One run of one test: what it gave to chat models, and what of that it answers for."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from toolpair_observe.pytest_plugin.finding import Finding
from toolpair_observe.pytest_plugin.terms import NO_TERMS, Terms, terms_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import pytest

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.testing import Found, Requests, Watch


class Fate(StrEnum):
    """What becomes of a history with violations."""

    BROKEN = "broken"
    MINOR = "below the threshold"
    EXPECTED = "expected"
    IGNORED = "ignored"
    ACCEPTED = "accepted by the model"


@dataclass(slots=True)
class Trial:
    """One run of one test, of a collector, or what stands outside of both.

    Attributes:
        watch: What looks at its requests.
        requests: Those requests.
        item: The test, None for what is none.
        can_fail: Whether a broken history fails it.
        fails_on_masked: Whether a result that other software made up fails it.
        terms: What the test says of broken histories in it.
        told: The number of requests with violations that an outcome accounts for already.
        told_masked: The same of made-up results.
    """

    watch: Watch
    requests: Requests
    item: pytest.Item | None
    can_fail: bool
    fails_on_masked: bool = False
    terms: Terms = NO_TERMS
    told: int = 0
    told_masked: int = 0

    def read_terms(self) -> None:
        """Read the markers, which the test may add to while it runs.

        Raises:
            Finding: A marker is used wrongly.
        """
        if self.item is not None:
            self.terms = terms_of(self.item)

    def reread_terms(self) -> None:
        """Read the markers where the test fails for a wrong one elsewhere."""
        with contextlib.suppress(Finding):
            self.read_terms()

    def admits(self, report: PairingReport) -> bool:
        """Whether the test allows all for which a request would be stopped."""
        self.reread_terms()
        return self._allows(self.watch.stopping_kinds(report))

    def fate_of(self, found: Found) -> Fate:
        """Return what becomes of a history with violations."""
        if not self._allows(found.stopping):
            return Fate.BROKEN
        if found.report.ok:
            return Fate.ACCEPTED
        kinds = kinds_of(found.report)
        if self.terms.beyond(kinds):
            return Fate.MINOR
        return Fate.EXPECTED if kinds & self.terms.expected else Fate.IGNORED

    def with_fate(self, *fates: Fate) -> list[PairingReport]:
        """Return the reports with one of these fates."""
        return self._with_fate(self.requests.found(), fates)

    def untold(self, *fates: Fate) -> list[PairingReport]:
        """Return the reports with one of these fates that no outcome accounts for yet."""
        return self._with_fate(self.requests.found()[self.told :], fates)

    def tell(self) -> None:
        """Note that an outcome accounts for what was found so far."""
        self.told = len(self.requests.found())
        self.told_masked = len(self.requests.masked)

    def untold_masked(self) -> list[MaskedResult]:
        """Return the made-up results that no outcome accounts for yet."""
        return self.requests.masked[self.told_masked :]

    def not_found(self) -> list[str]:
        """Return the expected kinds that did not occur."""
        found = {kind for each in self.requests.found() for kind in kinds_of(each.report)}
        return sorted(self.terms.expected - found)

    def _allows(self, kinds: AbstractSet[str]) -> bool:
        return not self.terms.beyond(kinds)

    def _with_fate(self, found: tuple[Found, ...], fates: tuple[Fate, ...]) -> list[PairingReport]:
        return [each.report for each in found if self.fate_of(each) in fates]


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
