"""What a stored row tells of the provider's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from toolpair_observe.histories.unit import Recorded
from toolpair_observe.pairing.refusals.recognize import rejection_kind

if TYPE_CHECKING:
    from toolpair_observe.pairing.words import ViolationKind


class Outcome(TypedDict, total=False):
    """The fields of a unit that tell of the answer."""

    recorded: Recorded | None
    rejected_kind: ViolationKind | None


def accepted() -> Outcome:
    """Return the outcome of a request that was answered."""
    return Outcome(recorded=Recorded.ACCEPTED)


def failed_with(error: str) -> Outcome:
    """Return the outcome of a request that ended in an error.

    Args:
        error: The error's text, as far as the row has it. A class or a code alone tells that it
            failed, and not whether for its pairing.
    """
    kind = rejection_kind(error) if error else None
    if kind is None:
        return Outcome(recorded=Recorded.FAILED)
    return Outcome(recorded=Recorded.REJECTED, rejected_kind=kind)


def outcome(*, error: str | None, answered: bool) -> Outcome:
    """Return the outcome: an error's text counts before an answer; without both nothing is told."""
    if error:
        return failed_with(error)
    return accepted() if answered else Outcome()
