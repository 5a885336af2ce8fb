"""The usual graphs of applications, each as a function of a saver and a world."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt

from tests.threads.programs.world import World, die
from toolpair_observe.demo.loopback.provider import Reply, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

    Factory = Callable[[Any, World], Any]
    MakeTool = Callable[[World], StructuredTool]

GOOD, BAD, OTHER, ASK = "call_good", "call_bad", "call_other", "call_ask"


def calls(*names: str, text: str | None = None, suffix: str = "") -> Reply:
    """Return a reply that calls tools; the id of a call is `call_` and the tool's name."""
    return Reply(text, tuple(ToolCall(name, {}, id=f"call_{name}{suffix}") for name in names))


def tool(name: str, work: Callable[[], Any]) -> StructuredTool:
    """Return a tool that works in synchronous and in asynchronous graphs."""

    async def awork() -> Any:
        return work()

    return StructuredTool.from_function(work, awork, name=name, description=f"Do {name}.")


def good(world: World) -> StructuredTool:
    """Return a tool that works."""
    return tool("good", lambda: "good: 18 degrees")


def other(world: World) -> StructuredTool:
    """Return another tool that works."""
    return tool("other", lambda: "other: 7 degrees")


def bad(world: World) -> StructuredTool:
    """Return a tool whose backend is away for the first time, after its sibling has answered."""

    def work() -> str:
        if world.live:
            world.await_stored(GOOD)
            msg = "the backend is away"
            raise ValueError(msg)
        return "bad: rain"

    return tool("bad", work)


def bad_alone(world: World) -> StructuredTool:
    """Return a tool whose backend is away for the first time."""

    def work() -> str:
        if world.live:
            msg = "the backend is away"
            raise ValueError(msg)
        return "bad: rain"

    return tool("bad", work)


def killer(world: World) -> StructuredTool:
    """Return a tool in which the process is killed, after its sibling's result was stored."""

    def work() -> str:
        if world.live:
            world.await_stored(GOOD)
            die()
        return "bad: rain"

    return tool("bad", work)


def killer_alone(world: World) -> StructuredTool:
    """Return a tool in which the process is killed."""

    def work() -> str:
        if world.live:
            die()
        return "bad: rain"

    return tool("bad", work)


def asks(world: World) -> StructuredTool:
    """Return a tool that asks somebody."""
    return tool("ask", lambda: f"they said {interrupt('May I?')}")


def agent(*tools: MakeTool, **options: Any) -> Factory:
    """Return what makes an agent of langchain."""

    def build(saver: Any, world: World) -> Any:
        made = [each(world) for each in tools]
        given = {k: v(world) if callable(v) else v for k, v in options.items()}
        return create_agent(world.model(), made, checkpointer=saver, **given)

    return build


def prebuilt(*tools: MakeTool, **options: Any) -> Factory:
    """Return what makes the agent of langgraph's own."""

    def build(saver: Any, world: World) -> Any:
        made = [each(world) for each in tools]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from langgraph.prebuilt import create_react_agent

            return create_react_agent(world.model(), made, checkpointer=saver, **options)

    return build


def loop(*tools: MakeTool, state: Any = MessagesState, **options: Any) -> Factory:
    """Return what makes the loop that tutorials write: a model, and one node for all tools."""

    def build(saver: Any, world: World) -> Any:
        made = [each(world) for each in tools]
        return hand_written(world, made, state).compile(checkpointer=saver, **options)

    return build


def hand_written(world: World, tools: list[StructuredTool], state: Any = MessagesState) -> Any:
    """Return the loop before it is compiled."""
    model = world.model().bind_tools(tools)

    def chatbot(state: Any) -> Any:
        said = state["messages"] if isinstance(state, dict) else state.messages
        return {"messages": [model.invoke(said)]}

    builder = StateGraph(state)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", ToolNode(tools, handle_tool_errors=False))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    return builder
