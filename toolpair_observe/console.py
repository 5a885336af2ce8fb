"""What all commands share: safe output and exit codes."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TextIO

from toolpair_observe.pairing.shown import line, lines

if TYPE_CHECKING:
    from collections.abc import Mapping


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
