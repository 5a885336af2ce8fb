"""A part of a file of lines, for several processes that read one file together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Span:
    """The lines of a file that begin at these bytes.

    Spans that lie end to end have each line once.

    Attributes:
        start: The first byte.
        end: The byte after the last one.
        lines: How many of its lines have been read so far.
        is_read: Whether all of it has been read.
    """

    start: int
    end: int
    lines: int = 0
    is_read: bool = False


class SpanStream:
    """The lines of a span, as a stream of bytes.

    Args:
        file: The file, any part of which can be read. It stays open.
        span: The span.
    """

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file = file
        self._span = span
        self._end = _line_start(file, span.end)
        start = _line_start(file, span.start)
        self._left = self._end - start
        file.seek(start)

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        data = self._file.read(min(size, self._left)) or b""
        self._left -= len(data)
        self._span.lines += data.count(b"\n")
        self._span.is_read = not data or not self._left
        return data


def _line_start(file: BinaryIO, offset: int) -> int:
    """Return where the first line begins that begins at `offset` or later."""
    if offset == 0:
        return 0
    at = file.seek(offset - 1)
    while data := file.read(_CHUNK_BYTES):
        end = data.find(b"\n")
        if end >= 0:
            return at + end + 1
        at += len(data)
    return at
