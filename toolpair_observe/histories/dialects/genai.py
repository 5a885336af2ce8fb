"""Messages of OpenTelemetry's conventions for generative AI: a role and a list of parts."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
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
from toolpair_observe.pairing.masked_content import made_up
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.transcript import Call
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry, Transcript

_MESSAGE_KEYS: Final = frozenset({"role", "parts", "name", "finish_reason", "metadata"})
# What says something and carries neither a call nor a result.
_SAYING: Final = frozenset(
    {
        "text",
        "reasoning",
        "thinking",
        "blob",
        "file",
        "uri",
        "compaction",
        "refusal",
        # pydantic-ai's, before the conventions had their own
        "image-url",
        "audio-url",
        "video-url",
        "document-url",
        "binary",
        # Microsoft.Extensions.AI writes its own classes' names
        "Microsoft.Extensions.AI.TextReasoningContent",
        "Microsoft.Extensions.AI.DataContent",
        "Microsoft.Extensions.AI.UriContent",
        "Microsoft.Extensions.AI.UsageContent",
    }
)
_CALL: Final = "tool_call"
_RESULT: Final = "tool_call_response"
# How the ids of OpenAI's items start that are calls; the ids of calls start with `call_`.
_ITEM: Final = "fc_"
_SERVER_CALL: Final = "server_tool_call"
_SERVER_RESULT: Final = "server_tool_call_response"
_KNOWN_TYPES: Final = _SAYING | {_CALL, _RESULT, _SERVER_CALL, _SERVER_RESULT}
_PART_KEYS: Final = frozenset(
    {
        "type",
        "content",
        "id",
        "name",
        "arguments",
        "response",
        "result",
        "server_tool_call",
        "server_tool_call_response",
        "uri",
        "mime_type",
        "modality",
        "file_id",
        "url",
        "metadata",
        "annotations",
        "citations",
        "cache_control",
        "provider_details",
    }
)


def _claims(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return False
    parts = message.get("parts")
    if not isinstance(parts, list):
        return False
    return not parts or any(map(_fits, parts))


def _fits(part: object) -> bool:
    """Whether a part is of these conventions, rather than Gemini's or the AI SDK's."""
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _KNOWN_TYPES:
        return False
    # The AI SDK's parts of these types have a `text` or a `url`.
    return kind not in ("text", "reasoning", "file") or "content" in part or "file_id" in part


def _is_ai(message: object) -> bool:
    role = message.get("role") if isinstance(message, dict) else None
    return isinstance(role, str) and ROLES.get(role) is Role.AI


def _read(messages: Sequence[Any]) -> Transcript:
    messages = _turns(messages)
    entries = [
        _entry(index, message, is_legacy=_is_functions_result(after))
        for index, (message, after) in enumerate(zip_longest(messages, messages[1:]))
    ]
    _refuse_lost_results(entries, messages)
    if not any(entry.server_results for entry in entries):
        # Who writes down no result of a provider's tool says nothing of one that is missing.
        for entry in entries:
            entry.server_uses = []
    return settle(entries, writes_blanks=any(map(_has_blank_id, messages)))


def _refuse_lost_results(entries: list[Entry], messages: Sequence[Any]) -> None:
    """Refuse messages that may have been results, of which too little was recorded."""
    said = [None, *entries[:-1]]
    for message, before, entry in zip(messages, said, entries, strict=True):
        calls = before.calls if before is not None else []
        if calls and entry.role is Role.HUMAN and not message["parts"]:
            msg = f"message {entry.index}: nothing of it was recorded, where results may have stood"
            raise NotUnderstoodError(msg)
        if entry.role is Role.FUNCTION and not any(
            Carrier.LEGACY_CALL in c.carriers for c in calls
        ):
            msg = f"message {entry.index}: a tool's message without a part of type {_RESULT!r}"
            raise NotUnderstoodError(msg)


def _turns(messages: Sequence[Any]) -> Sequence[Any]:
    """Return the messages as turns, where each was an item of the Responses API.

    Traceloop makes a message of each item, and writes down the items' own ids for calls, but for
    results the calls' ids. What is no pair's id is taken away.
    """
    parts = [part for message in messages for part in _parts_of(message)]
    ids = {
        kind: [str(part.get("id")) for part in parts if part.get("type") == kind]
        for kind in (_CALL, _RESULT)
    }
    if not ids[_CALL] or not all(each.startswith(_ITEM) for each in ids[_CALL]):
        return messages
    if any(each.startswith(_ITEM) for each in ids[_RESULT]):
        return messages
    turns: list[Any] = []
    for message in messages:
        own = [{**part, "id": None} for part in _parts_of(message)]
        if turns and _is_ai(message) and _is_ai(turns[-1]):
            turns[-1]["parts"] += own
        else:
            turns.append({**message, "parts": own})
    return turns


def _parts_of(message: object) -> list[dict[str, Any]]:
    parts = message.get("parts") if isinstance(message, dict) else None
    listed = parts if isinstance(parts, list) else []
    return [part for part in listed if isinstance(part, dict)]


def _has_blank_id(message: dict[str, Any]) -> bool:
    return any(
        part["type"] in (_CALL, _RESULT) and part.get("id") == "" for part in message["parts"]
    )


def _is_functions_result(message: object) -> bool:
    """Whether it is a FunctionMessage, the only result that is recorded without a part for one."""
    fields = message if isinstance(message, dict) else {}
    parts = fields.get("parts")
    return (
        isinstance(parts, list)
        and fields.get("role") == "tool"
        and not any(isinstance(part, dict) and part.get("type") == _RESULT for part in parts)
    )


def _entry(index: int, message: object, *, is_legacy: bool) -> Entry:
    """Read one message; `is_legacy` if a FunctionMessage answers it."""
    where = f"message {index}"
    if not isinstance(message, dict) or not isinstance(message.get("parts"), list):
        msg = f"{where}: expected an object with a list of 'parts'"
        raise NotUnderstoodError(msg)
    known_keys(message, _MESSAGE_KEYS, where)
    role = role_of(message, where)
    parts = [_part(part, f"{where}: parts[{place}]") for place, part in enumerate(message["parts"])]
    name = message.get("name")
    if role is Role.AI:
        return _ai(index, parts, name, where, is_legacy=is_legacy)
    if any(part["type"] in (_CALL, _SERVER_CALL) for part in parts):
        msg = f"{where}: a call in a message that is not the model's"
        raise NotUnderstoodError(msg)
    if any(part["type"] == _RESULT for part in parts):
        return _results(index, parts, name)
    if role is Role.TOOL:
        # FunctionMessages are recorded so: LangChain's only results without an id.
        role = Role.FUNCTION
    fields: dict[str, Any] = {"content": _content(role, parts, where), "name": name}
    if message["role"] == "developer":
        fields["additional_kwargs"] = {"__openai_role__": "developer"}
    return entry_of(index, Recorded(role, fields))


def _part(part: object, where: str) -> dict[str, Any]:
    part = object_at(part, where)
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _KNOWN_TYPES:
        shown = quoted(kind) if isinstance(kind, str) else "no text"
        msg = f"{where}: unknown 'type' {shown}, which may be a call or a result"
        raise NotUnderstoodError(msg)
    known_keys(part, _PART_KEYS, where)
    return part


def _ai(
    index: int, parts: list[dict[str, Any]], name: object, where: str, *, is_legacy: bool
) -> Entry:
    # A call that is answered in the same message was run by the provider.
    own = {part.get("id") for part in parts if part["type"] == _RESULT and _has_id(part)}
    calls = [part for part in parts if part["type"] == _CALL and not _is_builtin(part)]
    fields: dict[str, Any] = {
        "content": _content(Role.AI, parts, where),
        "name": name,
        "tool_calls": [
            call_fields(part.get("id"), part.get("name"))
            for part in calls
            if not (_has_id(part) and part["id"] in own)
        ],
    }
    if is_legacy and len(calls) == 1 and not _has_id(calls[0]):
        fields["tool_calls"] = []
        fields["additional_kwargs"] = {"function_call": {"name": calls[0].get("name")}}
    entry = entry_of(index, Recorded(Role.AI, fields))
    made = {part["id"] for part in parts if part["type"] == _CALL and _has_id(part)}
    for place, part in enumerate(parts):
        kind = part["type"]
        if kind == _SERVER_CALL and _has_id(part):
            tool = part.get("name")
            carriers = frozenset({Carrier.SERVER_TOOL_CALL})
            entry.server_uses.append(
                Call(index, part["id"], tool if isinstance(tool, str) else None, carriers)
            )
        elif kind == _SERVER_RESULT and _has_id(part):
            entry.server_results.append(part["id"])
        elif (
            kind == _RESULT and not _is_builtin(part) and not (_has_id(part) and part["id"] in made)
        ):
            msg = f"{where}: parts[{place}]: a result in the model's message, and not of its calls"
            raise NotUnderstoodError(msg)
    return entry


def _results(index: int, parts: list[dict[str, Any]], name: object) -> Entry:
    """Read a message with results; a user's message may hold them beside text.

    Each of them was a ToolMessage of its own or is sent as one.
    """
    text = _text([part for part in parts if part["type"] in _SAYING])
    role = Role.HUMAN if text else Role.TOOL
    entry = entry_of(index, Recorded(role, {"content": text, "name": name}))
    entry.results = []
    says_more = False
    for place, part in enumerate(parts):
        if part["type"] in _SAYING:
            says_more = True
        if part["type"] != _RESULT or _is_builtin(part):
            continue
        tool = part.get("name") if isinstance(part.get("name"), str) else name
        answer = part.get("response", part.get("result"))
        fields = {"content": answer, "tool_call_id": part.get("id"), "name": tool}
        if not isinstance(answer, str):
            fields["content"] = "-"  # any JSON at all
        found = entry_of(index, Recorded(Role.TOOL, fields)).results
        for result in found:
            result.block = result.block or place
            result.made_up = result.made_up or made_up({"content": answer}, result.id)
        entry.results += found
        if says_more:
            entry.behind_text += found
    entry.has_text = bool(text)
    return entry


def _has_id(part: dict[str, Any]) -> bool:
    return isinstance(part.get("id"), str) and bool(part["id"])


def _is_builtin(part: dict[str, Any]) -> bool:
    """Whether pydantic-ai marks a part as a tool's that the provider runs."""
    return part.get("builtin") is True


def _content(role: Role, parts: list[dict[str, Any]], where: str) -> str | list[Any]:
    """Return what a message says, and the blocks that were recorded as texts."""
    texts = (part.get("content") for part in parts if part["type"] == "text")
    found = [text for text in texts if isinstance(text, str)]
    if role is Role.SYSTEM or not any(map(blocks_in, found)):
        return _text(parts)
    blocks: list[dict[str, Any]] = []
    for text in found:
        blocks += blocks_in(text) or [{"type": "text", "text": text}]
    content: str | list[Any] = built(role, {"content": blocks}, where, is_chunk=False)["content"]
    return content


def _text(parts: list[dict[str, Any]]) -> str:
    """Return the first text, or a stand-in where the parts say something else."""
    saying = [part for part in parts if part["type"] in _SAYING]
    for part in saying:
        content = part.get("content")
        if part["type"] == "text" and isinstance(content, str) and content:
            return content
    return "-" if any(part["type"] != "text" or part.get("content") for part in saying) else ""


GENAI: Final = Dialect("genai", _claims, _read, _is_ai)
