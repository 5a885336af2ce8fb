"""What a step returned, as far as it concerns the history: what it put in and removed."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.steps.outline import ids_of, key_of, text_key_of
from toolpair_observe.steps.states import message_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEEPEST: Final = 4
MOST_PARTS: Final = 16_384
"""Parts of what a node returned that are looked at: it may hold a table or vectors, too."""
_SCALARS: Final = (str, bytes, int, float, type(None))
REMOVE: Final = "remove"
"""The type of LangGraph's message that removes another."""
ALL: Final = "__remove_all__"
"""The id in such a message that removes all."""


class Update:
    """The messages that a step returned.

    Attributes:
        keys: What tells them from others, by their ids where they have one, and by their texts.
        answers: The ids of the calls that they answer.
        removed: What tells the messages from others that it removes by name.
        removes_all: Whether it removes all there were.
        channels: The channels of the state that it writes.
    """

    def __init__(self, output: object) -> None:
        self.keys: set[int] = set()
        self.answers: set[int] = set()
        self.removed: set[int] = set()
        self.removes_all = False
        self.channels = frozenset(_channels_of(output))
        for message in messages_below(output):
            if getattr(message, "type", None) == REMOVE:
                self.removes_all |= message.id == ALL
                self.removed.add(hash(message.id))
                continue
            self.keys.add(key_of(message))
            self.keys.add(text_key_of(message))
            self.answers |= {hash(each) for is_call, each in ids_of(message) if not is_call}

    def __bool__(self) -> bool:
        return bool(self.keys or self.removed)


def _channels_of(output: object) -> Iterator[str]:
    for each in output if isinstance(output, list) else [output]:
        written = getattr(each, "update", None) if not isinstance(each, dict) else each
        if isinstance(written, dict):
            yield from map(str, written)


def messages_below(value: object) -> Iterator[Any]:
    """Yield the messages in what a node returned."""
    return _messages_below(value, _DEEPEST, count(1))


def _messages_below(value: Any, depth: int, visits: Iterator[int]) -> Iterator[Any]:  # noqa: ANN401 -- what a node returns
    if isinstance(value, _SCALARS):
        return
    if hasattr(value, "type") and hasattr(value, "content"):
        yield value
    elif (message := message_in(value)) is not None:
        yield message
    elif depth:
        for part in _parts(value):
            if next(visits) > MOST_PARTS:
                return
            yield from _messages_below(part, depth - 1, visits)


def _parts(value: Any) -> Sequence[Any]:  # noqa: ANN401 -- what a node returns
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple):
        return value
    # LangGraph's `Command` and `Overwrite`.
    for name in ("update", "value"):
        inner = getattr(value, name, None)
        if isinstance(inner, dict | list | tuple):
            return [inner]
    fields = getattr(value, "__dict__", None)
    return list(fields.values()) if isinstance(fields, dict) else ()
