"""The ways an application's middleware changes a history, each from the moment it is armed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import BaseMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.steps.app import App

    Change = Callable[[list[BaseMessage]], list[BaseMessage]]


def whole(messages: list[BaseMessage]) -> dict[str, Any]:
    """Return the update that makes a thread exactly of these messages."""
    return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), *messages]}


def copied(message: BaseMessage, **changes: Any) -> BaseMessage:
    """Return a copy with some fields changed."""
    return message.model_copy(update=changes)


class _Changes(AgentMiddleware):
    def __init__(self, app: App, change: Change) -> None:
        super().__init__()
        self.tools = []
        self._app = app
        self._change = change

    def changed(self, messages: list[BaseMessage]) -> list[BaseMessage] | None:
        if not self._app.is_armed:
            return None
        made = self._change(list(messages))
        return None if made == list(messages) else made

    def update(self, state: Any) -> dict[str, Any] | None:
        made = self.changed(state["messages"])
        return None if made is None else whole(made)


class BeforeAgent(_Changes):
    """Changes the thread at the begin of a run."""

    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self.update(state)


class BeforeModel(_Changes):
    """Changes the thread before each request."""

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self.update(state)


class AfterModel(_Changes):
    """Changes the thread after each answer."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return self.update(state)


class InRequest(_Changes):
    """Changes what is sent, and leaves the thread as it is."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        made = self.changed(request.messages)
        return handler(request if made is None else request.override(messages=made))

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        made = self.changed(request.messages)
        return await handler(request if made is None else request.override(messages=made))


class Watcher(AgentMiddleware):
    """Changes nothing, and is a step all the same."""

    tools = ()

    def before_model(self, state: Any, runtime: Any) -> None:
        return None

    def after_model(self, state: Any, runtime: Any) -> None:
        return None


def last_two(messages: list[BaseMessage]) -> list[BaseMessage]:
    """A window that is too short: it begins with a result."""
    return messages[-1:] if messages[-1].type == "tool" else messages


def without_results(messages: list[BaseMessage]) -> list[BaseMessage]:
    """A filter of tool output."""
    return [each for each in messages if each.type != "tool"]


def without_calls(messages: list[BaseMessage]) -> list[BaseMessage]:
    """A filter of messages that say nothing."""
    return [each for each in messages if each.content]


def reminded(messages: list[BaseMessage]) -> list[BaseMessage]:
    """A reminder between a call and its result."""
    if messages[-1].type != "tool" or messages[-2].type == "human":
        return messages
    return [*messages[:-1], HumanMessage("Remember to be kind."), messages[-1]]


def results_first(messages: list[BaseMessage]) -> list[BaseMessage]:
    """A sort that puts results before what asked for them."""
    return sorted(messages, key=lambda each: each.type == "ai")


def renamed(messages: list[BaseMessage]) -> list[BaseMessage]:
    """New ids for the calls of results, as another provider wants them."""
    return [
        copied(each, tool_call_id=f"x{each.tool_call_id}")
        if isinstance(each, ToolMessage) and not each.tool_call_id.startswith("x")
        else each
        for each in messages
    ]


def doubled(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The last result twice."""
    if messages[-1].type != "tool" or messages[-2].type == "tool":
        return messages
    return [*messages, copied(messages[-1], id=None)]


def in_last_turn(change: Change) -> Change:
    """Return the change of what stands from the last question on."""

    def changed(messages: list[BaseMessage]) -> list[BaseMessage]:
        begin = max(p for p, each in enumerate(messages) if isinstance(each, HumanMessage))
        return [*messages[:begin], *change(messages[begin:])]

    return changed
