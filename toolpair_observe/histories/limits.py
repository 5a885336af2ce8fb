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
        messages: Most messages of one history.
        prefix_messages: Most messages of a history whose prefixes are requests. Each prefix is
            checked, so the work grows with the square.
        prefix_parts: Most messages, calls and content blocks of such a history together.
        blank_lines: Most blank lines in a row.
        unreadable_parts: Most parts of one file that can't be read; the rest of it is left then.
    """

    value_bytes: int = 32 * _MEBI
    file_bytes: int = 4096 * _MEBI
    depth: int = 100
    messages: int = 20_000
    prefix_messages: int = 2_000
    prefix_parts: int = 6_000
    blank_lines: int = 1_000_000
    unreadable_parts: int = 10_000


PREFIX_WORK: Final = 200_000
"""Most messages, calls and results that the broken prefixes of one history have together."""

UNPREFIXED: Final = 'take "prefixes" out of the row to check the whole list once'


def too_many_messages(limits: ReadLimits) -> str:
    """Return the reason for refusing a history that is too long."""
    return f"the history has more than {limits.messages:,} messages"


def too_many_prefixes(most: int, of: str) -> str:
    """Return the reason for not checking each prefix of a history."""
    return f"more than {most:,} {of}, too many to check every prefix: {UNPREFIXED}"


def too_deep(limits: ReadLimits) -> str:
    """Return the reason for refusing a value that is nested too deep."""
    return f"lists and objects are nested more than {limits.depth} deep"


def size_text(count: int) -> str:
    """Return a number of bytes as text."""
    return f"{count // _MEBI:,} MiB" if count >= _MEBI else f"{count:,} bytes"
