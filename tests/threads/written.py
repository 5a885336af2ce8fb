"""Threads that a real graph has stored, in whatever checkpointer."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint import base
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send, interrupt

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

HAS_PATHS = hasattr(base, "writes_sort_key")
"""Whether the savers of this release store and use the places of tasks."""

CALLS = [
    {"name": "good", "args": {}, "id": "call_good", "type": "tool_call"},
    {"name": "bad", "args": {}, "id": "call_bad", "type": "tool_call"},
]


class Call(TypedDict):
    """What one task of the tools is sent."""

    call: dict[str, Any]


def config(thread_id: str, **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id, **more}}


def agent(saver: BaseCheckpointSaver[Any] | None, bad: Any = None) -> Any:
    """A graph that calls two tools at a time, the second of which does what `bad` does."""

    def model(state: MessagesState) -> dict[str, Any]:
        if isinstance(state["messages"][-1], ToolMessage):
            return {"messages": [AIMessage("done")]}
        return {"messages": [AIMessage("", tool_calls=CALLS)]}

    def tools(state: Call) -> dict[str, Any]:
        call = state["call"]
        if call["name"] == "bad" and bad is not None:
            bad()
        return {"messages": [ToolMessage(call["name"], tool_call_id=call["id"])]}

    def after_model(state: MessagesState) -> list[Send]:
        return [Send("tools", {"call": call}) for call in state["messages"][-1].tool_calls]

    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", tools)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", after_model, ["tools"])
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=saver)


def ask(graph: Any, thread_id: str) -> None:
    """Have a graph answer a message, whatever becomes of it."""
    try:
        graph.invoke({"messages": [HumanMessage("hi")]}, config(thread_id))
    except ZeroDivisionError:
        return


def failing() -> None:
    raise ZeroDivisionError


def asking() -> None:
    interrupt("may I?")


def with_history_of_its_own(saver: BaseCheckpointSaver[Any]) -> Any:
    """A graph with a subgraph that has its own history, inside a subgraph that has none."""

    def talk(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{len(state['messages'])}")]}

    lasting = StateGraph(MessagesState).add_node("talk", talk).add_edge(START, "talk")
    middle = StateGraph(MessagesState)
    middle.add_node("lasting", lasting.compile(checkpointer=True))
    middle.add_edge(START, "lasting")
    outer = StateGraph(MessagesState)
    outer.add_node("middle", middle.compile())
    outer.add_node("kept", lasting.compile(checkpointer=True))
    outer.add_edge(START, "middle")
    outer.add_edge("middle", "kept")
    return outer.compile(checkpointer=saver)


def with_deltas(saver: BaseCheckpointSaver[Any], **options: Any) -> Any:
    """A graph whose messages are stored as changes."""
    delta = pytest.importorskip(
        "langgraph.channels.delta", reason="this langgraph stores no changes"
    )
    from langgraph.graph.message import _messages_delta_reducer

    channel = delta.DeltaChannel(_messages_delta_reducer, **options)
    state = TypedDict(  # noqa: UP013 - its annotations are made here
        "State", {"messages": Annotated[list[AnyMessage], channel]}
    )

    def talk(state: Any) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{len(state['messages'])}")]}

    return (
        StateGraph(state).add_node("talk", talk).add_edge(START, "talk").compile(checkpointer=saver)
    )


def told_of(stored: Any) -> dict[str, Any]:
    """What a store says of a checkpoint, comparable with `told_of_saved`."""
    return {
        "id": stored.checkpoint_id,
        "parent": stored.parent_id,
        "namespace": stored.namespace,
        "values": stored.values,
        "versions": stored.versions,
        "seen": stored.seen,
        "metadata": stored.metadata,
        "writes": _in_order([(each.task_id, each.channel, each.value) for each in stored.writes]),
        "unreadable": stored.unreadable,
    }


def told_of_saved(saved: Any) -> dict[str, Any]:
    """What LangGraph's own checkpointer says of a checkpoint."""
    where = saved.config["configurable"]
    parent = (saved.parent_config or {}).get("configurable", {})
    checkpoint = saved.checkpoint
    return {
        "id": where["checkpoint_id"],
        "parent": parent.get("checkpoint_id", ""),
        "namespace": where["checkpoint_ns"],
        "values": checkpoint["channel_values"],
        "versions": checkpoint["channel_versions"],
        "seen": checkpoint["versions_seen"],
        "metadata": saved.metadata,
        "writes": _in_order(saved.pending_writes),
        "unreadable": "",
    }


def _in_order(writes: Any) -> Any:
    """Writes of tasks in the order of the tasks, which older savers did not keep."""
    return writes if HAS_PATHS else sorted(writes, key=itemgetter(0))


def newest_first(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(told, key=itemgetter("id", "namespace"), reverse=True)
