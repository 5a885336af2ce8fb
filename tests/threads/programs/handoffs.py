"""Agents that hand the turn over to each other, rightly and wrongly."""

from __future__ import annotations

from typing import Annotated, Any

import openai
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import Command, Send, interrupt

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import GOOD, bad_alone, calls, good
from tests.threads.programs.record import POISONED, SOUND, WAITING, Catalog, Run
from tests.threads.programs.world import World, fails

HANDOFFS = Catalog()
TRANSFER = "call_transfer_to_worker"
HAND_OVER = (calls("transfer_to_worker"),)


def _transfer(*, answers: bool, brings: str) -> Any:
    """Return a tool that hands over.

    Args:
        answers: Whether it answers its own call.
        brings: What it takes along: `all` messages of its agent, or the `last` one, or `nothing`.
    """

    @tool
    def transfer_to_worker(
        state: Annotated[dict[str, Any], InjectedState],
        tool_call_id: Annotated[str, InjectedToolCallId],
    ) -> Command[Any]:
        """Hand over to the worker."""
        history = {"all": state["messages"], "last": state["messages"][-1:], "nothing": []}
        result = ToolMessage("handed over", tool_call_id=tool_call_id)
        messages = [*history[brings], *([result] if answers else [])]
        return Command(goto="worker", graph=Command.PARENT, update={"messages": messages})

    return transfer_to_worker


def _team(*, answers: bool = True, brings: str = "all", tools: Any = (), work: Any = ()) -> Any:
    """Return what makes a graph of a supervisor and a worker."""

    def build(saver: Any, world: World) -> Any:
        transfer = _transfer(answers=answers, brings=brings)
        ours = [each(world) for each in tools]
        supervisor = create_agent(world.model(), [transfer, *ours], name="supervisor")
        worker = create_agent(world.model(), [each(world) for each in work], name="worker")
        builder = StateGraph(MessagesState)
        builder.add_node("supervisor", supervisor, destinations=("worker", END))
        builder.add_node("worker", worker)
        builder.add_edge(START, "supervisor")
        return builder.compile(checkpointer=saver)

    return build


@HANDOFFS.program(SOUND, graph=_team(), script=HAND_OVER)
def handed_over(run: Run):
    """The tool takes the history along, and answers its own call."""
    run.say()


@HANDOFFS.program(SOUND, graph=_team(brings="last"), script=HAND_OVER)
def handed_over_with_the_call_only(run: Run):
    """The call and its result, as the documentation shows it."""
    run.say()


@HANDOFFS.program(SOUND, graph=_team(answers=False, brings="nothing"), script=HAND_OVER)
def handed_over_with_nothing(run: Run):
    """Neither call nor result comes into the outer history."""
    run.say()


@HANDOFFS.program(
    POISONED, graph=_team(answers=False), script=HAND_OVER, next=("worker",), made_up=[TRANSFER]
)
def handed_over_without_a_result(run: Run):
    """The worker's first request is refused."""
    with fails(openai.BadRequestError):
        run.say()


@HANDOFFS.program(
    POISONED, graph=_team(brings="nothing"), script=HAND_OVER, next=("worker",), restored=[TRANSFER]
)
def handed_over_with_the_result_only(run: Run):
    """The outer history gets a result whose call it has never seen."""
    with fails(openai.BadRequestError):
        run.say()


@HANDOFFS.program(
    POISONED,
    graph=_team(tools=[good]),
    script=(calls("good", "transfer_to_worker"),),
    next=("worker",),
    recoverable=[GOOD],
)
def handed_over_beside_another_call(run: Run):
    """The other call's result is in the supervisor's writes, and does not come along."""
    with fails(openai.BadRequestError):
        run.say()


@HANDOFFS.program(
    POISONED,
    graph=_team(tools=[good]),
    script=(calls("good", "transfer_to_worker"),),
    next=("supervisor",),
    recoverable=[GOOD],
)
def handed_over_beside_another_call_and_then_a_message(run: Run):
    """The user writes on."""
    with fails(openai.BadRequestError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


@HANDOFFS.program(
    SOUND,
    graph=_team(work=[bad_alone]),
    script=(*HAND_OVER, calls("bad")),
    next=("worker",),
)
def the_worker_raises(run: Run):
    """The outer history is whole."""
    with fails(ValueError):
        run.say()


def _supervisor(*, forwards: bool) -> Any:
    """Return what makes a supervisor that sends packets to workers, by hand."""

    def build(saver: Any, world: World) -> Any:
        model = world.model()

        def supervise(state: Any) -> Any:
            tools = [_transfer(answers=True, brings="all")]
            answer = model.bind_tools(tools).invoke(state["messages"])
            if not answer.tool_calls:
                return Command(goto=END, update={"messages": [answer]})
            results = [
                ToolMessage("handed over", tool_call_id=each["id"])
                for each in (answer.tool_calls if forwards else answer.tool_calls[:1])
            ]
            return Command(goto="worker", update={"messages": [answer, *results]})

        def work(state: Any) -> Any:
            task = [HumanMessage("Do your part.")]
            return {"messages": [AIMessage(model.invoke(task).content, name="worker")]}

        builder = StateGraph(MessagesState)
        builder.add_node("supervise", supervise, destinations=("worker", END))
        builder.add_node("worker", work)
        builder.add_edge(START, "supervise")
        builder.add_edge("worker", "supervise")
        return builder.compile(checkpointer=saver)

    return build


@HANDOFFS.program(SOUND, graph=_supervisor(forwards=True), script=(*HAND_OVER, DONE, DONE))
def a_hand_written_supervisor(run: Run):
    """It answers its own calls."""
    run.say()


@HANDOFFS.program(
    POISONED,
    graph=_supervisor(forwards=False),
    script=(calls("transfer_to_worker", "transfer_to_writer"), DONE),
    next=("supervise",),
    made_up=["call_transfer_to_writer"],
)
def a_hand_written_supervisor_answers_the_first_call_only(run: Run):
    """The model calls two workers, and only the first one is thought of."""
    with fails(openai.BadRequestError):
        run.say()


def _router(saver: Any, world: World) -> Any:
    """A model whose call only chooses the next node, and is left open in the history."""
    model = world.model()

    def route(state: Any) -> Any:
        tools = [_transfer(answers=True, brings="all")]
        answer = model.bind_tools(tools).invoke(state["messages"])
        goto = "worker" if answer.tool_calls else END
        return Command(goto=goto, update={"messages": [answer]})

    def worker(state: Any) -> Any:
        return {"messages": [AIMessage("It is sunny.", name="worker")]}

    builder = StateGraph(MessagesState)
    builder.add_node("route", route, destinations=("worker", END))
    builder.add_node("worker", worker)
    builder.add_edge(START, "route")
    return builder.compile(checkpointer=saver)


@HANDOFFS.program(POISONED, graph=_router, script=HAND_OVER, made_up=[TRANSFER])
def a_router_leaves_its_call_open(run: Run):
    """Structured output by a call that nobody answers: the second turn fails."""
    run.say()


def _sends_by_hand(*, asks: bool) -> Any:
    """Return what makes a hand-written graph that sends one packet for each call."""

    def build(saver: Any, world: World) -> Any:
        tools = [good(world), bad_alone(world)]
        model = world.model().bind_tools(tools)
        node = ToolNode(tools, handle_tool_errors=False)

        def chatbot(state: Any) -> Any:
            return {"messages": [model.invoke(state["messages"])]}

        def spread(state: Any) -> Any:
            made = state["messages"][-1].tool_calls
            return [Send("call", {"call": each}) for each in made] or END

        def call(state: Any) -> Any:
            if asks:
                interrupt("May it?")
            if state["call"]["name"] == "bad" and world.live:
                world.await_stored(GOOD)
            return {"messages": node.invoke([AIMessage("", tool_calls=[state["call"]])])}

        builder = StateGraph(MessagesState)
        builder.add_node("chatbot", chatbot)
        builder.add_node("call", call)
        builder.add_edge(START, "chatbot")
        builder.add_conditional_edges("chatbot", spread, ["call", END])
        builder.add_edge("call", "chatbot")
        return builder.compile(checkpointer=saver)

    return build


@HANDOFFS.program(
    "stalled",
    graph=_sends_by_hand(asks=False),
    script=(calls("good", "bad"),),
    next=("call",),
    recoverable=[GOOD],
    made_up=["call_bad"],
)
def packets_by_hand_raise(run: Run):
    """One packet for each call, to a node that is no `ToolNode`."""
    with fails(ValueError):
        run.say()


@HANDOFFS.program(
    WAITING,
    graph=_sends_by_hand(asks=True),
    script=(calls("good"),),
    next=("call",),
)
def packets_by_hand_ask(run: Run):
    """The node asks before each call."""
    run.say()
