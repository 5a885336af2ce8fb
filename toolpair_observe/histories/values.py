"""JSON values from untrusted files: JSON, JSON Lines, and gzip of each.

Files are read as a stream. The size of a value and of an unpacked file and the depth of nesting
are bounded. A part that can't be read is reported with its line, and the rest is still read.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.limits import size_text, too_deep, too_many_messages
from toolpair_observe.histories.source import STDIN, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.limits import ReadLimits
    from toolpair_observe.histories.source import Progress, Source

_CHUNK_BYTES: Final = 256 * 1024
_LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NOT_TEXT: Final = "not UTF-8 text"
_BAD_NUMBER: Final = "not JSON: a number has too many digits"


@dataclass(frozen=True, slots=True)
class Value:
    """One JSON value.

    Attributes:
        line: The line on which it starts, from 1.
        data: The value.
        position: Its position in the document's list, from 0; None outside of a list.
    """

    line: int
    data: object
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a file that could not be read.

    Attributes:
        path: The file, as the caller named it.
        line: The line, from 1; None for the whole file.
        reason: The fault, without any of the file's content.
        ends_file: Whether what follows it in the file was not read.
    """

    path: str
    line: int | None
    reason: str
    ends_file: bool = False

    def __str__(self) -> str:
        """Return file, line and reason."""
        where = self.name if self.line is None else f"{self.name}:{self.line}"
        return f"{where}: {self.reason}"

    @property
    def name(self) -> str:
        """The file's name for people."""
        return name_of(self.path)


def name_of(path: str) -> str:
    """Return a file's name for people."""
    return "standard input" if path == STDIN else path


def read_values(
    path: str,
    limits: ReadLimits,
    *,
    belongs_to_list: Callable[[object], bool],
    progress: Progress | None = None,
) -> Iterator[Value | Unreadable]:
    """Yield every JSON value of a file, and every part that can't be read.

    The top-level list of a JSON document is read element by element, unless its first element
    belongs to the list: then the whole list is one value.

    Args:
        path: The file; `-` is standard input.
        limits: How much of it is read.
        belongs_to_list: Whether an element is a part of a value rather than a value.
        progress: Called with the progress of the reading.
    """
    source: Source | None = None
    try:
        with open_source(path, limits, progress) as source:
            for found in _values(path, source, limits, belongs_to_list):
                if isinstance(found, Value):
                    yield found
                else:
                    yield Unreadable(path, *found)
    except HistoryFileError as error:
        # No line has been read if the very beginning is damaged.
        line = (source.line or None) if source else None
        yield Unreadable(path, line, str(error), ends_file=True)
    except OSError as error:
        yield Unreadable(path, None, _os_reason(error), ends_file=True)


_Found = Value | tuple[int | None, str]


def _values(
    path: str, source: Source, limits: ReadLimits, belongs_to_list: Callable[[object], bool]
) -> Iterator[_Found]:
    first = source.next_line()
    if first is None:
        yield None, "the file is empty"
        return
    if _is_json_lines(path, first, limits):
        yield from _line_values(first, source, limits)
    elif first.lstrip()[:1] in (b"[", b"{"):
        yield from _Document(first, source, limits).values(belongs_to_list)
    else:
        yield source.line, _parse_fault(first, limits)


def _is_json_lines(path: str, first: bytes, limits: ReadLimits) -> bool:
    """Whether each line is a separate value. A document in a single line counts as one of those."""
    name = path.lower().removesuffix(".gz")
    if name.endswith(_LINE_SUFFIXES):
        return True
    try:
        _parse(first, limits)
    except HistoryFileError:
        return False
    return True


def _line_values(first: bytes, source: Source, limits: ReadLimits) -> Iterator[_Found]:
    line: bytes | None = first
    while line is not None:
        number = source.line
        if source.at_long_line:
            source.skip_line()
            yield number, f"the line is longer than {size_text(limits.value_bytes)}"
        else:
            try:
                yield Value(number, _parse(line, limits))
            except HistoryFileError as error:
                yield number, str(error)
        line = source.next_line()


def _parse_fault(line: bytes, limits: ReadLimits) -> str:
    try:
        _parse(line, limits)
    except HistoryFileError as error:
        return str(error)
    return "not JSON"


def _parse(line: bytes, limits: ReadLimits) -> object:
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
        raise HistoryFileError(too_deep(limits)) from None
    _check_depth(value, limits)
    return value


def _fault(error: json.JSONDecodeError) -> str:
    """Return the fault without the decoder's words for its place."""
    return error.msg.removesuffix(" at").removesuffix(" starting").removesuffix(": ")


def _check_depth(value: object, limits: ReadLimits) -> None:
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
    raise HistoryFileError(too_deep(limits))


class _Document:
    """A JSON document over several lines, decoded value by value."""

    def __init__(self, first: bytes, source: Source, limits: ReadLimits) -> None:
        self._source = source
        self._limits = limits
        self._decode_text = codecs.getincrementaldecoder("utf-8")().decode
        self._decode_value = json.JSONDecoder().raw_decode
        self._line = source.line
        self._text = self._as_text(first)
        self._at = 0
        self._ended = False

    def values(self, belongs_to_list: Callable[[object], bool]) -> Iterator[_Found]:
        """Yield the values up to the first fault; after it, no value can be recognized."""
        try:
            while character := self._next_character():
                if character == "[":
                    yield from self._list(belongs_to_list)
                else:
                    yield Value(self._line, self._value())
        except HistoryFileError as error:
            yield self._line, f"{error}; the part before that was read"

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
                    raise HistoryFileError(too_many_messages(self._limits))
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
                raise HistoryFileError(too_deep(self._limits)) from None
            else:
                self._advance(end)
                _check_depth(value, self._limits)
                return value
            self._read_more()

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        """Whether the error is so far from the end of the text that more text can't fix it."""
        longest_token = 16
        return (
            not error.msg.startswith("Unterminated string")
            and error.pos < len(self._text) - longest_token
        )

    def _next_character(self) -> str:
        blanks = 0
        while True:
            end = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]
            blanks += end - self._at
            if blanks > self._limits.value_bytes:
                msg = f"{size_text(self._limits.value_bytes)} of blanks between two values"
                raise HistoryFileError(msg)
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
            msg = f"a single value is larger than {size_text(self._limits.value_bytes)}"
            raise HistoryFileError(msg)
        # Doubling keeps the repeated decoding of a long value linear.
        data = self._source.read(max(_CHUNK_BYTES, pending))
        self._ended = not data
        self._text = self._text[self._at :] + self._as_text(data)
        self._at = 0
        return not self._ended

    def _as_text(self, data: bytes) -> str:
        try:
            return self._decode_text(data, final=not data)
        except UnicodeDecodeError:
            raise HistoryFileError(_NOT_TEXT) from None


def _os_reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a directory; name the files in it"
    return f"can't be read: {error.strerror or type(error).__name__}"
