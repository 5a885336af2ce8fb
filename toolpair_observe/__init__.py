"""See broken tool-call / tool-result pairs (INVALID_TOOL_RESULTS) before the provider does."""

from toolpair_observe._version import __version__
from toolpair_observe.api import check_messages
from toolpair_observe.errors import InvalidToolResultsError
from toolpair_observe.pairing.report import (
    Cause,
    Effect,
    Outcome,
    PairingReport,
    Violation,
    ViolationKind,
)

__all__ = [
    "Cause",
    "Effect",
    "InvalidToolResultsError",
    "Outcome",
    "PairingReport",
    "Violation",
    "ViolationKind",
    "__version__",
    "check_messages",
]
