"""Messages as Bedrock's Converse takes them: a block has no type, its one key tells what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.content import (
    add_call,
    add_other,
    add_result,
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
from toolpair_observe.pairing.signs import sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROLES: Final = {"user": Role.HUMAN, "assistant": Role.AI, "system": Role.SYSTEM}
_BLOCKS: Final = frozenset(
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
        "toolAddition",
        "toolRemoval",
        "toolResult",
        "toolUse",
        "video",
    }
)
_MESSAGE_KEYS: Final = frozenset({"content", "metadata", "metrics", "role", "usage"})
_CALL: Final = frozenset({Carrier.CONVERSE_BLOCK})
_SERVER_USE: Final = frozenset({Carrier.SERVER_TOOL_USE})
_OF_SERVER: Final = "server_tool"


# Other APIs' content has parts without a type as well, of which these are none.
_OWN: Final = _BLOCKS - {"audio", "image", "text", "video"}


def _claims(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    return _has_block(message, _OWN)


def may_be_converse(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a message has a block without a type, as all have here and some do elsewhere."""
    return _has_block(message, _BLOCKS)


def _has_block(message: Any, kinds: frozenset[str]) -> bool:  # noqa: ANN401 - any JSON value
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or as_text(message.get("role")) not in _ROLES:
        return False
    return any(
        isinstance(block, dict) and "type" not in block and not kinds.isdisjoint(block)
        for block in content
    )


def _read(messages: Sequence[Any]) -> Transcript:
    return Transcript([_read_message(index, each) for index, each in enumerate(messages)])


def _read_message(index: int, message: object) -> Entry:
    where = f"message {index}"
    fields = object_at(message, where)
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        given = fields.get("role")
        text = word_or_type(given)
        msg = f"{where}: a role that Converse's messages do not have, {text}"
        raise NotUnderstoodError(msg)
    known_keys(fields, _MESSAGE_KEYS, where)
    content = fields.get("content")
    if content is None or isinstance(content, str):
        entry = new_entry(index, role, content or "")
        add_text(entry, content)
        return entry
    blocks = list_at(content, f"{where}: content")
    entry = new_entry(index, role, blocks)
    for place, block in enumerate(blocks):
        _read_block(entry, block, f"{where}: content[{place}]")
    if entry.server_uses and entry.results:
        _take_out_server_results(entry)
    return entry


def _take_out_server_results(entry: Entry) -> None:
    """Take results of the provider's own tools for what they are, by the ids of its calls."""
    used = {use.id for use in entry.server_uses}
    entry.server_results = [result.id for result in entry.results if result.id in used]
    entry.results = [result for result in entry.results if result.id not in used]


def _read_block(entry: Entry, block: object, where: str) -> None:
    fields = object_at(block, where)
    kinds = [key for key, value in fields.items() if value is not None]
    if len(kinds) != 1 or kinds[0] not in _BLOCKS:
        msg = f"{where}: not a content block of Converse, with the {keys_text(kinds)}"
        raise NotUnderstoodError(msg)
    kind = kinds[0]
    if kind == "text":
        add_text(entry, fields[kind])
    elif kind == "toolUse":
        _read_use(entry, object_at(fields[kind], f"{where}.toolUse"), f"{where}.toolUse")
    elif kind == "toolResult":
        _read_result(entry, object_at(fields[kind], f"{where}.toolResult"), f"{where}.toolResult")
    elif kind == "cachePoint":
        pass  # a mark, and no content
    else:
        add_other(entry)


def _read_use(entry: Entry, use: dict[str, Any], where: str) -> None:
    if entry.role is not Role.AI:
        msg = f"{where}: a call in a message that is not the assistant's"
        raise NotUnderstoodError(msg)
    known_keys(use, ("input",), where)
    call_id = id_at(use, "toolUseId", where)
    name = as_text(use.get("name")) or None
    is_own = as_text(use.get("type")).startswith(_OF_SERVER)
    carriers = _SERVER_USE if is_own else _CALL
    call = Call(entry.index, call_id or "", name, carriers, null_id=call_id is None)
    (add_server_use if is_own else add_call)(entry, call)


def _read_result(entry: Entry, result: dict[str, Any], where: str) -> None:
    known_keys(result, ("content",), where)
    result_id = id_at(result, "toolUseId", where) or ""
    carrier = Carrier.TOOL_RESULT_IN_AI if entry.role is Role.AI else Carrier.CONVERSE_RESULT
    if entry.role is Role.SYSTEM:
        msg = f"{where}: a result in a system message"
        raise NotUnderstoodError(msg)
    sign = sign_of_result({"content": result.get("content"), "status": result.get("status")})
    own = made_up_block(result, result_id)
    add_result(entry, Result(entry.index, result_id, None, carrier, sign, made_up=own))


_is_ai: Final = field_is("role", "assistant")


CONVERSE: Final = Dialect("converse", _claims, _read, _is_ai)
