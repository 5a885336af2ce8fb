"""A JSON document over several lines, or several one after the other, decoded value by value.

A top-level list is read element by element, so that a long one needs no more memory than a short.
"""

from __future__ import annotations

import codecs
import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import (
    BAD_NUMBER,
    DECODER,
    NOT_TEXT,
    DuplicateKeyError,
    check_amount,
    check_depth,
    fault_of,
)
from toolpair_observe.histories.containers.value import Fault, Value
from toolpair_observe.histories.limits import size_text, too_deep, too_many_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_END_FINDER: Final = json.JSONDecoder()
_LONG_VALUE: Final = 1024 * 1024
_REST: Final = "the part before that was read"
# What people store as JSON that only looks like it.
_OTHERS: Final = (
    (
        re.compile(r"\{\{|\{%"),
        "this looks like a template: give what it renders to",
    ),
    (
        re.compile(r"[\[{,:]\s*'"),
        "this looks like Python's own notation: write it with json.dumps",
    ),
)


class _ElementError(HistoryFileError):
    """A value is refused whose end is known, so that what follows can be read."""


def document_values(
    source: Source, limits: ReadLimits, belongs_to_list: Callable[[object], bool]
) -> Iterator[Value | Fault]:
    """Yield the values up to the first fault that hides where the next one begins."""
    document = _Document(source, limits)
    try:
        yield from document.values(belongs_to_list)
    except HistoryFileError as error:
        yield Fault(document.line, f"{error}; {_REST}", ends_file=True)


class _Document:
    def __init__(self, source: Source, limits: ReadLimits) -> None:
        self.line = 1
        self._source = source
        self._limits = limits
        self._decode_text = codecs.getincrementaldecoder("utf-8")().decode
        self._text = ""
        self._at = 0
        self._ended = False

    def values(self, belongs_to_list: Callable[[object], bool]) -> Iterator[Value | Fault]:
        while character := self._next_character():
            if character == "[":
                yield from self._list(belongs_to_list)
                continue
            line = self.line
            try:
                yield Value(self._value(), line)
            except _ElementError as error:
                yield Fault(line, str(error))

    def _list(self, belongs_to_list: Callable[[object], bool]) -> Iterator[Value | Fault]:
        start = self.line
        elements = self._elements()
        begun: list[Value | Fault] = []
        for element in elements:
            begun.append(element)
            if isinstance(element, Value) or len(begun) >= self._limits.unreadable_parts:
                break
        if not begun:
            yield Value([], start)
        elif isinstance(begun[-1], Value) and belongs_to_list(begun[-1].data):
            yield self._whole(start, chain(begun, elements))
        else:
            yield from begun
            yield from elements

    def _whole(self, start: int, elements: Iterator[Value | Fault]) -> Value | Fault:
        """Return a list of messages. Without one of them it would be another list."""
        whole = []
        fault: Fault | None = None
        for number, element in enumerate(elements):
            if number >= self._limits.messages:
                raise HistoryFileError(too_many_messages(self._limits))
            if isinstance(element, Fault):
                fault = fault or Fault(element.line, f"message {number}: {element.reason}")
            else:
                whole.append(element.data)
        return fault or Value(whole, start)

    def _elements(self) -> Iterator[Value | Fault]:
        self._at += 1
        if self._next_character() == "]":
            self._at += 1
            return
        position = 0
        while True:
            self._next_character()
            line = self.line
            try:
                yield Value(self._value(), line, f"[{position}]")
            except _ElementError as error:
                yield Fault(line, f"[{position}]: {error}")
            position += 1
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
            if len(self._text) - self._at > _LONG_VALUE:
                check_amount(self._text, self._limits, self._at)
            try:
                found = self._decoded(DECODER)
            except DuplicateKeyError as error:
                found = self._decoded(_END_FINDER)
                if found is not None:
                    self._advance(found[1])
                    raise _ElementError(str(error)) from None
            if found is not None:
                value, end = found
                # A number may go on in what has not been read.
                if end < len(self._text) or self._ended or isinstance(value, str | list | dict):
                    return self._checked(value, end)
            self._read_more()

    def _decoded(self, decoder: json.JSONDecoder) -> tuple[object, int] | None:
        """Return the value that begins here and its end, or None if its end has not been read."""
        try:
            return decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            if self._ended or self._is_final(error):
                self._advance(error.pos)
                raise HistoryFileError(self._fault(error)) from None
            return None
        except HistoryFileError:
            raise
        except ValueError:
            raise HistoryFileError(BAD_NUMBER) from None
        except RecursionError:
            raise HistoryFileError(too_deep(self._limits)) from None

    def _checked(self, value: object, end: int) -> object:
        text, at = self._text, self._at
        containers = text.count("{", at, end) + text.count("[", at, end)
        self._advance(end)
        try:
            check_depth(value, containers, self._limits)
        except HistoryFileError as error:
            raise _ElementError(str(error)) from None
        return value

    def _fault(self, error: json.JSONDecodeError) -> str:
        around = self._text[max(0, error.pos - 80) : error.pos + 80]
        hint = next((f"; {text}" for sign, text in _OTHERS if sign.search(around)), "")
        return f"not JSON: {fault_of(error)}{hint}"

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
        self.line += self._text.count("\n", self._at, end)
        self._at = end

    def _read_more(self) -> bool:
        if self._ended:
            return False
        pending = len(self._text) - self._at
        if pending > self._limits.value_bytes:
            msg = f"a single value is larger than {size_text(self._limits.value_bytes)}"
            raise HistoryFileError(msg)
        # Doubling keeps the repeated decoding of a long value linear.
        blocks = [self._text[self._at :]]
        while pending >= 0 and not self._ended:
            data = self._source.read()
            self._ended = not data
            blocks.append(self._as_text(data))
            pending -= len(data)
        self._text = "".join(blocks)
        self._at = 0
        return not self._ended

    def _as_text(self, data: bytes) -> str:
        try:
            return self._decode_text(data, final=not data)
        except UnicodeDecodeError:
            raise HistoryFileError(NOT_TEXT) from None
