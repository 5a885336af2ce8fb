"""The first look at stored messages: flat objects and `dumpd` constructors that are plainly sound.

It hands `pairing.first_look` the fields that the closer look would read. What needs more than a
default filled in goes through the closer look, so a "no" costs time and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.langchain_fields import ESCAPED
from toolpair_observe.histories.dialects.langchain_scan import flat_calls
from toolpair_observe.pairing.first_look import plain_call_ids
from toolpair_observe.pairing.masked_content import may_be_made_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolpair_observe.histories.containers.key_marks import Marks
    from toolpair_observe.pairing.first_look import Plain

_TYPES: Final[Mapping[str, str]] = {
    "AIMessage": "ai",
    "AIMessageChunk": "AIMessageChunk",
    "HumanMessage": "human",
    "SystemMessage": "system",
    "ToolMessage": "tool",
}
_KNOWN: Final = frozenset(
    {"additional_kwargs", "content", "example", "id", "name", "response_metadata", "type"}
)
# Under other keys the closer look decides whether something hides there.
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "AIMessageChunk": _KNOWN
    | {
        "chunk_position",
        "invalid_tool_calls",
        "tool_call_chunks",
        "tool_calls",
        "usage_metadata",
    },
    "ai": _KNOWN | {"invalid_tool_calls", "tool_calls", "usage_metadata"},
    "human": _KNOWN,
    "system": _KNOWN,
    "tool": _KNOWN | {"artifact", "status", "tool_call_id"},
}
_CALL_KEYS: Final = frozenset({"args", "id", "name", "type"})
_AI_DEFAULTS: Final[dict[str, Any]] = {
    "additional_kwargs": {},
    "id": None,
    "invalid_tool_calls": [],
    "tool_calls": [],
}
_TOOL_DEFAULTS: Final[dict[str, Any]] = {"additional_kwargs": {}, "name": None}


class _Stored:
    """Has the fields of a stored message as a live one has its own."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__ = fields


def plain_calls(messages: Sequence[Any], plain: Plain, marks: Marks | None = None) -> int | None:
    """Count the calls of a list that is plainly sound; None where it takes a closer look."""
    count = flat_calls(messages, plain, marks)
    if count is not None:
        return count
    history = _history(messages)
    suspects: list[dict[str, Any]] = []
    ids = plain_call_ids(history, plain, suspects) if history else None
    if ids is None or any(map(may_be_made_up, suspects)):
        return None
    if marks is not None:
        marks.others += messages
    return len(ids)


def _history(messages: Sequence[Any]) -> list[_Stored] | None:
    """Return the fields that the closer look would read; None where it has to."""
    history: list[_Stored] = []
    try:
        for item in messages:
            fields = item if "lc" not in item else _kwargs(item)
            kind = fields["type"]
            if not fields.keys() <= _KEYS[kind] or fields["content"].__class__ not in (str, list):
                return None
            if not _are_objects(fields):
                return None
            if kind == "tool":
                if "name" not in fields or "additional_kwargs" not in fields:
                    fields = {**_TOOL_DEFAULTS, **fields}
            elif kind != "human" and kind != "system":  # noqa: PLR1714 - two compares beat a lookup
                if not _is_built(fields):
                    return None
                if "additional_kwargs" not in fields or "invalid_tool_calls" not in fields:
                    fields = {**_AI_DEFAULTS, **fields}
            history.append(_Stored(fields))
    except (AttributeError, LookupError, TypeError):
        return None
    return history


def _kwargs(item: dict[str, Any]) -> dict[str, Any]:
    kind = _TYPES[item["id"][-1]]
    if item["lc"] != 1 or item["type"] != "constructor":
        raise LookupError
    fields: dict[str, Any] = item["kwargs"]
    return fields if fields.get("type") == kind else {**fields, "type": kind}


def _are_objects(fields: dict[str, Any]) -> bool:
    """Whether nothing but objects stands where objects have to, and none is wrapped by `dumpd`."""
    extra = fields.get("additional_kwargs")
    if extra and (extra.__class__ is not dict or ESCAPED in extra):
        return False
    metadata = fields.get("response_metadata")
    return not metadata or metadata.__class__ is dict


def _is_built(fields: dict[str, Any]) -> bool:
    """Whether the calls of an AI message are those that LangChain would see."""
    calls = fields.get("tool_calls")
    if not calls:
        return "tool_call_chunks" not in fields or not fields["tool_call_chunks"]
    for call in calls:
        if not call.keys() <= _CALL_KEYS or call["args"].__class__ is not dict:
            return False
        if call.get("type") not in (None, "tool_call"):
            return False
        name = call["name"]
        if name.__class__ is not str:
            return False
    return True
