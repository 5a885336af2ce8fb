"""The lists of messages in a checkpoint's channels, found by what they hold.

A channel may have any name, and its messages any of the forms that graphs store: LangChain's
objects, their dicts, dicts in OpenAI's form, pairs of role and text. Classes that are not
LangChain's own come out of a strict reading as the dicts of their fields.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    convert_to_messages,
    messages_from_dict,
)

from toolpair_observe.histories.envelopes.langgraph import origin_of_answers
from toolpair_observe.pairing.providers.recorded import target_of_row
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolpair_observe.pairing.providers.identify import Target

INPUT: Final = "__start__"
"""The channel of an input that no node has read yet."""

# The input, and what the prebuilt agent's hook makes anew for each request.
_NO_HISTORY: Final = frozenset({INPUT, "llm_input_messages"})
_INTERNAL: Final = ("branch:", "join:", "__pregel_")
# Values nest what they keep a few levels deep.
_DEEPEST: Final = 3
_PAIR: Final = 2
_TYPES: Final = frozenset(
    name
    for kind in ("human", "ai", "system", "tool", "function", "chat", "remove")
    for name in (kind, f"{kind.title()}MessageChunk")
) | {"AIMessageChunk"}
# The roles that a pair of role and text can have.
_SPEAKERS: Final = frozenset({"user", "human", "assistant", "ai", "system", "developer"})
_ROLES: Final = _SPEAKERS | {"tool", "function"}


class UnreadableMessageError(ValueError):
    """An element of a list of messages is none that is understood."""


def lists_in(values: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each list of messages with its place: the channel, and the keys below it."""
    for channel, value in values.items():
        if channel not in _NO_HISTORY and not channel.startswith(_INTERNAL):
            yield from _lists_below(channel, value, _DEEPEST)


def input_messages(values: Mapping[str, Any], place: str) -> list[BaseMessage]:
    """Return what an input that nobody has read yet adds to the list at a place."""
    value = values.get(INPUT)
    channel = place.split(".", maxsplit=1)[0]
    found = value.get(channel) if isinstance(value, dict) else None
    found = found if isinstance(found, list | tuple) else [found]
    return as_messages(found) if found and all(map(is_message, found)) else []


def _lists_below(place: str, value: object, depth: int) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list | tuple) and _holds_messages(value):
        yield place, list(value)
    elif isinstance(value, dict) and depth and not is_message(value):
        for key, below in value.items():
            yield from _lists_below(f"{place}.{key}", below, depth - 1)


def _holds_messages(elements: Sequence[Any]) -> bool:
    """Whether a list is one of messages, be it that some are not understood.

    Pairs of role and text are, where nothing else stands among them: other pairs look like them.
    """
    return any(map(_is_plainly_message, elements)) or (
        bool(elements) and all(map(is_message, elements))
    )


def is_message(element: object) -> bool:
    """Whether a value is a message, in one of the forms in which they are stored."""
    return _is_plainly_message(element) or _is_pair(element)


def _is_plainly_message(element: object) -> bool:
    if isinstance(element, BaseMessage):
        return True
    return isinstance(element, dict) and (
        _is_flat(element) or _is_wrapped(element) or _is_constructor(element)
    )


def _is_pair(element: object) -> bool:
    return (
        isinstance(element, list | tuple)
        and len(element) == _PAIR
        and isinstance(element[0], str)
        and element[0] in _SPEAKERS
        and isinstance(element[1], str | list)
    )


def _is_flat(fields: Mapping[Any, Any]) -> bool:
    kind = fields.get("type", fields.get("role"))
    if "content" not in fields and "tool_calls" not in fields:
        return False
    return isinstance(kind, str) and kind in (_TYPES if "type" in fields else _ROLES)


def _is_wrapped(fields: Mapping[Any, Any]) -> bool:
    kind = fields.get("type")
    return isinstance(kind, str) and kind in _TYPES and isinstance(fields.get("data"), dict)


def _is_constructor(fields: Mapping[Any, Any]) -> bool:
    name = fields.get("id")
    return (
        fields.get("lc") in (1, 2)
        and isinstance(name, list)
        and bool(name)
        and isinstance(name[-1], str)
        and name[-1].endswith(("Message", "MessageChunk"))
        and isinstance(fields.get("kwargs"), dict)
    )


def as_messages(elements: Sequence[Any]) -> list[BaseMessage]:
    """Return the elements of a list of messages as LangChain's messages.

    Raises:
        UnreadableMessageError: One of them is no message; the text names its position.
    """
    return [_as_message(position, each) for position, each in enumerate(elements)]


def _as_message(position: int, element: Any) -> BaseMessage:  # noqa: ANN401 - a stored value
    if isinstance(element, BaseMessage):
        return element
    try:
        if isinstance(element, dict) and not isinstance(element.get("role"), str):
            return _of_fields(element)
        if isinstance(element, list):
            element = tuple(element)
        (message,) = convert_to_messages([element])
    except Exception:  # noqa: BLE001 - of whatever an element makes the converter do
        # The converter's own text quotes the element, and a traceback would quote that.
        msg = f"element {position} of the list is no message ({type_name(element)})"
        raise UnreadableMessageError(msg) from None
    return message


def _of_fields(fields: Mapping[str, Any]) -> BaseMessage:
    if _is_constructor(fields):
        kwargs = fields["kwargs"]
        fields = {"type": _type_of_class(fields["id"][-1]), **kwargs}
    if not _is_wrapped(fields):
        fields = {"type": fields["type"], "data": {**fields}}
    (message,) = messages_from_dict([dict(fields)])
    return message


def _type_of_class(name: str) -> str:
    return name if name.endswith("Chunk") else name.removesuffix("Message").lower()


_TOLD_BY: Final = ("model_provider", "model_name", "model", "id")


def target_of(messages: Sequence[BaseMessage]) -> Target:
    """Return who is asked in this thread, as its newest answer tells; else nobody is identified."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.response_metadata:
            told = [message.response_metadata.get(name) for name in _TOLD_BY]
            *names, response = [each if isinstance(each, str) else "" for each in told]
            return _target((*names, response.partition("_")[0] + "_"))
    return _target(("",) * len(_TOLD_BY))


@lru_cache(maxsize=256)
def _target(told: tuple[str, ...]) -> Target:
    """Return who gave an answer; of the response's id the kind is enough, which all share."""
    metadata = {name: value for name, value in zip(_TOLD_BY, told, strict=True) if value}
    return target_of_row(origin_of_answers([metadata] if metadata else []), on_wire=False)
