"""What became of a request, as the end of its run tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolpair_observe.errors import ToolPairError
from toolpair_observe.pairing.refusals.recognize import rejection_kind
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from toolpair_observe.attach.runs import Run
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind


def outcome_of(run: Run, error: BaseException) -> tuple[Outcome, ViolationKind | None]:
    """Return the outcome of a request that failed, and the kind of breach that the error names."""
    record = run.record
    if isinstance(error, ToolPairError):
        return (Outcome.BLOCKED if record.blocked else Outcome.CANCELLED), None
    if run.streamed:
        return Outcome.ACCEPTED, None
    if not isinstance(error, Exception):
        return Outcome.CANCELLED, None
    is_near_miss = record.report.effect.is_near_miss
    kind = rejection_kind(error, foreseen=is_near_miss) or _predicted_kind(record.report, error)
    if kind is None:
        return Outcome.FAILED, None
    return (Outcome.REJECTED if is_near_miss else Outcome.ESCAPED), kind


def _predicted_kind(report: PairingReport, error: Exception) -> ViolationKind | None:
    """Return the kind of the breach whose predicted local error this is, or None.

    The class of the error decides: the rest of its text has positions and counts in it that differ
    from case to case.
    """
    if report.effect is not Effect.LOCAL_ERROR:
        return None
    name = type(error).__name__
    candidates = [
        violation
        for violation in report.violations
        if violation.effect is Effect.LOCAL_ERROR and _named_class(violation.expected_error) == name
    ]
    text = f"{name}: {error}"
    literal = [violation for violation in candidates if violation.expected_error in text]
    return next((violation.kind for violation in literal or candidates), None)


def _named_class(expected: str) -> str:
    """Return the bare name of the class that an expected error begins with."""
    return re.split(r"[.\s]", expected.partition(":")[0])[-1]
