"""The fields of a stored LangChain message, as the message would have them once it is built.

LangChain's constructors fill in defaults, derive calls from older places and turn numbers into
text. A stored message has had that done or not, depending on who wrote it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from langchain_core.utils.json import parse_partial_json

from toolpair_observe.histories.containers.parsing import parse_text
from toolpair_observe.histories.dialects.dialect import (
    NotUnderstoodError,
    json_type,
    keys_text,
    known_keys,
)
from toolpair_observe.pairing.encodings import CALL_ID_KEYS
from toolpair_observe.pairing.fields import as_text, is_output
from toolpair_observe.pairing.plain_content import PASSIVE_BLOCKS
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]

ESCAPED: Final = "__lc_escaped__"
"""`dumpd` wraps so what a user's own dictionary with a key `lc` holds."""

_COMMON: Final = frozenset(
    {
        "additional_kwargs",
        "content",
        "content_blocks",
        "example",
        "id",
        "lc_kwargs",  # JavaScript's objects, dumped as they are
        "lc_namespace",
        "metadata",
        "name",
        "response_metadata",
        "role",
        "type",
    }
)
_OF_AI: Final = _COMMON | {
    # OpenAI's own fields, which LangChain keeps in `additional_kwargs`.
    "annotations",
    "audio",
    "chunk_position",
    "function_call",
    "invalid_tool_calls",
    "logprobs",
    "reasoning",
    "reasoning_details",
    "tool_call_chunks",
    "tool_calls",
    "usage",
    "usage_metadata",
}
KNOWN_KEYS: Final[Mapping[Role, frozenset[str]]] = {
    Role.AI: _OF_AI,
    Role.TOOL: _COMMON | {"artifact", "status", "tool_call_id"},
    Role.HUMAN: _COMMON,
    Role.SYSTEM: _COMMON,
    Role.FUNCTION: _COMMON,
    Role.CHAT: _COMMON,
    Role.REMOVE: _COMMON,
}
"""Under which keys a message of each role may have a list or an object."""

# Beside `PASSIVE_BLOCKS`, which the first look knows: blocks that neither make nor answer a call.
_OTHER_BLOCKS: Final = frozenset(
    {
        "cache_point",
        "citation",
        "citations",
        "code_execution_result",
        "container_upload",
        "executable_code",
        "function_call_signature",
        "guard_content",
        "image_file",
        "input_audio",
        "input_file",
        "input_image",
        "input_json_delta",
        "input_text",
        "media",
        "non_standard_annotation",
        "output_text",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "server_tool_use",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_tool_use",
        "summary_text",
        "text-plain",
        "text_delta",
        "thinking_delta",
        "toolCall",  # Gemini's own tools
        "toolResponse",
        "tool_reference",
        "tool_result",
        "video",
        "video_url",
    }
)
_BLOCKS: Final = PASSIVE_BLOCKS | _OTHER_BLOCKS | CALL_ID_KEYS.keys()
# Bedrock's Converse has blocks without a type, whose only key tells what they are.
_BARE_BLOCKS: Final = frozenset(
    {
        "audio",
        "cachePoint",
        "citationsContent",
        "document",
        "guardContent",
        "image",
        "reasoningContent",
        "searchResult",
        "text",
        "toolResult",
        "toolUse",
        "video",
    }
)
_READS_BLOCKS: Final = frozenset({Role.AI, Role.TOOL, Role.HUMAN, Role.CHAT, Role.FUNCTION})
_CALL_KEYS: Final = frozenset(
    {"args", "custom", "extra_content", "extras", "function", "id", "response_metadata"}
)


def built(role: Role, fields: Fields, where: str, *, is_chunk: bool) -> Fields:
    """Return the fields as those of a message that LangChain has built.

    Args:
        role: Who speaks.
        fields: The fields as they are stored.
        where: The message's place, for the error.
        is_chunk: Whether the message is a stream's fragment.

    Raises:
        NotUnderstoodError: A field has another shape than LangChain's, or is unknown and could hold
            a call.
    """
    known_keys(fields, KNOWN_KEYS[role], where)
    content = _content(role, fields, where)
    if role in _READS_BLOCKS and isinstance(content, list):
        _check_blocks(content, fields, where)
    new: Fields = {**fields, "content": content}
    for key in ("additional_kwargs", "response_metadata"):
        new[key] = _object(fields, key, where)
    if role is Role.AI:
        _add_calls(new, where, is_chunk=is_chunk)
    elif role is Role.TOOL:
        new["tool_call_id"] = _id(fields.get("tool_call_id"), f"{where}: 'tool_call_id'") or ""
    return new


# --- content --------------------------------------------------------------------------------------


def _content(role: Role, fields: Fields, where: str) -> str | list[Any]:
    content = fields.get("content")
    blocks = fields.get("content_blocks")
    if blocks:
        if content and content != blocks:
            msg = f"{where}: 'content' and 'content_blocks' differ"
            raise NotUnderstoodError(msg)
        content = blocks
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if role is Role.TOOL and not isinstance(content, list):
        return str(content)  # as LangChain does
    items = [content] if isinstance(content, dict) else content
    if not isinstance(items, list):
        msg = f"{where}: 'content' is neither text nor a list of blocks but {json_type(content)}"
        raise NotUnderstoodError(msg)
    return [_block(role, block, at, where) for at, block in enumerate(items)]


def _block(role: Role, block: object, at: int, where: str) -> object:
    if isinstance(block, str):
        return block
    if not isinstance(block, dict):
        if role is Role.TOOL:
            return str(block)  # as LangChain does
        msg = f"{where}: 'content[{at}]' is neither text nor a block but {json_type(block)}"
        raise NotUnderstoodError(msg)
    return unescaped(block)


def unescaped(fields: Fields) -> Fields:
    """Return what stands in the wrapper of `dumpd`, or the fields themselves."""
    inner = fields.get(ESCAPED)
    return inner if len(fields) == 1 and isinstance(inner, dict) else fields


def _check_blocks(content: list[Any], fields: Fields, where: str) -> None:
    for at, block in enumerate(content):
        if isinstance(block, dict):
            _check_block(block, fields, f"{where}: content[{at}]")


def _check_block(block: Fields, fields: Fields, where: str) -> None:
    kind = block.get("type")
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        _check_block(block["value"], {}, f"{where}.value")
    elif kind is None:
        unknown = [key for key, value in block.items() if value and key not in _BARE_BLOCKS]
        if unknown:
            msg = f"{where}: a block without a type and with the unknown {keys_text(unknown)}"
            raise NotUnderstoodError(msg)
        for key in ("toolUse", "toolResult"):
            if key in block and not isinstance(block[key], dict):
                msg = f"{where}: {key!r} is {json_type(block[key])}, not an object"
                raise NotUnderstoodError(msg)
    elif not isinstance(kind, str):
        msg = f"{where}: the type of the block is {json_type(kind)}"
        raise NotUnderstoodError(msg)
    elif kind == "tool_call_chunk":
        _check_chunk(block, fields, where)
    elif not (kind in _BLOCKS or is_output(kind) or kind.endswith("_tool_result")):
        msg = f"{where}: a block of the unknown type {quoted(kind)}"
        raise NotUnderstoodError(msg)


def _check_chunk(block: Fields, fields: Fields, where: str) -> None:
    """Refuse a fragment of a call that stands nowhere else: what it calls is not read."""
    stated = fields.get("tool_calls"), fields.get("tool_call_chunks")
    ids = [
        call.get("id")
        for calls in stated
        if isinstance(calls, list)
        for call in calls
        if isinstance(call, dict)
    ]
    if block.get("id") is not None and block["id"] not in ids:
        msg = f"{where}: a fragment of a call that is not in 'tool_calls'"
        raise NotUnderstoodError(msg)


def _object(fields: Fields, key: str, where: str) -> Fields:
    value = fields.get(key)
    if not value:
        return {}
    if not isinstance(value, dict):
        msg = f"{where}: {key!r} is {json_type(value)}, not an object"
        raise NotUnderstoodError(msg)
    return unescaped(value)


# --- calls ----------------------------------------------------------------------------------------


def _add_calls(new: Fields, where: str, *, is_chunk: bool) -> None:
    extra = new["additional_kwargs"]
    if isinstance(new.get("function_call"), dict):
        extra = {"function_call": new["function_call"], **extra}
        new["additional_kwargs"] = extra
    raw = _objects(extra, "tool_calls", f"{where}: additional_kwargs")
    _objects(extra, "tool_outputs", f"{where}: additional_kwargs")
    _object(extra, "function_call", f"{where}: additional_kwargs")
    chunks = _objects(new, "tool_call_chunks", where)
    if new.get("tool_calls") is None and new.get("invalid_tool_calls") is None:
        # Nobody has built this message yet.
        if is_chunk:
            _derive(new, chunks or raw, where, as_json=parse_partial_json)
        else:
            _derive(new, raw, where, as_json=_any_json)
        return
    calls = _objects(new, "tool_calls", where)
    invalid = _objects(new, "invalid_tool_calls", where)
    parsed = [
        (_call(call, _any_json, f"{where}: tool_calls[{at}]")) for at, call in enumerate(calls)
    ]
    # What was invalid when it was stored stands before what turns out to be.
    new["invalid_tool_calls"] = [
        _named(call, f"{where}: invalid_tool_calls[{at}]") for at, call in enumerate(invalid)
    ] + [call for call, is_valid in parsed if not is_valid]
    new["tool_calls"] = [call for call, is_valid in parsed if is_valid]


def _derive(new: Fields, sources: list[Fields], where: str, as_json: Any) -> None:  # noqa: ANN401 - a parser
    parsed = [_call(call, as_json, f"{where}: call {at}") for at, call in enumerate(sources)]
    new["tool_calls"] = [call for call, is_valid in parsed if is_valid]
    new["invalid_tool_calls"] = [call for call, is_valid in parsed if not is_valid]


def _call(call: Fields, as_json: Any, where: str) -> tuple[Fields, bool]:  # noqa: ANN401 - a parser
    """Return LangChain's form of a call, and whether its arguments are a JSON object."""
    function, custom = call.get("function"), call.get("custom")
    if isinstance(function, dict):
        known_keys(call, _CALL_KEYS, where)
        name, arguments = function.get("name"), function.get("arguments")
    elif isinstance(custom, dict):
        known_keys(call, _CALL_KEYS, where)
        # The input of a custom tool is free text.
        name, arguments = custom.get("name"), None
    else:
        named = _named(call, where)
        name, arguments = named["name"], call.get("args")
    new = {**call, "name": as_text(name), "id": _id(call.get("id"), where)}
    return new, _is_object(arguments, as_json)


def _named(call: Fields, where: str) -> Fields:
    known_keys(call, _CALL_KEYS, where)
    if not call.keys() & {"name", "args", "id"}:
        msg = f"{where}: a call without 'name', 'args' and 'id'"
        raise NotUnderstoodError(msg)
    name = call.get("name")
    return {
        **call,
        "name": name if isinstance(name, str) else None,
        "id": _id(call.get("id"), where),
    }


def _id(value: object, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # as LangChain does
    msg = f"{where}: the id is {json_type(value)}"
    raise NotUnderstoodError(msg)


def _is_object(arguments: object, as_json: Any) -> bool:  # noqa: ANN401 - a parser
    if arguments is None or arguments == "":
        return True
    if isinstance(arguments, str):
        try:
            arguments = as_json(arguments)
        except (ValueError, RecursionError):
            return False
    return isinstance(arguments, dict)


def _any_json(text: str) -> object:
    return json.loads(text, strict=False)


def _objects(fields: Fields, key: str, where: str) -> list[Fields]:
    value = fields.get(key)
    if isinstance(value, str) and value:
        try:
            value = parse_text(value)
        except json.JSONDecodeError:
            value = True
    if not value:
        return []
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    msg = f"{where}: {key!r} is not a list of objects"
    raise NotUnderstoodError(msg)
