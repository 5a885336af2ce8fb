"""What became of a request that failed, as its error tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolpair_observe.attach.ending import Ending
from toolpair_observe.errors import ToolPairError
from toolpair_observe.hashed import quotes
from toolpair_observe.pairing.refusals.companions import refused_companion
from toolpair_observe.pairing.refusals.error_text import stems_from_block
from toolpair_observe.pairing.refusals.fault import fault_of
from toolpair_observe.pairing.refusals.recognize import read_rejection
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from toolpair_observe.attach.runs import Run
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind


def outcome_of(run: Run, error: BaseException) -> Ending:
    """Return how a request ended that failed with `error`."""
    record = run.record
    if isinstance(error, ToolPairError):
        return Ending(Outcome.BLOCKED if record.blocked else Outcome.CANCELLED)
    if run.streamed:
        return Ending(Outcome.ACCEPTED)
    if not isinstance(error, Exception):
        return Ending(Outcome.CANCELLED)
    report = record.report
    is_near_miss = report.effect.is_near_miss
    rejection = read_rejection(error, foreseen=is_near_miss)
    if rejection is not None and not is_near_miss:
        fault = fault_of(rejection, report, identified=record.identified)
        return Ending(Outcome.ESCAPED, rejection.kind, fault)
    kind = _predicted_kind(report, error) if rejection is None else rejection.kind
    if kind is None:
        return Ending(Outcome.FAILED, companion=refused_companion(error))
    return Ending(Outcome.REJECTED, kind)


def _predicted_kind(report: PairingReport, error: Exception) -> ViolationKind | None:
    """Return the kind of the breach whose predicted local error this is, or None.

    The class of the error decides: the rest of its text has positions and counts in it that differ
    from case to case.
    """
    if report.effect is not Effect.LOCAL_ERROR or stems_from_block(error):
        return None
    name = type(error).__name__
    candidates = [
        violation
        for violation in report.violations
        if violation.effect is Effect.LOCAL_ERROR and _named_class(violation.expected_error) == name
    ]
    text = f"{name}: {error}"
    literal = [each for each in candidates if quotes(text, each.expected_error)]
    return next((violation.kind for violation in literal or candidates), None)


def _named_class(expected: str) -> str:
    """Return the bare name of the class that an expected error begins with."""
    return re.split(r"[.\s]", expected.partition(":")[0])[-1]
