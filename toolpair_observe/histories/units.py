"""From the JSON values of a file to its units."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import proven
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.histories.containers.values import read_values
from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.table import is_message
from toolpair_observe.histories.envelopes import dumps, langgraph, lists
from toolpair_observe.histories.envelopes.cells import is_packed, unpacked
from toolpair_observe.histories.envelopes.envelope import RowReader
from toolpair_observe.histories.envelopes.table import ENVELOPES
from toolpair_observe.histories.limits import DEFAULT_LIMITS, ReadLimits
from toolpair_observe.histories.unit import Row, Status, Unit, unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolpair_observe.histories.containers.source import Progress
    from toolpair_observe.histories.containers.span import Span
    from toolpair_observe.histories.envelopes.envelope import Envelope, Reader

# Under these keys APIs and exports list their rows.
_ROW_LISTS: Final = (
    "runs",
    "data",
    "observations",
    "examples",
    "items",
    "rows",
    "results",
    "threads",
)
# What APIs tell of their pages.
_PAGING: Final = frozenset({"cursors", "links", "meta", "pagination", "search_cursors"})
_REST_UNREAD: Final = "the rest was not read: give a file of histories"


class RowsBelongTogetherError(HistoryFileError):
    """A part of a file has rows that are a unit only together with rows of other parts."""


def read_units(
    path: str,
    limits: ReadLimits = DEFAULT_LIMITS,
    *,
    progress: Progress | None = None,
    span: Span | None = None,
) -> Iterator[Unit]:
    """Yield every unit of a file, in the order of the file.

    The file is read as data only: nothing that it names is imported or run.

    Args:
        path: The file; `-` is standard input.
        limits: How much of it is read.
        progress: Called with the number of bytes read and the size of the file.
        span: The lines that are read of a file of JSON Lines, which are counted from 1; None for
            all of any file.

    Raises:
        RowsBelongTogetherError: The file has to be read as a whole.
    """
    unreadable = 0
    for unit in _all_units(path, limits, progress, span):
        yield unit
        if unit.status is Status.UNREADABLE:
            unreadable += 1
            if unreadable >= limits.unreadable_parts:
                text = f"{unreadable:,} parts of the file can't be read; {_REST_UNREAD}"
                yield unread(unit.line, text, ends_file=True)
                return


def units_of_values(values: Iterable[object], place: str, first: int = 0) -> Iterator[Unit]:
    """Yield every unit of values that have been parsed already, such as the answer of an API.

    Args:
        values: JSON values.
        place: Where they stand, such as `runs`: the first one is `runs[0]`.
        first: The number of the first one.
    """
    walk = Walk()
    for position, value in enumerate(values, first):
        yield from walk.units(Row(value, None, f"{place}[{position}]"))
    yield from walk.close()


def _all_units(
    path: str, limits: ReadLimits, progress: Progress | None, span: Span | None
) -> Iterator[Unit]:
    walk = Walk(limits, is_part=span is not None)
    for value in read_values(
        path, limits, belongs_to_list=_is_only_message, progress=progress, span=span
    ):
        if isinstance(value, Unreadable):
            walk.tear()
            yield unread_part(value)
        else:
            yield from walk.units(Row(*value))
    yield from walk.close()


def units_of_value(row: Row) -> Iterator[Unit]:
    """Yield every unit of a value that stands for itself."""
    walk = Walk()
    yield from walk.units(row)
    yield from walk.close()


def unread_part(part: Unreadable) -> Unit:
    """Return the unit of a part of a file that can't be read."""
    return unread(part.line, part.reason, ends_file=part.ends_file)


def _is_only_message(data: object) -> bool:
    """Whether an element of a list is a message of it, rather than a row of its own."""
    if isinstance(data, dict):
        return _envelope_of(data) is None and is_message(data)
    return is_message(data)


def _envelope_of(data: dict[str, Any]) -> Envelope | None:
    return next((envelope for envelope in _candidates(data) if envelope.fits(data)), None)


def _form_of(data: object) -> str:
    """Return the name of a row's form, though it could not be read."""
    try:
        envelope = _envelope_of(data) if isinstance(data, dict) else None
    except HistoryFileError:
        envelope = None
    return envelope.format if envelope else "unknown"


def _candidates(data: dict[str, Any]) -> Iterator[Envelope]:
    return (envelope for envelope in ENVELOPES if envelope.may_fit(data))


class Walk:
    """Takes the values of one file apart.

    Args:
        limits: How much of them is read.
        is_part: Whether they are a part of a file. A form whose rows belong together is refused.
    """

    def __init__(self, limits: ReadLimits = DEFAULT_LIMITS, *, is_part: bool = False) -> None:
        self._limits = limits
        self._is_part = is_part
        self._envelope: Envelope | None = None
        self._reader: Reader | None = None
        self._keys: tuple[str, ...] | None = None
        self._candidates: tuple[Envelope, ...] = ()
        self._torn = False

    def units(self, row: Row) -> Iterator[Unit]:
        """Yield what a value completes."""
        try:
            yield from self._units(row)
        except RowsBelongTogetherError:
            raise
        except HistoryFileError as error:
            self.tear()
            yield row.unreadable(_form_of(row.data), str(error))

    def _units(self, row: Row) -> Iterator[Unit]:
        data = row.data
        if row.event is not None and (data is None or langgraph.is_event(row.event)):
            return self._event(row, row.event)
        envelope = self._envelope_of(data) if isinstance(data, dict) else None
        if row.text is not None and not _is_late(envelope, data):
            return self._proven(row, row.text)
        if isinstance(data, dict):
            if envelope is not None and envelope is self._envelope and self._reader is not None:
                return self._reader.read(row)
            return self._object(row, data, envelope)
        return self._list(row, data) if isinstance(data, list) else self._text(row, data)

    def _text(self, row: Row, data: object) -> Iterator[Unit]:
        """Yield what a value that is dumped once more completes."""
        inner = unpacked(data)
        if inner is data:
            return self._unknown(row, f"expected an object or a list, got {json_type(data)}")
        return self.units(Row(inner, row.line, row.path, row.event))

    def _event(self, row: Row, event: str) -> Iterator[Unit]:
        if langgraph.is_event(event):
            return self._through(langgraph.EVENTS, row)
        return iter((row.no_request("event", "event of a stream"),))

    def _proven(self, row: Row, text: bytes) -> Iterator[Unit]:
        """Yield what a row completes once it is sure to have no key twice in one object."""
        try:
            data = proven(text, row.data, self._limits)
        except HistoryFileError as error:
            self.tear()
            return iter((unread(row.line, str(error)),))
        return self.units(Row(data, row.line, row.path, row.event))

    def _envelope_of(self, data: dict[str, Any]) -> Envelope | None:
        # Rows of one form mostly have the same keys: which envelopes those rule out is kept.
        keys = tuple(data)
        if keys != self._keys:
            self._keys, self._candidates = keys, tuple(_candidates(data))
        for envelope in self._candidates:
            if envelope.fits(data):
                return envelope
        return None

    def tear(self) -> None:
        """Take note of a part that can't be read: it may have been a message among messages."""
        self._torn = True
        if isinstance(self._reader, dumps.StoreReader):
            self._reader.tear()

    def close(self) -> Iterator[Unit]:
        """Yield what the reader of the last rows has kept."""
        reader, envelope = self._reader, self._envelope
        self._reader = self._envelope = None
        # A store tells which of its sessions go on behind a part that can't be read.
        torn = self._torn and not isinstance(reader, dumps.StoreReader)
        self._torn = False
        if reader is None or envelope is None:
            return
        try:
            for unit in reader.close():
                yield _without_a_part(unit) if torn else unit
        except HistoryFileError as error:
            yield Row(None, None).unreadable(envelope.format, str(error))

    def _object(self, row: Row, data: dict[str, Any], envelope: Envelope | None) -> Iterator[Unit]:
        if envelope is None and is_message(data):
            envelope = lists.LONE_MESSAGES
        if envelope is not None:
            yield from self._through(envelope, row)
            return
        if _is_empty_page(data):
            yield row.no_request("rows", "empty list of rows")
            return
        part = langgraph.part_of_stream(row)
        if part is not None:
            yield from self.units(part)
            return
        key = next((key for key in _ROW_LISTS if _are_rows(data.get(key))), None)
        if key is not None:
            for position in range(len(data[key])):
                yield from self.units(row.inner(key, position))
            return
        yield from self._unknown(row, f"no known form of row: an object with {keys_text(data)}")

    def _unknown(self, row: Row, reason: str) -> Iterator[Unit]:
        if self._envelope in (None, lists.LONE_MESSAGES, dumps.STORE):
            self.tear()
        else:
            yield from self.close()
        yield row.unreadable("unknown", reason)

    def _through(self, envelope: Envelope, row: Row) -> Iterator[Unit]:
        if envelope is not self._envelope:
            torn = self._torn and self._envelope is None
            yield from self.close()
            self._envelope, self._reader = envelope, envelope.open()
            if self._is_part and not isinstance(self._reader, RowReader):
                raise RowsBelongTogetherError(envelope.format)
            self._torn = torn
            if torn and isinstance(self._reader, dumps.StoreReader):
                self._reader.tear()
        if envelope is not lists.LONE_MESSAGES:
            self._torn = False  # such rows stand for themselves
        if self._reader is not None:
            yield from self._reader.read(row)

    def _list(self, row: Row, data: list[Any]) -> Iterator[Unit]:
        if not data:
            yield from self.close()
            yield row.unreadable("messages", "the list of messages is empty")
        elif any(map(_is_only_message, data)):
            yield from self.close()
            yield lists.bare_list(row)
        elif any(isinstance(element, dict | list) or is_packed(element) for element in data):
            for position in range(len(data)):
                yield from self.units(row.inner(position))
        else:
            yield from self._unknown(row, f"a list of {json_type(data[0])}, not of messages")


def _is_late(envelope: Envelope | None, data: dict[str, Any]) -> bool:
    return envelope is not None and envelope.is_late is not None and envelope.is_late(data)


def _without_a_part(unit: Unit) -> Unit:
    return replace(
        unit,
        status=Status.UNREADABLE,
        reason="a part of the conversation can't be read, so that the rest is another one",
        conversations=(),
    )


def _is_empty_page(data: dict[str, Any]) -> bool:
    """Whether an API has listed no rows and nothing else that could hold any."""
    return any(data.get(key) == [] for key in _ROW_LISTS) and not any(
        value and isinstance(value, dict | list) and key not in _PAGING
        for key, value in data.items()
    )


def _are_rows(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and any(isinstance(each, dict) and _envelope_of(each) is not None for each in value)
    )
