"""See broken tool-call / tool-result pairs (INVALID_TOOL_RESULTS) before the provider does.

The names below are imported when they are asked for: a pytest plugin and a command line that only
may need them start without langchain-core.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from toolpair_observe._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.attach.guard import guard
    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.attach.instrument import instrument, uninstrument
    from toolpair_observe.errors import InvalidToolResultsError
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.check_messages import check_messages
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.words import Cause, Effect, Outcome, ViolationKind
    from toolpair_observe.repair import Repair, repair_messages

__all__ = [
    "Cause",
    "Effect",
    "InvalidToolResultsError",
    "Observation",
    "Outcome",
    "PairingReport",
    "Repair",
    "ToolPairHandler",
    "Violation",
    "ViolationKind",
    "__version__",
    "check_messages",
    "guard",
    "instrument",
    "repair_messages",
    "uninstrument",
]

_HOMES: Final[Mapping[str, str]] = {
    "Cause": "pairing.words",
    "Effect": "pairing.words",
    "InvalidToolResultsError": "errors",
    "Observation": "observation",
    "Outcome": "pairing.words",
    "PairingReport": "pairing.report",
    "Repair": "repair",
    "ToolPairHandler": "attach.handler",
    "Violation": "pairing.report",
    "ViolationKind": "pairing.words",
    "check_messages": "pairing.check_messages",
    "guard": "attach.guard",
    "instrument": "attach.instrument",
    "repair_messages": "repair",
    "uninstrument": "attach.instrument",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
