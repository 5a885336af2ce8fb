"""OpenAI's chat messages, and what servers and libraries write that speak the same form.

Plain messages of a role and a text belong to it as well: no other dialect claims them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.containers.parsing import parse_text
from toolpair_observe.histories.dialects.by_order import without_ids
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    field_is,
    json_type,
    keys_text,
    known_keys,
    object_at,
    word_or_type,
)
from toolpair_observe.histories.dialects.openai_parts import HARMLESS_KEYS, read_content
from toolpair_observe.histories.dialects.openai_scan import (
    COMMON_KEYS,
    holds_object,
    plain_calls,
)
from toolpair_observe.pairing.fields import as_name, as_text
from toolpair_observe.pairing.masked_content import made_up
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.signs import read_signs, sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Data = dict[str, Any]

_CALLS: Final = frozenset({Carrier.TOOL_CALL})
_BAD_CALLS: Final = frozenset({Carrier.INVALID_TOOL_CALL})
_LEGACY: Final = frozenset({Carrier.LEGACY_CALL})

# One of these beside the role makes a message of an object.
_SAYS: Final = frozenset(
    {
        "audio",
        "content",
        "function_call",
        "reasoning",
        "reasoning_content",
        "refusal",
        "tool_call_id",
        "tool_call_ids",
        "tool_calls",
        "tool_plan",
    }
)
_CALL_LISTS: Final = ("tool_calls", "invalid_tool_calls")
_KEYS_OF_CALLS: Final = (*_CALL_LISTS, "function_call")
_KEYS_OF_RESULTS: Final = ("tool_call_id", "tool_call_ids")
_MESSAGE_KEYS: Final = HARMLESS_KEYS | {"content", *_KEYS_OF_CALLS, *_KEYS_OF_RESULTS}
# AgentDojo repeats the call beside its result.
_TOOL_KEYS: Final = _MESSAGE_KEYS | {"tool_call"}
_AI_ROLES: Final = ("assistant", "ai")
_ROLE: Final = frozenset({"role"})
# The type of a message is no key of this form, but some stores write one beside the role.
_CALLING_TYPE: Final = ("call", "tool", "function", "output", "result")
_CALL_TYPES: Final = (None, "function", "custom", "tool_call", "invalid_tool_call")
_CALL_KEYS: Final = frozenset(
    {
        "args",
        "arguments",
        "cache_control",
        "custom",
        "extra_content",
        "extras",
        "function",
        "metadata",
        "parameters",
        "provider_specific_fields",
    }
)
_PLAIN_CALL: Final = {"id", "type", "function"}
_PLAIN_FUNCTION: Final = {"name", "arguments"}
_FUNCTION_KEYS: Final = frozenset(
    {"arguments", "cache_control", "input", "provider_specific_fields"}
)


def claims(data: Any) -> bool:  # noqa: ANN401 - any JSON value
    """See `Dialect.claims`."""
    if not isinstance(data, dict):
        return False
    role = data.get("role")
    return (
        isinstance(role, str)
        and role in _READERS
        and (len(data) == 1 or not _SAYS.isdisjoint(data))
    )


is_ai: Final = field_is("role", *_AI_ROLES)


def calls_or_answers(message: object) -> bool:
    """Whether a message calls or answers in this form."""
    return isinstance(message, dict) and bool(
        message.get("tool_calls") or message.get("tool_call_id") or message.get("function_call")
    )


def read(messages: Sequence[Any]) -> Transcript:
    """See `Dialect.read`."""
    return Transcript([_entry(index, message) for index, message in enumerate(messages)])


def _entry(index: int, message: Any) -> Entry:  # noqa: ANN401 - any JSON value
    where = f"message {index}"
    message = object_at(message, where)
    role = message.get("role")
    if not isinstance(role, str) or role not in _READERS:
        told = word_or_type(role)
        msg = f"{where}: no role of OpenAI's form: {told}"
        raise NotUnderstoodError(msg)
    if not message.keys() <= COMMON_KEYS.get(role, _ROLE):
        _check_keys(message, where)
    return _READERS[role](index, message, where)


def _check_keys(message: _Data, where: str) -> None:
    """Refuse what could be a call or a result where nobody looks for it."""
    role = message["role"]
    kind = message.get("type")
    if isinstance(kind, str) and any(word in kind for word in _CALLING_TYPE):
        msg = f"{where}: unknown type {quoted(kind)} beside the role"
        raise NotUnderstoodError(msg)
    known_keys(message, _TOOL_KEYS if role == "tool" else _MESSAGE_KEYS, where)
    misplaced = [key for key in _KEYS_OF_CALLS if message.get(key) and role not in _AI_ROLES]
    misplaced += [key for key in _KEYS_OF_RESULTS if message.get(key) and role != "tool"]
    if misplaced:
        msg = f"{where}: {keys_text(misplaced)} in a message of role {quoted(role)}"
        raise NotUnderstoodError(msg)


def _read_human(index: int, message: _Data, where: str) -> Entry:
    blocks, has_text = read_content(message.get("content"), where)
    entry = Entry(index, Role.HUMAN, blocks=blocks, has_text=has_text, name=as_name(message))
    entry.is_summary, entry.sign = read_signs(message)
    return entry


def _read_system(index: int, message: _Data, where: str) -> Entry:
    read_content(message.get("content"), where)
    role = message["role"] if message["role"] == "developer" else ""
    return Entry(index, Role.SYSTEM, is_summary=read_signs(message)[0], wire_role=role)


def _read_tool(index: int, message: _Data, where: str) -> Entry:
    content = message.get("content")
    read_content(content, where)
    name = as_name(message) or as_text(message.get("tool_name")) or None
    sign = sign_of_result(message)
    own = message.get("tool_call_id")
    several = message.get("tool_call_ids") if own is None else None
    ids = several if isinstance(several, list) and several else [own]
    results = [Result(index, _id(each, where)[0], name, Carrier.TOOL_MESSAGE, sign) for each in ids]
    for result in results:
        result.made_up = made_up(message, result.id)
    entry = Entry(index, Role.TOOL, results=results, has_text=False, name=name)
    entry.is_empty_list = content == []
    return entry


def _read_function(index: int, message: _Data, where: str) -> Entry:
    read_content(message.get("content"), where)
    own = made_up(message, "")
    result = Result(index, "", as_name(message), Carrier.FUNCTION, made_up=own)
    return Entry(index, Role.FUNCTION, results=[result], has_text=False)


def _read_ai(index: int, message: _Data, where: str) -> Entry:
    content = message.get("content")
    blocks, has_text = read_content(content, where)
    entry = Entry(index, Role.AI, blocks=blocks, has_text=has_text, name=as_name(message))
    if content:
        entry.is_summary, entry.sign = read_signs(message)
    for key in _CALL_LISTS:
        if message.get(key):
            entry.calls += [
                _call(index, call, f"{where}: {key}[{place}]", is_bad=key != _CALL_LISTS[0])
                for place, call in enumerate(_calls_in(message[key], f"{where}: {key}"))
            ]
    if message.get("function_call"):
        _read_legacy_call(message["function_call"], entry, where)
    return entry


_READERS: Final[Mapping[str, Callable[[int, _Data, str], Entry]]] = {
    "user": _read_human,
    "human": _read_human,
    "assistant": _read_ai,
    "ai": _read_ai,
    "system": _read_system,
    "developer": _read_system,
    "tool": _read_tool,
    "function": _read_function,
}


def _calls_in(value: object, where: str) -> list[Any]:
    if isinstance(value, str):
        # Tables keep a list in a column of text.
        try:
            value = parse_text(value) or []
        except json.JSONDecodeError:
            value = None
    if not isinstance(value, list):
        msg = f"{where}: expected a list of calls, got {json_type(value)}"
        raise NotUnderstoodError(msg)
    return value


def _call(index: int, call: Any, where: str, *, is_bad: bool) -> Call:  # noqa: ANN401 - any JSON value
    call = object_at(call, where)
    kind = call.get("type")
    if kind not in _CALL_TYPES:
        told = word_or_type(kind)
        msg = f"{where}: unknown type of call {told}"
        raise NotUnderstoodError(msg)
    if call.keys() != _PLAIN_CALL:
        known_keys(call, _CALL_KEYS, where)
    name, has_object = _name_and_arguments(call, where)
    call_id, is_null = _id(call.get("id"), where)
    carriers = _CALLS if has_object and not is_bad and kind != "invalid_tool_call" else _BAD_CALLS
    return Call(
        index,
        call_id,
        name if isinstance(name, str) else None,
        carriers,
        null_id=is_null,
        is_async=call.get("async") is True,
    )


def _name_and_arguments(call: _Data, where: str) -> tuple[object, bool]:
    """Return the tool's name, and whether the arguments are a JSON object."""
    function, custom = call.get("function"), call.get("custom")
    if isinstance(function, dict):
        if function.keys() != _PLAIN_FUNCTION:
            known_keys(function, _FUNCTION_KEYS, where)
        return function.get("name"), holds_object(function.get("arguments"))
    if isinstance(custom, dict):
        known_keys(custom, _FUNCTION_KEYS, where)
        return custom.get("name"), True  # its input is any text
    # LangChain's own form, AgentDojo's, and that of servers before there was a type.
    name = function if isinstance(function, str) else call.get("name")
    for key in ("args", "arguments", "parameters"):
        if key in call:
            return name, holds_object(call[key])
    if name is None:
        msg = f"{where}: a call of no known form, with the {keys_text(call)}"
        raise NotUnderstoodError(msg)
    return name, True


def _id(value: object, where: str) -> tuple[str, bool]:
    """Return an id, `""` where there is none, and whether it is null rather than empty."""
    if value is None:
        return "", True
    if isinstance(value, str):
        return value, False
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), False
    msg = f"{where}: the id is {json_type(value)}"
    raise NotUnderstoodError(msg)


def _read_legacy_call(call: object, entry: Entry, where: str) -> None:
    """Add the call as it was before there were several: it has a name and no id."""
    if not isinstance(call, dict):
        msg = f"{where}: 'function_call' is {json_type(call)}"
        raise NotUnderstoodError(msg)
    known_keys(call, _FUNCTION_KEYS, f"{where}: function_call")
    name = as_text(call.get("name"))
    if not name:
        return
    repeated = [made for made in entry.calls if made.name == name]
    if repeated:
        repeated[-1].carriers |= _LEGACY
    else:
        entry.calls.append(Call(entry.index, "", name, _LEGACY, null_id=True))


def _has_no_ids(messages: Sequence[Any]) -> bool:
    """Whether there are calls and neither they nor the results have a key for an id.

    Ollama's own API, Hugging Face's chat templates and test data are written so, and AgentDojo
    writes null or an empty text for ids that a provider does not have. Any other id that is null
    or empty, or that one side alone lacks, has been lost.
    """
    calls: list[_Data] = []
    results: list[_Data] = []
    for message in messages:
        if not isinstance(message, dict):
            return False
        made = message.get("tool_calls")
        if made and isinstance(made, list):
            calls += [call for call in made if isinstance(call, dict)]
            if calls and calls[-1].get("id"):
                return False  # the rule
        elif message.get("role") == "tool":
            results.append(message)
    if not calls:
        return False
    if all(isinstance(call.get("function"), str) for call in calls):
        return not any(call.get("id") for call in calls) and not any(
            message.get(key) for message in results for key in _KEYS_OF_RESULTS
        )
    return not any("id" in call for call in calls) and all(
        message.keys().isdisjoint(_KEYS_OF_RESULTS) for message in results
    )


def _variant(messages: Sequence[Any]) -> Dialect:
    return OPENAI_CHAT_BY_ORDER if _has_no_ids(messages) else OPENAI_CHAT


OPENAI_CHAT: Final = Dialect(
    "openai-chat", claims, read, is_ai, plain_calls=plain_calls, variant=_variant
)
OPENAI_CHAT_BY_ORDER: Final = without_ids(OPENAI_CHAT)
