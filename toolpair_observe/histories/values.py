"""JSON values out of files that nobody vouches for: JSON, JSON Lines, gzip of each.

Files are read as a stream and nothing in them is trusted: the size of a value, of an unpacked file
and the depth of nesting are bounded, and whatever can't be read is named with its line while the
rest of the file is still read.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from toolpair_observe.errors import HistoryFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDIN: Final = "-"

_MEBI: Final = 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
_WHITESPACE: Final = " \t\r\n"


# Is told how many bytes of the file (packed, where it is packed) have been read, and of how many.
Progress: TypeAlias = "Callable[[int, int], None]"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an untrusted file is taken.

    Attributes:
        value_bytes: Longest single line, or longest single value of a JSON document.
        file_bytes: Most bytes of one file, after unpacking.
        depth: Deepest nesting of lists and objects.
        messages: Most messages of one history.
        prefix_messages: Most messages of a history whose prefixes are requests; each of them is
            checked, so the work grows with the square.
    """

    value_bytes: int = 32 * _MEBI
    file_bytes: int = 4096 * _MEBI
    depth: int = 100
    messages: int = 20_000
    prefix_messages: int = 2_000


@dataclass(frozen=True, slots=True)
class Value:
    """One JSON value.

    Attributes:
        line: The line on which it starts, from 1.
        data: The value.
        position: Where it stands in the document's list, from 0; None outside of one.
    """

    line: int
    data: object
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a file that could not be read.

    Attributes:
        path: The file, as it was named.
        line: Where, from 1; None where the whole file is meant.
        reason: What is wrong, without any of the file's content.
    """

    path: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        """Name file, line and reason."""
        where = self.name if self.line is None else f"{self.name}:{self.line}"
        return f"{where}: {self.reason}"

    @property
    def name(self) -> str:
        """What people call the file."""
        return name_of(self.path)


def name_of(path: str) -> str:
    """Call a file what people call it."""
    return "standard input" if path == STDIN else path


def read_values(
    path: str,
    limits: Limits,
    *,
    belongs_to_list: Callable[[object], bool],
    progress: Progress | None = None,
) -> Iterator[Value | Unreadable]:
    """Yield every JSON value of a file, and every part that can't be read.

    The top-level list of a JSON document is read element by element, unless `belongs_to_list` says
    of its first element that only the whole list makes sense.

    Args:
        path: The file; `-` is the standard input.
        limits: How much is taken.
        belongs_to_list: Whether an element is a part of a value rather than a value.
        progress: Is told how far the reading is.
    """
    source: _Source | None = None
    try:
        with _opened(path, limits, progress) as source:
            for found in _values(path, source, limits, belongs_to_list):
                if isinstance(found, Value):
                    yield found
                else:
                    yield Unreadable(path, *found)
    except HistoryFileError as error:
        # No line has been read yet where the very beginning is damaged.
        yield Unreadable(path, (source.line or None) if source else None, str(error))
    except OSError as error:
        yield Unreadable(path, None, _os_reason(error))


_Found = Value | tuple[int | None, str]


def _values(
    path: str, source: _Source, limits: Limits, belongs_to_list: Callable[[object], bool]
) -> Iterator[_Found]:
    first = source.next_line()
    while first is not None and not first.strip():
        first = source.next_line()
    if first is None:
        yield None, "the file is empty"
        return
    if _is_json_lines(path, first, limits):
        yield from _line_values(first, source, limits)
    elif first.lstrip()[:1] in (b"[", b"{"):
        yield from _Document(first, source, limits).values(belongs_to_list)
    else:
        yield source.line, _not_json(first, limits)


def _is_json_lines(path: str, first: bytes, limits: Limits) -> bool:
    """Whether each line is a value of its own. A document in a single line is one of those."""
    name = path.lower().removesuffix(".gz")
    if name.endswith(_LINE_SUFFIXES):
        return True
    try:
        _parse(first, limits)
    except HistoryFileError:
        return False
    return True


def _line_values(first: bytes, source: _Source, limits: Limits) -> Iterator[_Found]:
    line: bytes | None = first
    while line is not None:
        number = source.line
        if source.at_long_line:
            source.skip_line()
            yield number, f"the line is longer than {_size(limits.value_bytes)}"
        elif line.strip():
            try:
                yield Value(number, _parse(line, limits))
            except HistoryFileError as error:
                yield number, str(error)
        line = source.next_line()


def _not_json(line: bytes, limits: Limits) -> str:
    try:
        _parse(line, limits)
    except HistoryFileError as error:
        return str(error)
    return "not JSON"


def _parse(line: bytes, limits: Limits) -> object:
    try:
        value = json.loads(line.decode().rstrip())
    except UnicodeDecodeError:
        raise HistoryFileError(_NOT_TEXT) from None
    except json.JSONDecodeError as error:
        msg = f"not JSON: {_fault(error)} (column {error.colno})"
        raise HistoryFileError(msg) from None
    except ValueError:
        raise HistoryFileError(_BAD_NUMBER) from None
    except RecursionError:
        raise HistoryFileError(_too_deep(limits)) from None
    _bound_depth(value, limits)
    return value


def _fault(error: json.JSONDecodeError) -> str:
    """What is wrong, without the beginning of where."""
    return error.msg.removesuffix(" at").removesuffix(" starting").removesuffix(": ")


def _bound_depth(value: object, limits: Limits) -> None:
    level: list[object] = [value]
    for _ in range(limits.depth + 1):
        level = [
            inner
            for container in level
            if isinstance(container, dict | list)
            for inner in (container.values() if isinstance(container, dict) else container)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise HistoryFileError(_too_deep(limits))


class _Source:
    """A bounded binary stream that knows its line."""

    def __init__(
        self,
        stream: BinaryIO | gzip.GzipFile,
        limits: Limits,
        report: Callable[[], None] = lambda: None,
    ) -> None:
        self.line = 0
        self.at_long_line = False
        self._stream = stream
        self._limits = limits
        self._report = report
        self._left = limits.file_bytes

    def next_line(self) -> bytes | None:
        """Return the next line, cut where it is too long, or None at the end."""
        line = self._take(self._stream.readline, self._limits.value_bytes + 1)
        if not line:
            return None
        if self.line == 0:
            line = line.removeprefix(codecs.BOM_UTF8)
        self.line += 1
        self.at_long_line = len(line) > self._limits.value_bytes
        return line

    def skip_line(self) -> None:
        """Leave out the rest of a line that is too long."""
        while (rest := self._take(self._stream.readline, _MEBI)) and not rest.endswith(b"\n"):
            pass

    def read(self, count: int) -> bytes:
        """Return at most `count` bytes, none at the end."""
        return self._take(self._stream.read, count)

    def _take(self, how: Callable[[int], bytes], count: int) -> bytes:
        try:
            data = how(count)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            msg = "the gzip data is damaged or cut off; what came before it was read"
            raise HistoryFileError(msg) from None
        self._left -= len(data)
        if self._left < 0:
            msg = (
                f"the file is larger than {_size(self._limits.file_bytes)} when unpacked; "
                "what came before was read"
            )
            raise HistoryFileError(msg)
        self._report()
        return data


class _Document:
    """A JSON document over several lines, decoded value by value."""

    def __init__(self, first: bytes, source: _Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._decode_text = codecs.getincrementaldecoder("utf-8")().decode
        self._decode_value = json.JSONDecoder().raw_decode
        self._line = source.line
        self._text = self._as_text(first)
        self._at = 0
        self._ended = False

    def values(self, belongs_to_list: Callable[[object], bool]) -> Iterator[_Found]:
        """Yield the values; what follows a fault can't be told apart, so it ends there."""
        try:
            while character := self._next_character():
                if character == "[":
                    yield from self._list(belongs_to_list)
                else:
                    yield Value(self._line, self._value())
        except HistoryFileError as error:
            yield self._line, f"{error}; what came before was read"

    def _list(self, belongs_to_list: Callable[[object], bool]) -> Iterator[Value]:
        start = self._line
        elements = self._elements()
        first = next(elements, None)
        if first is None:
            yield Value(start, [])
        elif belongs_to_list(first.data):
            whole = [first.data]
            for element in elements:
                whole.append(element.data)
                if len(whole) > self._limits.messages:
                    raise HistoryFileError(too_many(self._limits))
            yield Value(start, whole)
        else:
            for position, element in enumerate(chain([first], elements)):
                yield replace(element, position=position)

    def _elements(self) -> Iterator[Value]:
        self._at += 1
        if self._next_character() == "]":
            self._at += 1
            return
        while True:
            self._next_character()
            line = self._line
            yield Value(line, self._value())
            character = self._next_character()
            self._at += 1
            if character == "]":
                return
            if character != ",":
                self._at -= 1
                msg = f"not JSON: {'the list does not end' if not character else 'expected , or ]'}"
                raise HistoryFileError(msg)

    def _value(self) -> object:
        while True:
            try:
                value, end = self._decode_value(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or self._is_final(error):
                    self._advance(error.pos)
                    msg = f"not JSON: {_fault(error)}"
                    raise HistoryFileError(msg) from None
            except ValueError:
                raise HistoryFileError(_BAD_NUMBER) from None
            except RecursionError:
                raise HistoryFileError(_too_deep(self._limits)) from None
            else:
                self._advance(end)
                _bound_depth(value, self._limits)
                return value
            self._read_more()

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        """Whether more text can't mend the error: it stands well before the end of the text."""
        longest_token = 16
        return (
            not error.msg.startswith("Unterminated string")
            and error.pos < len(self._text) - longest_token
        )

    def _next_character(self) -> str:
        while True:
            end = self._at
            while end < len(self._text) and self._text[end] in _WHITESPACE:
                end += 1
            self._advance(end)
            if end < len(self._text):
                return self._text[end]
            if not self._read_more():
                return ""

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _read_more(self) -> bool:
        if self._ended:
            return False
        pending = len(self._text) - self._at
        if pending > self._limits.value_bytes:
            msg = f"a single value is larger than {_size(self._limits.value_bytes)}"
            raise HistoryFileError(msg)
        # Doubling keeps the repeated decoding of a long value linear.
        data = self._source.read(max(_MEBI // 4, pending))
        self._ended = not data
        self._text = self._text[self._at :] + self._as_text(data)
        self._at = 0
        return not self._ended

    def _as_text(self, data: bytes) -> str:
        try:
            return self._decode_text(data, final=not data)
        except UnicodeDecodeError:
            raise HistoryFileError(_NOT_TEXT) from None


@contextmanager
def _opened(path: str, limits: Limits, progress: Progress | None) -> Iterator[_Source]:
    with _raw(path) as raw:
        total = 0 if path == STDIN else os.fstat(raw.fileno()).st_size

        def report() -> None:
            if total and progress is not None and raw.seekable():
                progress(raw.tell(), total)

        if raw.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)] != _GZIP_MAGIC:
            yield _Source(raw, limits, report)
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield _Source(unpacked, limits, report)


@contextmanager
def _raw(path: str) -> Iterator[io.BufferedReader]:
    if path != STDIN:
        with Path(path).open("rb") as raw:
            yield raw
    elif sys.stdin is None:
        msg = "it is closed"
        raise HistoryFileError(msg)
    else:
        buffer: Any = sys.stdin.buffer
        yield buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(buffer)


_NOT_TEXT: Final = "not UTF-8 text"
_BAD_NUMBER: Final = "not JSON: a number has too many digits"


def too_many(limits: Limits) -> str:
    """Say that a history is too long."""
    return f"the history has more than {limits.messages:,} messages"


def _too_deep(limits: Limits) -> str:
    return f"lists and objects are nested more than {limits.depth} deep"


def _size(count: int) -> str:
    return f"{count // _MEBI:,} MiB" if count >= _MEBI else f"{count:,} bytes"


def _os_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a directory; name the files in it"
    return f"can't be read: {error.strerror or type(error).__name__}"
