"""Stored conversations in untrusted files, read as data only."""

from toolpair_observe.histories.containers.value import STDIN
from toolpair_observe.histories.limits import DEFAULT_LIMITS, ReadLimits
from toolpair_observe.histories.units import read_units

__all__ = ["DEFAULT_LIMITS", "STDIN", "ReadLimits", "read_units"]
