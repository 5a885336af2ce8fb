"""More programs that break a thread in ways that nobody had in mind when the rules were made."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, RemoveMessage, ToolMessage, trim_messages
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send

from tests.steps.app import App, BackendError, Catalog, call_message
from tests.steps.broken_otherwise import agent, chatbot, turn
from tests.steps.middleware import BeforeModel, last_two
from toolpair_observe.steps.blamed import BETWEEN_RUNS, TOOLS, BlameChange, Fate

BROKEN_STILL_OTHERWISE = Catalog()
REMOVED, NOT_APPENDED = (BlameChange.REMOVED,), (BlameChange.NOT_APPENDED,)


@BROKEN_STILL_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("critic",))
def one_of_two_models_that_are_asked_at_once(app: App) -> None:
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_node("writer", lambda state: {"messages": [model.invoke(state["messages"])]})

    def critic(state: Any) -> Any:
        given = state["messages"]
        if app.is_armed:
            given = [each for each in given if each.type != "tool"]
        return {"messages": [model.invoke(given)]}

    builder.add_node("critic", critic)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "writer")
    builder.add_edge("tools", "critic")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("weather"), "Fine.", "Good.")


@BROKEN_STILL_OTHERWISE.program(
    first_bad=0, changes=(*REMOVED, BlameChange.INSERTED), steps=("shorten",)
)
def a_node_in_the_middle_of_three_graphs(app: App) -> None:
    inner = create_agent(app.model(), [app.news()])
    middle: StateGraph[Any] = StateGraph(MessagesState)

    def shorten(state: Any) -> Any:
        if not app.is_armed:
            return {"messages": []}
        place = call_message(state["messages"])
        return {"messages": [RemoveMessage(id=state["messages"][place].id)]}

    middle.add_node("shorten", shorten)
    middle.add_node("ask", inner)
    middle.add_edge(START, "shorten")
    middle.add_edge("shorten", "ask")
    outer: StateGraph[Any] = StateGraph(MessagesState)
    weather = app.weather()

    def prepare(state: Any) -> Any:
        call = app.calls("weather")
        return {"messages": [call, weather.invoke(call.tool_calls[0])]}

    outer.add_node("prepare", prepare)
    outer.add_node("middle", middle.compile())
    outer.add_edge(START, "prepare")
    outer.add_edge("prepare", "middle")
    app.graph = outer.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("A turn", app.calls("news"), "Fine.")


@BROKEN_STILL_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("BeforeModel.before_model",))
def a_subagent_with_a_memory_of_its_own(app: App) -> None:
    middleware = [BeforeModel(app, last_two)]
    inner = create_agent(app.model(), [app.weather()], middleware=middleware, checkpointer=True)
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("agent", inner)
    builder.add_edge(START, "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_STILL_OTHERWISE.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS, "act"), fates={"broken": Fate.RAISED}
)
def tools_under_another_name(app: App) -> None:
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    every = [app.weather(), app.broken()]
    builder.add_node("act", ToolNode(every, handle_tool_errors=False))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, {"tools": "act", END: END})
    builder.add_edge("act", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather", "broken"))
    app.say("Hello?", "Fine.")


@BROKEN_STILL_OTHERWISE.program(first_bad=2, changes=REMOVED, steps=(BETWEEN_RUNS,))
def an_older_state_that_is_edited(app: App) -> None:
    """Time travel: an older checkpoint is changed, and the run goes on from there."""
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    older = next(
        each
        for each in app.graph.get_state_history(app.config())
        if each.values.get("messages") and each.values["messages"][-1].type == "tool"
    )
    call = older.values["messages"][-2]
    config = app.graph.update_state(older.config, {"messages": [RemoveMessage(id=call.id)]})
    app.say("Rather this", "Fine.", **config["configurable"])


@BROKEN_STILL_OTHERWISE.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"slow": Fate.CANCELLED, "quick": Fate.FINISHED},
)
def a_run_that_is_cancelled_with_one_tool_done(app: App) -> None:
    started = asyncio.Event()

    @tool
    async def quick() -> str:
        """Answer at once."""
        return "done"

    @tool
    async def slow() -> str:
        """Take for ever."""
        started.set()
        await asyncio.Event().wait()
        return "never"

    agent(app, tools=[quick, slow])
    app.arm()
    app.say_and_cancel("Go on", app.calls("quick", "slow"), started=started)
    app.say("Hello?", "Fine.")


@BROKEN_STILL_OTHERWISE.program(
    first_bad=1,
    changes=(BlameChange.IDS_CHANGED, BlameChange.INSERTED, *NOT_APPENDED),
    steps=(BETWEEN_RUNS, TOOLS),
    fates={"broken": Fate.RAISED},
)
def an_application_that_mends_with_the_wrong_id(app: App) -> None:
    agent(app, tools=[app.broken()])
    app.arm()
    app.say("Go on", app.calls("broken"))
    wrong = ToolMessage("It failed.", tool_call_id=f"toolu_{app.number()}")
    app.graph.update_state(app.config(), {"messages": [wrong]})
    app.say("Hello?", "Fine.")


@BROKEN_STILL_OTHERWISE.program(first_bad=1, changes=NOT_APPENDED, steps=("worker",))
def one_of_the_workers_forgets(app: App) -> None:
    """A node for each call, sent at once; one of them returns nothing."""

    def worker(state: Any) -> Any:
        call = state["call"]
        if app.is_armed and call["name"] == "news":
            return {"messages": []}
        return {"messages": [ToolMessage("18 degrees", tool_call_id=call["id"])]}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    builder.add_node("worker", worker)
    builder.add_edge(START, "chatbot")

    def spread(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        return [Send("worker", {"call": each}) for each in calls] or END

    builder.add_conditional_edges("chatbot", spread, ["worker", END])
    builder.add_edge("worker", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather", "news"), "Fine.")


@BROKEN_STILL_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("chatbot",))
def a_chain_in_a_node_that_trims(app: App) -> None:
    trimmer = trim_messages(max_tokens=1, token_counter=len, strategy="last")
    whole = app.model()

    def ask(state: Any) -> Any:
        cuts = app.is_armed and state["messages"][-1].type == "tool"
        chain = trimmer | whole if cuts else whole
        return {"messages": [chain.invoke(state["messages"])]}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", ask)
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_STILL_OTHERWISE.program(first_bad=0, changes=(*NOT_APPENDED, None), steps=(None,))
def a_crash_that_nobody_heard(app: App) -> None:
    """The turn before ran in a process without a handler."""
    agent(app, tools=[app.broken()])
    app.arm()
    app.expect(app.calls("broken"))
    with suppress(BackendError):
        config = {**app.config(), "callbacks": []}
        app.graph.invoke({"messages": [HumanMessage("Go on")]}, config)
    app._script.clear()
    app.say("Hello?", "Fine.")


@BROKEN_STILL_OTHERWISE.program(
    first_bad=2, changes=NOT_APPENDED, steps=(TOOLS,), fates={"broken": Fate.RAISED}
)
def a_thread_beside_another_one(app: App) -> None:
    agent(app, tools=[app.broken()])
    app.arm()
    app.say("Go on", app.calls("broken"))
    app.thread_id = "another"
    app.say("Hi", "Fine.")
    app.thread_id = "thread"
    app.say("Hello?", "Fine.")
