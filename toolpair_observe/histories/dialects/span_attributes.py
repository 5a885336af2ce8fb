"""Messages whose fields were attributes of a span or the bodies of events.

OpenInference spreads a message over attributes such as `llm.input_messages.0.message.role`, older
Traceloop over `gen_ai.prompt.0.role`, and older OpenTelemetry writes an event for each. The
envelopes gather these into objects with `role`, `content`, `contents`, `tool_calls`,
`tool_call_id` and `name`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    json_type,
    known_keys,
    object_at,
)
from toolpair_observe.histories.dialects.langchain_fields import built
from toolpair_observe.histories.dialects.recorded import (
    ROLES,
    Recorded,
    blocks_in,
    call_fields,
    entry_of,
    role_of,
    settle,
)
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry, Transcript

EVENT_NAME: Final = "event.name"
_EVENT_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.developer.message": "developer",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
MESSAGE_EVENTS: Final = frozenset(_EVENT_ROLES)
_MESSAGE_KEYS: Final = frozenset(
    {"role", "content", "contents", "tool_calls", "tool_call_id", "name", "id", "metadata"}
)
_CALL_KEYS: Final = frozenset({"id", "name", "arguments", "function", "type", "extra_content"})
_CONTENT_TYPES: Final = frozenset(
    {
        "text",
        "input_text",
        "output_text",
        "image",
        "image_url",
        "audio",
        "input_audio",
        "video",
        "file",
        "document",
        "reasoning",
        "thinking",
        "redacted_thinking",
        "refusal",
        "fallback",
        "search_result",
        "compaction",
    }
)
# These repeat a call of `tool_calls`.
_CALL_CONTENT: Final = "tool_use"
_SERVER_CONTENT: Final = "_tool_result"
_SERVER_IDS: Final = ("srvtoolu_", "mcptoolu_")


def message_of_event(name: str, body: object) -> dict[str, Any]:
    """Return the message that an event of the older conventions holds.

    Raises:
        NotUnderstoodError: The body is no object.
    """
    if body is None:
        body = {}
    if not isinstance(body, dict):
        msg = f"the body of an event {quoted(name)} is {json_type(body)}, not an object"
        raise NotUnderstoodError(msg)
    message = dict(body)
    message.pop(EVENT_NAME, None)
    message["role"] = body.get("role") or _EVENT_ROLES.get(name)
    if message["role"] == "tool":
        message["tool_call_id"] = message.pop("id", message.get("tool_call_id"))
    return message


def _is_event(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    name = message.get(EVENT_NAME)
    return isinstance(name, str) and name in MESSAGE_EVENTS


def _read_events(messages: Sequence[Any]) -> Transcript:
    bodies = [
        message_of_event(message[EVENT_NAME], message) if _is_event(message) else message
        for message in messages
    ]
    return _read(bodies, results_have_ids=False)


def _read(messages: Sequence[Any], *, results_have_ids: bool = True) -> Transcript:
    entries = [_entry(index, message) for index, message in enumerate(messages)]
    writes_blanks = any(map(_has_blank_id, messages))
    return settle(entries, results_have_ids=results_have_ids, writes_blanks=writes_blanks)


def _has_blank_id(message: dict[str, Any]) -> bool:
    calls = message.get("tool_calls") or ()
    return message.get("tool_call_id") == "" or any(call.get("id") == "" for call in calls)


def _entry(index: int, message: object) -> Entry:
    where = f"message {index}"
    message = object_at(message, where)
    known_keys(message, _MESSAGE_KEYS, where)
    role = role_of(message, where)
    contents = _contents(message.get("contents"), where)
    fields: dict[str, Any] = {
        "name": message.get("name"),
        "content": _content(role, message.get("content"), contents, where),
    }
    calls = _calls(message.get("tool_calls"), where)
    if calls and role is not Role.AI:
        msg = f"{where}: calls in a message that is not the model's"
        raise NotUnderstoodError(msg)
    if role is Role.AI:
        done = _done_by_provider(contents)
        fields["tool_calls"] = [
            call
            for call in calls
            if call["id"] not in done and not str(call["id"]).startswith(_SERVER_IDS)
        ]
        legacy = message.get("function_call_name")
        if isinstance(legacy, str) and legacy:
            fields["additional_kwargs"] = {"function_call": {"name": legacy}}
    call_id = message.get("tool_call_id")
    if call_id is not None and not isinstance(call_id, str):
        msg = f"{where}: 'tool_call_id' is {json_type(call_id)}, not text"
        raise NotUnderstoodError(msg)
    if role is Role.HUMAN and call_id:
        role = Role.TOOL
    if role is Role.TOOL:
        fields["tool_call_id"] = call_id or ""
    if message["role"] == "developer":
        fields["additional_kwargs"] = {"__openai_role__": "developer"}
    return entry_of(index, Recorded(role, fields))


def _content(role: Role, content: object, contents: list[dict[str, Any]], where: str) -> object:
    """Return what a message says, as its field of LangChain's."""
    if isinstance(content, str) and role in (Role.AI, Role.HUMAN):
        content = blocks_in(content) or content
    if isinstance(content, list):
        # LangChain's own content, as the body of an event has it.
        return built(role, {"content": content}, where, is_chunk=False)["content"]
    return _text(content, contents)


def _contents(contents: object, where: str) -> list[dict[str, Any]]:
    """Return the blocks of a message that has several."""
    if contents is None:
        return []
    if not isinstance(contents, list):
        msg = f"{where}: 'contents' is {json_type(contents)}, not a list"
        raise NotUnderstoodError(msg)
    for place, block in enumerate(contents):
        kind = _kind(block) if isinstance(block, dict) else None
        known = isinstance(kind, str) and (
            kind in _CONTENT_TYPES or kind == _CALL_CONTENT or kind.endswith(_SERVER_CONTENT)
        )
        if not known:
            shown = f" {quoted(kind)}" if isinstance(kind, str) else ""
            msg = f"{where}: contents[{place}]: unknown type{shown}, which may be a call or result"
            raise NotUnderstoodError(msg)
    return contents


def _kind(block: dict[str, Any]) -> object:
    """Return a block's type; OpenInference writes none for a bare text."""
    kind = block.get("type")
    return "text" if kind is None and isinstance(block.get("text"), str) else kind


def _done_by_provider(contents: list[dict[str, Any]]) -> set[str]:
    """Return the ids of calls whose result stands in the same message."""
    done: set[str] = set()
    for block in contents:
        text = block.get("text")
        if str(_kind(block)).endswith(_SERVER_CONTENT) and isinstance(text, str):
            try:
                result = json.loads(text)
            except (ValueError, RecursionError):
                continue
            call_id = result.get("tool_use_id") if isinstance(result, dict) else None
            if isinstance(call_id, str):
                done.add(call_id)
    return done


def _calls(calls: object, where: str) -> list[dict[str, Any]]:
    if calls is None:
        return []
    if not isinstance(calls, list):
        msg = f"{where}: 'tool_calls' is {json_type(calls)}, not a list"
        raise NotUnderstoodError(msg)
    found: list[dict[str, Any]] = []
    for place, each in enumerate(calls):
        here = f"{where}: tool_calls[{place}]"
        call = object_at(each, here)
        known_keys(call, _CALL_KEYS, here)
        function = call.get("function")
        name = function.get("name") if isinstance(function, dict) else call.get("name")
        found.append(call_fields(call.get("id"), name))
    return found


def _text(content: object, contents: list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        if content:
            return content
    elif content:
        return "-"
    saying = [(_kind(block), block.get("text")) for block in contents]
    texts = [text for kind, text in saying if kind == "text" and text and isinstance(text, str)]
    if any(kind in _CONTENT_TYPES and kind != "text" for kind, _ in saying):
        texts.append("-")
    return "\n".join(texts)


def _is_ai(message: object) -> bool:
    role = message.get("role") if isinstance(message, dict) else None
    return isinstance(role, str) and ROLES.get(role) is Role.AI


def _is_ai_event(message: object) -> bool:
    return _is_ai(message) or (
        _is_event(message)
        and isinstance(message, dict)
        and message[EVENT_NAME] == "gen_ai.assistant.message"
    )


SPAN_ATTRIBUTES: Final = Dialect("span-attributes", lambda _: False, _read, _is_ai)
"""Messages that an envelope has gathered from attributes; no message says so by itself."""

EVENTS: Final = Dialect("genai-events", _is_event, _read_events, _is_ai_event)
