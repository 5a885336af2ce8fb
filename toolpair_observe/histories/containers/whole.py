"""A JSON file as a whole, to be written again: its values, each with the text it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.kind import Kind, kind_of
from toolpair_observe.histories.containers.opening import open_source
from toolpair_observe.histories.containers.parsing import parse_exactly
from toolpair_observe.histories.containers.value import name_of
from toolpair_observe.histories.containers.values import os_reason
from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits


class Part(NamedTuple):
    """A value of the file: a line of JSON Lines, or the whole document.

    Attributes:
        data: The value.
        line: The line on which it starts, from 1.
        text: As it was written, without the end of its last line.
    """

    data: Any
    line: int
    text: str


def read_whole(path: str, limits: ReadLimits) -> list[Part]:
    """Return all values of a file of JSON or JSON Lines.

    Raises:
        HistoryFileError: The file is of another kind, or a part of it can't be read. Nothing of it
            would be written again then.
    """
    where = shown(name_of(path))
    try:
        with open_source(path, limits, None) as source:
            try:
                return list(_parts(kind_of(path, source, limits), source, limits))
            except HistoryFileError as error:
                line = f":{source.line}" if source.line else ""
                msg = f"{where}{line}: {error}"
                raise HistoryFileError(msg) from None
    except OSError as error:
        msg = f"{where}: {os_reason(error)}"
        raise HistoryFileError(msg) from None


def _parts(kind: Kind, source: Source, limits: ReadLimits) -> Iterator[Part]:
    if kind is Kind.LINES:
        for text in source.lines():
            if text is None:
                msg = "it is too long"
                raise HistoryFileError(msg)
            yield Part(parse_exactly(text, limits), source.line, text.decode())
    elif kind is Kind.DOCUMENT:
        text = source.whole().rstrip()
        yield Part(parse_exactly(text, limits), 1, text.decode())
    else:
        msg = "only JSON and JSON Lines are written again"
        raise HistoryFileError(msg)
