"""The collection of a module that gives a chat model a broken history while it is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pytest_plugin.failures import (
    BrokenHistory,
    blocks_in,
    given_text,
    show_safely,
)
from toolpair_observe.pytest_plugin.trial import Fate

if TYPE_CHECKING:
    import pytest

    from toolpair_observe.pytest_plugin.trial import Trial


def judge_collection(trial: Trial | None, report: pytest.CollectReport, *, whole: bool) -> None:
    """Fail the collection for a broken history, and show no content of one that is stopped.

    Args:
        trial: The requests of the collector, None where nothing watches.
        report: pytest's report.
        whole: Whether the user wants to see every frame.
    """
    call = getattr(report, "call", None)  # no documented attribute
    excinfo = None if call is None else call.excinfo
    if excinfo is not None:
        show_safely(report, excinfo, whole=whole)
    if trial is None or not trial.can_fail:
        return
    broken = trial.untold(Fate.BROKEN)
    if not broken:
        return
    trial.tell()
    if report.failed and not (excinfo is not None and blocks_in(excinfo.value)):
        report.sections.append(("toolpair", given_text(broken, "collect", trial.terms)))
        return
    report.outcome = "failed"
    error = BrokenHistory(broken, "collect", trial.terms)
    report.longrepr = f"{error.headline}\n\n{error}"
