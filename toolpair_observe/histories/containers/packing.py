"""Streams that unpack another: gzip, zstd, and text that is not UTF-8.

A packed file may be made to fill the memory. No stream gives more at once than it is asked for,
or, for zstd, than a small piece of its input can hold.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.install import package_line

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"

# A piece of zstd data holds at most a block of 128 KiB for each 4 bytes: 8 MiB in all.
_PIECE: Final = 256
_DAMAGED: Final = "the {} data is damaged or cut off; the part before that was read"
_NO_ZSTD: Final = f"reading zstd data takes the package zstandard: {package_line('zstandard')}"

# Longer marks stand before those that they begin with.
_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
# JSON in UTF-16 without a mark, as some consoles write it.
_UNMARKED: Final = ((b"{\x00", b"[\x00"), "utf-16-le"), ((b"\x00{", b"\x00["), "utf-16-be")
LONGEST_MARK: Final = 4


class Stream(Protocol):
    """Something to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""


class Ahead:
    """A stream whose first bytes can be looked at before they are read.

    Attributes:
        taken: How many bytes were taken from the stream.
    """

    def __init__(self, stream: Stream) -> None:
        self.taken = 0
        self._stream = stream
        self._ahead = b""
        self._at = 0
        self._fault: HistoryFileError | None = None

    def peek(self, size: int) -> bytes:
        """Return the first so many bytes, fewer only at the end, without reading them."""
        blocks = [self._ahead[self._at :]]
        length = len(blocks[0])
        try:
            while length < size and (data := self._take(size - length)):
                blocks.append(data)
                length += len(data)
        except HistoryFileError as error:
            self._fault = error  # whoever reads on meets it, after what came before it
        self._ahead, self._at = b"".join(blocks), 0
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end."""
        if self._at >= len(self._ahead):
            return self._take(size)
        data = self._ahead[self._at : self._at + size]
        self._at += len(data)
        if self._at >= len(self._ahead):
            self._ahead, self._at = b"", 0
        return data

    def _take(self, size: int) -> bytes:
        if self._fault:
            raise self._fault
        data = self._stream.read(size) or b""
        self.taken += len(data)
        return data


def unpacked(stream: Ahead) -> tuple[Ahead, str]:
    """Return the stream of what is packed in another, and the name of the packing, or `""`."""
    start = stream.peek(len(ZSTD_MAGIC))
    if start.startswith(GZIP_MAGIC):
        return Ahead(_Gzip(stream)), "gzip"
    if start == ZSTD_MAGIC:
        return Ahead(_zstd(stream)), "zstd"
    return stream, ""


def as_utf8(stream: Ahead) -> Ahead:
    """Return the stream as UTF-8 without a mark, if its first bytes tell another encoding."""
    start = stream.peek(LONGEST_MARK)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            stream.read(len(mark))
            return stream if encoding == "utf-8" else Ahead(_Transcoded(stream, encoding))
    for starts, encoding in _UNMARKED:
        if start.startswith(starts):
            return Ahead(_Transcoded(stream, encoding))
    return stream


class _Gzip:
    def __init__(self, stream: Ahead) -> None:
        reader: Any = stream  # GzipFile needs nothing but `read`
        self._file = gzip.GzipFile(fileobj=reader, mode="rb")

    def read(self, size: int, /) -> bytes:
        try:
            # `read` would lose what it has when it meets the fault.
            return self._file.read1(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise HistoryFileError(_DAMAGED.format("gzip")) from None


def _zstd(stream: Ahead) -> Stream:
    try:
        return _StandardZstd(stream, import_module("compression.zstd"))
    except ImportError:
        pass
    try:
        return _PackageZstd(stream, import_module("zstandard"))
    except ImportError:
        raise HistoryFileError(_NO_ZSTD) from None


class _StandardZstd:
    """zstd by the standard library, from Python 3.14 on."""

    def __init__(self, stream: Ahead, zstd: Any) -> None:  # noqa: ANN401 - a module
        self._file = zstd.ZstdFile(stream)
        self._faults = (EOFError, zstd.ZstdError)

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = self._file.read(size)
        except self._faults:
            raise HistoryFileError(_DAMAGED.format("zstd")) from None
        return data


class _PackageZstd:
    """zstd by the package zstandard. Its own file object takes data that is cut off for whole."""

    def __init__(self, stream: Ahead, zstandard: Any) -> None:  # noqa: ANN401 - a module
        self._stream = stream
        self._open: Callable[[], Any] = zstandard.ZstdDecompressor().decompressobj
        self._fault = zstandard.ZstdError
        self._frame = self._open()
        self._packed = b""
        self._ready = b""
        self._at = 0
        self._inside = False
        self._damaged = False

    def read(self, size: int, /) -> bytes:
        pieces: list[bytes] = []
        length = 0
        while length < size:
            if self._at < len(self._ready):
                pieces.append(self._ready[self._at : self._at + size - length])
                self._at += len(pieces[-1])
                length += len(pieces[-1])
            elif not self._unpack_more():
                break
        if self._damaged and not length:  # what came before it was given first
            raise HistoryFileError(_DAMAGED.format("zstd"))
        return b"".join(pieces)

    def _unpack_more(self) -> bool:
        packed = self._packed or self._stream.read(_PIECE)
        self._ready, self._at = b"", 0
        if not packed:
            self._damaged = self._damaged or self._inside
            return False
        try:
            self._ready = self._frame.decompress(packed)
        except self._fault:
            self._damaged = True
            return False
        self._inside = not self._frame.eof
        self._packed = self._frame.unused_data
        if self._frame.eof:
            self._frame = self._open()
        return True


class _Transcoded:
    def __init__(self, stream: Ahead, encoding: str) -> None:
        self._stream = stream
        self._name = encoding[:6].upper()
        self._decode = codecs.getincrementaldecoder(encoding)("surrogatepass").decode

    def read(self, size: int, /) -> bytes:
        # A character of UTF-16 takes at most one and a half times as much in UTF-8.
        while True:
            data = self._stream.read(max(size // 2, LONGEST_MARK))
            try:
                text = self._decode(data, final=not data)
            except UnicodeDecodeError:
                msg = f"not {self._name} text; the part before that was read"
                raise HistoryFileError(msg) from None
            if text or not data:
                # Half a pair stays half a pair; the line that has it is refused where it is parsed.
                return text.encode("utf-8", "surrogatepass")
