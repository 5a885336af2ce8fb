"""Loops that applications write by hand, whose nodes have other names and other habits."""

from __future__ import annotations

from typing import Annotated, Any

import openai
from langchain.agents import create_agent
from langchain.agents.middleware import after_model, wrap_model_call
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    ASK,
    BAD,
    GOOD,
    agent,
    asks,
    bad,
    bad_alone,
    calls,
    good,
    killer_alone,
    loop,
    tool,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails
from toolpair_observe.demo.loopback.provider import Reply, ToolCall

LOOPS = Catalog()
ONE = (calls("bad"),)
TRANSFER = "call_transfer_to_worker"


def _one_node(*tools: Any) -> Any:
    """Return what makes an agent of a single node: it asks the model or runs the tools."""

    def build(saver: Any, world: World) -> Any:
        made = {each.name: each for each in (each(world) for each in tools)}
        model = world.model().bind_tools(list(made.values()))

        def step(state: Any) -> Any:
            last = state["messages"][-1]
            if isinstance(last, AIMessage) and last.tool_calls:
                results = [made[each["name"]].invoke(each) for each in last.tool_calls]
                return Command(goto="step", update={"messages": results})
            answer = model.invoke(state["messages"])
            goto = "step" if answer.tool_calls else END
            return Command(goto=goto, update={"messages": [answer]})

        builder = StateGraph(MessagesState)
        builder.add_node("step", step, destinations=("step", END))
        builder.add_edge(START, "step")
        return builder.compile(checkpointer=saver)

    return build


@LOOPS.program(
    STALLED,
    graph=_one_node(bad_alone),
    script=ONE,
    next=("step",),
    made_up=[BAD],
)
def one_node_for_everything_raises(run: Run):
    """The node that made the calls is the one that answers them."""
    with fails(ValueError):
        run.say()


@LOOPS.program(
    STALLED,
    graph=_one_node(good, bad_alone),
    script=(calls("good"), *ONE),
    next=("step",),
    made_up=[BAD],
)
def one_node_for_everything_raises_in_the_second_round(run: Run):
    """It has answered calls before."""
    with fails(ValueError):
        run.say()


@LOOPS.program(WAITING, graph=_one_node(asks), script=(calls("ask"),), next=("step",))
def one_node_for_everything_asks(run: Run):
    """The question tells that somebody answers."""
    run.say()


@LOOPS.program(POISONED, graph=_one_node(bad_alone), script=ONE, next=("step",), made_up=[BAD])
def one_node_for_everything_is_broken(run: Run):
    """A message after a crash."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


def _by_name(*, node: str, tool_name: str, asks_first: bool = False) -> Any:
    """Return what makes a loop whose node for a tool is a function, and answers the call itself."""

    def build(saver: Any, world: World) -> Any:
        made = tool(tool_name, lambda: "unused")
        model = world.model().bind_tools([made])

        def chatbot(state: Any) -> Any:
            return {"messages": [model.invoke(state["messages"])]}

        def work(state: Any) -> Any:
            if asks_first:
                interrupt("May it?")
            if world.live and not asks_first:
                msg = "the backend is away"
                raise ValueError(msg)
            return {
                "messages": [
                    ToolMessage("done", tool_call_id=each["id"])
                    for each in state["messages"][-1].tool_calls
                ]
            }

        def after(state: Any) -> str:
            return node if state["messages"][-1].tool_calls else END

        builder = StateGraph(MessagesState)
        builder.add_node("chatbot", chatbot)
        builder.add_node(node, work)
        builder.add_edge(START, "chatbot")
        builder.add_conditional_edges("chatbot", after, [node, END])
        builder.add_edge(node, "chatbot")
        return builder.compile(checkpointer=saver)

    return build


@LOOPS.program(
    STALLED,
    graph=_by_name(node="research", tool_name="research"),
    script=(calls("research"),),
    next=("research",),
    made_up=["call_research"],
)
def a_node_that_answers_its_call_raises(run: Run):
    """No `ToolNode`: the node writes the result itself."""
    with fails(ValueError):
        run.say()


@LOOPS.program(
    STALLED,
    graph=_by_name(node="worker", tool_name="transfer_to_worker"),
    script=(calls("transfer_to_worker"),),
    next=("worker",),
    made_up=[TRANSFER],
)
def a_worker_that_answers_the_hand_over_raises(run: Run):
    """The call is a hand-over, and the worker answers it when it is done."""
    with fails(ValueError):
        run.say()


@LOOPS.program(
    WAITING,
    graph=_by_name(node="execute", tool_name="good", asks_first=True),
    script=(calls("good"),),
    next=("execute",),
)
def a_node_that_answers_its_call_asks(run: Run):
    """It asks before it works."""
    run.say()


def _never_runs_tools(saver: Any, world: World) -> Any:
    """A model with tools, whose calls are for somebody else to see."""
    model = world.model().bind_tools([good(world)])
    builder = StateGraph(MessagesState)
    builder.add_node("plan", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge(START, "plan")
    builder.add_edge("plan", END)
    return builder.compile(checkpointer=saver)


@LOOPS.program(POISONED, graph=_never_runs_tools, script=(calls("good"),), made_up=[GOOD])
def calls_for_somebody_else(run: Run):
    """The browser runs them, and sends no results."""
    run.say()


def _stops(world: World) -> Any:
    @after_model(can_jump_to=["end"])
    def stop(state: Any, runtime: Any) -> Any:
        return {"jump_to": "end"} if world.live else None

    return [stop]


@LOOPS.program(
    POISONED, graph=agent(good, middleware=_stops), script=(calls("good"),), made_up=[GOOD]
)
def a_hook_that_ends_the_turn(run: Run):
    """The hook jumps over the tools."""
    run.say()


@LOOPS.program(
    SOUND, graph=agent(good, bad), script=(calls("good", "bad"),), needs="langchain>=1.5"
)
def healed_by_hand(run: Run):
    """Somebody takes the broken turn out."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")
    history = run.state.values["messages"]
    run.update({"messages": [RemoveMessage(id=each.id) for each in history[1:]]}, as_node="model")


@LOOPS.program(
    SOUND, graph=agent(good, bad), script=(calls("good"), DONE, calls("good", "bad", suffix="_2"))
)
def gone_back_by_hand(run: Run):
    """Somebody makes the last whole state the head again."""
    run.world.stored("call_good").set()
    run.say()
    whole = run.state.config
    with fails(ValueError):
        run.say("And both?")
    run.graph.update_state(whole, None, as_node="__copy__")


@LOOPS.program(SOUND, graph=loop(good, interrupt_before=["tools"]), script=(calls("good"),))
def stopped_by_hand(run: Run):
    """The stop button of an application takes the calls out of the message."""
    run.say()
    call = run.state.values["messages"][-1]
    run.update({"messages": [AIMessage("Stopped.", id=call.id)]}, as_node="chatbot")


@LOOPS.program(SOUND, graph=loop(good, interrupt_before=["tools"]), script=(calls("good"),))
def stopped_by_results(run: Run):
    """The stop button of an application answers each call, and then writes on."""
    run.say()
    result = ToolMessage("cancelled", tool_call_id=GOOD, status="error")
    run.update({"messages": [result]}, as_node="tools")
    run.say("Leave that.")


@LOOPS.program(
    SOUND,
    graph=agent(killer_alone),
    script=ONE,
    kills=True,
    channel=None,
)
def killed_at_once(run: Run):
    """The message is the input of a turn that did not begin."""
    run.world.dies_before(0, "Look both up.")
    run.say(durability="sync")


@LOOPS.program(
    POISONED,
    graph=agent(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    resume_works=False,
    made_up=[GOOD],
    kills=True,
)
def killed_at_once_after_a_pause(run: Run):
    """The message of a second turn is its input only; the first turn's call is open."""
    run.say()
    run.world.dies_before(3, "Leave that.")
    run.say("Leave that.", durability="sync")


def _slower_than_the_tools(world: World) -> list[Any]:
    """Have a model that runs beside tools ask when their results are stored."""

    @wrap_model_call
    def wait(request: Any, handler: Any) -> Any:
        if world.live and request.messages[-1].type == "human" and len(request.messages) > 1:
            world.await_stored(GOOD)
        return handler(request)

    return [wait]


@LOOPS.program(
    POISONED,
    graph=agent(good, interrupt_before=["tools"], middleware=_slower_than_the_tools),
    script=(calls("good"),),
    recoverable=[GOOD],
    resume_works=False,
    mends=None,
)
def a_message_by_a_command(run: Run):
    """Tools and model run beside each other, and the message stands between call and result."""
    run.say()
    with fails(openai.BadRequestError):
        run.graph.invoke(Command(update=says("Leave that."), goto="model"), run.config)


class Histories(TypedDict):
    """One conversation for each agent."""

    histories: dict[str, list[AnyMessage]]


def _teams(saver: Any, world: World) -> Any:
    model = world.model().bind_tools([good(world)])

    def turn(state: Any) -> Any:
        kept = dict(state["histories"])
        for name in ("alice", "bob"):
            said = [*kept.get(name, []), HumanMessage("Go on.")]
            kept[name] = [*said, model.invoke(said)]
        return {"histories": kept}

    builder = StateGraph(Histories)
    builder.add_node("turn", turn)
    builder.add_edge(START, "turn")
    return builder.compile(checkpointer=saver)


def _go_on(graph: Any, config: Any) -> Any:
    kept = graph.get_state(config).values.get("histories", {})
    return graph.invoke({"histories": kept}, config)


@LOOPS.program(
    POISONED,
    graph=_teams,
    script=(DONE, calls("good")),
    made_up=[GOOD],
    channel="histories.bob",
    new=_go_on,
)
def one_of_several_histories_is_broken(run: Run):
    """A dict of conversations, and one of them has an open call."""
    _go_on(run.graph, run.config)


@LOOPS.program(SOUND, graph=_teams, script=(DONE, DONE), channel="histories.alice", new=_go_on)
def several_histories(run: Run):
    """A dict of conversations."""
    _go_on(run.graph, run.config)


class Appended(TypedDict):
    """Whatever a node returns."""

    messages: Annotated[list[Any], lambda left, right: [*left, *right]]


def _chunks(saver: Any, world: World) -> Any:
    """A loop that stores what it streams: pieces of messages, added up."""
    made = [good(world)]
    model = world.model().bind_tools(made)

    def chatbot(state: Any) -> Any:
        whole = None
        for piece in model.stream(state["messages"]):
            whole = piece if whole is None else whole + piece
        return {"messages": [whole]}

    def tools(state: Any) -> Any:
        return {"messages": [made[0].invoke(each) for each in state["messages"][-1].tool_calls]}

    builder = StateGraph(Appended)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", tools)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


@LOOPS.program(SOUND, graph=_chunks, script=(calls("good"),))
def streamed_messages(run: Run):
    """Chunks are stored as they are."""
    run.say()


@LOOPS.program(POISONED, graph=_chunks, script=(calls("good"),), next=("chatbot",), made_up=[GOOD])
def streamed_messages_are_broken(run: Run):
    """Chunks are stored as they are, and one of them has an open call."""
    run.graph.invoke(says("Look it up."), run.config, interrupt_before=["tools"])
    with fails(openai.BadRequestError):
        run.say("Leave that.")


TWICE = Reply(tool_calls=(ToolCall("good", id=GOOD), ToolCall("good", id=GOOD)))


@LOOPS.program(POISONED, graph=loop(good), script=(TWICE,), next=("chatbot",), mends=None)
def one_id_for_two_calls(run: Run):
    """Some servers give two calls of a message one id."""
    with fails(openai.BadRequestError):
        run.say()


def _asks_other(world: World) -> Any:
    return tool("other", lambda: f"they said {interrupt('And this?')}")


@LOOPS.program(
    POISONED,
    graph=agent(asks, _asks_other),
    script=(calls("ask", "other"),),
    next=("model",),
    also=(),
    recoverable=[ASK],
    made_up=["call_other"],
)
def a_message_after_one_of_two_answers(run: Run):
    """One of two tools had its answer, and has finished."""
    run.say()
    question = next(each for each in run.state.interrupts if each.value == "May I?")
    run.resume({question.id: "yes"})
    with fails(openai.BadRequestError):
        run.say("Leave that.")


@LOOPS.program(WAITING, graph=loop(good, asks), script=(calls("good", "ask"),), next=("tools",))
def a_tool_of_a_loop_asks_beside_another(run: Run):
    """All tools are one task: it is asked again, and the other tool runs twice."""
    run.say()


def _two_deep(saver: Any, world: World) -> Any:
    """Two graphs with histories of their own, one in the other."""
    inner = create_agent(world.model(), [good(world), bad(world)], name="inner", checkpointer=True)
    middle = StateGraph(MessagesState)
    middle.add_node("inner", inner)
    middle.add_edge(START, "inner")
    outer = StateGraph(MessagesState)
    outer.add_node("middle", middle.compile(checkpointer=True))
    outer.add_edge(START, "middle")
    return outer.compile(checkpointer=saver)


@LOOPS.program(
    SOUND,
    graph=_two_deep,
    verdicts={"middle": SOUND, "middle|inner": POISONED},
    script=(calls("good", "bad"),),
    next=("middle",),
    recoverable=[GOOD],
    made_up=[BAD],
)
def a_history_in_a_history_is_broken(run: Run):
    """Both outer histories look perfect."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")
