"""Programs in which a step of a graph breaks the history."""

from __future__ import annotations

import operator
import warnings
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send

from tests.steps import middleware
from tests.steps.app import App, Catalog
from tests.steps.middleware import (
    AfterModel,
    BeforeAgent,
    BeforeModel,
    InRequest,
    Watcher,
    copied,
    in_last_turn,
    whole,
)
from toolpair_observe.steps.blamed import MODEL, TOOLS, BlameChange, Fate

BROKEN_BY_STEPS = Catalog()
REMOVED, INSERTED = (BlameChange.REMOVED,), (BlameChange.INSERTED,)
REORDERED, IDS_CHANGED = (BlameChange.REORDERED,), (BlameChange.IDS_CHANGED,)
NOT_APPENDED = (BlameChange.NOT_APPENDED,)
DONE = {"weather": Fate.FINISHED}


def agent(app: App, *made: Any) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(
        app.model(), [app.weather(), app.news()], middleware=made, checkpointer=app.saver
    )


def turn(app: App) -> None:
    """One turn in which a tool is called, after the sound ones."""
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("BeforeModel.before_model",))
def a_window_before_the_model(app: App) -> None:
    agent(app, Watcher(), BeforeModel(app, middleware.last_two))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=(MODEL,))
def a_window_in_the_request(app: App) -> None:
    agent(app, Watcher(), InRequest(app, middleware.last_two))
    turn(app)


@BROKEN_BY_STEPS.program(
    first_bad=1, changes=REMOVED, steps=("BeforeModel.before_model",), fates=DONE
)
def a_filter_of_results_before_the_model(app: App) -> None:
    agent(app, BeforeModel(app, in_last_turn(middleware.without_results)), Watcher())
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=(MODEL,), fates=DONE)
def a_filter_of_results_in_the_request(app: App) -> None:
    agent(app, InRequest(app, in_last_turn(middleware.without_results)))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("BeforeModel.before_model",))
def a_filter_of_empty_messages(app: App) -> None:
    agent(app, BeforeModel(app, in_last_turn(middleware.without_calls)))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=INSERTED, steps=("BeforeModel.before_model",))
def a_reminder_before_the_model(app: App) -> None:
    agent(app, BeforeModel(app, middleware.reminded))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=INSERTED, steps=(MODEL,))
def a_reminder_in_the_request(app: App) -> None:
    agent(app, InRequest(app, middleware.reminded), Watcher())
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REORDERED, steps=("BeforeModel.before_model",))
def a_sort_before_the_model(app: App) -> None:
    agent(app, BeforeModel(app, in_last_turn(middleware.results_first)))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REORDERED, steps=(MODEL,))
def a_sort_in_the_request(app: App) -> None:
    agent(app, InRequest(app, in_last_turn(middleware.results_first)))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=IDS_CHANGED, steps=("BeforeModel.before_model",))
def new_ids_before_the_model(app: App) -> None:
    agent(app, BeforeModel(app, in_last_turn(middleware.renamed)), Watcher())
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=IDS_CHANGED, steps=(MODEL,))
def new_ids_in_the_request(app: App) -> None:
    agent(app, InRequest(app, in_last_turn(middleware.renamed)))
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=INSERTED, steps=("BeforeModel.before_model",))
def a_result_twice(app: App) -> None:
    agent(app, BeforeModel(app, middleware.doubled))
    turn(app)


@BROKEN_BY_STEPS.program(
    first_bad=2, changes=REMOVED, steps=("BeforeAgent.before_agent",), bad_requests=1, breaches=1
)
def a_cleaning_at_the_begin_of_a_run(app: App) -> None:
    """Every call's result is dropped when the next run begins."""
    agent(app, BeforeAgent(app, middleware.without_results), Watcher())
    app.arm()
    app.is_armed = False
    app.say("Go on", app.calls("weather"), "Fine.")
    app.is_armed = True
    app.say("And now?", "Fine.")


@BROKEN_BY_STEPS.program(
    first_bad=2, changes=REMOVED, steps=("AfterModel.after_model",), bad_requests=1, breaches=1
)
def a_cleaning_after_the_answer(app: App) -> None:
    agent(app, AfterModel(app, lambda ms: middleware.without_results(ms) if ms[-1].content else ms))
    turn(app)
    app.say("And now?", "Fine.")


@BROKEN_BY_STEPS.program(
    first_bad=1,
    changes=REMOVED,
    steps=("BeforeModel.before_model",),
    bad_requests=3,
    breaches=1,
)
def a_thread_that_stays_broken(app: App) -> None:
    """The first thing that is cleaned away breaks this request and all that follow."""

    def once(messages: list[Any]) -> list[Any]:
        if messages[-1].type != "tool":
            return messages
        app.is_armed = False
        return middleware.without_results(messages)

    agent(app, Watcher(), BeforeModel(app, once))
    turn(app)
    app.say("Hello?", "Fine.")
    app.say("And now?", "Fine.")


def loop(app: App, *nodes: Any, state: Any = MessagesState, tools: Any = None) -> StateGraph[Any]:
    """Return the loop that tutorials write, with other nodes between the tools and the model."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(state)
    builder.add_node("chatbot", lambda given: {"messages": [model.invoke(given["messages"])]})
    builder.add_node("tools", tools or ToolNode([app.weather(), app.news()]))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    last = "tools"
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(last, name)
        last = name
    builder.add_edge(last, "chatbot")
    return builder


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("compress",))
def a_node_that_compresses(app: App) -> None:
    def compress(state: Any) -> Any:
        if not app.is_armed:
            return {}
        first, *_ = state["messages"]
        return whole([first, HumanMessage("Summary: sunny."), state["messages"][-1]])

    builder = loop(app, ("compress", compress), ("rest", lambda _: {}))
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("chatbot",))
def a_model_node_that_trims(app: App) -> None:
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)

    def chatbot(state: Any) -> Any:
        said = state["messages"]
        kept = said[-1:] if app.is_armed and said[-1].type == "tool" else said
        return {"messages": [model.invoke(kept)]}

    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,))
def half_a_tools_node(app: App) -> None:
    """An application's own tools node runs the first call only."""

    def tools(state: Any) -> Any:
        call = state["messages"][-1].tool_calls[0]
        return {"messages": [ToolMessage("18 degrees", tool_call_id=call["id"])]}

    app.graph = loop(app, tools=tools).compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather", "news"), "Fine.")


@BROKEN_BY_STEPS.program(first_bad=1, changes=IDS_CHANGED + NOT_APPENDED, steps=(TOOLS,))
def a_tools_node_with_wrong_ids(app: App) -> None:
    def tools(state: Any) -> Any:
        call = state["messages"][-1].tool_calls[0]
        wrong = f"toolu_{app.number()}" if app.is_armed else call["id"]
        return {"messages": [ToolMessage("18 degrees", tool_call_id=wrong)]}

    app.graph = loop(app, tools=tools).compile(checkpointer=app.saver)
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=INSERTED + NOT_APPENDED, steps=("critic",))
def a_critic_instead_of_the_tools(app: App) -> None:
    """The calls are never run: a critic writes a message in their place."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("critic", lambda _: {"messages": [HumanMessage("Think again.")]})
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_edge(START, "chatbot")

    def route(state: Any) -> str:
        if not state["messages"][-1].tool_calls:
            return END
        return "critic" if app.is_armed else "tools"

    builder.add_conditional_edges("chatbot", route, ["critic", "tools", END])
    builder.add_edge("critic", "chatbot")
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


class Appended(MessagesState):
    """A state whose lists are only appended to."""

    messages: Annotated[list[AnyMessage], operator.add]


@BROKEN_BY_STEPS.program(first_bad=1, changes=INSERTED, steps=("again",))
def a_node_that_returns_what_it_was_given(app: App) -> None:
    """`operator.add` appends the whole history to itself, whose messages have no ids."""

    def again(state: Any) -> Any:
        return {"messages": state["messages"][-1:] if app.is_armed else []}

    builder = loop(app, ("again", again), state=Appended)
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("Inner.before_model",))
def a_window_in_a_subgraph(app: App) -> None:
    """The agent is a node of another graph."""

    class Inner(BeforeModel):
        pass

    inner = create_agent(
        app.model(), [app.weather()], middleware=[Inner(app, middleware.last_two)], name="inner"
    )
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("first", lambda _: {})
    builder.add_node("agent", inner)
    builder.add_edge(START, "first")
    builder.add_edge("first", "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=0, changes=REMOVED, steps=("clean",))
def a_node_before_a_subgraph(app: App) -> None:
    """What the outer graph cleans away is missing in the inner one."""

    def clean(state: Any) -> Any:
        if not app.is_armed:
            return {}
        return whole(middleware.without_results(state["messages"]))

    inner = create_agent(app.model(), [app.weather()], middleware=[Watcher()], name="inner")
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("clean", clean)
    builder.add_node("agent", inner)
    builder.add_edge(START, "clean")
    builder.add_edge("clean", "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    app.say("At first", app.calls("weather"), "Fine.")
    app.arm()
    app.say("Go on", "Fine.")


@BROKEN_BY_STEPS.program(first_bad=2, changes=REMOVED, steps=("worker",))
def one_of_parallel_branches(app: App) -> None:
    """Of three workers with a copy of the history each, the third one drops a result."""
    model = app.model()

    def worker(given: Any) -> Any:
        said = given["messages"]
        if given["number"] == 2 and app.is_armed:
            said = middleware.without_results(said)
        model.invoke(said)
        return {}

    def fan_out(state: Any) -> Any:
        asked = [*state["messages"], HumanMessage("Your part.", id=f"part-{app.number()}")]
        return [Send("worker", {"messages": asked, "number": n}) for n in range(3)]

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("start", lambda _: {})
    builder.add_node("worker", worker)
    builder.add_edge(START, "start")
    builder.add_conditional_edges("start", fan_out, ["worker"])
    app.graph = builder.compile(checkpointer=app.saver)
    call = app.calls("weather")
    result = ToolMessage("18 degrees", tool_call_id=call.tool_calls[0]["id"])
    app.graph.update_state(app.config(), {"messages": [HumanMessage("Hi"), call, result]}, "start")
    app.arm()
    app.say("Go on", "a", "b", "c")


@BROKEN_BY_STEPS.program(first_bad=1, changes=REMOVED, steps=("pre_model_hook", "agent"))
def a_hook_of_the_prebuilt_agent(app: App) -> None:
    """`llm_input_messages` replaces the request, and the thread stays as it is."""

    def pre_model_hook(state: Any) -> Any:
        said = state["messages"]
        return {"llm_input_messages": middleware.last_two(said) if app.is_armed else said}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from langgraph.prebuilt import create_react_agent

        app.graph = create_react_agent(
            app.model(), [app.weather()], pre_model_hook=pre_model_hook, checkpointer=app.saver
        )
    turn(app)


@BROKEN_BY_STEPS.program(first_bad=1, changes=IDS_CHANGED, steps=("edit",))
def a_node_that_gives_calls_new_ids(app: App) -> None:
    """The calls are renamed, and their results are not."""

    def edit(state: Any) -> Any:
        *_, asked, _ = state["messages"]
        if not app.is_armed or not isinstance(asked, AIMessage):
            return {}
        calls = [{**each, "id": f"new_{each['id']}"} for each in asked.tool_calls]
        return {"messages": [copied(asked, tool_calls=calls)]}

    app.graph = loop(app, ("edit", edit)).compile(checkpointer=app.saver)
    turn(app)
