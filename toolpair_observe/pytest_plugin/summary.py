"""The numbers of the whole run, including those of xdist's workers."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.shown import shown
from toolpair_observe.pytest_plugin.failures import given_text
from toolpair_observe.pytest_plugin.trial import Fate, distinct, kinds_of

if TYPE_CHECKING:
    import pytest

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pytest_plugin.trial import Trial

OUTSIDE: Final = "outside of the tests"

_MAX_LISTED: Final = 20
_LISTED: Final = (Fate.BROKEN, Fate.MINOR)
_COUNTED: Final = (Fate.MINOR, Fate.EXPECTED, Fate.IGNORED, Fate.ACCEPTED)


def numbers_of(trial: Trial) -> dict[str, Any]:
    """Return what the summary needs of one test, as xdist can send it."""
    return {
        "checked": trial.requests.checked,
        "unchecked": trial.requests.unchecked,
        "breaches": [
            [fate.value, *_told(trial, report), times]
            for fate in Fate
            for report, times in distinct(trial.with_fate(fate))
        ],
        "masked": [[each.kind.value, shown(each.by)] for each in trial.requests.masked],
    }


def numbers_outside(trial: Trial, place: str) -> dict[str, Any]:
    """Return the same of what is no test, with its place and the text that no test shows."""
    untold = trial.untold(Fate.BROKEN)
    text = given_text(untold, "outside", trial.terms) if untold else ""
    is_broken = bool(untold) and trial.can_fail
    return numbers_of(trial) | {"place": place, "text": text, "is_broken": is_broken}


def _told(trial: Trial, report: PairingReport) -> tuple[list[str], str]:
    """Return the kinds that it is about, and the shape.

    The shape has no ids and places, so that the same fault in two tests is listed once.
    """
    kinds = kinds_of(report) or {each.kind.value for each in report.violations}
    told = sorted(trial.terms.beyond(kinds) or kinds)
    causes = ", ".join(sorted({str(each.cause) for each in report.violations if each.kind in told}))
    profile = shown(report.profile)
    return told, f"{', '.join(told)}: {report.effect} under {profile}, cause {causes}"


class Summary:
    """Adds up the tests, and writes the section at the end.

    Attributes:
        outside: The numbers of what is no test, here and in xdist's workers.
    """

    def __init__(self) -> None:
        self.outside: list[dict[str, Any]] = []
        self._tests = 0
        self._checked = 0
        self._unchecked = 0
        self._kinds: dict[Fate, Counter[str]] = {fate: Counter() for fate in Fate}
        self._masked: Counter[str] = Counter()
        # For each shape the tests with it, and the number of their requests.
        self._shapes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    @property
    def is_broken_outside(self) -> bool:
        """Whether a broken history that no test and no collector answers for fails the run."""
        return any(numbers["is_broken"] for numbers in self.outside)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one test."""
        numbers = getattr(report, "toolpair", None)
        if numbers is not None:
            self._tests += bool(numbers["checked"])
            self._add(numbers, report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the totals, if there was any request."""
        for numbers in self.outside:
            self._add(numbers, numbers["place"])
        if not self._checked and not self._unchecked:
            return
        terminalreporter.section("toolpair")
        for text in (self._total(), *self._listed(), *self._others(), *self._texts()):
            terminalreporter.write_line(text)

    def _add(self, numbers: dict[str, Any], place: str) -> None:
        self._checked += numbers["checked"]
        self._unchecked += numbers["unchecked"]
        for fate, kinds, shape, times in numbers["breaches"]:
            self._kinds[Fate(fate)].update(kinds)
            if fate in _LISTED:
                self._shapes[shape][place] += times
        for kind, mender in numbers["masked"]:
            self._masked[f"{kind} by {mender}"] += 1
            self._shapes[f"made-up result: {kind} by {mender}"][place] += 1

    def _total(self) -> str:
        outside = sum(numbers["checked"] for numbers in self.outside)
        more = f", {outside} of them {OUTSIDE}" if outside else ""
        count = f"{self._checked} chat-model requests checked in {self._tests} tests{more}"
        broken = self._kinds[Fate.BROKEN]
        if broken:
            return f"{count}; broken histories: {_counted(broken)}"
        if any(self._kinds.values()) or not self._checked:
            return count
        return f"{count}, tool calls and results pair in all of them"

    def _listed(self) -> list[str]:
        lines = [line for shape, tests in self._shapes.items() for line in _of_shape(shape, tests)]
        more = len(lines) - _MAX_LISTED
        return [*lines[:_MAX_LISTED], f"  and {more} more lines"] if more > 1 else lines

    def _others(self) -> list[str]:
        lines = [
            f"{fate.value}: {_counted(self._kinds[fate])}" for fate in _COUNTED if self._kinds[fate]
        ]
        if self._masked:
            lines.append(f"made-up results: {_counted(self._masked)}")
        if self._unchecked:
            lines.append(
                f"not checked: {self._unchecked} requests, by their own toolpair_mode or because "
                "the check failed"
            )
        return lines

    def _texts(self) -> list[str]:
        return [f"\n{numbers['text']}" for numbers in self.outside if numbers["text"]]


def _of_shape(shape: str, tests: Counter[str]) -> list[str]:
    lines = [f"  {shape}"]
    for nodeid, times in tests.items():
        lines.append(f"    {nodeid}" + (f" ({times} requests)" if times > 1 else ""))
    return lines


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
