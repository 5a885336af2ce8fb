"""Messages in the logs of agents: SWE-agent's and Inspect's, near to OpenAI's and not the same."""

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
from toolpair_observe.pairing.fields import as_dict, as_text
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolpair_observe.pairing.transcript import Entry

_ROLES: Final = {
    "assistant": Role.AI,
    "system": Role.SYSTEM,
    "tool": Role.TOOL,
    "user": Role.HUMAN,
}
_KEYS: Final = frozenset(
    {
        "cache_control",
        "content",
        "error",
        "metadata",
        "query",
        "tags",
        "thinking_blocks",
        "tool_call_id",
        "tool_call_ids",
        "tool_calls",
    }
)
_PASSIVE: Final = frozenset(
    {
        "audio",
        "citation",
        "data",
        "document",
        "image",
        "image_url",
        "reasoning",
        "text",
        "thinking",
        "video",
    }
)


_is_ai: Final = field_is("role", "assistant")


def _reader(ids_of: Callable[[dict[str, Any], str], list[Any]]) -> Callable[..., Transcript]:
    """Return the reader of a log; `ids_of` gives the ids that a result's message answers."""

    def read(messages: Sequence[Any]) -> Transcript:
        return Transcript([_read_one(index, each, ids_of) for index, each in objects(messages)])

    return read


def _read_one(
    index: int, fields: dict[str, Any], ids_of: Callable[[dict[str, Any], str], list[Any]]
) -> Entry:
    where = f"message {index}"
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        refuse("role", fields.get("role"), where)
    known_keys(fields, _KEYS, where)
    hosted = _hosted(fields, where)
    if role is Role.TOOL:
        name = fields.get("function") if isinstance(fields.get("function"), str) else None
        results = [result_at(index, each, name) for each in ids_of(fields, where)]
        return answered_by(index, results, fields)
    entry = said_by(index, role, fields)
    if fields.get("tool_calls"):
        if role is not Role.AI:
            refuse("role of a message with calls", fields.get("role"), where)
        for call in parts_at(fields, "tool_calls", where):
            function = call.get("function")
            name = function if isinstance(function, str) else as_dict(call, "function").get("name")
            entry.calls.append(call_at(index, call.get("id"), name))
    entry.server_uses += [call_at(index, block.get("id"), block.get("name")) for block in hosted]
    entry.server_results += [use.id for use in entry.server_uses]
    return entry


def _hosted(fields: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the blocks of calls that the provider ran, each with its result."""
    content = fields.get("content")
    if content is None or isinstance(content, str):
        return []
    hosted: list[dict[str, Any]] = []
    for place, block in enumerate(parts_at(fields, "content", where)):
        kind = as_text(block.get("type"))
        if _is_hosted(block):
            hosted.append(block)
        elif kind not in _PASSIVE:
            refuse("block", block.get("type"), f"{where}: content[{place}]")
    return hosted


# --- SWE-agent: a result names a list of ids ------------------------------------------------------

_MESSAGE_TYPES: Final = frozenset(
    {"action", "demonstration", "observation", "system_prompt", "thought", "user"}
)


def _claims_swe(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    return isinstance(message.get("tool_call_ids"), list) or (
        "agent" in message and as_text(message.get("message_type")) in _MESSAGE_TYPES
    )


def _swe_ids(fields: dict[str, Any], where: str) -> list[Any]:
    ids = fields.get("tool_call_ids")
    if ids is None:
        return [fields.get("tool_call_id")]
    if not isinstance(ids, list):
        refuse("value under 'tool_call_ids'", ids, where)
    return ids or [None]


# --- Inspect: a call's function is its name -------------------------------------------------------


def _claims_inspect(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    if message.get("role") == "tool":
        return isinstance(message.get("function"), str)
    if message.get("role") != "assistant":
        return False
    calls, content = message.get("tool_calls"), message.get("content")
    return (isinstance(calls, list) and any(map(_is_inspect_call, calls))) or (
        isinstance(content, list) and any(map(_is_hosted, content))
    )


def _is_hosted(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_use" and "tool_type" in block


def _is_inspect_call(call: object) -> bool:
    # AgentDojo names the function so as well, and has its arguments under `args`.
    return isinstance(call, dict) and isinstance(call.get("function"), str) and "args" not in call


def _inspect_ids(fields: dict[str, Any], _: str) -> list[Any]:
    return [fields.get("tool_call_id")]


SWE_AGENT: Final = Dialect(
    name="swe-agent", claims=_claims_swe, read=_reader(_swe_ids), is_ai=_is_ai
)
INSPECT: Final = Dialect(
    name="inspect", claims=_claims_inspect, read=_reader(_inspect_ids), is_ai=_is_ai
)
