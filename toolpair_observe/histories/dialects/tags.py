"""Calls and results that stand in a text: tags, JSON, and the lines of a ReAct agent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.fields import as_dict, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALL: Final = ("<tool_call>", "</tool_call>")
_RESULT: Final = ("<tool_response>", "</tool_response>")
_NAME: Final = re.compile(r"""["']name["']\s*:\s*["']([^"']{1,200})["']|<function=([^>]{1,200})>""")
_ACTION: Final = re.compile(r"^Action:[ \t]*(\S{1,200})", re.MULTILINE)
_MOST_CALLS: Final = 10_000


def has_calls(text: str) -> bool:
    """Whether a text has a tag around a call."""
    return _CALL[0] in text and any(True for _ in _tagged_calls(text))


def has_results(text: str) -> bool:
    """Whether a text has a tag around a result."""
    return _RESULT[0] in text


def calls_in(text: str) -> list[str | None]:
    """Return the name of each call in a tag of its own, None where none can be found."""
    return [name for inner in _tagged_calls(text) for name in json_calls(inner)]


def results_in(text: str) -> int:
    """Return how many results stand in a tag of their own."""
    return sum(1 for _ in _between(text, *_RESULT))


def action_in(text: str) -> str | None:
    """Return the tool that a ReAct agent's text calls, or None."""
    found = _ACTION.search(text) if "Action Input:" in text else None
    return found[1] if found else None


def json_calls(text: str) -> list[str | None]:
    """Return the names of the calls of a text that is one call, or a JSON list of several.

    What is no JSON, such as Python's own way to write a dictionary, is one call all the same.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        found = _NAME.search(text)
        return [(found[1] or found[2]) if found else None]
    if isinstance(data, list):
        return [_name(each) for each in data[:_MOST_CALLS]]
    return [_name(data)]


def _name(data: Any) -> str | None:  # noqa: ANN401 - any JSON
    if not isinstance(data, dict):
        return None
    return as_text(data.get("name")) or as_text(as_dict(data, "function").get("name")) or None


def _tagged_calls(text: str) -> Iterator[str]:
    """Yield what stands in the tags, where it looks like a call rather than like talk of tags."""
    for inner in _between(text, *_CALL):
        head = inner.lstrip()
        if head.startswith(("{", "[", "<function=")) or "<arg_key>" in inner:
            yield inner


def _between(text: str, start: str, end: str) -> Iterator[str]:
    """Yield what stands between two tags; a text that breaks off ends the last one."""
    place = text.find(start)
    while place >= 0:
        begin = place + len(start)
        stop = text.find(end, begin)
        if stop < 0:
            yield text[begin:]
            return
        yield text[begin:stop]
        place = text.find(start, stop)
