"""How much of an untrusted file is read, and the texts for what exceeds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MEBI: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much of an untrusted file is read.

    Attributes:
        value_bytes: Longest single line, or longest single value of a JSON document.
        file_bytes: Most bytes of one file, after unpacking.
        depth: Deepest nesting of lists and objects.
        values: Most values in one value that is long; each takes memory.
        messages: Most messages of one history.
        blank_lines: Most blank lines in a row.
        unreadable_parts: Most parts of one file that can't be read; the rest of it is left then.
    """

    value_bytes: int = 32 * _MEBI
    file_bytes: int = 4096 * _MEBI
    depth: int = 200
    values: int = 1_000_000
    messages: int = 20_000
    blank_lines: int = 1_000_000
    unreadable_parts: int = 10_000


DEFAULT_LIMITS: Final = ReadLimits()

PREFIX_WORK: Final = 1_000_000
"""Most messages, calls and results that the broken prefixes of one unit have together."""


def too_many_messages(limits: ReadLimits) -> str:
    """Return the reason for refusing a history that is too long."""
    return f"the history has more than {limits.messages:,} messages"


def too_deep(limits: ReadLimits) -> str:
    """Return the reason for refusing a value that is nested too deep."""
    return f"lists and objects are nested more than {limits.depth} deep"


def size_text(count: int) -> str:
    """Return a number of bytes as text."""
    return f"{count // _MEBI:,} MiB" if count >= _MEBI else f"{count:,} bytes"
