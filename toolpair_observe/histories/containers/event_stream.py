"""Server-sent events: blocks of `event:` and `data:` lines, each with a JSON value as its data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import parse
from toolpair_observe.histories.containers.value import Fault, Value
from toolpair_observe.histories.limits import size_text
from toolpair_observe.pairing.shown import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits

_FIELD: Final = re.compile(rb"(?:event|data|id|retry)?:")
_DATA: Final = re.compile(rb"data: ?[\[{\"]|data: ?\[DONE\]|data: ?null\b")
# OpenAI's word for the end of a stream.
_DONE: Final = b"[DONE]"
_UNNAMED: Final = "message"  # what the standard calls an event without a name


def is_event_stream(head: bytes) -> bool:
    """Whether a file begins with an event: fields to the first blank line, with JSON as data."""
    lines = head.lstrip().splitlines()
    block: list[bytes] = []
    for number, line in enumerate(lines):
        if not line.strip():
            # Comments alone, which keep a connection alive, may come first.
            if any(not each.startswith(b":") for each in block):
                break
            continue
        if number == len(lines) - 1 and block:
            break  # it may be cut
        block.append(line)
    return all(map(_FIELD.match, block)) and any(map(_DATA.match, block))


class _Event:
    """The event that is being read."""

    def __init__(self) -> None:
        self.line: int | None = None
        self.name = ""
        self.data: list[bytes] = []
        self.length = 0
        self.fault = ""


def event_values(source: Source, limits: ReadLimits) -> Iterator[Value | Fault]:
    """Yield the data of each event, with the event's name."""
    event = _Event()
    for number, line in _numbered(source):
        if line == b"":
            yield from _ended(event, limits)
            event = _Event()
            continue
        event.line = event.line or number
        if line is None:
            event.fault = f"a line of it is longer than {size_text(limits.value_bytes)}"
        else:
            _add(event, line, limits)
    yield from _ended(event, limits)


def _numbered(source: Source) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, and an empty one where blank ones stood."""
    last = 0
    for line in source.lines():
        number = source.line
        if number > last + 1:
            yield number, b""
        last = number
        yield number, None if line is None else line.removesuffix(b"\r")


def _add(event: _Event, line: bytes, limits: ReadLimits) -> None:
    field, _, value = line.partition(b":")
    value = value.removeprefix(b" ")
    if field == b"data":
        event.data.append(value)
        event.length += len(value)
        if event.length > limits.value_bytes:
            event.data.clear()
            event.fault = f"its data is longer than {size_text(limits.value_bytes)}"
    elif field == b"event":
        event.name = clean(value.decode(errors="replace").strip())
    elif field not in (b"", b"id", b"retry"):
        event.fault = "not server-sent events: a line that is no field of an event"


def _ended(event: _Event, limits: ReadLimits) -> Iterator[Value | Fault]:
    data = b"\n".join(event.data)
    if event.fault:
        yield Fault(event.line, f"an event can't be read: {event.fault}")
    elif data.strip() and data.strip() != _DONE:
        try:
            value = parse(data, limits)
        except HistoryFileError as error:
            yield Fault(event.line, f"the data of an event: {error}")
        else:
            yield Value(value, event.line, "", event.name or _UNNAMED)
