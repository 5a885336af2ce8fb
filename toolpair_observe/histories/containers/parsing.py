"""One JSON text to a value: what is stored twice, nested too deep or too much is refused.

The fastest parser that is installed reads a text first. What it refuses is read again by Python's
own, which takes more (`NaN`, half an emoji) and whose words for a fault are the same everywhere.

An object that has a key twice is refused, because each parser makes something else of it. The
fastest way to tell is `key_marks`; whoever goes over all messages of a row anyway can do so later
and cheaper (`read_line`).
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.key_marks import have_no_key_twice
from toolpair_observe.histories.limits import DEFAULT_LIMITS, too_deep
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.histories.limits import ReadLimits

NOT_TEXT: Final = "not UTF-8 text"
BAD_NUMBER: Final = "not JSON: a number has too many digits"

# Shorter texts can't hold so many values that they fill the memory.
_LONG_TEXT: Final = 1024 * 1024
# Strings and the marks before values; a string without an end has no mark in it either.
_STRING_OR_MARK: Final = r'"[^"\\]*(?:\\.[^"\\]*)*+(?:"|\Z)|[,\[{]'
_TOKENS: Final = re.compile(_STRING_OR_MARK, re.DOTALL)
_BYTE_TOKENS: Final = re.compile(_STRING_OR_MARK.encode(), re.DOTALL)


class DuplicateKeyError(HistoryFileError):
    """An object has a key twice."""

    def __init__(self, key: object) -> None:
        """Name the key."""
        super().__init__(f"the key {quoted(key)} stands twice in one object")


def parse(text: bytes, limits: ReadLimits) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the value of a JSON text.

    Raises:
        HistoryFileError: It is none, or is refused.
    """
    if len(text) > _LONG_TEXT:
        check_amount(text, limits)
    if fast_parser is None:
        return _exact(text, limits)
    try:
        value = fast_parser(text)
    except ValueError:
        return _exact(text, limits)
    return proven(text, value, limits)


def read_line(text: bytes, limits: ReadLimits) -> tuple[Any, bool]:
    """Return the value of a JSON text, and whether it still has to be `proven`.

    Raises:
        HistoryFileError: It is none, or is refused.
    """
    if len(text) > _LONG_TEXT:
        check_amount(text, limits)
    try:
        return (fast_parser or _plainly)(text), True
    except ValueError:
        return _exact(text, limits), False


def proven(text: bytes, value: Any, limits: ReadLimits) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a text if it is not nested too deep and no key stands twice in it.

    Raises:
        HistoryFileError: It is refused.
    """
    return value if have_no_key_twice(text, value, limits.depth) else _exact(text, limits)


def _exact(text: bytes, limits: ReadLimits) -> Any:  # noqa: ANN401 - whatever the text says
    value = parse_exactly(text, limits)
    check_depth(value, text.count(b"{") + text.count(b"["), limits)
    return value


def parse_exactly(text: bytes, limits: ReadLimits) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the value of a JSON text, read by Python's own parser; its depth is not checked."""
    try:
        return DECODER.decode(text.decode())
    except UnicodeDecodeError:
        raise HistoryFileError(NOT_TEXT) from None
    except json.JSONDecodeError as error:
        msg = f"not JSON: {fault_of(error)} (column {error.colno})"
        raise HistoryFileError(msg) from None
    except HistoryFileError:
        raise
    except ValueError:
        raise HistoryFileError(BAD_NUMBER) from None
    except RecursionError:
        raise HistoryFileError(too_deep(limits)) from None


def parse_text(text: str, limits: ReadLimits = DEFAULT_LIMITS) -> Any:  # noqa: ANN401 - whatever it says
    """Return the value of a JSON text that stands in a string of another one.

    Raises:
        JSONDecodeError: It is none, as strings mostly are.
        HistoryFileError: It is refused, as if it stood there as it is.
    """
    if len(text) > _LONG_TEXT:
        check_amount(text, limits)
    try:
        data = text.encode()
        value = (fast_parser or _plainly)(data)
    except ValueError:  # or it holds half an emoji, which has no bytes
        value = _decoded(text, limits)
        check_depth(value, text.count("{") + text.count("["), limits)
        return value
    return proven(data, value, limits)


def _decoded(text: str, limits: ReadLimits) -> Any:  # noqa: ANN401 - whatever the text says
    try:
        return DECODER.decode(text)
    except (json.JSONDecodeError, HistoryFileError):
        raise
    except ValueError:
        raise HistoryFileError(BAD_NUMBER) from None
    except RecursionError:
        raise HistoryFileError(too_deep(limits)) from None


def fault_of(error: json.JSONDecodeError) -> str:
    """Return the fault without the decoder's words for its place."""
    return error.msg.removesuffix(" at").removesuffix(" starting").removesuffix(": ")


def check_depth(value: object, containers: int, limits: ReadLimits) -> None:
    """Refuse a value that is nested too deep.

    Args:
        value: The value.
        containers: How many lists and objects it has at most. Where those that are left can't be
            too deep any more, they are not looked at.
        limits: How deep is too deep.
    """
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > limits.depth:
            raise HistoryFileError(too_deep(limits))
        containers -= len(level)
        if depth + containers <= limits.depth:
            return
        level = [
            inner
            for container in level
            for inner in (container.values() if type(container) is dict else container)
            if type(inner) is dict or type(inner) is list
        ]


def check_amount(text: bytes | str, limits: ReadLimits, at: int = 0) -> None:
    """Refuse a text of so many values, from a place on, that they would fill the memory."""
    # Each value but the first follows a comma or an opening bracket.
    if isinstance(text, str):
        if text.count(",", at) + text.count("[", at) + text.count("{", at) <= limits.values:
            return
        lengths = (token.end() - token.start() for token in _TOKENS.finditer(text, at))
    else:
        if text.count(b",", at) + text.count(b"[", at) + text.count(b"{", at) <= limits.values:
            return
        lengths = (token.end() - token.start() for token in _BYTE_TOKENS.finditer(text, at))
    # Those in strings don't count.
    marks = (length for length in lengths if length == 1)
    if next(islice(marks, limits.values, None), None) is not None:
        msg = f"it holds more than {limits.values:,} values"
        raise HistoryFileError(msg)


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values; each key may be there once."""
    data = dict(pairs)
    if len(data) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKeyError(key)
            seen.add(key)
    return data


DECODER: Final = json.JSONDecoder(object_pairs_hook=object_of)


_decode_plainly: Final = json.JSONDecoder().raw_decode


def _plainly(text: bytes) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the value of a text. Raises ValueError where a closer look is due."""
    characters = text.decode()
    try:
        value, end = _decode_plainly(characters)
    except RecursionError:
        raise ValueError from None
    if end != len(characters) and not characters[end:].isspace():
        raise ValueError
    return value


def fastest() -> Callable[[bytes], Any] | None:
    """Return the fastest parser that is installed; None for Python's own."""
    try:
        loads: Callable[[bytes], Any] = import_module("orjson").loads
    except ImportError:
        return None
    return loads


fast_parser = fastest()
