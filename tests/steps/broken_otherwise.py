"""Programs that break a thread in ways that nobody had in mind when the rules were made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.prebuilt import InjectedState, ToolNode, tools_condition
from langgraph.types import Command, Send
from pydantic import BaseModel

from tests.steps.app import App, BackendError, Catalog, call_message
from tests.steps.middleware import copied, whole
from toolpair_observe.steps.blamed import BETWEEN_RUNS, MODEL, TOOLS, BlameChange, Fate

BROKEN_OTHERWISE = Catalog()
REMOVED, INSERTED = (BlameChange.REMOVED,), (BlameChange.INSERTED,)
IDS_CHANGED, NOT_APPENDED = (BlameChange.IDS_CHANGED,), (BlameChange.NOT_APPENDED,)


def chatbot(app: App) -> Any:
    """Return a node that asks the model with the whole thread."""
    model = app.model()
    return lambda state: {"messages": [model.invoke(state["messages"])]}


def agent(app: App, *middleware: Any, tools: Any = ()) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(
        app.model(),
        [app.weather(), app.news(), *tools],
        middleware=middleware,
        checkpointer=app.saver,
    )


def turn(app: App) -> None:
    """One turn in which a tool is called, after the sound ones."""
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("prune",))
def a_node_beside_another_one(app: App) -> None:
    """Two nodes run at once behind the tools; one of them removes the call."""
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_node("note", lambda state: {"messages": []})

    def prune(state: Any) -> Any:
        if not app.is_armed:
            return {"messages": []}
        return {"messages": [RemoveMessage(id=state["messages"][-2].id)]}

    builder.add_node("prune", prune)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "note")
    builder.add_edge("tools", "prune")
    builder.add_edge(["note", "prune"], "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=1, changes=(*REMOVED, None), steps=(None,))
def a_branch_that_is_sent_too_little(app: App) -> None:
    """The function that sends the branches cuts their history; no node does."""
    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    builder.add_node("tools", ToolNode([app.weather()]))

    def worker(state: Any) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    builder.add_node("worker", worker)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])

    def branches(state: Any) -> Any:
        sent = state["messages"][-1:] if app.is_armed else state["messages"]
        return [Send("worker", {"messages": sent})]

    builder.add_conditional_edges("tools", branches, ["worker"])
    builder.add_edge("worker", END)
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("cut",))
def a_state_without_a_reducer(app: App) -> None:
    """A list under another name that each node returns anew."""

    class State(MessagesState):
        talk: list[AnyMessage]

    model = app.model()
    tools = {"weather": app.weather()}

    def ask(state: Any) -> Any:
        return {"talk": [*state["talk"], model.invoke(state["talk"])]}

    def act(state: Any) -> Any:
        calls = state["talk"][-1].tool_calls
        return {"talk": [*state["talk"], *(tools[each["name"]].invoke(each) for each in calls)]}

    def cut(state: Any) -> Any:
        return {"talk": state["talk"][-1:]} if app.is_armed else {"talk": state["talk"]}

    builder: StateGraph[Any] = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("act", act)
    builder.add_node("cut", cut)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges(
        "ask", lambda state: "act" if state["talk"][-1].tool_calls else END, ["act", END]
    )
    builder.add_edge("act", "cut")
    builder.add_edge("cut", "ask")
    app.graph = builder.compile()

    def say(text: str, *replies: Any) -> None:
        app.expect(*replies)
        app.graph.invoke({"talk": [HumanMessage(text, id=f"h{app.number()}")]}, app.config())

    app.arm(lambda: say("Turn", app.calls("weather"), "Fine."))
    say("Go on", app.calls("weather"), "Fine.")


class Talk(BaseModel):
    """A state that pydantic checks."""

    messages: Annotated[list[AnyMessage], add_messages] = []


@dataclass
class Spoken:
    """A state that is a dataclass."""

    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)


def _loop_with_objects(app: App, state: Any) -> None:
    model = app.model()

    def shorten(state: Any) -> Any:
        if not app.is_armed:
            return {}
        return {"messages": [RemoveMessage(id=state.messages[-1].id)]}

    builder: StateGraph[Any] = StateGraph(state)
    builder.add_node("chatbot", lambda each: {"messages": [model.invoke(each.messages)]})
    builder.add_node("tools", ToolNode([app.weather()]))
    builder.add_node("shorten", shorten)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
    builder.add_edge("tools", "shorten")
    builder.add_edge("shorten", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("shorten",))
def a_state_of_pydantic(app: App) -> None:
    _loop_with_objects(app, Talk)


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("shorten",))
def a_state_that_is_a_dataclass(app: App) -> None:
    _loop_with_objects(app, Spoken)


@BROKEN_OTHERWISE.program(first_bad=2, changes=REMOVED, steps=("research",))
def a_node_that_asks_a_subgraph_with_less(app: App) -> None:
    inner = create_agent(app.model(), [app.news()])
    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", create_agent(app.model(), [app.weather()]))

    def research(state: Any) -> Any:
        given = state["messages"]
        if app.is_armed:
            given = [each for each in given if not getattr(each, "tool_calls", None)]
        made = inner.invoke({"messages": given})
        return {"messages": made["messages"][-1:]}

    builder.add_node("research", research)
    builder.add_edge(START, "chatbot")
    builder.add_edge("chatbot", "research")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine.", "Fine."))
    app.say("Go on", app.calls("weather"), "Fine.", "Fine.")


@BROKEN_OTHERWISE.program(first_bad=2, changes=(*INSERTED, *REMOVED), steps=("delegate",))
def a_node_that_keeps_half_of_an_agents_answer(app: App) -> None:
    inner = create_agent(app.model(), [app.news()])
    builder: StateGraph[Any] = StateGraph(MessagesState)

    def delegate(state: Any) -> Any:
        made = inner.invoke({"messages": state["messages"]})["messages"]
        added = made[len(state["messages"]) :]
        return {"messages": added[1:] if app.is_armed else added}

    builder.add_node("delegate", delegate)
    builder.add_node("chatbot", chatbot(app))
    builder.add_edge(START, "delegate")
    builder.add_edge("delegate", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", app.calls("news"), "Fine.", "Good."))
    app.say("Go on", app.calls("news"), "Fine.", "Good.")


def swarm(app: App) -> None:
    """Two agents that hand over to each other, as langgraph-swarm's do."""

    def handoff(name: str) -> Any:
        @tool(f"to_{name}")
        def to(
            state: Annotated[Any, InjectedState],
            tool_call_id: Annotated[str, InjectedToolCallId],
        ) -> Command[Any]:
            """Hand over."""
            done = ToolMessage(f"Now {name}", tool_call_id=tool_call_id)
            return Command(
                goto=name, graph=Command.PARENT, update={"messages": [*state["messages"], done]}
            )

        return to

    builder: StateGraph[Any] = StateGraph(MessagesState)
    tools = {"alice": [handoff("bob"), handoff("carol")], "bob": [app.news()], "carol": []}
    for name, own in tools.items():
        made = create_agent(app.model(), own, name=name)
        builder.add_node(name, made, destinations=tuple(tools))
    builder.add_edge(START, "alice")
    app.graph = builder.compile(checkpointer=app.saver)


@BROKEN_OTHERWISE.program(first_bad=1, changes=NOT_APPENDED, steps=(TOOLS, "alice"))
def two_handoffs_of_a_swarm(app: App) -> None:
    swarm(app)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("to_bob", "to_carol"), "Fine.", "Fine.", "Fine.")


class Guard(AgentMiddleware):
    """Goes back to the model in place of the tools."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self.tools = []
        self._app = app

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> Any:
        if self._app.is_armed and getattr(state["messages"][-1], "tool_calls", None):
            return {"jump_to": "model"}
        return None


class Quiet(AgentMiddleware):
    """Does nothing before each request."""

    tools = ()

    def before_model(self, state: Any, runtime: Any) -> None:
        return None


@BROKEN_OTHERWISE.program(first_bad=1, changes=NOT_APPENDED, steps=("Guard.after_model",))
def a_guard_that_goes_back_to_the_model(app: App) -> None:
    agent(app, Quiet(), Guard(app))
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=1, changes=INSERTED, steps=(TOOLS,))
def a_tool_that_says_more_beside_another_tool(app: App) -> None:
    @tool
    def look(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Look at a picture."""
        seen = ToolMessage("seen", tool_call_id=tool_call_id)
        return Command(update={"messages": [seen, HumanMessage("The picture.")]})

    agent(app, tools=[look])
    app.arm()
    app.say("Go on", app.calls("look", "weather"), "Fine.")


@BROKEN_OTHERWISE.program(first_bad=1, changes=INSERTED, steps=("act",))
def a_node_that_answers_twice(app: App) -> None:
    weather = app.weather()

    def act(state: Any) -> Any:
        made = [weather.invoke(each) for each in state["messages"][-1].tool_calls]
        again = [ToolMessage("Again", tool_call_id=each.tool_call_id) for each in made]
        return {"messages": [*made, *again] if app.is_armed else made}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot(app))
    builder.add_node("act", act)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition, {"tools": "act", END: END})
    builder.add_edge("act", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    turn(app)


class Strips(AgentMiddleware):
    """Takes the calls away from the messages that made them."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self.tools = []
        self._app = app

    def before_model(self, state: Any, runtime: Any) -> Any:
        if not self._app.is_armed or state["messages"][-1].type != "tool":
            return None
        return {"messages": [copied(state["messages"][-2], tool_calls=[])]}


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=("Strips.before_model",))
def a_hook_that_strips_calls(app: App) -> None:
    agent(app, Strips(app), Quiet())
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=1, changes=NOT_APPENDED, steps=(BETWEEN_RUNS, TOOLS))
def a_stream_that_nobody_reads_on(app: App) -> None:
    agent(app)
    app.arm()
    app.expect(app.calls("weather"))
    asked = {"messages": [HumanMessage("Go on")]}
    for _ in app.graph.stream(asked, app.config()):
        break
    app._script.clear()
    app.say("Hello?", "Fine.")


@BROKEN_OTHERWISE.program(
    first_bad=1, changes=(*NOT_APPENDED, *INSERTED), steps=(BETWEEN_RUNS, TOOLS)
)
def a_pause_before_the_tools(app: App) -> None:
    app.graph = create_agent(
        app.model(), [app.weather()], checkpointer=app.saver, interrupt_before=["tools"]
    )

    def full() -> None:
        app.say("A turn", app.calls("weather"))
        app.expect("Fine.")
        app.graph.invoke(None, app.config())

    app.arm(full)
    app.say("Go on", app.calls("weather"))
    app.say("Hello?", "Fine.")


@BROKEN_OTHERWISE.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(TOOLS, BETWEEN_RUNS),
    fates={"weather": Fate.NEVER_STARTED},
)
def a_run_that_takes_too_many_steps(app: App) -> None:
    agent(app)
    app.arm()
    app.expect(app.calls("weather"))
    asked = {"messages": [HumanMessage("Go on")]}
    with suppress(GraphRecursionError):
        app.graph.invoke(asked, {**app.config(), "recursion_limit": 1})
    app._script.clear()
    app.say("Hello?", "Fine.")


@BROKEN_OTHERWISE.program(first_bad=2, changes=REMOVED, steps=(BETWEEN_RUNS,))
def an_update_that_writes_the_thread_anew(app: App) -> None:
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    kept = [each for each in app.messages if not getattr(each, "tool_calls", None)]
    app.graph.update_state(app.config(), whole(kept))
    app.say("And now?", "Fine.")


def by_hand(app: App, drop: Any) -> None:
    """An application that keeps the history itself, and gives all of it to each run."""
    graph = create_agent(app.model(), [app.weather(), app.broken()])
    history: list[BaseMessage] = []

    def say(text: str, *replies: Any) -> None:
        app.expect(*replies)
        history.append(HumanMessage(text))
        config = app.config()
        del config["configurable"]
        with suppress(BackendError):
            for values in graph.stream({"messages": history}, config, stream_mode="values"):
                history[:] = values["messages"]
        app._script.clear()

    app.arm(lambda: say("Turn", app.calls("weather"), "Fine."))
    drop(say, history)


@BROKEN_OTHERWISE.program(first_bad=2, changes=REMOVED, steps=(BETWEEN_RUNS,))
def an_application_that_keeps_the_history_itself(app: App) -> None:
    def drop(say: Any, history: list[BaseMessage]) -> None:
        say("Go on", app.calls("weather"), "Fine.")
        del history[call_message(history)]
        say("And now?", "Fine.")

    by_hand(app, drop)


@BROKEN_OTHERWISE.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), fates={"broken": Fate.RAISED}
)
def an_application_that_goes_on_after_a_crash(app: App) -> None:
    def drop(say: Any, history: list[BaseMessage]) -> None:
        say("Go on", app.calls("broken"))
        say("And now?", "Fine.")

    by_hand(app, drop)


class Renames(AgentMiddleware):
    """Gives results other ids."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self.tools = []
        self._app = app

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        made = handler(request)
        return copied(made, tool_call_id="other") if self._app.is_armed else made


@BROKEN_OTHERWISE.program(first_bad=1, changes=IDS_CHANGED, steps=(TOOLS,))
def a_wrapper_of_tools_that_renames(app: App) -> None:
    agent(app, Renames(app))
    turn(app)


@BROKEN_OTHERWISE.program(first_bad=2, changes=(*REMOVED, None, *INSERTED), steps=(TOOLS, None))
def a_tool_that_asks_an_agent_with_less(app: App) -> None:
    inner = create_agent(app.model(), [])

    @tool
    def consult(state: Annotated[Any, InjectedState]) -> str:
        """Ask somebody else."""
        given = [each for each in state["messages"][:-1] if not getattr(each, "tool_calls", None)]
        return str(inner.invoke({"messages": given})["messages"][-1].content)

    agent(app, tools=[consult])
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("weather"), app.calls("consult"), "Fine.", "Fine.")


@BROKEN_OTHERWISE.program(first_bad=1, changes=NOT_APPENDED, steps=("Raises.after_model",))
def a_hook_that_raises_behind_the_model(app: App) -> None:
    class Raises(AgentMiddleware):
        tools = ()

        def after_model(self, state: Any, runtime: Any) -> None:
            if app.is_armed and getattr(state["messages"][-1], "tool_calls", None):
                raise BackendError

    agent(app, Raises())
    app.arm()
    app.say("Go on", app.calls("weather"))
    app.say("Hello?", "Fine.")


@BROKEN_OTHERWISE.program(first_bad=0, changes=INSERTED, steps=("examples",))
def a_node_with_examples(app: App) -> None:
    """Examples of calls without their results go before the question."""
    builder: StateGraph[Any] = StateGraph(MessagesState)

    def examples(state: Any) -> Any:
        if not app.is_armed:
            return {"messages": []}
        example = AIMessage(
            "", tool_calls=[{"name": "weather", "args": {}, "id": f"ex{app.number()}"}]
        )
        return {"messages": [example, HumanMessage("Like this.")]}

    builder.add_node("examples", examples)
    builder.add_node("look", lambda state: {"messages": []})
    builder.add_node("chatbot", chatbot(app))
    builder.add_edge(START, "examples")
    builder.add_edge("examples", "look")
    builder.add_edge("look", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", "Fine.")


@BROKEN_OTHERWISE.program(first_bad=1, changes=REMOVED, steps=(MODEL, "chat"))
def a_chain_that_cuts(app: App) -> None:
    """No graph at all: a function before the model cuts the history."""
    from langchain_core.runnables import RunnableLambda

    history: list[BaseMessage] = []

    def cut(messages: list[BaseMessage]) -> list[BaseMessage]:
        return messages[-1:] if app.is_armed and messages[-1].type == "tool" else messages

    chain = RunnableLambda(cut) | app.model()

    def ask(reply: Any) -> AIMessage:
        app.expect(reply)
        history.append(chain.invoke(list(history), app.config()))
        return history[-1]  # type: ignore[return-value]

    def say() -> None:
        history.append(HumanMessage(f"Question {app.number()}"))
        call = ask(app.calls("weather")).tool_calls[0]
        history.append(ToolMessage("18 degrees", tool_call_id=call["id"]))
        ask("Fine.")

    app.arm(say)
    say()


@BROKEN_OTHERWISE.program(first_bad=2, changes=REMOVED, steps=("Tidy.after_agent",))
def a_tidying_at_the_end_of_a_run(app: App) -> None:
    class Tidy(AgentMiddleware):
        tools = ()

        def after_agent(self, state: Any, runtime: Any) -> Any:
            if not app.is_armed:
                return None
            place = call_message(state["messages"])
            return {"messages": [RemoveMessage(id=state["messages"][place + 1].id)]}

    agent(app, Tidy())
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    app.say("And now?", "Fine.")
    assert REMOVE_ALL_MESSAGES


@BROKEN_OTHERWISE.program(
    first_bad=1, changes=NOT_APPENDED, steps=(TOOLS,), bad_requests=4, breaches=2
)
def a_broken_thread_that_breaks_again(app: App) -> None:
    """First a tool raises; later an update removes another call."""
    agent(app, tools=[app.broken()])
    app.arm()
    app.say("Go on", app.calls("broken"))
    app.say("Once more", app.calls("weather"), "Fine.")
    app.graph.update_state(
        app.config(), {"messages": [RemoveMessage(id=app.messages[call_message(app.messages)].id)]}
    )
    app.say("And now?", "Fine.")
    app.say("Hello?", "Fine.")
