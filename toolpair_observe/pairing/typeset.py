"""Rows of styled text as lines of a given width, wrapped at words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MIN_WIDTH: Final = 60
# Below this no word fits: the lines get longer than they should.
_MIN_ROOM: Final = 20
_WIDE: Final = frozenset("WF")
# Marks that stand on the letter before them.
_WITHOUT_WIDTH: Final = frozenset({"Mn", "Me"})
_WORD: Final = re.compile(r"( *)([^ ]*)")
_ANSI: Final = {
    "muted": "90",
    "title": "1",
    "id": "36",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "broken": "1;31",
}
STYLES: Final = tuple(_ANSI)
"""The names of the styles that a piece can have, beside `""`."""


class Piece(NamedTuple):
    """Some text of one style."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what stands before the text, and the text, which may take several lines.

    Attributes:
        head: What stands before the text on the first line.
        hang: What stands before it on the others; as wide as `head`.
        body: The text.
    """

    head: tuple[Piece, ...]
    hang: tuple[Piece, ...]
    body: tuple[Piece, ...]

    @property
    def parts(self) -> tuple[tuple[Piece, ...], ...]:
        """All of its text: head, hang and body."""
        return self.head, self.hang, self.body


def row(text: str, style: str = "", hang: int = 0) -> Row:
    """Return a row of one text whose further lines are indented by `hang`."""
    return Row((), (Piece(" " * hang),), (Piece(text, style),))


def wrap(rows: Iterable[Row], width: int) -> Iterator[list[Piece]]:
    """Yield the lines of rows.

    Args:
        rows: The rows.
        width: The most columns of a line.
    """
    for each in rows:
        for line in _wrapped(each, width):
            yield _disarmed(_joined(line))


def plain(lines: Iterable[Sequence[Piece]]) -> str:
    """Return lines as text."""
    return "\n".join("".join(piece.text for piece in line) for line in lines)


def ansi(lines: Iterable[Sequence[Piece]]) -> str:
    """Return lines as text with the colors of a terminal."""
    return "\n".join("".join(map(_colored, line)) for line in lines)


def _colored(piece: Piece) -> str:
    code = _ANSI.get(piece.style)
    return f"\x1b[{code}m{piece.text}\x1b[0m" if code and piece.text.strip() else piece.text


def _wrapped(each: Row, width: int) -> Iterator[list[Piece]]:
    hang = _length(each.hang)
    line, used, is_fresh = list(each.head), _length(each.head), True
    for gap, word in _words(each.body):
        if not is_fresh and used + len(gap.text) + columns(word.text) > width:
            yield line
            line, used, is_fresh = list(each.hang), hang, True
        if not is_fresh:
            line.append(gap)
            used += len(gap.text)
        rest = word.text
        while columns(rest) > (room := max(_MIN_ROOM, width - used)):
            end = _fitting(rest, room)
            yield [*line, Piece(rest[:end], word.style)]
            line, used, rest = list(each.hang), hang, rest[end:]
        line.append(Piece(rest, word.style))
        used += columns(rest)
        is_fresh = False
    yield line


def _words(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Piece]]:
    """Yield each word with the spaces before it."""
    spaces = ""
    for piece in pieces:
        for gap, word in _WORD.findall(piece.text):
            spaces += gap
            if word:
                yield Piece(spaces), Piece(word, piece.style)
                spaces = ""


def _length(pieces: Sequence[Piece]) -> int:
    return sum(columns(piece.text) for piece in pieces)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: letters of East Asia take two."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def padded(text: str, width: int) -> str:
    """Return a text with spaces after it, up to `width` columns."""
    return text + " " * (width - columns(text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _fitting(text: str, room: int) -> int:
    """Return how many characters of a text fit into `room` columns."""
    if text.isascii():
        return room
    for place, used in enumerate(accumulate(map(_columns_of, text))):
        if used > room:
            return place
    return len(text)


def legible(rows: Iterable[Row], encoding: str) -> Iterator[Row]:
    """Yield rows with an escape for each character that an encoding lacks."""
    for each in rows:
        yield Row(*(tuple(_legible(piece, encoding) for piece in part) for part in each.parts))


def _legible(piece: Piece, encoding: str) -> Piece:
    if piece.text.isascii():
        return piece
    text = piece.text.encode(encoding, "backslashreplace").decode(encoding)
    return Piece(text, piece.style)


def _joined(line: list[Piece]) -> list[Piece]:
    """Join neighbors of one style, and drop the spaces at the end."""
    joined: list[Piece] = []
    spaces = ""
    for piece in line:
        if not piece.text.strip():
            spaces += piece.text
        elif joined and joined[-1].style == piece.style:
            joined[-1] = Piece(joined[-1].text + spaces + piece.text, piece.style)
            spaces = ""
        else:
            joined += [Piece(spaces)] if spaces else []
            joined.append(piece)
            spaces = ""
    if joined:
        joined[-1] = Piece(joined[-1].text.rstrip(), joined[-1].style)
    return joined


def _disarmed(line: list[Piece]) -> list[Piece]:
    """Keep a line that wrapping has begun from being a build server's command."""
    for place, piece in enumerate(line):
        if piece.text.strip():
            text = piece.text.lstrip()
            if text.startswith("::"):
                indent = piece.text[: len(piece.text) - len(text)]
                line[place] = Piece(f"{indent}\\x3a{text[1:]}", piece.style)
            break
    return line
