"""Conversation histories in files, read as data that nobody vouches for."""

from toolpair_observe.histories.reader import DEFAULT_LIMITS, History, read_histories
from toolpair_observe.histories.values import STDIN, Limits, Unreadable, name_of

__all__ = [
    "DEFAULT_LIMITS",
    "STDIN",
    "History",
    "Limits",
    "Unreadable",
    "name_of",
    "read_histories",
]
