"""The histories in a graph's states, found by what they hold."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

# A role and a text.
_PAIR: Final = 2


def messages_in(state: Any) -> Sequence[Any] | None:  # noqa: ANN401 -- a state of the application
    """Return the history in a node's input, or None where it has none.

    It looks at the ends of a list only, since it is asked at every step.

    Args:
        state: A mapping or an object with a list of messages, best under `messages`, or the list
            itself.
    """
    if isinstance(state, list):
        return state if _is_history(state) else None
    fields = state if isinstance(state, dict) else getattr(state, "__dict__", None)
    if not isinstance(fields, dict):
        return None
    found = fields.get("messages")
    if isinstance(found, list) and found and _is_history(found):
        return found
    lists = [each for each in fields.values() if isinstance(each, list) and _is_history(each)]
    empty = found if isinstance(found, list) and not found else None
    return max(lists, key=len, default=empty)


_NO_OTHERS: Final[Mapping[str, Sequence[Any]]] = {}


def others_in(state: object, found: Sequence[Any] | None) -> Mapping[str, Sequence[Any]]:
    """Return the other lists of messages in a node's input, by their names.

    Args:
        state: The input.
        found: Its history.
    """
    fields = state if isinstance(state, dict) else getattr(state, "__dict__", None)
    if found is None or not isinstance(fields, dict):
        return _NO_OTHERS
    others = {
        str(name): each
        for name, each in fields.items()
        if isinstance(each, list) and each is not found and _is_history(each)
    }
    return others or _NO_OTHERS


def _is_history(elements: list[Any]) -> bool:
    return bool(elements) and _is_message(elements[0]) and _is_message(elements[-1])


def _is_message(element: object) -> bool:
    if isinstance(element, dict):
        speaks = isinstance(element.get("role", element.get("type")), str)
        is_plain = "content" in element or "tool_calls" in element
        return speaks and (is_plain or _is_stored(element) or _is_dumped(element))
    if isinstance(element, (tuple, list)):
        return len(element) == _PAIR and all(isinstance(each, str) for each in element)
    return hasattr(element, "type") and hasattr(element, "content")


def _is_stored(element: dict[str, Any]) -> bool:
    """Whether it is what LangChain's `message_to_dict` makes of a message."""
    return element.keys() == {"type", "data"} and isinstance(element["data"], dict)


def _is_dumped(element: dict[str, Any]) -> bool:
    """Whether it is what LangChain's `dumpd` makes of a message."""
    fields = element.get("kwargs")
    return isinstance(element.get("id"), list) and isinstance(fields, dict) and "content" in fields


def readable(history: Sequence[Any] | None) -> Sequence[BaseMessage]:
    """Return a history as LangChain's messages; none where it has something that is no message."""
    # Brings all messages and prompts of langchain-core, as the next one does.
    from toolpair_observe.pairing.inputs import as_messages  # noqa: PLC0415

    with contextlib.suppress(TypeError, ValueError, KeyError):
        return as_messages([_from_stored(each) for each in history or ()])
    return ()


def _from_stored(element: Any) -> Any:  # noqa: ANN401 -- in any form
    if not isinstance(element, dict):
        return element
    if _is_stored(element):
        return _restored(element)
    fields = element["kwargs"] if _is_dumped(element) else element
    # Calls with malformed arguments have no place in OpenAI's format, by which dicts are read.
    if "type" in fields and "invalid_tool_calls" in fields:
        return _restored({"type": fields["type"], "data": fields})
    return element


def _restored(stored: dict[str, Any]) -> BaseMessage:
    from langchain_core.messages import messages_from_dict  # noqa: PLC0415

    return messages_from_dict([stored])[0]


def message_in(value: object) -> BaseMessage | None:
    """Return the message that a dict of a node's output is, None where it is none."""
    if isinstance(value, dict) and _is_message(value):
        return next(iter(readable([value])), None)
    return None


def goes_on(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether a history has only been added to, as far as its end tells; a prompt aside."""
    if not before:
        return True
    place = len(before) - 1 + _prompt_length(after) - _prompt_length(before)
    return 0 <= place < len(after) and _is_same(before[-1], after[place])


def _prompt_length(messages: Sequence[Any]) -> int:
    return int(bool(messages) and getattr(messages[0], "type", None) == "system")


def _is_same(one: Any, other: Any) -> bool:  # noqa: ANN401 -- messages of any class
    if one is other:
        return True
    own_id = getattr(one, "id", None)
    if own_id is None or getattr(other, "id", None) is None:
        return bool(one == other)
    return bool(own_id == other.id)
