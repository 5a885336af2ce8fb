"""The fields of a file that anybody may have written: each one is taken by name and type.

What is missing, left over, of another type or out of bounds is refused with its place.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

from toolpair_observe.pairing.shown import MAX_QUOTED, line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_T = TypeVar("_T")

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_TYPES: Final[Mapping[type, str]] = {
    str: "a text",
    bool: "a truth value",
    int: "a whole number",
    float: "a number with a fraction",
    date: "a date",
    list: "a list",
    dict: "a table",
}
# A name this far from all others is no slip of the pen.
_CLOSE: Final = 0.6


class UnfitError(ValueError):
    """Something in the file can't be used; the text names its place."""


class Fields:
    """A table of the file, of which each field is taken once.

    Args:
        values: What it holds.
        place: Where it stands, `""` for the file itself.
    """

    def __init__(self, values: Mapping[str, object], place: str = "") -> None:
        self._left = dict(values)
        self._place = place

    def place(self, name: str) -> str:
        """Return where a field stands, as it would be written."""
        key = name if _BARE.fullmatch(name) else f'"{name}"'
        return line(f"{self._place}.{key[:MAX_QUOTED]}".lstrip("."))

    def has(self, name: str) -> bool:
        """Whether there is such a field that has not been taken yet."""
        return name in self._left

    def text(self, name: str, longest: int, *, default: str | None = None) -> str:
        """Take a text."""
        if default is not None and not self.has(name):
            return default
        return _bounded(self._take(name, str), longest, self.place(name))

    def number(self, name: str, least: int, most: int) -> int:
        """Take a whole number."""
        value: int = self._take(name, int)
        if not least <= value <= most:
            msg = f"{self.place(name)} is {quoted(value)}: it has to be {least:,} to {most:,}"
            raise UnfitError(msg)
        return value

    def day(self, name: str, first: date, last: date) -> date:
        """Take a date."""
        value: date = self._take(name, date)
        if not first <= value <= last:
            msg = f"{self.place(name)} is {value}: it has to be {first} to {last}"
            raise UnfitError(msg)
        return value

    def choice(self, name: str, known: Mapping[str, _T]) -> _T:
        """Take a name, and return what it stands for."""
        return named(self._take(name, str), known, self.place(name))

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """Take a list of texts."""
        place = self.place(name)
        values: list[object] = self._take(name, list)
        self._few(values, most, place)
        return tuple(
            _bounded(_typed(each, str, f"{place}[{at}]"), longest, f"{place}[{at}]")
            for at, each in enumerate(values)
        )

    def table(self, name: str) -> Fields:
        """Take a table."""
        return Fields(self._take(name, dict), self.place(name))

    def tables(self, name: str, most: int) -> list[Fields]:
        """Take a list of tables, which may be missing."""
        if not self.has(name):
            return []
        place = self.place(name)
        values: list[object] = self._take(name, list)
        self._few(values, most, place)
        return [
            Fields(_typed(each, dict, f"{place}[{at}]"), f"{place}[{at}]")
            for at, each in enumerate(values)
        ]

    def names(self, most: int, longest: int) -> Iterator[str]:
        """Yield the name of each field that has not been taken yet."""
        self._few(self._left, most, self._place)
        for name in list(self._left):
            yield _bounded(name, longest, f"the name {self.place(name)}")

    def end(self) -> None:
        """Refuse what has not been taken."""
        for name in self._left:
            msg = f"{self.place(name)} is no field of this file"
            raise UnfitError(msg)

    def _take(self, name: str, kind: type) -> Any:  # noqa: ANN401 -- of the type that is asked for
        if name not in self._left:
            msg = f"{self.place(name)} is missing"
            raise UnfitError(msg)
        return _typed(self._left.pop(name), kind, self.place(name))

    @staticmethod
    def _few(values: Mapping[str, object] | list[object], most: int, place: str) -> None:
        if len(values) > most:
            msg = f"{place} holds {len(values):,} entries: {most:,} at most"
            raise UnfitError(msg)


def named(name: str, known: Mapping[str, _T], place: str) -> _T:
    """Return what a name stands for.

    Raises:
        UnfitError: It stands for nothing; the text has the name that was probably meant.
    """
    try:
        return known[name]
    except KeyError:
        msg = f"{place} is {quoted(name)}, which this version does not know{_nearest(name, known)}"
        raise UnfitError(msg) from None


def _nearest(name: str, known: Mapping[str, object]) -> str:
    import difflib  # noqa: PLC0415 -- only for people

    close = difflib.get_close_matches(name[:MAX_QUOTED], known, n=1, cutoff=_CLOSE)
    return f" (did you mean {close[0]}?)" if close else ""


def _typed(value: object, kind: type, place: str) -> Any:  # noqa: ANN401 -- of the type `kind`
    # Not by `isinstance`: a truth value would be a number, and a time a date.
    if type(value) is not kind:
        what = _TYPES.get(type(value), "something else")
        msg = f"{place} is {what}: it has to be {_TYPES[kind]}"
        raise UnfitError(msg)
    return value


def _bounded(text: str, longest: int, place: str) -> str:
    if len(text) > longest:
        msg = f"{place} has {len(text):,} characters: {longest:,} at most"
        raise UnfitError(msg)
    return text
