"""Messages as other agent frameworks dump them: Haystack, AutoGen, Semantic Kernel, LlamaIndex."""

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

    from toolpair_observe.pairing.transcript import Call, Entry, Result

_ROLES: Final = {
    "assistant": Role.AI,
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "tool": Role.TOOL,
    "user": Role.HUMAN,
}


_is_assistant: Final = field_is("role", "assistant")


def _reader(
    read_one: Callable[[int, dict[str, Any], str], Entry],
) -> Callable[[Sequence[Any]], Transcript]:
    def read(messages: Sequence[Any]) -> Transcript:
        return Transcript(
            [read_one(index, each, f"message {index}") for index, each in objects(messages)]
        )

    return read


def _entry(index: int, role: Role, calls: list[Call], results: list[Result], where: str) -> Entry:
    """Return the entry of a message whose parts have been read."""
    if calls and role is not Role.AI:
        refuse("role of a message with calls", role.value, where)
    if results:
        if role is not Role.TOOL or calls:
            refuse("role of a message with results", role.value, where)
        return answered_by(index, results, {})
    entry = said_by(index, role, {"content": "x"})
    entry.calls = calls
    return entry


def _role(fields: dict[str, Any], where: str) -> Role:
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        refuse("role", fields.get("role"), where)
    return role


# --- Haystack: a part is an object with one key --------------------------------------------------

_HAYSTACK_PASSIVE: Final = frozenset({"file", "image", "reasoning", "text"})


def _claims_haystack(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    content = message.get("content")
    return (
        isinstance(message.get("meta"), dict)
        and isinstance(content, list)
        and not any(isinstance(part, dict) and "type" in part for part in content)
    )


def _read_haystack(index: int, fields: dict[str, Any], where: str) -> Entry:
    known_keys(fields, {"content", "meta"}, where)
    calls: list[Call] = []
    results: list[Result] = []
    for place, part in enumerate(parts_at(fields, "content", where)):
        if "tool_call" in part:
            call = as_dict(part, "tool_call")
            calls.append(call_at(index, call.get("id"), call.get("tool_name")))
        elif "tool_call_result" in part:
            answer = as_dict(part, "tool_call_result")
            origin = as_dict(answer, "origin")
            results.append(
                result_at(
                    index,
                    origin.get("id"),
                    origin.get("tool_name"),
                    block=place,
                    said=answer.get("result"),
                    failed=answer.get("error") is True,
                )
            )
        elif _HAYSTACK_PASSIVE.isdisjoint(part):
            refuse("part", next(iter(part), ""), f"{where}: content[{place}]")
    return _entry(index, _role(fields, where), calls, results, where)


# --- AutoGen: the type tells the role, and a call is a list in place of a text -------------------

_AUTOGEN_ROLES: Final = {
    "AssistantMessage": Role.AI,
    "FunctionExecutionResultMessage": Role.TOOL,
    "SystemMessage": Role.SYSTEM,
    "UserMessage": Role.HUMAN,
}


def _claims_autogen(message: object) -> bool:
    return (
        isinstance(message, dict)
        and as_text(message.get("type")) in _AUTOGEN_ROLES
        and "role" not in message
        and "content" in message
    )


_is_autogen_ai: Final = field_is("type", "AssistantMessage")


def _read_autogen(index: int, fields: dict[str, Any], where: str) -> Entry:
    role = _AUTOGEN_ROLES.get(as_text(fields.get("type")))
    if role is None:
        refuse("type", fields.get("type"), where)
    known_keys(fields, {"content"}, where)
    if role is Role.TOOL:
        answers = parts_at(fields, "content", where)
        results = [
            result_at(
                index,
                one.get("call_id"),
                one.get("name"),
                said=one.get("content"),
                failed=one.get("is_error") is True,
            )
            for one in answers
        ]
        return _entry(index, role, [], results, where)
    if role is Role.AI and isinstance(fields.get("content"), list):
        made = parts_at(fields, "content", where)
        calls = [call_at(index, call.get("id"), call.get("name")) for call in made]
        return _entry(index, role, calls, [], where)
    return said_by(index, role, fields)


# --- Semantic Kernel: items with a type of content -----------------------------------------------

_KERNEL_PASSIVE: Final = frozenset(
    {"annotation", "audio", "binary", "file_reference", "image", "reasoning", "text"}
)


def _claims_kernel(message: object) -> bool:
    return (
        isinstance(message, dict)
        and as_text(message.get("content_type")) == "message"
        and isinstance(message.get("items"), list)
    )


def _read_kernel(index: int, fields: dict[str, Any], where: str) -> Entry:
    known_keys(fields, {"items", "metadata", "inner_content"}, where)
    calls: list[Call] = []
    results: list[Result] = []
    for place, item in enumerate(parts_at(fields, "items", where)):
        kind = as_text(item.get("content_type"))
        call_id = item.get("call_id") or item.get("id")
        if kind == "function_call":
            calls.append(call_at(index, call_id, item.get("name")))
        elif kind == "function_result":
            said = item.get("result")
            results.append(result_at(index, call_id, item.get("name"), block=place, said=said))
        elif kind not in _KERNEL_PASSIVE:
            refuse("item", item.get("content_type"), f"{where}: items[{place}]")
    return _entry(index, _role(fields, where), calls, results, where)


# --- LlamaIndex: blocks, and OpenAI's calls beside them ------------------------------------------

_INDEX_PASSIVE: Final = frozenset(
    {"audio", "cache", "citable", "citation", "document", "image", "text", "thinking", "video"}
)


def _claims_index(message: object) -> bool:
    return (
        isinstance(message, dict)
        and as_text(message.get("role")) in _ROLES
        and isinstance(message.get("blocks"), list)
    )


def _read_index(index: int, fields: dict[str, Any], where: str) -> Entry:
    known_keys(fields, {"additional_kwargs", "blocks"}, where)
    role = _role(fields, where)
    beside = as_dict(fields, "additional_kwargs")
    known_keys(beside, {"tool_calls"}, f"{where}: additional_kwargs")
    calls: list[Call] = []
    for place, block in enumerate(parts_at(fields, "blocks", where)):
        kind = as_text(block.get("block_type"))
        if kind == "tool_call":
            calls.append(call_at(index, block.get("tool_call_id"), block.get("tool_name")))
        elif kind not in _INDEX_PASSIVE:
            refuse("block", block.get("block_type"), f"{where}: blocks[{place}]")
    if beside.get("tool_calls") and not calls:
        made = parts_at(beside, "tool_calls", f"{where}: additional_kwargs")
        calls = [
            call_at(index, one.get("id"), as_dict(one, "function").get("name")) for one in made
        ]
    results = []
    if role is Role.TOOL:
        call_id, said = beside.get("tool_call_id"), _only_text(fields)
        results = [result_at(index, call_id, beside.get("name"), said=said)]
    return _entry(index, role, calls, results, where)


def _only_text(fields: dict[str, Any]) -> object:
    """Return the text of the one block that a message has, or None."""
    blocks = fields["blocks"]
    return blocks[0].get("text") if len(blocks) == 1 else None


FRAMEWORKS: Final = (
    Dialect("haystack", _claims_haystack, _reader(_read_haystack), _is_assistant),
    Dialect("autogen", _claims_autogen, _reader(_read_autogen), _is_autogen_ai),
    Dialect("semantic-kernel", _claims_kernel, _reader(_read_kernel), _is_assistant),
    Dialect("llama-index", _claims_index, _reader(_read_index), _is_assistant),
)
