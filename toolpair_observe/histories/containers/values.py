"""From a file to its JSON values, whatever it is packed and written in.

Files are read as a stream. The size of a value and of an unpacked file and the depth of nesting
are bounded. A part that can't be read is reported with its line, and the rest is still read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.event_stream import event_values
from toolpair_observe.histories.containers.json_document import document_values
from toolpair_observe.histories.containers.json_lines import line_values
from toolpair_observe.histories.containers.kind import Kind, kind_of
from toolpair_observe.histories.containers.opening import open_source
from toolpair_observe.histories.containers.parquet import parquet_values
from toolpair_observe.histories.containers.value import Unreadable, Value
from toolpair_observe.histories.containers.yaml_documents import yaml_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.containers.source import Progress, Source
    from toolpair_observe.histories.containers.span import Span
    from toolpair_observe.histories.containers.value import Fault
    from toolpair_observe.histories.limits import ReadLimits


def read_values(
    path: str,
    limits: ReadLimits,
    *,
    belongs_to_list: Callable[[object], bool],
    progress: Progress | None = None,
    span: Span | None = None,
) -> Iterator[Value | Unreadable]:
    """Yield every JSON value of a file, and every part that can't be read.

    The top-level list of a JSON document over several lines is read element by element, unless its
    first element belongs to the list: then the whole list is one value.

    Args:
        path: The file or its URL; `-` is standard input.
        limits: How much of it is read.
        belongs_to_list: Whether an element is a part of a value rather than a value.
        progress: Called with the progress of the reading.
        span: The lines that are read of a file of JSON Lines, which are counted from 1; None for
            all of any file.
    """
    source: Source | None = None
    found: Value | Fault | None = None
    try:
        with open_source(path, limits, progress, span) as source:
            kind = Kind.LINES if span else kind_of(path, source, limits)
            for found in _values(kind, source, limits, belongs_to_list):
                yield found if isinstance(found, Value) else Unreadable(path, *found)
            if found is None and span is None:
                yield Unreadable(path, None, "the file is empty")
    except HistoryFileError as error:
        # No line has been read if the very beginning is damaged.
        line = (source.line or None) if source else None
        yield Unreadable(path, line, str(error), ends_file=True)
    except OSError as error:
        yield Unreadable(path, None, os_reason(error), ends_file=True)


def _values(
    kind: Kind, source: Source, limits: ReadLimits, belongs_to_list: Callable[[object], bool]
) -> Iterator[Value | Fault]:
    if kind is Kind.LINES:
        return line_values(source, limits)
    if kind is Kind.DOCUMENT:
        return document_values(source, limits, belongs_to_list)
    if kind is Kind.YAML:
        return yaml_values(source, limits)
    if kind is Kind.EVENTS:
        return event_values(source, limits)
    return parquet_values(source, limits)


def os_reason(error: OSError) -> str:
    """Return why a file can't be opened or read."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a directory; name the files in it"
    return f"can't be read: {error.strerror or type(error).__name__}"
