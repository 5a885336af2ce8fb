"""What all commands share: safe output, complaints about unreadable input, and exit codes."""

from __future__ import annotations

import json
import sys
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TextIO

from toolpair_observe.pairing.shown import line, lines, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.histories import Unreadable

_MAX_SHOWN: Final = 20


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FOUND = 1
    BAD_INPUT = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141


def show(text: str, stream: TextIO | None = None) -> None:
    """Print `text`, which may have several lines, to standard output or to `stream`."""
    print(lines(text), file=stream or sys.stdout)


def show_line(text: str, stream: TextIO | None = None) -> None:
    """Print `text` as one line, whatever is in it."""
    print(line(text), file=stream or sys.stdout)


def show_json(value: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON, in which no build server finds a command either."""
    show(json.dumps(value).replace("#", r"\u0023"))


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
            show_line(f"toolpair-observe: {unreadable}", sys.stderr)

    def close(self) -> None:
        """Report how many parts were not shown."""
        for name, count in self._seen.items():
            if more := count - self._shown[name]:
                rest = f"and {more:,} more unreadable parts"
                show_line(f"toolpair-observe: {shown(name)}: {rest}", sys.stderr)
