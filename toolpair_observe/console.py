"""What all commands share: safe output, complaints about unreadable input, and exit codes."""

from __future__ import annotations

import sys
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from toolpair_observe.histories import Unreadable

_MAX_SHOWN: Final = 20


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FOUND = 1
    BAD_INPUT = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141


def printable(text: str) -> str:
    """Return `text` with every control character except the line break written as an escape.

    Ids and tool names come from untrusted files. Printed unescaped, they could move the cursor or
    rewrite the screen.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )


def show(text: str, stream: TextIO | None = None) -> None:
    """Print `text`, made printable, to standard output or to `stream`."""
    print(printable(text), file=stream or sys.stdout)


class Complaints:
    """Reports unreadable parts on standard error, up to a limit for each file."""

    def __init__(self) -> None:
        """Start without complaints."""
        self._seen: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many parts were unreadable, shown or not."""
        return self._seen.total()

    def add(self, unreadable: Unreadable) -> None:
        """Report one unreadable part."""
        self._seen[unreadable.name] += 1
        if unreadable.ends_file or self._shown[unreadable.name] < _MAX_SHOWN:
            self._shown[unreadable.name] += 1
            show(f"toolpair-observe: {unreadable}", sys.stderr)

    def close(self) -> None:
        """Report how many parts were not shown."""
        for name, count in self._seen.items():
            if more := count - self._shown[name]:
                show(f"toolpair-observe: {name}: and {more:,} more unreadable parts", sys.stderr)
