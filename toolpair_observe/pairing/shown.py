"""Text of unknown origin, made safe to show and to export. Whatever leaves for a person comes by.

Ids, tool names, model names and file names come out of histories and configurations. Shown as they
are, one could begin a new line, move the cursor, turn the order of reading around, look like
another one, command a build server, or fill a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from toolpair_observe.pairing.late_pattern import LatePattern

if TYPE_CHECKING:
    import re

MAX_TEXT: Final = 256
MAX_LINE: Final = 2000
MAX_QUOTED: Final = 80
MAX_TOLD: Final = 8

# What no letter shows, though Python calls it printable: fillers and variation selectors.
_INVISIBLE: Final = LatePattern(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
# Build servers obey these: Azure's and TeamCity's anywhere in a line, GitHub's also at its start.
_COMMAND: Final = LatePattern(r"#(?=#\w*\[)|(?<!.)(\s*):(?=:)")

ShowId: TypeAlias = Callable[[str], str]
"""Returns an id as it may be shown."""

Words: TypeAlias = "str | Callable[[ShowId], str]"
"""A text, or what makes it once it is settled how ids are shown."""


def clean(text: str) -> str:
    """Return an id or a name as it may be exported: bounded in length, and encodable.

    A lone surrogate would make an exporter drop the attribute, and a Prometheus scrape fail as a
    whole. Everything else stays as it is, so that it can be compared.
    """
    if len(text) > MAX_TEXT:
        text = _cut(text, MAX_TEXT)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown(text: str) -> str:
    """Return an id or a name as it may stand in a line: bounded, and each character visible."""
    return _cut(_harmless(text[: MAX_TEXT + 1]), MAX_TEXT)


def line(text: str) -> str:
    """Return one line, made of parts of unknown origin, that is one line and no command."""
    return _cut(_harmless(text[: MAX_LINE + 1]), MAX_LINE)


def lines(text: str) -> str:
    """Return a text of several lines, none of which is a command or does more than show itself."""
    return "\n".join(map(_harmless, text.split("\n")))


def quoted(value: object, longest: int = MAX_QUOTED) -> str:
    """Return a value that a caller gave, for an error's text: its `repr`, cut, on one line."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- the value's own, or Python's for a number without end
        text = f"an object of type {type_name(value)}"
    return _cut(line(text), longest)


def type_name(value: object) -> str:
    """Return the name of a value's class, as it may stand in a line."""
    return class_name(type(value))


def class_name(cls: type) -> str:
    """Return the name of a class, as it may stand in a line."""
    # A metaclass can have a `__name__` of its own, which may be no text, or raise.
    return shown(type.__dict__["__name__"].__get__(cls))


def told(value: Any) -> str:  # noqa: ANN401 -- of any dataclass
    """Return the `repr` of a dataclass that carries what comes from outside."""
    parts = (
        f"{each.name}={_told(getattr(value, each.name))}" for each in fields(value) if each.repr
    )
    return f"{type_name(value)}({', '.join(parts)})"


def _told(value: object) -> str:
    if not isinstance(value, tuple):
        return quoted(value, MAX_LINE)
    first = [quoted(each, MAX_LINE) for each in value[:MAX_TOLD]]
    more = [f"… {len(value) - MAX_TOLD:,} more"] if len(value) > MAX_TOLD else []
    return f"({', '.join(first + more)}{',' * (len(value) == 1)})"


def said(words: Words, show_id: ShowId) -> str:
    """Return the text of `words`, with its ids as `show_id` shows them."""
    return words if isinstance(words, str) else words(show_id)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _harmless(text: str) -> str:
    """Write each character as an escape that does not show itself, or begins a command."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escape(each) for each in text)
    if not text.isascii():
        text = _INVISIBLE.sub(lambda found: _escape(found[0]), text)
    return _COMMAND.sub(_disarmed, text) if "##" in text or "::" in text else text


def _disarmed(found: re.Match[str]) -> str:
    return f"{found[1]}\\x3a" if found[1] is not None else "\\x23"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
