"""What a list of messages becomes: by finished tasks, by create_agent, by results to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from toolpair_observe.threads.messages import UnreadableMessageError, as_messages, is_message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from toolpair_observe.threads.stored import Stored, Write

_INTEGRATION: Final = "ls_integration"
_CREATE_AGENT: Final = "langchain_create_agent"
_OVERWRITE: Final = "__overwrite__"
TO_COME: Final = "(still to come)"


def with_writes(
    messages: Sequence[BaseMessage], writes: Iterable[Write], channel: str
) -> list[BaseMessage]:
    """Return the list after tasks that are finished, as a graph with LangGraph's reducer makes it.

    Args:
        messages: The list as it is stored.
        writes: What the tasks wrote, in the order of the tasks.
        channel: The channel that holds the list.
    """
    made = list(messages)
    for write in writes:
        if write.channel != channel:
            continue
        overwritten = _overwritten(write.value)
        given = write.value if overwritten is None else overwritten
        added = written_messages(given)
        made = added if overwritten is not None else _added(made, added)
    return made


def written_messages(value: object) -> list[BaseMessage]:
    """Return the messages of what a task wrote to a channel; what is none is left out."""
    given = [value] if is_message(value) or not isinstance(value, list | tuple) else value
    try:
        return as_messages([each for each in given if is_message(each)])
    except UnreadableMessageError:
        return []


def _overwritten(value: object) -> object:
    """Return what takes the place of the whole list (`Overwrite`), None for what is added to it."""
    if isinstance(value, dict) and _OVERWRITE in value:
        return value[_OVERWRITE]
    return getattr(value, "value", None) if type(value).__name__ == "Overwrite" else None


def _added(messages: list[BaseMessage], added: list[BaseMessage]) -> list[BaseMessage]:
    from langgraph.graph.message import add_messages  # noqa: PLC0415 - of the extra

    try:
        made: Any = add_messages(messages, added)  # type: ignore[arg-type]  # invariant lists
    except Exception:  # noqa: BLE001 - the graph's own reducer may take what this one refuses
        return [*messages, *added]
    return list(made)


def is_of_create_agent(stored: Stored) -> bool:
    """Whether a checkpoint is one of create_agent's."""
    return stored.metadata.get(_INTEGRATION) == _CREATE_AGENT


def with_invalid_answered(
    messages: Sequence[BaseMessage], is_by_agent: Callable[[], bool]
) -> list[BaseMessage]:
    """Return the list as create_agent sends it, which answers malformed calls in each request.

    The source is langchain's `agents/factory.py`, since 1.5.

    Args:
        messages: The list as it is stored.
        is_by_agent: Returns whether create_agent sends it. Other graphs send it as it is. It is
            only asked where that makes a difference.
    """
    answered = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    made: list[BaseMessage] = []
    for message in messages:
        made.append(message)
        if isinstance(message, AIMessage) and message.invalid_tool_calls:
            ids = dict.fromkeys(call["id"] for call in message.invalid_tool_calls)
            missing = [each for each in ids if each is not None and each not in answered]
            answered.update(missing)
            made += map(result_to_come, missing)
    return made if len(made) > len(messages) and is_by_agent() else list(messages)


def result_to_come(call_id: str) -> ToolMessage:
    """Return what stands for the result of a call that is still to come."""
    return ToolMessage(TO_COME, tool_call_id=call_id)


def last_answer(messages: Sequence[BaseMessage]) -> int | None:
    """Return the position of the last AI message, if only results follow it."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, AIMessage):
            return index
        if not isinstance(message, ToolMessage):
            return None
    return None


def with_results_to_come(
    messages: Sequence[BaseMessage], call_ids: Collection[str]
) -> list[BaseMessage]:
    """Return the list with a result for each of these calls of its last AI message."""
    return [*messages, *map(result_to_come, call_ids)]


def channel_of(place: str, values: Mapping[str, Any]) -> str:
    """Return the channel of a place, whose keys may have dots of their own."""
    return next((name for name in values if place == name or place.startswith(f"{name}.")), place)
