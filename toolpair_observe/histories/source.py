"""The bytes of an untrusted file: standard input or a path, plain or gzip, and never too many."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.limits import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.limits import ReadLimits

STDIN: Final = "-"

_SKIP_BYTES: Final = 1024 * 1024
# A line that is longer than so many of the longest values is not read to its end.
_SKIPPED_VALUES: Final = 8
_REST_LEFT: Final = "what follows was not read: take it out of the file"
_GZIP_MAGIC: Final = b"\x1f\x8b"

# Called with the bytes of the file that have been read (packed, if it is packed), and its size.
Progress: TypeAlias = "Callable[[int, int], None]"


class Source:
    """A bounded binary stream that counts its lines.

    Args:
        stream: The stream, unpacked.
        limits: How much of it is read.
        report: Called after each read.

    Attributes:
        line: The number of the line read last, 0 before the first.
        at_long_line: Whether the line read last was cut at the limit.
    """

    def __init__(
        self,
        stream: BinaryIO | gzip.GzipFile,
        limits: ReadLimits,
        report: Callable[[], None] = lambda: None,
    ) -> None:
        self.line = 0
        self.at_long_line = False
        self._stream = stream
        self._limits = limits
        self._report = report
        self._left = limits.file_bytes

    def next_line(self) -> bytes | None:
        """Return the next line that is not blank, cut if it is too long, or None at the end."""
        for _ in range(self._limits.blank_lines + 1):
            line = self._any_line()
            if line is None or not line.isspace():
                return line
            if self.at_long_line:
                msg = f"{size_text(self._limits.value_bytes)} of blanks on one line; {_REST_LEFT}"
                raise HistoryFileError(msg)
        msg = f"more than {self._limits.blank_lines:,} blank lines in a row; {_REST_LEFT}"
        raise HistoryFileError(msg)

    def _any_line(self) -> bytes | None:
        line = self._read_counted(self._stream.readline, self._limits.value_bytes + 1)
        if not line:
            return None
        if self.line == 0:
            line = line.removeprefix(codecs.BOM_UTF8)
        self.line += 1
        self.at_long_line = len(line) > self._limits.value_bytes
        return line

    def skip_line(self) -> None:
        """Skip the rest of a line that is too long."""
        most = _SKIPPED_VALUES * self._limits.value_bytes
        for _ in range(0, most, _SKIP_BYTES):
            rest = self._read_counted(self._stream.readline, _SKIP_BYTES)
            if not rest or rest.endswith(b"\n"):
                return
        msg = f"the line is longer than {size_text(most)}; {_REST_LEFT}"
        raise HistoryFileError(msg)

    def read(self, count: int) -> bytes:
        """Return at most `count` bytes, none at the end."""
        return self._read_counted(self._stream.read, count)

    def _read_counted(self, read: Callable[[int], bytes], count: int) -> bytes:
        try:
            data = read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            msg = "the gzip data is damaged or cut off; the part before that was read"
            raise HistoryFileError(msg) from None
        self._left -= len(data)
        if self._left < 0:
            msg = (
                f"the file is larger than {size_text(self._limits.file_bytes)} when unpacked; "
                "the part before that was read"
            )
            raise HistoryFileError(msg)
        self._report()
        return data


@contextmanager
def open_source(path: str, limits: ReadLimits, progress: Progress | None) -> Iterator[Source]:
    """Open a file and unpack it if it is gzip data.

    Args:
        path: The file; `-` is standard input.
        limits: How much of it is read.
        progress: Called after each read of a file that has a size.
    """
    with _open_raw(path) as raw:
        total = 0 if path == STDIN else os.fstat(raw.fileno()).st_size

        def report() -> None:
            if total and progress is not None and raw.seekable():
                progress(raw.tell(), total)

        if raw.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)] != _GZIP_MAGIC:
            yield Source(raw, limits, report)
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield Source(unpacked, limits, report)


@contextmanager
def _open_raw(path: str) -> Iterator[io.BufferedReader]:
    if path != STDIN:
        with Path(path).open("rb") as raw:
            yield raw
    elif sys.stdin is None:
        msg = "it is closed"
        raise HistoryFileError(msg)
    else:
        buffer: Any = sys.stdin.buffer
        yield buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(buffer)
