"""Messages of Cohere's first chat API: they say `message`, and their calls have no ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    field_is,
    known_keys,
    object_at,
    word_or_type,
)
from toolpair_observe.pairing.masked_content import made_up
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.signs import read_signs
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROLES: Final[Mapping[str, Role]] = {
    spelled: role
    for name, role in (
        ("User", Role.HUMAN),
        ("Chatbot", Role.AI),
        ("System", Role.SYSTEM),
        ("Tool", Role.TOOL),
    )
    for spelled in (name, name.upper())
}
_MESSAGE_KEYS: Final = frozenset({"citations", "documents", "tool_calls", "tool_results"})
_CALL_KEYS: Final = frozenset({"args", "call", "outputs", "parameters"})


def claims(data: Any) -> bool:  # noqa: ANN401 - any JSON value
    """See `Dialect.claims`."""
    if not isinstance(data, dict):
        return False
    role = data.get("role")
    return (
        isinstance(role, str) and role in _ROLES and ("message" in data or "tool_results" in data)
    )


is_ai: Final = field_is("role", "Chatbot", "CHATBOT")


def read(messages: Sequence[Any]) -> Transcript:
    """See `Dialect.read`."""
    entries = [_entry(index, message) for index, message in enumerate(messages)]
    pair_by_order(entries)
    made = {call.id for entry in entries for call in entry.calls}
    for entry in entries:
        # A result holds its call: without one before it, it stands for both, and is taken so.
        entry.results = [
            result for result in entry.results if result.id in made or result.name is None
        ]
    return Transcript(entries)


def _entry(index: int, message: Any) -> Entry:  # noqa: ANN401 - any JSON value
    where = f"message {index}"
    message = object_at(message, where)
    told = message.get("role")
    role = _ROLES.get(told) if isinstance(told, str) else None
    if role is None:
        what = word_or_type(told)
        msg = f"{where}: no role of Cohere's first API: {what}"
        raise NotUnderstoodError(msg)
    known_keys(message, _MESSAGE_KEYS, where)
    calls = _objects(message, "tool_calls", where)
    results = _objects(message, "tool_results", where)
    if (calls and role is not Role.AI) or (results and role is Role.AI):
        msg = f"{where}: calls or results in a message of role {quoted(str(told))}"
        raise NotUnderstoodError(msg)
    says = bool(message.get("message"))
    if results and not says:
        role = Role.TOOL
    entry = Entry(index, role, blocks=int(says), has_text=says)
    entry.calls = [
        Call(index, "", _name(call), frozenset({Carrier.TOOL_CALL}), null_id=True) for call in calls
    ]
    entry.results = [_result(index, result) for result in results]
    entry.is_summary, entry.sign = read_signs({"content": message.get("message")})
    return entry


def _objects(message: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = message.get(key)
    if not value:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        msg = f"{where}: {key!r} is no list of objects"
        raise NotUnderstoodError(msg)
    for place, each in enumerate(value):
        known_keys(each, _CALL_KEYS, f"{where}: {key}[{place}]")
    return value


def _result(index: int, fields: dict[str, Any]) -> Result:
    outputs = fields.get("outputs")
    said = outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else None
    result = Result(index, "", _name(fields.get("call")), Carrier.TOOL_MESSAGE)
    result.made_up = made_up({"content": said}, "")
    return result


def _name(call: object) -> str | None:
    name = call.get("name") if isinstance(call, dict) else None
    return name if isinstance(name, str) else None


COHERE_V1: Final = Dialect("cohere-v1", claims, read, is_ai, has_ids=False)
