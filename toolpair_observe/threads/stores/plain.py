"""Messages whose class would change nothing of their fields, so that they need not be validated.

Almost all of the time that heads take to be read is spent on validating what was valid when it was
stored. What is not of the plain form goes the long way, and so does every message that a release
with other fields has written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_set: Final = object.__setattr__
_CALL: Final = frozenset({"name", "args", "id", "type"})
_TEXT: Final = frozenset({str, type(None)})
_BLOCK: Final = frozenset({str, dict})
_USAGE: Final = frozenset({int, dict})
_STATUS: Final = frozenset({"success", "error"})


def plain_message(cls: Callable[..., Any], fields: dict[str, Any]) -> BaseMessage | None:
    """Return the message of a class, or None where it has to be validated.

    Args:
        cls: The class.
        fields: Its fields. They become the message's own.
    """
    form = _FORMS.get(cls)
    if form is None:
        return None
    try:
        content = fields["content"]
        is_plain = (
            fields.keys() == form.names
            and fields["type"] == form.type
            and (
                type(content) is str or (type(content) is list and {*map(type, content)} <= _BLOCK)
            )
            and type(fields["additional_kwargs"]) is dict
            and type(fields["response_metadata"]) is dict
            and type(fields["id"]) in _TEXT
            and type(fields["name"]) in _TEXT
            and form.holds(fields)
        )
    # Of a field that is absent, or of another type than it is taken for.
    except (AttributeError, KeyError, TypeError):
        return None
    if not is_plain:
        return None
    # What `model_construct` does, which takes three times as long: all fields are there.
    message: BaseMessage = form.cls.__new__(form.cls)
    _set(message, "__dict__", fields)
    _set(message, "__pydantic_fields_set__", {*fields})
    _set(message, "__pydantic_extra__", {})
    _set(message, "__pydantic_private__", None)
    return message


def _holds_answer(fields: Mapping[str, Any]) -> bool:
    calls, usage = fields["tool_calls"], fields["usage_metadata"]
    if fields["invalid_tool_calls"] != [] or type(calls) is not list:
        return False
    if usage is not None and not {*map(type, usage.values())} <= _USAGE:
        return False
    if not calls:
        # Where older releases have put them.
        return "tool_calls" not in fields["additional_kwargs"]
    return all(map(_is_plain_call, calls))


def _is_plain_call(call: Mapping[str, Any]) -> bool:
    return (
        call.keys() == _CALL
        and call["type"] == "tool_call"
        and type(call["name"]) is str
        and type(call["args"]) is dict
        and type(call["id"]) in _TEXT
    )


def _holds_result(fields: Mapping[str, Any]) -> bool:
    return type(fields["tool_call_id"]) is str and fields["status"] in _STATUS


def _holds_text(_: Mapping[str, Any]) -> bool:
    return True


class _Form(NamedTuple):
    """What a message of a class looks like.

    Attributes:
        cls: The class.
        names: The names of its fields.
        type: The value of its field `type`.
        holds: Whether the fields that only it has are plain.
    """

    cls: type[BaseMessage]
    names: frozenset[str]
    type: str
    holds: Callable[[Mapping[str, Any]], bool]


_FORMS: Final[Mapping[Callable[..., Any], _Form]] = {
    cls: _Form(cls, frozenset(cls.model_fields), cls.model_fields["type"].default, holds)
    for cls, holds in (
        (AIMessage, _holds_answer),
        (HumanMessage, _holds_text),
        (SystemMessage, _holds_text),
        (ToolMessage, _holds_result),
    )
}
