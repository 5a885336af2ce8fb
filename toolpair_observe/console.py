"""What every command shares: readable output, whatever the histories hold, and exit codes."""

from __future__ import annotations

import sys
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from toolpair_observe.histories import Unreadable

_MOST_SHOWN: Final = 20


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FOUND = 1
    BAD_INPUT = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141


def printable(text: str) -> str:
    """Return `text` with every control character but the line break written as an escape.

    Ids and tool names come from files that nobody vouches for; printed as they are they could move
    the cursor or rewrite the screen.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )


def show(text: str, stream: TextIO | None = None) -> None:
    """Print `text`, made printable, to the standard output or to `stream`."""
    print(printable(text), file=stream or sys.stdout)


class Complaints:
    """Names unreadable parts on the standard error, up to a bound for each file."""

    def __init__(self) -> None:
        """Start without complaints."""
        self._seen: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many there were, shown or not."""
        return self._seen.total()

    def add(self, unreadable: Unreadable) -> None:
        """Name one unreadable part."""
        self._seen[unreadable.name] += 1
        if self._seen[unreadable.name] <= _MOST_SHOWN:
            show(f"toolpair-observe: {unreadable}", sys.stderr)

    def close(self) -> None:
        """Say how many were left out."""
        for name, count in self._seen.items():
            if count > _MOST_SHOWN:
                left_out = count - _MOST_SHOWN
                show(
                    f"toolpair-observe: {name}: and {left_out:,} more unreadable parts", sys.stderr
                )
