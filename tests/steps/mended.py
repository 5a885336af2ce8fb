"""Programs that make a result up where a tool's own is missing."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send
from typing_extensions import TypedDict

from tests.steps.app import App, Catalog, Mended, answered
from tests.steps.middleware import BeforeAgent, BeforeModel, InRequest, Watcher, whole
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.pairing.masked import MaskedKind
from toolpair_observe.steps.blamed import MODEL

MENDED = Catalog()
OWN = "The tool {name} was stopped."
DEEPAGENTS = (
    "Tool call {name} with id {id} did not complete - no result was recorded. It may have been "
    "cancelled or interrupted."
)
MALFORMED = MaskedKind.MALFORMED


def own(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Return the messages mended in the application's own words."""
    return answered(messages, OWN)


def agent(app: App, *middleware: Any, tools: Any = None) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(
        app.model(),
        tools or [app.weather(), app.news(), app.broken(), app.ask()],
        middleware=middleware,
        checkpointer=app.saver,
    )


def crash(app: App, *calls: str) -> None:
    """A tool raises, and the user goes on for two turns."""
    app.arm()
    app.say("Go on", app.calls(*calls))
    app.say("Hello?", "Fine.")
    app.say("And now?", app.calls("weather"), "Fine.")


@MENDED.program(mended=(Mended("broken", "BeforeAgent.before_agent", by="unknown", request=1),))
def at_the_begin_of_a_run(app: App) -> None:
    agent(app, Watcher(), BeforeAgent(app, own))
    crash(app, "broken")


@MENDED.program(
    mended=(
        Mended("weather", "BeforeAgent.before_agent", by="unknown", request=1),
        Mended("broken", "BeforeAgent.before_agent", by="unknown", request=1),
    )
)
def two_results_at_once(app: App) -> None:
    """The tool that worked has lost its result, too."""
    agent(app, BeforeAgent(app, own), Watcher())
    crash(app, "weather", "broken")


@MENDED.program(mended=(Mended("broken", "BeforeModel.before_model", by="unknown", request=1),))
def before_the_model(app: App) -> None:
    agent(app, Watcher(), BeforeModel(app, own))
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", MODEL, by="unknown", request=1),))
def in_each_request(app: App) -> None:
    agent(app, Watcher(), InRequest(app, own))
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", "BeforeAgent.before_agent", request=1),))
def in_the_words_of_deepagents(app: App) -> None:
    agent(app, BeforeAgent(app, lambda ms: answered(ms, DEEPAGENTS)))
    crash(app, "broken")


@MENDED.program(mended=(Mended("ask", "BeforeAgent.before_agent", by="unknown", request=1),))
def a_question_without_an_answer(app: App) -> None:
    agent(app, BeforeAgent(app, own))
    crash(app, "ask")


@MENDED.program(mended=(Mended("news", "BeforeModel.before_model", by="unknown", request=1),))
def a_review_without_a_decision(app: App) -> None:
    agent(app, HumanInTheLoopMiddleware(interrupt_on={"news": True}), BeforeModel(app, own))
    crash(app, "news")


@MENDED.program(mended=(Mended("broken", MODEL, request=1),))
def by_our_own_middleware(app: App) -> None:
    mends = ToolPairMiddleware(repair="insert_error_results", spans="off", feedback="off")
    agent(app, mends, Watcher())
    crash(app, "broken")


def malformed(app: App) -> None:
    """The model's arguments are cut, and the user goes on."""
    app.arm()
    app.say("Go on", app.calls(malformed=["news"]))
    app.say("Hello?", "Fine.")
    app.say("And now?", app.calls("weather"), "Fine.")


@MENDED.program(mended=(Mended("news", MODEL, MALFORMED, request=1),))
def malformed_arguments(app: App) -> None:
    """langchain's agent answers such calls itself since 1.5."""
    agent(app)
    malformed(app)


@MENDED.program(mended=(Mended("news", MODEL, MALFORMED, request=1),))
def malformed_arguments_beside_a_call_that_runs(app: App) -> None:
    agent(app, Watcher())
    app.arm()
    app.say("Go on", app.calls("weather", malformed=["news"]), "Fine.")
    app.say("And now?", "Fine.")


@MENDED.program(
    mended=(Mended("news", "BeforeModel.before_model", MALFORMED, by="unknown", request=1),)
)
def malformed_arguments_that_a_hook_answers_when_the_tools_have_run(app: App) -> None:
    agent(app, BeforeModel(app, own))
    app.arm()
    app.say("Go on", app.calls("weather", malformed=["news"]), "Fine.")


@MENDED.program(
    mended=(Mended("news", "BeforeAgent.before_agent", MALFORMED, by="unknown", request=1),)
)
def malformed_arguments_in_own_words(app: App) -> None:
    agent(app, BeforeAgent(app, own))
    malformed(app)


def loop(app: App, chatbot: Any, *nodes: Any) -> None:
    """Build a hand-written loop, with other nodes before its model."""
    builder: StateGraph[Any] = StateGraph(MessagesState)
    last = START
    for name, node in (*nodes, ("chatbot", chatbot)):
        builder.add_node(name, node)
        builder.add_edge(last, name)
        last = name
    builder.add_node("tools", ToolNode([app.weather(), app.broken()], handle_tool_errors=False))
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", nodes[0][0] if nodes else "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)


@MENDED.program(mended=(Mended("broken", "repair", by="unknown", request=1),))
def in_a_node_of_its_own(app: App) -> None:
    model = app.model()
    loop(
        app,
        lambda s: {"messages": [model.invoke(s["messages"])]},
        ("enter", lambda _: {}),
        ("repair", lambda s: whole(own(s["messages"])) if app.is_armed else {}),
        ("log", lambda _: {}),
    )
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", "chatbot", by="unknown", request=1),))
def in_the_node_that_asks(app: App) -> None:
    model = app.model()
    loop(app, lambda s: {"messages": [model.invoke(own(s["messages"]))]})
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", "BeforeModel.before_model", by="unknown", request=1),))
def in_a_subgraph(app: App) -> None:
    inner = create_agent(
        app.model(),
        [app.weather(), app.broken()],
        middleware=[BeforeModel(app, own)],
        checkpointer=True,
    )
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("first", lambda _: {})
    builder.add_node("agent", inner)
    builder.add_edge(START, "first")
    builder.add_edge("first", "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", "clean", by="unknown", request=0),))
def before_a_subgraph(app: App) -> None:
    """An outer graph mends the thread, and the agent inside of it asks."""
    inner = create_agent(app.model(), [app.weather()], middleware=[Watcher()])
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("clean", lambda s: whole(own(s["messages"])) if app.is_armed else {})
    builder.add_node("agent", inner)
    builder.add_edge(START, "clean")
    builder.add_edge("clean", "agent")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.graph.update_state(app.config(), {"messages": [app.calls("broken")]}, "agent")
    app.say("Hello?", "Fine.")
    app.say("And now?", app.calls("weather"), "Fine.")


@MENDED.program(mended=(Mended("broken", "call", by="unknown", request=0),))
def on_the_way_into_a_subgraph(app: App) -> None:
    """A node mends what it hands to an agent that is no node."""
    inner = create_agent(app.model(), [app.weather()], middleware=[Watcher()])

    def call(state: Any) -> Any:
        given = own(state["messages"])
        return {"messages": inner.invoke({"messages": given})["messages"][len(given) :]}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("call", call)
    builder.add_edge(START, "call")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.graph.update_state(app.config(), {"messages": [app.calls("broken")]}, "call")
    app.say("Hello?", "Fine.")


@MENDED.program(mended=(Mended("broken", "pre_model_hook", by="unknown", request=1),))
def in_a_hook_of_the_prebuilt_agent(app: App) -> None:
    """`llm_input_messages` replaces the request, and the thread stays as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from langgraph.prebuilt import create_react_agent

        app.graph = create_react_agent(
            app.model(),
            ToolNode([app.weather(), app.broken()], handle_tool_errors=False),
            pre_model_hook=lambda s: {"llm_input_messages": own(s["messages"])},
            checkpointer=app.saver,
        )
    crash(app, "broken")


@MENDED.program(mended=(Mended("slow", "BeforeAgent.before_agent", by="unknown", request=1),))
def a_run_that_is_cancelled(app: App) -> None:
    """A client goes away while a tool works, and comes back later."""
    started = asyncio.Event()

    @tool
    async def slow() -> str:
        """Take for ever."""
        started.set()
        await asyncio.Event().wait()
        return "never"

    agent(app, BeforeAgent(app, own), tools=[slow, app.weather()])
    app.arm()
    app.say_and_cancel("Go on", app.calls("slow"), started=started)
    app.say("Hello?", "Fine.")


def apologize(app: App, node: str) -> None:
    """The application says something in the agent's name when a tool raises."""
    app.graph.update_state(app.config(), {"messages": [AIMessage("Sorry, that failed.")]}, node)


@MENDED.program(mended=(Mended("broken", "BeforeAgent.before_agent", by="unknown", request=1),))
def behind_an_apology(app: App) -> None:
    """An AI message stands behind the made-up result when the model first sees it."""
    agent(app, Watcher(), BeforeAgent(app, own))
    app.arm()
    app.say("Go on", app.calls("broken"))
    apologize(app, "model")
    app.say("Hello?", app.calls("weather"), "Fine.")


@MENDED.program(
    mended=(Mended("broken", MODEL, by="unknown", request=1, is_fresh=False),),
)
def behind_an_apology_in_each_request(app: App) -> None:
    agent(app, InRequest(app, own))
    app.arm()
    app.say("Go on", app.calls("broken"))
    apologize(app, "model")
    app.say("Hello?", app.calls("weather"), "Fine.")


@MENDED.program(mended=(Mended("broken", "repair", by="unknown", request=1),))
def beside_another_node(app: App) -> None:
    """Two nodes start with the same state, and one of them mends it."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("enter", lambda _: {})
    builder.add_node("repair", lambda s: whole(own(s["messages"])) if app.is_armed else {})
    builder.add_node("audit", lambda _: {})
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("tools", ToolNode([app.weather(), app.broken()], handle_tool_errors=False))
    builder.add_edge(START, "enter")
    builder.add_edge("enter", "repair")
    builder.add_edge("enter", "audit")
    builder.add_edge(["repair", "audit"], "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "enter")
    app.graph = builder.compile(checkpointer=app.saver)
    crash(app, "broken")


@MENDED.program(
    mended=(
        Mended("ask", "BeforeAgent.before_agent", by="unknown", request=1),
        Mended("news", "BeforeAgent.before_agent", MALFORMED, by="unknown", request=1),
    )
)
def a_question_and_malformed_arguments(app: App) -> None:
    agent(app, BeforeAgent(app, own))
    app.arm()
    app.say("Go on", app.calls("ask", malformed=["news"]))
    app.say("Hello?", "Fine.")


@MENDED.program(mended=(Mended("broken", "mend", by="unknown", request=1),))
def with_a_state_that_only_appends(app: App) -> None:
    """Without a reducer each node writes the whole list; no message has an id."""

    class Plain(TypedDict):
        messages: list[AnyMessage]

    model = app.model()
    tools = {each.name: each for each in (app.weather(), app.broken())}

    def run(state: Any) -> Any:
        said = state["messages"]
        return {"messages": [*said, *(tools[c["name"]].invoke(c) for c in said[-1].tool_calls)]}

    kept: list[Any] = []

    def enter(state: Any) -> Any:
        kept[:] = [*kept, *state["messages"]]
        return {"messages": [*kept]}

    def chatbot(state: Any) -> Any:
        answer = model.invoke(state["messages"])
        kept[:] = [*state["messages"], answer]
        return {"messages": [*kept]}

    builder: StateGraph[Any] = StateGraph(Plain)
    builder.add_node("enter", enter)
    builder.add_node("mend", lambda s: {"messages": own(s["messages"])} if app.is_armed else {})
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", run)
    builder.add_edge(START, "enter")
    builder.add_edge("enter", "mend")
    builder.add_edge("mend", "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if s["messages"][-1].tool_calls else END
    )
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile()
    crash(app, "broken")


@MENDED.program(mended=(Mended("broken", "chat", by="unknown", request=1),))
def in_parallel_branches(app: App) -> None:
    """Each branch is sent the broken thread, and mends its copy of it."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)

    def chat(given: Any) -> Any:
        said = own(given["messages"]) if app.is_armed else given["messages"]
        return {"messages": [model.invoke(said)]} if given["number"] == 0 else {}

    def fan_out(state: Any) -> Any:
        return [Send("chat", {"messages": state["messages"], "number": n}) for n in range(2)]

    builder.add_node("enter", lambda _: {})
    builder.add_node("chat", chat)
    builder.add_node("tools", ToolNode([app.weather(), app.broken()], handle_tool_errors=False))
    builder.add_edge(START, "enter")
    builder.add_conditional_edges("enter", fan_out, ["chat"])
    builder.add_conditional_edges("chat", tools_condition, ["tools", END])
    builder.add_edge("tools", "enter")
    app.graph = builder.compile(checkpointer=app.saver)
    crash(app, "broken")
