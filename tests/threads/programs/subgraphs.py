"""Agents inside of graphs, with a history for one call or one that lives on."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import openai
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send
from typing_extensions import TypedDict

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    ASK,
    BAD,
    GOOD,
    asks,
    bad,
    bad_alone,
    calls,
    good,
    tool,
)
from tests.threads.programs.record import (
    POISONED,
    SOUND,
    STALLED,
    WAITING,
    Catalog,
    Run,
    says,
)
from tests.threads.programs.world import World, fails

SUBGRAPHS = Catalog()
BOTH = (calls("good", "bad"),)
ONE = (calls("ask"),)


def _inner(world: World, *tools: Any, **options: Any) -> Any:
    made = [each(world) for each in tools]
    return create_agent(world.model(), made, name="helper", **options)


def _around(*tools: Any, lives_on: bool = False, **options: Any) -> Any:
    """Return what makes a graph whose only node is an agent, with or without its own history."""

    def build(saver: Any, world: World) -> Any:
        kept: dict[str, Any] = {"checkpointer": True} if lives_on else {}
        builder = StateGraph(MessagesState)
        builder.add_node("helper", _inner(world, *tools, **kept, **options))
        builder.add_edge(START, "helper")
        return builder.compile(checkpointer=saver)

    return build


@SUBGRAPHS.program(SOUND, graph=_around(good), script=(calls("good"),))
def an_agent_as_a_node(run: Run):
    """All its messages come back into the outer history."""
    run.say()


@SUBGRAPHS.program(SOUND, graph=_around(good, bad), script=BOTH, next=("helper",))
def an_agent_as_a_node_raises(run: Run):
    """The outer history has nothing of it: a new message begins a new call of the agent."""
    with fails(ValueError):
        run.say()


@SUBGRAPHS.program(SOUND, graph=_around(good, bad), script=BOTH)
def an_agent_as_a_node_raised_once(run: Run):
    """The history of that call stays broken, and nobody will ever read it again."""
    with fails(ValueError):
        run.say()
    run.say("Hello?")


@SUBGRAPHS.program(WAITING, graph=_around(asks), script=ONE, next=("helper",), new_works=True)
def an_agent_as_a_node_asks(run: Run):
    """The question stands in the outer graph, and the open call does not."""
    run.say()


@SUBGRAPHS.program(SOUND, graph=_around(asks), script=ONE)
def an_agent_as_a_node_asked_and_was_left(run: Run):
    """The user writes on instead: the call of the agent is abandoned, with its open call."""
    run.say()
    run.say("Leave that.")


@SUBGRAPHS.program(SOUND, graph=_around(asks), script=ONE)
def an_agent_as_a_node_asked_and_was_answered(run: Run):
    """The usual end."""
    run.say()
    run.resume("yes")


@SUBGRAPHS.program(
    SOUND,
    graph=_around(good, bad, lives_on=True),
    verdicts={"helper": STALLED},
    script=BOTH,
    next=("helper",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def an_agent_with_a_history_raises(run: Run):
    """Its history lives on: the next message meets the open call."""
    with fails(ValueError):
        run.say()


@SUBGRAPHS.program(
    SOUND,
    graph=_around(good, bad, lives_on=True),
    verdicts={"helper": POISONED},
    script=BOTH,
    next=("helper",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def an_agent_with_a_history_raised_and_a_message_came(run: Run):
    """The outer history looks perfect, and every turn fails."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


@SUBGRAPHS.program(
    WAITING,
    graph=_around(asks, lives_on=True),
    verdicts={"helper": WAITING},
    script=ONE,
    next=("helper",),
)
def an_agent_with_a_history_asks(run: Run):
    """A question that only the inner history has a call for."""
    run.say()


@SUBGRAPHS.program(
    SOUND,
    graph=_around(asks, lives_on=True),
    verdicts={"helper": POISONED},
    script=ONE,
    next=("helper",),
    made_up=[ASK],
)
def an_agent_with_a_history_asked_and_was_left(run: Run):
    """The user writes on instead."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("Leave that.")


@SUBGRAPHS.program(
    SOUND,
    graph=_around(good, lives_on=True),
    verdicts={"helper": SOUND},
    script=(calls("good"),),
)
def an_agent_with_a_history(run: Run):
    """Two turns, and nothing happens."""
    run.say()
    run.say("Thanks.")


@SUBGRAPHS.program(
    SOUND,
    graph=_around(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("helper",),
)
def an_agent_as_a_node_pauses(run: Run):
    """A clean pause inside."""
    run.say()


def _inside(run: Run) -> Any:
    """Return the config of the inner agent's history."""
    return run.graph.get_state(run.config, subgraphs=True).tasks[0].state.config


@SUBGRAPHS.program(
    SOUND,
    graph=_around(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("helper",),
    resume_works=False,
)
def a_message_into_a_paused_agent(run: Run):
    """Somebody writes into the history of the call that is due: only a resume meets it."""
    run.say()
    run.graph.update_state(_inside(run), says("Leave that."), as_node="__start__")


def _called_by_a_function(*tools: Any) -> Any:
    """Return what makes a graph that calls an agent in a node, and keeps its answer only."""

    def build(saver: Any, world: World) -> Any:
        inner = _inner(world, *tools)

        def node(state: Any) -> Any:
            asked = inner.invoke({"messages": [HumanMessage(state["messages"][-1].content)]})
            return {"messages": [AIMessage(asked["messages"][-1].content)]}

        builder = StateGraph(MessagesState)
        builder.add_node("node", node)
        builder.add_edge(START, "node")
        return builder.compile(checkpointer=saver)

    return build


@SUBGRAPHS.program(SOUND, graph=_called_by_a_function(good), script=(calls("good"),))
def an_agent_in_a_function(run: Run):
    """Its calls are in its own history only."""
    run.say()


@SUBGRAPHS.program(SOUND, graph=_called_by_a_function(good, bad), script=BOTH, next=("node",))
def an_agent_in_a_function_raises(run: Run):
    """The outer history has nothing of it."""
    with fails(ValueError):
        run.say()


def _agent_as_a_tool(*tools: Any) -> Any:
    """Return what makes an agent with another one as its tool."""

    def build(saver: Any, world: World) -> Any:
        inner = _inner(world, *tools)

        def work() -> str:
            return inner.invoke(says("Find out."))["messages"][-1].text

        return create_agent(world.model(), [tool("expert", work)], checkpointer=saver)

    return build


@SUBGRAPHS.program(
    STALLED,
    graph=_agent_as_a_tool(good, bad),
    script=(calls("expert"), *BOTH),
    next=("tools",),
    made_up=["call_expert"],
)
def an_agent_as_a_tool_raises(run: Run):
    """The error ends both agents, and each has an open call."""
    with fails(ValueError):
        run.say()


@SUBGRAPHS.program(
    WAITING, graph=_agent_as_a_tool(asks), script=(calls("expert"), *ONE), next=("tools",)
)
def an_agent_as_a_tool_asks(run: Run):
    """The question comes from the inner agent's tool."""
    run.say()


@SUBGRAPHS.program(
    POISONED,
    graph=_agent_as_a_tool(asks),
    script=(calls("expert"), *ONE),
    next=("model",),
    made_up=["call_expert"],
)
def an_agent_as_a_tool_asked_and_was_left(run: Run):
    """The user writes on instead: the outer call stays open."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("Leave that.")


@SUBGRAPHS.program(
    SOUND, graph=_agent_as_a_tool(good), script=(calls("expert"), calls("good"), DONE)
)
def an_agent_as_a_tool(run: Run):
    """Nothing happens."""
    run.say()


def _in_a_row(first: Any, second: Any) -> Any:
    """Return what makes a graph of two agents, one after the other, with one history."""

    def build(saver: Any, world: World) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("first", _inner(world, *first))
        builder.add_node("second", _inner(world, *second))
        builder.add_edge(START, "first")
        builder.add_edge("first", "second")
        return builder.compile(checkpointer=saver)

    return build


@SUBGRAPHS.program(
    SOUND, graph=_in_a_row([good], [good]), script=(calls("good"), DONE, calls("good", suffix="_2"))
)
def two_agents_in_a_row(run: Run):
    """Both work."""
    run.say()


@SUBGRAPHS.program(
    SOUND,
    graph=_in_a_row([good], [bad_alone]),
    script=(calls("good"), DONE, calls("bad")),
    next=("second",),
)
def the_second_of_two_agents_raises(run: Run):
    """What the first one did is stored."""
    with fails(ValueError):
        run.say()


def _nested(saver: Any, world: World) -> Any:
    """A graph in a graph in a graph."""
    middle = StateGraph(MessagesState)
    middle.add_node("helper", _inner(world, asks))
    middle.add_edge(START, "helper")
    outer = StateGraph(MessagesState)
    outer.add_node("middle", middle.compile())
    outer.add_edge(START, "middle")
    return outer.compile(checkpointer=saver)


@SUBGRAPHS.program(WAITING, graph=_nested, script=ONE, next=("middle",), new_works=True)
def an_agent_in_a_graph_in_a_graph_asks(run: Run):
    """The question is two levels down."""
    run.say()


class Topics(TypedDict):
    """The state of a graph that fans out."""

    topics: list[str]
    jokes: Annotated[list[str], lambda left, right: left + right]
    messages: Annotated[list[Any], add_messages]


def _map_reduce(saver: Any, world: World, *, raises: bool) -> Any:
    """A graph that sends one task per topic, to a node that is no tool."""
    model = world.model()

    def joke(state: Any) -> Any:
        if raises and world.live and state["topic"] == "rain":
            world.await_stored("a joke about snow")
            msg = "no joke about this"
            raise ValueError(msg)
        return {"jokes": [f"a joke about {state['topic']}"]}

    def spread(state: Any) -> Any:
        return [Send("joke", {"topic": topic}) for topic in state["topics"]]

    def best(state: Any) -> Any:
        return {"messages": [model.invoke([*state["messages"], HumanMessage("Which one?")])]}

    builder = StateGraph(Topics)
    builder.add_node("plan", lambda state: {"topics": ["snow", "rain"]})
    builder.add_node("joke", joke)
    builder.add_node("best", best)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", spread, ["joke"])
    builder.add_edge("joke", "best")
    builder.add_edge("best", END)
    return builder.compile(checkpointer=saver)


@SUBGRAPHS.program(SOUND, graph=partial(_map_reduce, raises=False))
def map_and_reduce(run: Run):
    """Packets that are no calls of tools."""
    run.say()


@SUBGRAPHS.program(SOUND, graph=partial(_map_reduce, raises=True), next=("joke",))
def map_and_reduce_raises(run: Run):
    """A packet failed, and no call is open."""
    with fails(ValueError):
        run.say()
