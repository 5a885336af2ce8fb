"""Messages as Anthropic's Messages API takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.content import (
    add_call,
    add_other,
    add_result,
    add_server_result,
    add_server_use,
    add_text,
    id_at,
    new_entry,
)
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    field_is,
    keys_text,
    known_keys,
    list_at,
    object_at,
    word_or_type,
)
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.masked_content import made_up_block
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.signs import sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROLES: Final = {"user": Role.HUMAN, "assistant": Role.AI, "system": Role.SYSTEM}
_MESSAGE_KEYS: Final = frozenset(
    {
        "cache_control",
        "container",
        "content",
        "context_management",
        "diagnostics",
        "metadata",
        "output_config",
        "role",
        "stop_details",
        "usage",
    }
)
# Where other APIs put calls and results, whatever stands there.
_FOREIGN_KEYS: Final = frozenset({"function_call", "parts", "tool_call_id", "tool_calls"})
_BLOCK_KEYS: Final = frozenset(
    {
        "annotations",
        "cache_control",
        "caller",
        "citations",
        "content",
        "context",
        "input",
        "metadata",
        "source",
        "to",
        "from",
        "tool",
        "tool_changes",
        "tools",
        "trigger",
    }
)
_SERVER_USES: Final = {
    "server_tool_use": frozenset({Carrier.SERVER_TOOL_USE}),
    "mcp_tool_use": frozenset({Carrier.MCP_TOOL_USE}),
}
_CALL: Final = frozenset({Carrier.TOOL_USE})
# The provider's results are of many types: `web_search_tool_result`, `mcp_tool_result` and so on.
_SERVER_RESULT: Final = "_tool_result"
# What neither calls nor answers and stands in this API's messages alone.
_OWN: Final = frozenset(
    {
        "compaction",
        "container_upload",
        "fallback",
        "mcp_tool_listing",
        "search_result",
        "tool_addition",
        "tool_removal",
    }
)
# The same where other APIs' messages may have it as well.
_SHARED: Final = frozenset({"document", "image", "redacted_thinking", "thinking"})


def _claims(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    content = message.get("content")
    return (
        isinstance(content, list)
        and any(isinstance(block, dict) and _tells(block) for block in content)
        and not any(message.get(key) for key in _FOREIGN_KEYS)
    )


def _tells(block: dict[str, Any]) -> bool:
    kind = as_text(block.get("type"))
    return (
        kind in ("tool_use", "tool_result")
        or kind in _SERVER_USES
        or kind in _OWN
        or kind.endswith(_SERVER_RESULT)
    )


def may_be_anthropic(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a message of a user or an assistant says nothing that this API does not take."""
    if not isinstance(message, dict) or message.get("role") not in ("assistant", "user"):
        return False
    content = message.get("content")
    return isinstance(content, str) or (
        isinstance(content, list) and all(map(_may_be_block, content))
    )


def _may_be_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    kind = as_text(block.get("type"))
    return kind == "text" or _tells(block) or (kind in _SHARED and _is_own_form(block))


def _is_own_form(block: dict[str, Any]) -> bool:
    return isinstance(block.get("source"), dict) or "source" not in block


def _read(messages: Sequence[Any]) -> Transcript:
    return Transcript([_read_message(index, each) for index, each in enumerate(messages)])


def _read_message(index: int, message: object) -> Entry:
    where = f"message {index}"
    fields = object_at(message, where)
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        msg = f"{where}: a role that Anthropic's messages do not have, {_role_text(fields)}"
        raise NotUnderstoodError(msg)
    foreign = [key for key in fields if key in _FOREIGN_KEYS and fields[key]]
    if foreign:
        msg = f"{where}: {keys_text(foreign)} beside content blocks of Anthropic's"
        raise NotUnderstoodError(msg)
    known_keys(fields, _MESSAGE_KEYS, where)
    content = fields.get("content")
    if content is None or isinstance(content, str):
        entry = new_entry(index, role, content or "")
        add_text(entry, content)
    else:
        blocks = list_at(content, f"{where}: content")
        entry = new_entry(index, role, blocks)
        for place, block in enumerate(blocks):
            _read_block(entry, block, f"{where}: content[{place}]")
    entry.cut_short = fields.get("stop_reason") == "max_tokens"
    # A call whose output stands in the same message was run by the provider.
    done = set(entry.server_results)
    if done and entry.calls:
        entry.calls = [call for call in entry.calls if call.id not in done]
    return entry


def _role_text(fields: dict[str, Any]) -> str:
    role = fields.get("role")
    return word_or_type(role)


def _read_block(entry: Entry, block: object, where: str) -> None:
    if isinstance(block, str):
        add_text(entry, block)
        return
    fields = object_at(block, where)
    known_keys(fields, _BLOCK_KEYS, where)
    kind = as_text(fields.get("type"))
    if kind == "text":
        add_text(entry, fields.get("text"))
    elif kind == "tool_use":
        _only_from(entry, Role.AI, kind, where)
        add_call(entry, _call(entry, fields, _CALL, where))
    elif kind == "tool_result":
        _read_result(entry, fields, where)
    elif kind in _SERVER_USES:
        _only_from(entry, Role.AI, kind, where)
        add_server_use(entry, _call(entry, fields, _SERVER_USES[kind], where))
    elif kind.endswith(_SERVER_RESULT):
        add_server_result(entry, id_at(fields, "tool_use_id", where) or "")
    elif kind in _OWN or kind in _SHARED:
        add_other(entry)
    else:
        has = f"type {quoted(kind)}" if kind else f"no type and the {keys_text(fields)}"
        msg = f"{where}: an unknown content block with {has}"
        raise NotUnderstoodError(msg)


def _only_from(entry: Entry, role: Role, kind: str, where: str) -> None:
    if entry.role is not role:
        msg = f"{where}: a {kind} block in a message that is not the assistant's"
        raise NotUnderstoodError(msg)


def _call(entry: Entry, fields: dict[str, Any], carriers: frozenset[Carrier], where: str) -> Call:
    call_id = id_at(fields, "id", where)
    name = as_text(fields.get("name")) or None
    return Call(entry.index, call_id or "", name, carriers, null_id=call_id is None)


def _read_result(entry: Entry, fields: dict[str, Any], where: str) -> None:
    result_id = id_at(fields, "tool_use_id", where) or ""
    carrier = Carrier.TOOL_RESULT_IN_HUMAN
    if entry.role is Role.AI:
        carrier = Carrier.TOOL_RESULT_IN_AI
    elif entry.role is Role.SYSTEM:
        msg = f"{where}: a tool_result block in a system message"
        raise NotUnderstoodError(msg)
    sign = sign_of_result(
        {
            "content": fields.get("content"),
            "status": "error" if fields.get("is_error") is True else "success",
        }
    )
    own = made_up_block(fields, result_id)
    add_result(entry, Result(entry.index, result_id, None, carrier, sign, made_up=own))


_is_ai: Final = field_is("role", "assistant")


ANTHROPIC: Final = Dialect("anthropic", _claims, _read, _is_ai)
