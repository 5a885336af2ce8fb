"""Messages as Langfuse's handlers write them: OpenAI's role names around LangChain's own fields.

Each tool that was bound stands behind the messages as one of role `tool`. The handler for
JavaScript puts the tool's name in place of a result's role and leaves its id out, and koog writes
calls as a text of role `tool`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    object_at,
)
from toolpair_observe.histories.dialects.langchain_fields import built
from toolpair_observe.histories.dialects.recorded import ROLES, role_of
from toolpair_observe.pairing.reading import read_fields
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry

_Data = dict[str, Any]

_LONGEST_CALLS: Final = 1_000_000


def is_tool_definition(message: object) -> bool:
    """Whether this is the definition of a tool that the handler put behind the messages."""
    if not isinstance(message, dict) or message.get("role") != "tool":
        return False
    content = message.get("content")
    return (
        isinstance(content, dict)
        and content.get("type") == "function"
        and isinstance(content.get("function"), dict)
        and message.get("tool_call_id") is None
    )


def is_handlers(message: object) -> bool:
    """Whether a message may be a handler's: it has a role and content, and no type of its own."""
    return (
        isinstance(message, dict)
        and "content" in message
        and "type" not in message
        and ("role" in message or "additional_kwargs" in message)
    )


def _claims(message: object) -> bool:
    if is_tool_definition(message):
        return True
    if not isinstance(message, dict) or not is_handlers(message):
        return False
    return isinstance(message.get("additional_kwargs"), dict) or _calls_in_text(message) is not None


def _calls_in_text(message: _Data) -> list[Any] | None:
    """Return the calls that a message of role `tool` holds as a text, None if it holds none."""
    content = message.get("content")
    if (
        message.get("role") != "tool"
        or message.get("tool_call_id") is not None
        or not isinstance(content, str)
        or not content.lstrip().startswith("[")
        or len(content) > _LONGEST_CALLS
    ):
        return None
    try:
        calls = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(calls, list) and calls and all(map(_is_call, calls)):
        return calls
    return None


def _is_call(call: object) -> bool:
    return (
        isinstance(call, dict)
        and call.get("type") == "function"
        and "id" in call
        and isinstance(call.get("function"), dict)
        and "arguments" in call["function"]
    )


def _is_ai(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    role = message.get("role")
    return (isinstance(role, str) and ROLES.get(role) is Role.AI) or (
        _calls_in_text(message) is not None
    )


def _read(messages: Sequence[Any]) -> Transcript:
    entries: list[Entry] = []
    results_have_ids = True
    for place, message in enumerate(messages):
        if is_tool_definition(message):
            continue
        where = f"message {place}"
        role, fields, has_id = _unfolded(object_at(message, where), where)
        results_have_ids = results_have_ids and has_id
        fields = built(role, fields, where, is_chunk=False)
        entries.append(read_fields(len(entries), role, fields))
    if not results_have_ids and not any(r.id for entry in entries for r in entry.results):
        pair_by_order(entries)
    return Transcript(entries)


def _unfolded(message: _Data, where: str) -> tuple[Role, _Data, bool]:
    """Return who speaks, LangChain's fields, and whether the producer writes ids of results."""
    calls = _calls_in_text(message)
    if calls is not None:
        return Role.AI, {"content": "", "tool_calls": calls}, False
    role = message.get("role")
    named = role if isinstance(role, str) else None
    if named not in ROLES and isinstance(message.get("additional_kwargs"), dict):
        # Only for results does the handler for JavaScript keep these, and no other role.
        fields = {key: value for key, value in message.items() if key != "role"}
        return Role.TOOL, {**fields, "name": named}, bool(message.get("tool_call_id"))
    if named == "developer":
        message = {**message, "additional_kwargs": {"__openai_role__": named}}
    return role_of(message, where), message, True


LANGFUSE: Final = Dialect("langfuse", _claims, _read, _is_ai)
