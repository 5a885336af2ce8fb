"""What an envelope is: it recognizes a row by its keys and tells which units stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from toolpair_observe.histories.unit import Row, Unit


class Reader(Protocol):
    """Reads the rows of one form in one file. It may keep rows until it has all of a unit."""

    def read(self, row: Row) -> Iterator[Unit]:
        """Take a row and yield the units that are complete."""

    def close(self) -> Iterator[Unit]:
        """Yield what was kept: a row of another form follows, or the file has ended."""


class Envelope(NamedTuple):
    """One form of row.

    Attributes:
        format: Its name, such as `langsmith.run`.
        fits: Whether an object is such a row, told by its keys.
        open: Makes the reader of one file.
        needs: Keys without which no object is such a row. They spare `fits` the objects that have
            other keys, which in a file of one form is nearly every envelope for every row.
        any_of: Keys of which each such row has at least one; empty if that is not so.
        is_late: Whether a row is one whose only unit is judged by all of its messages anyway, so
            that the judge looks for keys that stand twice (`Row.text`); None if none is.
    """

    format: str
    fits: Callable[[dict[str, Any]], bool]
    open: Callable[[], Reader]
    needs: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    is_late: Callable[[dict[str, Any]], bool] | None = None

    def may_fit(self, data: dict[str, Any]) -> bool:
        """Whether an object has the keys that such a row has."""
        return self.needs <= data.keys() and not (self.any_of and self.any_of.isdisjoint(data))


class RowReader:
    """The reader of a form whose every row stands for itself."""

    def __init__(self, read: Callable[[Row], Iterator[Unit]]) -> None:
        """Read each row with `read`."""
        self._read = read

    def read(self, row: Row) -> Iterator[Unit]:
        """See `Reader`."""
        return self._read(row)

    def close(self) -> Iterator[Unit]:
        """See `Reader`."""
        return iter(())


def each_row(  # noqa: PLR0913 - what an envelope is
    format: str,  # noqa: A002 - the unit's own word
    fits: Callable[[dict[str, Any]], bool],
    read: Callable[[Row], Iterator[Unit]],
    *,
    needs: Collection[str] = (),
    any_of: Collection[str] = (),
    is_late: Callable[[dict[str, Any]], bool] | None = None,
) -> Envelope:
    """Return the envelope of a form whose every row stands for itself."""
    keys = frozenset(needs), frozenset(any_of)
    return Envelope(format, fits, lambda: RowReader(read), *keys, is_late)
