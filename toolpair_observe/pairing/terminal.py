"""What a stream shows: how wide it is, and whether it takes colors and the characters of rails."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.rails import ASCII, UNICODE

if TYPE_CHECKING:
    from typing import TextIO

    from toolpair_observe.pairing.rails import Glyphs

# Where there is no terminal.
_WIDTH: Final = 80
# Longer lines are hard to read.
_MAX_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Screen:
    """What a report is drawn for.

    Attributes:
        width: Columns.
        color: Whether it is colored.
        glyphs: The characters of the timeline.
        encoding: The encoding that what is drawn has to get through.
    """

    width: int = _WIDTH
    color: bool = False
    glyphs: Glyphs = UNICODE
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream: TextIO | None) -> Screen:
        """Return what a stream shows, without color."""
        encoding = _encoding_of(stream)
        return cls(_width_of(stream), glyphs=_glyphs_of(encoding), encoding=encoding)


def screen(*, width: int | None, color: bool) -> Screen:
    """Return what standard output shows, with what a caller knows better.

    Args:
        width: Columns; None for those of the terminal.
        color: Whether to color.
    """
    found = Screen.of(sys.stdout)
    return replace(found, color=color, width=found.width if width is None else width)


def takes_color(stream: TextIO | None) -> bool:
    """Whether a stream is to be colored: a terminal, unless the environment says otherwise.

    `NO_COLOR` and `FORCE_COLOR` count where they are not empty; the first one wins.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return _is_terminal(stream) and os.environ.get("TERM") != "dumb"


def _width_of(stream: TextIO | None) -> int:
    if not _is_terminal(stream):
        return _WIDTH
    return min(_MAX_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)


def _encoding_of(stream: TextIO | None) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        "".encode(encoding)
    except (LookupError, TypeError):  # no encoding of text
        return "ascii"
    return encoding


def _glyphs_of(encoding: str) -> Glyphs:
    try:
        "".join(astuple(UNICODE)).encode(encoding)
    except UnicodeError:
        return ASCII
    return UNICODE


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False
