"""Model messages of Vercel's AI SDK: `tool-call` and `tool-result` parts, since release 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import Dialect, field_is, known_keys
from toolpair_observe.histories.dialects.neutral import (
    answered_by,
    call_at,
    objects,
    parts_at,
    refuse,
    result_at,
    said_by,
)
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT, calls_or_answers
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry, Result

_ROLES: Final = {
    "system": Role.SYSTEM,
    "user": Role.HUMAN,
    "assistant": Role.AI,
    "tool": Role.TOOL,
}
_KEYS: Final = frozenset(
    {"content", "providerOptions", "providerMetadata", "experimental_providerMetadata"}
)
_PASSIVE: Final = {
    Role.SYSTEM: frozenset({"text"}),
    Role.HUMAN: frozenset({"text", "image", "file"}),
    Role.AI: frozenset(
        {"custom", "file", "image", "reasoning", "reasoning-file", "redacted-reasoning", "text"}
    ),
}
# Parts that no other form has.
_OWN: Final = frozenset(
    {
        "reasoning-file",
        "redacted-reasoning",
        "tool-approval-request",
        "tool-approval-response",
        "tool-call",
        "tool-result",
    }
)


def _claims(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and _is_telling(part) for part in content
    )


def _is_telling(part: dict[str, Any]) -> bool:
    kind = as_text(part.get("type"))
    if kind == "file":
        return "mediaType" in part or "mimeType" in part
    if kind == "image":
        return "image" in part
    if kind == "reasoning":
        return isinstance(part.get("text"), str)
    return kind in _OWN


is_ai: Final = field_is("role", "assistant")


def read(messages: Sequence[Any]) -> Transcript:
    """Read model messages."""
    hosted: set[str] = set()
    return Transcript([_read_one(index, each, hosted) for index, each in objects(messages)])


def _read_one(index: int, fields: dict[str, Any], hosted: set[str]) -> Entry:
    where = f"message {index}"
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        refuse("role", fields.get("role"), where)
    known_keys(fields, _KEYS, where)
    if role is Role.TOOL:
        return _read_tool(index, fields, hosted, where)
    content = fields.get("content")
    entry = said_by(index, role, fields)
    if isinstance(content, str) or (content is None and role is Role.AI):
        return entry
    parts = parts_at(fields, "content", where)
    if role is Role.AI:
        _read_ai(parts, entry, hosted, where)
        return entry
    for place, part in enumerate(parts):
        if as_text(part.get("type")) not in _PASSIVE[role]:
            refuse("part", part.get("type"), f"{where}: content[{place}]")
    return entry


def _read_ai(parts: list[dict[str, Any]], entry: Entry, hosted: set[str], where: str) -> None:
    entry.has_text = False
    done = {as_text(part.get("toolCallId")) for part in parts if part.get("type") == "tool-result"}
    for place, part in enumerate(parts):
        kind = as_text(part.get("type"))
        call_id = part.get("toolCallId")
        if kind == "tool-call":
            call = call_at(entry.index, call_id, part.get("toolName"))
            call.block = place
            # The provider ran what it says it ran, and what it answered in the same breath.
            if part.get("providerExecuted") is True or (call.id and call.id in done):
                entry.server_uses.append(call)
                hosted.add(call.id)
            else:
                entry.calls.append(call)
            entry.says_more_after_calls = entry.more_than_text_after_calls = False
        elif kind == "tool-result":
            entry.server_results.append(as_text(call_id))
        elif kind in _PASSIVE[Role.AI]:
            entry.has_text |= part.get("text") != ""
            if entry.calls:
                entry.says_more_after_calls |= part.get("text") != ""
                entry.more_than_text_after_calls |= kind != "text"
        elif kind != "tool-approval-request":
            refuse("part", part.get("type"), f"{where}: content[{place}]")


def _read_tool(index: int, fields: dict[str, Any], hosted: set[str], where: str) -> Entry:
    results = []
    late: list[str] = []
    for place, part in enumerate(parts_at(fields, "content", where)):
        kind = as_text(part.get("type"))
        if kind == "tool-result":
            result = _result(index, part, place)
            if result.id in hosted:
                late.append(result.id)
            else:
                results.append(result)
        elif kind != "tool-approval-response":
            refuse("part", part.get("type"), f"{where}: content[{place}]")
    entry = answered_by(index, results, {})
    entry.server_results = late
    return entry


def _result(index: int, part: dict[str, Any], place: int) -> Result:
    said, failed = part.get("result"), part.get("isError") is True
    output = part.get("output")
    if isinstance(output, dict):
        said, failed = output.get("value"), as_text(output.get("type")).startswith("error-")
    call_id, name = part.get("toolCallId"), part.get("toolName")
    return result_at(index, call_id, name, block=place, said=said, failed=failed)


# --- approvals -----------------------------------------------------------------------------------


def unfold(messages: Sequence[Any]) -> Sequence[Any]:
    """Leave out what people answered to questions whether a call may run: it is no result.

    Where such answers end the list, their calls run before the model is asked again, and where a
    question ends it nobody is asked before a person has answered: these calls are not missed.
    """
    if not any(_asks_or_approves(message) for message in messages):
        return messages
    asked: dict[str, str] = {}
    settled: dict[str, None] = {}
    kept: list[Any] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") != "tool":
            settled = {}
        parts = _parts(message)
        answers = 0
        for part in parts:
            kind = part.get("type")
            call_id = as_text(part.get("toolCallId"))
            approval = as_text(part.get("approvalId"))
            if kind == "tool-approval-request":
                asked[approval] = call_id
                settled[call_id] = None
            elif kind == "tool-approval-response":
                answers += 1
                settled[asked.get(approval, "")] = None
            elif kind == "tool-result":
                settled.pop(call_id, None)
        if not parts or answers < len(parts):
            kept.append(message)
    settled.pop("", None)
    if settled:
        results = [{"type": "tool-result", "toolCallId": call_id} for call_id in settled]
        kept.append({"role": "tool", "content": results})
    return kept


def _asks_or_approves(message: object) -> bool:
    return any(as_text(part.get("type")).startswith("tool-approval-") for part in _parts(message))


def _parts(message: object) -> list[dict[str, Any]]:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return []
    return [part for part in content if isinstance(part, dict)]


def _variant(messages: Sequence[Any]) -> Dialect:
    # Pictures, files and thoughts stand so in messages of OpenAI's form, too.
    has_own = any(as_text(part.get("type")) in _OWN for each in messages for part in _parts(each))
    return AI_SDK if has_own or not any(map(calls_or_answers, messages)) else OPENAI_CHAT


AI_SDK: Final = Dialect(
    name="ai-sdk", claims=_claims, read=read, is_ai=is_ai, unfold=unfold, variant=_variant
)
