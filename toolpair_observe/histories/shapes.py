"""Build chat messages from JSON, field by field from an allow-list.

Nothing here instantiates a class that the data names. A serialized LangChain object is recognized
by the last part of its id, which has to be one of the message classes listed below.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import ValidationError

from toolpair_observe.errors import HistoryFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage

_Data = dict[str, Any]

LIST_KEYS: Final = ("langchain", "messages")

_ROLES: Final[Mapping[str, str]] = {
    "human": "human",
    "user": "human",
    "HumanMessage": "human",
    "HumanMessageChunk": "human",
    "ai": "ai",
    "assistant": "ai",
    "AIMessage": "ai",
    "AIMessageChunk": "chunk",
    "system": "system",
    "developer": "system",
    "SystemMessage": "system",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "ToolMessage": "tool",
    "ToolMessageChunk": "tool",
    "function": "function",
    "FunctionMessage": "function",
    "FunctionMessageChunk": "function",
    "chat": "chat",
    "ChatMessage": "chat",
    "ChatMessageChunk": "chat",
    "remove": "remove",
    "RemoveMessage": "remove",
}


def looks_like_message(data: object) -> bool:
    """Whether a JSON value is one message rather than a history."""
    if isinstance(data, dict):
        return ("role" in data or "type" in data) and not any(key in data for key in LIST_KEYS)
    return _is_pair(data)


def messages_from(items: Sequence[object]) -> list[BaseMessage]:
    """Build the messages of one history.

    Args:
        items: OpenAI messages, `messages_to_dict` output, LangChain's flat or serialized dicts, or
            `[role, text]` pairs; forms may be mixed.

    Raises:
        HistoryFileError: An item is not a message; the text names its position, not its content.
    """
    return [_message_at(position, item) for position, item in enumerate(items)]


def _message_at(position: int, item: object) -> BaseMessage:
    try:
        return _message(_flat(item))
    except HistoryFileError as error:
        msg = f"message {position}: {error}"
    except ValidationError as error:
        # Pydantic's own text quotes the input.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = next((part for part in first["loc"] if isinstance(part, str)), "message")
        msg = f"message {position}: {field!r} has the wrong shape ({first['type']})"
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        msg = f"message {position}: has the wrong shape ({type(error).__name__})"
    raise HistoryFileError(msg) from None


def _is_pair(data: object) -> TypeGuard[list[str]]:
    return (
        isinstance(data, list)
        and len(data) == len(("role", "text"))
        and all(isinstance(part, str) for part in data)
        and data[0] in _ROLES
    )


def _flat(item: object) -> _Data:
    """Return a message in any of the forms as a flat dict whose `type` is a key of `_BUILDERS`."""
    if _is_pair(item):
        return {"type": _ROLES[item[0]], "content": item[1]}
    if not isinstance(item, dict):
        msg = f"expected an object, got {_json_type(item)}"
        raise HistoryFileError(msg)
    name, fields = _name_and_fields(item)
    role = _ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        msg = "neither its 'role' nor its 'type' is that of a chat message"
        raise HistoryFileError(msg)
    if not isinstance(fields, dict):
        msg = "has no fields"
        raise HistoryFileError(msg)
    return {**fields, "type": role}


def _name_and_fields(item: _Data) -> tuple[object, object]:
    """Return the name of a message dict's role or class, and its fields."""
    kind = item.get("type")
    if kind == "constructor" and item.get("lc") == 1:
        path = item.get("id")
        return (path[-1] if isinstance(path, list) and path else None), item.get("kwargs")
    if isinstance(item.get("data"), dict):
        return kind, item["data"]
    # A ChatMessage has both, and its role can be any text.
    is_langchain = isinstance(kind, str) and kind in _ROLES
    return (kind if is_langchain else item.get("role")), item


def _message(data: _Data) -> BaseMessage:
    return _BUILDERS[data["type"]](data)


def _common(data: _Data) -> _Data:
    fields: _Data = {"content": _content(data)}
    for key in ("additional_kwargs", "response_metadata"):
        if data.get(key) is not None:
            fields[key] = data[key]
    for key in ("name", "id"):
        if isinstance(data.get(key), str):
            fields[key] = data[key]
    return fields


def _content(data: _Data) -> str | list[str | _Data]:
    content = data.get("content")
    if content is None:
        return ""
    if isinstance(content, dict):
        return [content]
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(block, str | dict) for block in content):
        return content
    msg = f"'content' is neither text nor a list of blocks but {_json_type(content)}"
    raise HistoryFileError(msg)


def _ai_fields(data: _Data) -> _Data:
    fields = _common(data)
    calls = [_call(call) for call in _objects(data, "tool_calls")]
    given_invalid = [_invalid_call(call) for call in _objects(data, "invalid_tool_calls")]
    fields["tool_calls"] = [call for call in calls if call["args"] is not None]
    fields["invalid_tool_calls"] = given_invalid + [
        {**call, "error": None} for call in calls if call["args"] is None
    ]
    if isinstance(data.get("function_call"), dict):
        extra = {"function_call": data["function_call"]}
        fields["additional_kwargs"] = {**fields.get("additional_kwargs", {}), **extra}
    return fields


def _call(call: _Data) -> _Data:
    """Return LangChain's form of a call, with `args` None if they are not a JSON object."""
    function, custom = call.get("function"), call.get("custom")
    if isinstance(function, dict):
        name, arguments = function.get("name"), _object_in(function.get("arguments"))
    elif isinstance(custom, dict):
        # The input of a custom tool is free text; pairing does not need it.
        name, arguments = custom.get("name"), {}
    else:
        name, arguments = call.get("name"), _object_in(call.get("args"))
    return {"name": name if isinstance(name, str) else "", "id": _id(call), "args": arguments}


def _invalid_call(call: _Data) -> _Data:
    name = call.get("name")
    return {
        "name": name if isinstance(name, str) else None,
        "id": _id(call),
        "args": None,
        "error": None,
    }


def _id(call: _Data) -> str | None:
    call_id = call.get("id")
    return call_id if isinstance(call_id, str) else None


def _object_in(arguments: object) -> _Data | None:
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, strict=False)
        except (ValueError, RecursionError):
            return None
    return arguments if isinstance(arguments, dict) else None


def _objects(data: _Data, key: str) -> list[_Data]:
    value = data.get(key)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    msg = f"{key!r} is not a list of objects"
    raise HistoryFileError(msg)


def _ai(data: _Data) -> BaseMessage:
    return AIMessage(**_ai_fields(data))


def _ai_chunk(data: _Data) -> BaseMessage:
    fields = _ai_fields(data)
    if data.get("chunk_position") == "last":
        fields["chunk_position"] = "last"
    chunks = [
        {key: chunk.get(key) for key in ("name", "args", "id", "index")}
        for chunk in _objects(data, "tool_call_chunks")
    ]
    if chunks:
        # LangChain derives the calls from the chunks.
        fields.update(tool_call_chunks=chunks, tool_calls=[], invalid_tool_calls=[])
    return AIMessageChunk(**fields)


def _tool(data: _Data) -> BaseMessage:
    call_id = data.get("tool_call_id")
    fields = {**_common(data), "tool_call_id": call_id if isinstance(call_id, str | int) else ""}
    if data.get("status") == "error":
        fields["status"] = "error"
    return ToolMessage(**fields)


def _function(data: _Data) -> BaseMessage:
    fields = _common(data)
    return FunctionMessage(**{**fields, "name": fields.get("name", "")})


def _chat(data: _Data) -> BaseMessage:
    role = data.get("role")
    return ChatMessage(**_common(data), role=role if isinstance(role, str) else "")


def _remove(data: _Data) -> BaseMessage:
    message_id = data.get("id")
    return RemoveMessage(id=message_id if isinstance(message_id, str) else "")


_BUILDERS: Final[Mapping[str, Callable[[_Data], BaseMessage]]] = {
    "human": lambda data: HumanMessage(**_common(data)),
    "system": lambda data: SystemMessage(**_common(data)),
    "ai": _ai,
    "chunk": _ai_chunk,
    "tool": _tool,
    "function": _function,
    "chat": _chat,
    "remove": _remove,
}


def _json_type(value: object) -> str:
    for kinds, name in _JSON_TYPES:
        if isinstance(value, kinds):
            return name
    return "an object"


_JSON_TYPES: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((bool,), "a boolean"),
    ((type(None),), "null"),
    ((str,), "a string"),
    ((int, float), "a number"),
    ((list,), "a list"),
)
