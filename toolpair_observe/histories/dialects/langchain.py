"""LangChain's own ways to write messages, which it takes mixed in one list.

`dumpd` writes constructors (`{"lc": 1, "type": "constructor", "id": […, "HumanMessage"], …}`),
`messages_to_dict` writes `{"type", "data"}`, `model_dump` and LangGraph's API write flat objects. A
list may hold `[role, text]` pairs and OpenAI's role dicts beside them, and a prompt has templates
of messages. Nothing here builds a class that the data names: its last part has to be one of those
listed below.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import parse_text
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    keys_text,
    object_at,
)
from toolpair_observe.histories.dialects.langchain_fields import Fields, built
from toolpair_observe.histories.dialects.langchain_plain import plain_calls
from toolpair_observe.histories.dialects.langchain_prompts import (
    PLACEHOLDER,
    TEMPLATES,
    fill_holes,
    is_placeholder_role,
    template_fields,
)
from toolpair_observe.pairing.reading import read_fields
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.transcript import Entry, Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CLASSES: Final[Mapping[str, Role]] = {
    "AIMessage": Role.AI,
    "AIMessageChunk": Role.AI,
    "ChatMessage": Role.CHAT,
    "ChatMessageChunk": Role.CHAT,
    "FunctionMessage": Role.FUNCTION,
    "FunctionMessageChunk": Role.FUNCTION,
    "HumanMessage": Role.HUMAN,
    "HumanMessageChunk": Role.HUMAN,
    "RemoveMessage": Role.REMOVE,
    "SystemMessage": Role.SYSTEM,
    "SystemMessageChunk": Role.SYSTEM,
    "ToolMessage": Role.TOOL,
    "ToolMessageChunk": Role.TOOL,
}
_TYPES: Final[Mapping[str, Role]] = {
    **_CLASSES,
    "ai": Role.AI,
    "chat": Role.CHAT,
    "function": Role.FUNCTION,
    "human": Role.HUMAN,
    "remove": Role.REMOVE,
    "system": Role.SYSTEM,
    "tool": Role.TOOL,
}
_ROLES: Final[Mapping[str, Role]] = {
    "ai": Role.AI,
    "assistant": Role.AI,
    "developer": Role.SYSTEM,
    "function": Role.FUNCTION,
    "human": Role.HUMAN,
    "remove": Role.REMOVE,
    "system": Role.SYSTEM,
    "tool": Role.TOOL,
    "user": Role.HUMAN,
}
_PLAIN_TYPES: Final = ("ai", "human", "system", "tool")
_OWN_ROLES: Final = frozenset({"ai", "human", "remove"})
_PAIR: Final = 2


class _Message(NamedTuple):
    """One message, whatever it was written in.

    Attributes:
        role: Who speaks; None for a placeholder.
        fields: Its fields, as they are stored.
        is_chunk: Whether it is a stream's fragment.
    """

    role: Role | None
    fields: Fields
    is_chunk: bool = False


def read(messages: Sequence[Any]) -> Transcript:
    """Read a list of messages. See `Dialect`."""
    entries: list[Entry] = []
    holes: list[int] = []
    for index, item in enumerate(messages):
        where = f"message {index}"
        role, fields, is_chunk = _unfolded(item, where)
        if role is None:
            holes.append(index)
            # What it will be filled with is not known: it says nothing here.
            entries.append(Entry(index, Role.AI, blocks=0, has_text=False))
        else:
            fields = built(role, fields, where, is_chunk=is_chunk)
            entries.append(read_fields(index, role, fields, is_chunk))
    if holes:
        fill_holes(entries, holes)
    return Transcript(entries)


def claims(item: object) -> bool:
    """Whether one message is written so. See `Dialect`."""
    if isinstance(item, dict):
        return _is_constructor(item) or _is_typed(item) or _has_own_role(item)
    if isinstance(item, list):
        return _is_pair(item)
    try:
        return isinstance(item, str) and claims(_from_text(item))
    except HistoryFileError:
        return False


def is_ai(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a message is the model's. See `Dialect`."""
    if item.__class__ is dict and item.get("type") in _PLAIN_TYPES and "lc" not in item:
        return bool(item["type"] == "ai")  # the rule
    try:
        return _unfolded(item, "").role is Role.AI
    except HistoryFileError:
        return False


def _is_constructor(item: Fields) -> bool:
    return item.get("lc") == 1 and isinstance(item.get("id"), list)


def _is_typed(item: Fields) -> bool:
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        return False
    data = item.get("data")
    fields = data if isinstance(data, dict) else item
    # A tool's definition has the type `function` as well, and logs have types such as `system`.
    return "content" in fields or "tool_calls" in fields or "content_blocks" in fields


def _has_own_role(item: Fields) -> bool:
    role = item.get("role")
    return (isinstance(role, str) and role in _OWN_ROLES) and "content" in item


def _is_pair(item: list[Any]) -> bool:
    return (
        len(item) == _PAIR
        and isinstance(item[0], str)
        and (item[0] in _ROLES or is_placeholder_role(item[0]))
        and isinstance(item[1], str | list)
    )


def _from_text(item: str) -> object:
    """Return the message that a text holds: message stores keep one text each."""
    if item[:1] != "{":
        return None
    try:
        return parse_text(item) if item.rstrip()[-1:] == "}" else None
    except json.JSONDecodeError:
        return None


def _unfolded(item: object, where: str) -> _Message:
    if isinstance(item, str):
        item = _from_text(item) or item
    if isinstance(item, list) and _is_pair(item):
        if is_placeholder_role(item[0]):
            return _Message(None, {})
        return _of_role(item[0], {"role": item[0], "content": item[1]})
    item = object_at(item, where)
    if _is_constructor(item):
        return _of_constructor(item, where)
    kind = item.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        data = item.get("data")
        return _of_type(kind, data if isinstance(data, dict) else item)
    role = item.get("role")
    if isinstance(role, str) and role in _ROLES:
        return _of_role(role, item)
    msg = f"{where}: neither its 'role' nor its 'type' is that of a chat message"
    raise NotUnderstoodError(msg)


def _of_type(kind: str, fields: Fields) -> _Message:
    return _Message(_TYPES[kind], fields, kind == "AIMessageChunk")


def _of_role(role: str, fields: Fields) -> _Message:
    if role == "developer":
        extra = fields.get("additional_kwargs") or {}
        marked = {"__openai_role__": role, **extra} if isinstance(extra, dict) else extra
        fields = {**fields, "additional_kwargs": marked}
    return _Message(_ROLES[role], fields)


def _of_constructor(item: Fields, where: str) -> _Message:
    path = item["id"]
    name = path[-1] if path and isinstance(path[-1], str) else ""
    fields = item.get("kwargs")
    if item.get("type") != "constructor":
        msg = f"{where}: LangChain could not write down the object {quoted(name)}"
        raise NotUnderstoodError(msg)
    if not isinstance(fields, dict):
        msg = f"{where}: the object {quoted(name)} has no 'kwargs' but the {keys_text(list(item))}"
        raise NotUnderstoodError(msg)
    if name in _CLASSES:
        return _of_type(name, fields)
    if name == PLACEHOLDER:
        return _Message(None, {})
    if name in TEMPLATES:
        return _Message(TEMPLATES[name], template_fields(fields, where))
    msg = f"{where}: an object of the class {quoted(name)}, which is no message of LangChain's"
    raise NotUnderstoodError(msg)


LANGCHAIN: Final = Dialect("langchain", claims, read, is_ai, plain_calls=plain_calls)
