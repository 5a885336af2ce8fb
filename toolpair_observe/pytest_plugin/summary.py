"""The numbers of the whole run, including those of xdist's workers."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pytest_plugin.trial import Fate, distinct, kinds_of

if TYPE_CHECKING:
    import pytest

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pytest_plugin.trial import Trial

_MAX_LISTED: Final = 20
_LISTED: Final = (Fate.BROKEN, Fate.MINOR)
_COUNTED: Final = (Fate.MINOR, Fate.EXPECTED, Fate.IGNORED)


def numbers_of(trial: Trial) -> dict[str, Any]:
    """Return what the summary needs of one test, as xdist can send it."""
    return {
        "checked": trial.requests.checked,
        "unchecked": trial.requests.unchecked,
        "breaches": [
            [*_told(trial, report), times] for report, times in distinct(trial.requests.reports)
        ],
    }


def _told(trial: Trial, report: PairingReport) -> tuple[str, list[str], str]:
    """Return the fate, the kinds that it is about, and the shape.

    The shape has no ids and places, so that the same fault in two tests is listed once.
    """
    kinds = kinds_of(report)
    told = sorted(trial.terms.beyond(kinds) or kinds)
    causes = sorted({str(each.cause) for each in report.violations if each.kind in told})
    shape = f"{', '.join(told)}: {report.effect} under {report.profile}, cause {', '.join(causes)}"
    return trial.fate_of(report).value, told, shape


class Summary:
    """Adds up the tests, and writes the section at the end."""

    def __init__(self) -> None:
        self._tests = 0
        self._checked = 0
        self._unchecked = 0
        self._kinds: dict[Fate, Counter[str]] = {fate: Counter() for fate in Fate}
        # For each shape the tests with it, and the number of their requests.
        self._shapes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one test."""
        numbers = getattr(report, "toolpair", None)
        if numbers is None:
            return
        self._tests += bool(numbers["checked"])
        self._checked += numbers["checked"]
        self._unchecked += numbers["unchecked"]
        for fate, kinds, shape, times in numbers["breaches"]:
            self._kinds[Fate(fate)].update(kinds)
            if fate in _LISTED:
                self._shapes[shape][report.nodeid] += times

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the totals, if there was any request."""
        if not self._checked and not self._unchecked:
            return
        terminalreporter.section("toolpair")
        for line in (self._total(), *self._listed(), *self._others()):
            terminalreporter.write_line(line)

    def _total(self) -> str:
        count = f"{self._checked} chat-model requests checked in {self._tests} tests"
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
        if self._unchecked:
            lines.append(
                f"not checked: {self._unchecked} requests, by their own toolpair_mode or because "
                "the check failed"
            )
        return lines


def _of_shape(shape: str, tests: Counter[str]) -> list[str]:
    lines = [f"  {shape}"]
    for nodeid, times in tests.items():
        lines.append(f"    {nodeid}" + (f" ({times} requests)" if times > 1 else ""))
    return lines


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
