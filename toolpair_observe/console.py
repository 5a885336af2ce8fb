"""What all commands share: safe output and exit codes."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TextIO

from toolpair_observe.pairing.shown import line, lines
from toolpair_observe.pairing.terminal import takes_color

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.report import PairingReport


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


def show_report(report: PairingReport) -> None:
    """Print what `report.explain()` says to standard output, in color where that is a terminal."""
    stream = sys.stdout
    # What it says is harmless already, and its colors would be no longer.
    print(report.explain(color=takes_color(stream)), file=stream)


def show_line(text: str, stream: TextIO | None = None) -> None:
    """Print `text` as one line, whatever is in it."""
    print(line(text), file=stream or sys.stdout)


def show_json(value: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON, in which no build server finds a command either."""
    show(json.dumps(value).replace("#", r"\u0023"))
