"""The cells of a row: values that some exports write as they are, and others as JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

from toolpair_observe.histories.containers.parsing import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_packed(value: object) -> TypeGuard[str]:
    """Whether it is a text that begins as an object or a list of JSON does."""
    return isinstance(value, str) and value.lstrip()[:1] in ("{", "[")


def json_in(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value that a text holds, None where it holds none.

    Raises:
        HistoryFileError: It is refused, such as one with a key twice.
    """
    try:
        return parse_text(text)
    except json.JSONDecodeError:
        return None


def parsed(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value, parsed once where it is a text; None for a text that is no JSON."""
    return json_in(value) if isinstance(value, str) else value


def unpacked(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a JSON text of an object or a list holds, or the value itself."""
    if is_packed(value):
        found = json_in(value)
        return value if found is None else found
    return value


def as_object(value: object) -> dict[str, Any]:
    """Return an object, whether it is written as it is or as text; an empty one for the rest."""
    found = unpacked(value)
    return found if isinstance(found, dict) else {}


def as_text(value: object) -> str:
    """Return an id, a name or a time as text, `""` for what is none.

    Columns of Parquet files have ids and times of their own types.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | dict | list | bytes):
        return ""
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if callable(isoformat) else str(value)


def first_text(fields: Mapping[str, Any], *keys: str) -> str:
    """Return the first text under one of the keys."""
    return next((text for key in keys if (text := as_text(fields.get(key)))), "")
