"""Conversation histories in untrusted files, read as data only."""

from toolpair_observe.histories.limits import ReadLimits
from toolpair_observe.histories.reader import DEFAULT_LIMITS, History, read_histories
from toolpair_observe.histories.source import STDIN
from toolpair_observe.histories.values import Unreadable, name_of

__all__ = [
    "DEFAULT_LIMITS",
    "STDIN",
    "History",
    "ReadLimits",
    "Unreadable",
    "name_of",
    "read_histories",
]
