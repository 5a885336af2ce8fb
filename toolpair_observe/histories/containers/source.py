"""The bytes of an untrusted file, unpacked, line by line or block by block, and never too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.limits import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.containers.packing import Ahead
    from toolpair_observe.histories.limits import ReadLimits

BLOCK: Final = 256 * 1024
"""How many bytes are read at once, and by how many a container is told."""

# A line that is longer than so many of the longest values is not read to its end.
_SKIPPED_VALUES: Final = 64
_REST_LEFT: Final = "what follows was not read: take it out of the file"

# Called with the bytes of the file that have been read (packed, if it is packed), and its size.
Progress: TypeAlias = "Callable[[int, int], None]"


class Source:
    """A bounded stream of UTF-8 text that counts its lines.

    Args:
        stream: The stream, unpacked.
        limits: How much of it is read.
        report: Called after each read.
        file: The file itself, if it is not packed and any part of it can be read.

    Attributes:
        line: The number of the line read last, 0 before the first.
        file: See above.
    """

    def __init__(
        self,
        stream: Ahead,
        limits: ReadLimits,
        report: Callable[[], None] = lambda: None,
        file: BinaryIO | None = None,
    ) -> None:
        self.line = 0
        self.file = file
        self._stream = stream
        self._limits = limits
        self._report = report
        self._left = limits.file_bytes

    def peek(self, size: int = BLOCK) -> bytes:
        """Return the first bytes, fewer than `size` only at the end, without reading them."""
        return self._stream.peek(size)

    def read(self, size: int = BLOCK) -> bytes:
        """Return at most `size` bytes, none at the end."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            msg = (
                f"the file is larger than {size_text(self._limits.file_bytes)} when unpacked; "
                "the part before that was read"
            )
            raise HistoryFileError(msg)
        self._report()
        return data

    def whole(self) -> bytes:
        """Return all of it, which may be no longer than one value."""
        blocks = []
        length = 0
        while block := self.read():
            blocks.append(block)
            length += len(block)
            if length > self._limits.value_bytes:
                msg = f"a file of this kind may have {size_text(self._limits.value_bytes)}, no more"
                raise HistoryFileError(msg)
        return b"".join(blocks)

    def lines(self) -> Iterator[bytes | None]:
        """Yield each line that is not blank, without its end, and None for one too long."""
        longest = self._limits.value_bytes
        blank = 0
        for line in self._all_lines():
            if line is None:
                blank = 0
                yield None
            elif line and not line.isspace():
                blank = 0
                yield line if len(line) <= longest else None
            elif len(line) > longest:
                raise HistoryFileError(_blank_line(longest))
            else:
                blank += 1
                if blank > self._limits.blank_lines:
                    most = self._limits.blank_lines
                    msg = f"more than {most:,} blank lines in a row; {_REST_LEFT}"
                    raise HistoryFileError(msg)

    def _all_lines(self) -> Iterator[bytes | None]:
        begun: list[bytes] = []
        length = 0
        block = self.read()
        while block:
            *ended, last = block.split(b"\n")
            if ended and begun:
                ended[0] = b"".join([*begun, ended[0]])
                begun, length = [], 0
            for line in ended:
                self.line += 1
                yield line
            if last:
                begun.append(last)
                length += len(last)
            block = self.read()
            if length > self._limits.value_bytes:
                if all(map(bytes.isspace, begun)):
                    raise HistoryFileError(_blank_line(self._limits.value_bytes))
                begun, length = [], 0
                self.line += 1
                block = self._skip_line(block)
                yield None
        if begun:
            self.line += 1
            yield b"".join(begun)

    def _skip_line(self, block: bytes) -> bytes:
        """Read on to the end of a line that is too long, and return what follows in its block."""
        most = _SKIPPED_VALUES * self._limits.value_bytes
        left = most
        while block:
            _, end, rest = block.partition(b"\n")
            if end:
                return rest or self.read()
            left -= len(block)
            if left < 0:
                msg = f"the line is longer than {size_text(most)}; {_REST_LEFT}"
                raise HistoryFileError(msg)
            block = self.read()
        return b""


def _blank_line(longest: int) -> str:
    return f"{size_text(longest)} of blanks on one line; {_REST_LEFT}"
