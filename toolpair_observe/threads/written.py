"""A list of messages in the form in which a graph's channel stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    RemoveMessage,
    ToolMessage,
    convert_to_openai_messages,
)
from langgraph.func import entrypoint
from langgraph.types import Overwrite

from toolpair_observe.histories.mended import written_like
from toolpair_observe.threads.messages import as_messages, lists_in
from toolpair_observe.threads.state import channel_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from toolpair_observe.threads.wanted import Wanted

PREVIOUS: Final = "__previous__"
"""The channel in which the functional API keeps what a run has saved."""

_ROOT: Final = "__root__"
_REMOVE_ALL: Final = "__remove_all__"  # langgraph.graph.message.REMOVE_ALL_MESSAGES


@dataclass(slots=True, kw_only=True, eq=False)
class Rewritten:
    """One list of messages that a mend writes.

    Attributes:
        place: The channel, and the keys below it.
        channel: The channel.
        value: The channel's value, in which the list stands.
        elements: The list as it is stored.
        messages: Its messages.
        wanted: What it is to become.
    """

    place: str
    channel: str
    value: Any
    elements: list[Any] = field(default_factory=list)
    messages: list[BaseMessage] = field(default_factory=list)
    wanted: Wanted | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], place: str) -> Rewritten:
        """Return the list at a place; an empty one where there is none."""
        channel = channel_of(place, values)
        elements = dict(lists_in(values)).get(place, [])
        return cls(
            place=place,
            channel=channel,
            value=values.get(channel),
            elements=elements,
            messages=as_messages(elements),
        )

    @property
    def is_changed(self) -> bool:
        """Whether anything has to be written."""
        return self.wanted is not None and not same_messages(self.messages, self.wanted.messages)

    @property
    def expected(self) -> list[BaseMessage]:
        """The messages that are read back once it is written."""
        return as_messages(self._elements())

    def forms(self) -> Iterator[Any]:
        """Yield what a node would write so that the list stands there.

        Which of them does, its channel's reducer decides: a reducer takes an `Overwrite`, older
        releases' message reducer a removal of all before, and a channel without one the list.
        """
        made = self._elements()
        if self.channel == PREVIOUS:
            yield entrypoint.final(value=None, save=self._whole(made))
            return
        written = [self._whole(made)]
        if self.place == self.channel:
            written = [Overwrite(made), [RemoveMessage(id=_REMOVE_ALL), *made], made]
        for value in written:
            # A state that is no dict of channels is the value of the only one.
            yield value if self.channel == _ROOT else {self.channel: value}

    def _elements(self) -> list[Any]:
        """Return the wanted list, each message as it was stored."""
        stored = {id(m): e for m, e in zip(self.messages, self.elements, strict=True)}
        write = _writer(self.elements)
        wanted = self.wanted.messages if self.wanted else self.messages
        return [stored[id(each)] if id(each) in stored else write(each) for each in wanted]

    def _whole(self, made: list[Any]) -> Any:  # noqa: ANN401 - a channel's value
        """Return the channel's value with the list in its place."""
        keys = self.place[len(self.channel) + 1 :]
        return _replaced(self.value, keys, made) if keys else made


def _replaced(value: Any, keys: str, made: list[Any]) -> Any:  # noqa: ANN401 - a channel's value
    if not keys:
        return made
    for key in value:
        if keys == key or keys.startswith(f"{key}."):
            return {**value, key: _replaced(value[key], keys[len(key) + 1 :], made)}
    return value


def _writer(elements: Sequence[Any]) -> Callable[[BaseMessage], Any]:
    """Return what writes a message as the others in the list are written."""
    dicts = [each for each in elements if isinstance(each, dict)]
    if not dicts or any(isinstance(each, BaseMessage) for each in elements):
        return lambda message: message
    if any(map(_has_blocks_of_tools, dicts)):
        return _anthropic
    if all("role" in each for each in dicts):
        return _openai
    return written_like(dicts)


def _has_blocks_of_tools(message: Mapping[str, Any]) -> bool:
    content = message.get("content") if "role" in message else None
    return isinstance(content, list) and any(
        isinstance(each, dict) and each.get("type") in ("tool_use", "tool_result")
        for each in content
    )


def _anthropic(message: BaseMessage) -> dict[str, Any]:
    if not isinstance(message, ToolMessage):
        role = {"ai": "assistant", "human": "user"}.get(message.type, message.type)
        return {"role": role, "content": message.content}
    block = {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": message.content,
        "is_error": message.status == "error",
    }
    return {"role": "user", "content": [block]}


def _openai(message: BaseMessage) -> Any:  # noqa: ANN401 - one dict for one message
    made = convert_to_openai_messages(message)
    if isinstance(made, dict) and isinstance(message, ToolMessage):
        made.pop("name", None)  # which OpenAI has for no result
    return made


def same_messages(these: Sequence[BaseMessage], those: Sequence[BaseMessage]) -> bool:
    """Whether two lists say the same, message by message, whatever ids the messages have got."""
    return len(these) == len(those) and all(map(_is_same, these, those))


def _is_same(one: BaseMessage, other: BaseMessage) -> bool:
    return _told(one) == _told(other)


def _told(message: BaseMessage) -> tuple[Any, ...]:
    told: list[Any] = [message.type, message.content, message.name]
    # Their values may be objects that are equal to nothing but themselves.
    told.append(sorted(message.additional_kwargs))
    if isinstance(message, AIMessage):
        told += message.tool_calls, message.invalid_tool_calls
    if isinstance(message, ToolMessage):
        told += message.tool_call_id, message.status, message.artifact is None
    return tuple(told)
