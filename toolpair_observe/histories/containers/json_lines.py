"""JSON Lines: a value a line. A line that can't be read does not spoil the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import read_line
from toolpair_observe.histories.containers.value import Fault, Value
from toolpair_observe.histories.limits import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits


def line_values(source: Source, limits: ReadLimits) -> Iterator[Value | Fault]:
    """Yield the value of each line that is not blank."""
    for line in source.lines():
        if line is None:
            text = f"the line is longer than {size_text(limits.value_bytes)}"
            yield Fault(source.line, text)
            continue
        try:
            value, is_unproven = read_line(line, limits)
        except HistoryFileError as error:
            yield Fault(source.line, str(error))
        else:
            yield Value(value, source.line, text=line if is_unproven else None)
