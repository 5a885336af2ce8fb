"""What a handler works with, imported with the first handler.

None of it comes with the class: an application may import that everywhere and make a handler in few
of its processes, or in none. And none of it is left to the first request, for which somebody waits.

It is not a module's `__getattr__`, as in the package itself: that would make each use slower.
"""

# ruff: noqa: TC004 -- `bring` imports them
from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe import semconv
    from toolpair_observe.attach import runs, seam
    from toolpair_observe.attach.admission import Admission
    from toolpair_observe.attach.at_exit import close_at_exit
    from toolpair_observe.attach.ending import settle
    from toolpair_observe.attach.judge import Judge
    from toolpair_observe.attach.recording import Recorder
    from toolpair_observe.attach.request import Request
    from toolpair_observe.attach.standing import StandingSettings
    from toolpair_observe.attach.tracing import failing_run, find_place
    from toolpair_observe.deadline import Deadline
    from toolpair_observe.fail_open import FailOpen, HookFailed
    from toolpair_observe.pairing.words import Outcome
    from toolpair_observe.reporters.pipeline import Pipeline
    from toolpair_observe.settings import Settings
    from toolpair_observe.steps.journal import JOURNAL

__all__ = [
    "JOURNAL",
    "Admission",
    "Deadline",
    "FailOpen",
    "HookFailed",
    "Judge",
    "Outcome",
    "Pipeline",
    "Recorder",
    "Request",
    "Settings",
    "StandingSettings",
    "bring",
    "close_at_exit",
    "failing_run",
    "find_place",
    "runs",
    "seam",
    "semconv",
    "settle",
]

# Where each is imported from.
_HOMES: Final[Mapping[str, str]] = {
    "JOURNAL": "toolpair_observe.steps.journal",
    "Admission": "toolpair_observe.attach.admission",
    "Deadline": "toolpair_observe.deadline",
    "FailOpen": "toolpair_observe.fail_open",
    "HookFailed": "toolpair_observe.fail_open",
    "Judge": "toolpair_observe.attach.judge",
    "Outcome": "toolpair_observe.pairing.words",
    "Pipeline": "toolpair_observe.reporters.pipeline",
    "Recorder": "toolpair_observe.attach.recording",
    "Request": "toolpair_observe.attach.request",
    "Settings": "toolpair_observe.settings",
    "StandingSettings": "toolpair_observe.attach.standing",
    "close_at_exit": "toolpair_observe.attach.at_exit",
    "failing_run": "toolpair_observe.attach.tracing",
    "find_place": "toolpair_observe.attach.tracing",
    "runs": "toolpair_observe.attach",
    "seam": "toolpair_observe.attach",
    "semconv": "toolpair_observe",
    "settle": "toolpair_observe.attach.ending",
}


@cache
def bring() -> None:
    """Import all of it. Whoever works with a part has called this before."""
    for name, home in _HOMES.items():
        # As `from home import name` does it, which can be a module, too.
        globals()[name] = getattr(__import__(home, fromlist=[name]), name)
