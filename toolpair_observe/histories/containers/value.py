"""What a file gives: JSON values with their places, and the parts that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

STDIN: Final = "-"


class Value(NamedTuple):
    """One JSON value.

    Attributes:
        data: The value.
        line: The line on which it starts, from 1; None where there are no lines.
        path: Its place in the document, such as `[3]` in a list that is read element by element;
            `""` for a value that stands for itself.
        event: The event's name in a stream of server-sent events, None anywhere else.
        text: Its text, where `parsing.proven` has still to be asked; None where it was.
    """

    data: Any
    line: int | None
    path: str = ""
    event: str | None = None
    text: bytes | None = None


class Fault(NamedTuple):
    """A part of the file at hand that can't be read.

    Attributes:
        line: The line, from 1; None for the whole file.
        reason: The fault, without any of the file's content.
        ends_file: Whether what follows it was not read.
    """

    line: int | None
    reason: str
    ends_file: bool = False


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
