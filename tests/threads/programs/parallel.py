"""Two runs of one thread at a time, and graphs whose steps run beside each other."""

from __future__ import annotations

import operator
import threading
from typing import Annotated, Any

import openai
from langchain_core.messages import AnyMessage  # noqa: TC002 - langgraph reads the hints
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    agent,
    calls,
    good,
    tool,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run
from tests.threads.programs.world import PATIENCE, World, die, fails

PARALLEL = Catalog()
STARTED, SECOND = "the tool has started", "the second message is stored"


def slow(world: World) -> Any:
    """Return a tool that is at work until the second message has come."""

    def work() -> str:
        if world.live:
            world.stored(STARTED).set()
            world.await_stored(SECOND)
        return "bad: rain"

    return tool("bad", work)


def _double(run: Run, *, first_ends: bool, awaited: str = STARTED) -> None:
    graph = run.graph  # built before there are two who would build it
    # The calls are stored before the tools run.
    how = {"durability": "sync"}
    first = threading.Thread(target=run.say, kwargs=how, daemon=True)
    first.start()
    for each in (STARTED, awaited):
        run.world.await_stored(each)
    with fails(openai.BadRequestError):
        graph.invoke({"messages": [("human", "And?")]}, run.config)
    if not first_ends:
        die()
    run.world.stored(SECOND).set()
    first.join(PATIENCE)


@PARALLEL.program(SOUND, graph=agent(slow), script=(calls("bad"),))
def a_second_message_while_tools_run(run: Run):
    """The first run writes last, and the second message is lost."""
    _double(run, first_ends=True)


@PARALLEL.program(
    POISONED,
    graph=agent(slow),
    script=(calls("bad"),),
    next=("model",),
    made_up=[BAD],
    kills=True,
)
def a_second_message_and_the_first_run_is_killed(run: Run):
    """The first run never writes again."""
    _double(run, first_ends=False)


@PARALLEL.program(
    POISONED,
    graph=agent(good, slow),
    script=(calls("good", "bad"),),
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
    kills=True,
)
def a_second_message_beside_a_result_and_the_first_run_is_killed(run: Run):
    """A result of the first run is stored, and in no later state."""
    _double(run, first_ends=False, awaited=GOOD)


class Wide(TypedDict):
    """The state of a graph with two branches that meet."""

    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], operator.add]


def _branches(saver: Any, world: World) -> Any:
    """Two branches that meet: one calls a tool, the other one takes notes."""
    tools = [tool("good", lambda: "good: 18 degrees")]
    model = world.model().bind_tools(tools)

    def answer(state: Any) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    def note(state: Any) -> Any:
        return {"notes": ["noted"]}

    def check(state: Any) -> Any:
        if world.live:
            msg = "the audit log is full"
            raise OSError(msg)
        return {"notes": ["checked"]}

    builder = StateGraph(Wide)
    builder.add_node("answer", answer)
    builder.add_node("note", note)
    builder.add_node("check", check)
    builder.add_edge(START, "answer")
    builder.add_edge(START, "note")
    builder.add_edge(["answer", "note"], "check")
    builder.add_edge("check", END)
    return builder.compile(checkpointer=saver)


@PARALLEL.program(SOUND, graph=_branches, next=("check",))
def two_branches_that_meet(run: Run):
    """The step behind both of them fails, with no call open."""
    with fails(OSError):
        run.say()


@PARALLEL.program(
    POISONED,
    graph=_branches,
    script=(calls("good"),),
    next=("check",),
    made_up=[GOOD],
    resume_works=True,
    also=(STALLED, WAITING),  # no row tells that the pending step answers no calls
)
def two_branches_that_meet_with_an_open_call(run: Run):
    """No step of this graph answers calls; what a resume runs asks no model."""
    with fails(OSError):
        run.say()


def _beside(saver: Any, world: World) -> Any:
    """A node beside the tools that fails, while the tools are finished."""
    from langgraph.graph import MessagesState
    from langgraph.prebuilt import ToolNode

    tools = [good(world)]
    model = world.model().bind_tools(tools)

    def watch(state: Any) -> Any:
        if world.live:
            world.await_stored(GOOD)
            msg = "the audit log is full"
            raise OSError(msg)
        return {}

    def after(state: Any) -> Any:
        return ["tools", "watch"] if state["messages"][-1].tool_calls else END

    builder = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode(tools))
    builder.add_node("watch", watch)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", after, ["tools", "watch", END])
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


@PARALLEL.program(
    STALLED, graph=_beside, script=(calls("good"),), next=("watch",), recoverable=[GOOD]
)
def a_node_beside_the_tools_raises(run: Run):
    """Every call has its result, in the writes."""
    with fails(OSError):
        run.say()
