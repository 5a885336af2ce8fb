"""Programs whose tools, or what asks before them, leave calls without results."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command

from tests.steps.app import App, Catalog
from toolpair_observe.steps.blamed import BETWEEN_RUNS, TOOLS, BlameChange, Fate

BROKEN_BY_TOOLS = Catalog()
NOT_APPENDED = (BlameChange.NOT_APPENDED,)
REVIEW = "HumanInTheLoopMiddleware.after_model"


def agent(app: App, *tools: Any, middleware: Any = ()) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(
        app.model(), [app.weather(), *tools], middleware=middleware, checkpointer=app.saver
    )


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"weather": Fate.FINISHED, "broken": Fate.RAISED},
    bad_requests=2,
    breaches=1,
)
def one_of_two_tools_raises(app: App) -> None:
    agent(app, app.broken())
    app.arm()
    app.say("Go on", app.calls("weather", "broken"))
    app.say("Hello?", "Fine.")
    app.say("And now?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), fates={"broken": Fate.RAISED}
)
def the_only_tool_raises(app: App) -> None:
    agent(app, app.broken())
    app.arm()
    app.say("Go on", app.calls("broken"))
    app.say("Hello?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"broken": Fate.RAISED, "weather": Fate.NEVER_STARTED},
)
def a_loop_whose_first_tool_raises(app: App) -> None:
    """One node runs both, one after the other."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    tools = {each.name: each for each in (app.weather(), app.broken())}

    def run(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        return {"messages": [tools[each["name"]].invoke(each) for each in calls]}

    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("tools", run)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("broken", "weather"))
    app.say("Hello?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), fates={"ask": Fate.INTERRUPTED}
)
def a_question_of_a_tool_without_an_answer(app: App) -> None:
    """The user writes on in place of an answer."""
    agent(app, app.ask())
    app.arm()
    app.say("Go on", app.calls("ask"))
    app.say("Leave that.", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"weather": Fate.FINISHED, "ask": Fate.INTERRUPTED},
)
def a_question_beside_a_tool_that_works(app: App) -> None:
    agent(app, app.ask())
    app.arm()
    app.say("Go on", app.calls("weather", "ask"))
    app.say("Leave that.", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(REVIEW, TOOLS, BETWEEN_RUNS),
    fates={"news": Fate.NEVER_STARTED},
)
def a_review_without_a_decision(app: App) -> None:
    review = HumanInTheLoopMiddleware(interrupt_on={"news": True})
    agent(app, app.news(), middleware=[review])
    app.arm()
    app.say("Go on", app.calls("news"))
    app.say("Leave that.", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), fates={"slow": Fate.CANCELLED}
)
def a_run_that_is_cancelled(app: App) -> None:
    """A client goes away while a tool works, and comes back later."""
    started = asyncio.Event()

    @tool
    async def slow() -> str:
        """Take for ever."""
        started.set()
        await asyncio.Event().wait()
        return "never"

    agent(app, slow)
    app.arm()
    app.say_and_cancel("Go on", app.calls("slow"), started=started)
    app.say("Hello?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=("tools", "alice"),
    fates={"to_carol": Fate.NEVER_STARTED},
    bad_requests=1,
)
def two_handoffs_in_one_answer(app: App) -> None:
    """Only the first handoff's result is kept, as the agents of a swarm do."""

    def handoff(name: str) -> Any:
        @tool(f"to_{name}")
        def to() -> str:
            """Hand over."""
            return name

        return to

    model = app.model()

    def alice(state: Any) -> Command[Any]:
        answer = model.invoke(state["messages"])
        if not answer.tool_calls:
            return Command(update={"messages": [answer]}, goto=END)
        first = answer.tool_calls[0]
        to_bob.invoke(first, config={"callbacks": [app.recorder]})
        done = ToolMessage("Handed over to bob", tool_call_id=first["id"])
        return Command(update={"messages": [answer, done]}, goto="bob")

    to_bob = handoff("bob")
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("alice", alice, destinations=("bob", END))
    builder.add_node("bob", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_edge(START, "alice")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("to_bob", "to_carol"), "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"weather": Fate.FINISHED},
)
def a_command_without_a_result(app: App) -> None:
    """A tool writes something else to the state, and no result."""
    model = app.model()

    def run(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        made = [weather.invoke(each) for each in calls]
        return {"messages": [] if app.is_armed else made}

    weather = app.weather()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("tools", run)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), fates={"broken": Fate.RAISED}
)
def a_tool_of_a_subgraph_raises(app: App) -> None:
    inner = create_agent(app.model(), [app.weather(), app.broken()], checkpointer=True)
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("agent", inner)
    builder.add_edge(START, "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("broken"))
    app.say("Hello?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS,),
    fates={"weather": Fate.FINISHED, "news": Fate.FINISHED, "broken": Fate.RAISED},
)
def the_last_of_three_tools_raises(app: App) -> None:
    """A node for all tools: what the first two found is lost with it."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    every = [app.weather(), app.news(), app.broken()]
    builder.add_node("tools", ToolNode(every, handle_tool_errors=False))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather", "news", "broken"))
    app.say("Hello?", "Fine.")


@BROKEN_BY_TOOLS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(END, TOOLS, "chatbot", BETWEEN_RUNS)
)
def a_graph_that_ends_at_a_call(app: App) -> None:
    """The router forgets one name of a tool, so that a run ends with an open call."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("tools", ToolNode([app.weather(), app.news()]))
    builder.add_edge(START, "chatbot")

    def route(state: Any) -> str:
        last = state["messages"][-1]
        known = isinstance(last, AIMessage) and [
            each for each in last.tool_calls if each["name"] == "weather"
        ]
        return "tools" if known else END

    builder.add_conditional_edges("chatbot", route, ["tools", END])
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("news"))
    app.say("Hello?", "Fine.")
