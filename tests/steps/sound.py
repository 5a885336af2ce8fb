"""Programs in which everything is as it is meant, much as it looks like something else."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send

from tests.steps.app import App, Catalog
from tests.steps.broken_between_runs import bare_turn, transcript
from tests.steps.middleware import InRequest, Watcher

SOUND = Catalog()


def agent(app: App, *middleware: Any, tools: Any = ()) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(
        app.model(),
        [app.weather(), app.news(), *tools],
        middleware=middleware,
        checkpointer=app.saver,
    )


@SOUND.program()
def tools_in_several_turns(app: App) -> None:
    agent(app, Watcher())
    app.arm()
    app.say("Go on", app.calls("weather", "news"), app.calls("weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_rejected_call(app: App) -> None:
    agent(app, HumanInTheLoopMiddleware(interrupt_on={"news": True}))
    app.arm()
    app.say("Go on", app.calls("news", "weather"))
    app.resume({"decisions": [{"type": "reject", "message": "No."}]}, "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def an_approved_call(app: App) -> None:
    agent(app, HumanInTheLoopMiddleware(interrupt_on={"news": True}))
    app.arm()
    app.say("Go on", app.calls("news"))
    app.resume({"decisions": [{"type": "approve"}]}, "Fine.")


@SOUND.program()
def a_limit_of_calls(app: App) -> None:
    agent(app, ToolCallLimitMiddleware(run_limit=1, exit_behavior="continue"), Watcher())
    app.arm()
    app.say("Go on", app.calls("weather", "news"), app.calls("news"), "Fine.")


@SOUND.program()
def a_limit_that_ends_the_run(app: App) -> None:
    agent(app, ToolCallLimitMiddleware(run_limit=1, exit_behavior="end"))
    app.arm()
    app.say("Go on", app.calls("weather"), app.calls("news"))
    app.say("And now?", "Fine.")


@SOUND.program()
def cleared_results(app: App) -> None:
    agent(app, ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=5, keep=1)]))
    app.arm()
    app.say("Go on", app.calls("weather"), app.calls("news"), app.calls("weather"), "Fine.")


@SOUND.program()
def a_summary(app: App) -> None:
    """The summary is made by a request of its own."""
    made = SummarizationMiddleware(app.model(), trigger=("messages", 6), keep=("messages", 2))
    agent(app, made)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    app.say("On", "A summary", app.calls("news"), "Fine.")
    app.say("And now?", "A summary", "Fine.")


@SOUND.program()
def a_tool_that_does_not_exist(app: App) -> None:
    agent(app)
    app.arm()
    app.say("Go on", app.calls("wether", "weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_tool_that_raises_and_is_told(app: App) -> None:
    agent(app, ToolRetryMiddleware(max_retries=1, initial_delay=0), tools=[app.broken()])
    app.arm()
    app.say("Go on", app.calls("broken", "weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def an_answered_question(app: App) -> None:
    agent(app, tools=[app.ask()])
    app.arm()
    app.say("Go on", app.calls("ask", "weather"))
    app.resume("yes", "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_run_that_is_taken_up_again(app: App) -> None:
    """A backend is back: the run goes on where a tool raised."""
    failures = [1]

    def work() -> str:
        if failures:
            failures.pop()
            from tests.steps.app import BackendError

            raise BackendError
        return "7 degrees"

    agent(app, Watcher(), tools=[app.tool("flaky", work)])
    app.arm()
    app.say("Go on", app.calls("weather", "flaky"))
    app.expect("Fine.")
    app.graph.invoke(None, app.config())
    app.say("And now?", "Fine.")


@SOUND.program()
def a_window_that_keeps_pairs(app: App) -> None:
    def window(messages: list[BaseMessage]) -> list[BaseMessage]:
        begin = max(p for p, each in enumerate(messages) if each.type == "human")
        return messages[begin:]

    agent(app, InRequest(app, window))
    app.arm()
    app.say("Go on", app.calls("weather"), app.calls("news", "weather"), "Fine.")
    app.say("And now?", app.calls("weather"), "Fine.")


@SOUND.program()
def a_handoff(app: App) -> None:
    """A tool's command moves the conversation on to another agent of the outer graph."""

    @tool
    def to_bob(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Hand over."""
        done = ToolMessage("Successfully transferred to bob", tool_call_id=tool_call_id)
        return Command(goto="bob", update={"messages": [done]}, graph=Command.PARENT)

    model = app.model()
    builder: StateGraph[Any] = StateGraph(MessagesState)

    def alice(state: Any) -> Any:
        answer = model.invoke(state["messages"])
        if not answer.tool_calls:
            return Command(update={"messages": [answer]}, goto=END)
        call = answer.tool_calls[0]
        done = ToolMessage("Successfully transferred to bob", tool_call_id=call["id"])
        return Command(update={"messages": [answer, done]}, goto="bob")

    builder.add_node("alice", alice, destinations=("bob", END))
    builder.add_node("bob", create_agent(model, [app.weather()]))
    builder.add_edge(START, "alice")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("to_bob"), app.calls("weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def parallel_workers(app: App) -> None:
    """Each call is run by a branch of its own, and each branch asks the model, too."""
    model = app.model()

    def worker(given: Any) -> Any:
        call = given["call"]
        model.invoke([HumanMessage(f"Do {call['name']}")])
        return {"messages": [ToolMessage("done", tool_call_id=call["id"])]}

    def route(state: Any) -> Any:
        last = state["messages"][-1]
        return [Send("worker", {"call": each}) for each in last.tool_calls] or END

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("worker", worker)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", route, ["worker", END])
    builder.add_edge("worker", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("Turn", app.calls("weather"), "Well.", "Fine."))
    app.say("Go on", app.calls("weather", "news", "weather"), "a", "b", "c", "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_node_that_asks_and_runs(app: App) -> None:
    """One node does everything: it asks, runs what is called, and asks again."""
    model = app.model()
    weather = app.weather()

    def everything(state: Any) -> Any:
        said = list(state["messages"])
        made: list[BaseMessage] = []
        while True:
            answer = model.invoke([*said, *made])
            made.append(answer)
            if not answer.tool_calls:
                return {"messages": made}
            made += [weather.invoke(each) for each in answer.tool_calls]

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("everything", everything)
    builder.add_edge(START, "everything")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather"), app.calls("weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_node_that_runs_before_it_asks(app: App) -> None:
    """The calls of the last answer are run by the node that asks next."""
    model = app.model()

    def chatbot(state: Any) -> Any:
        said = state["messages"]
        done: list[BaseMessage] = [
            ToolMessage("18 degrees", tool_call_id=each["id"])
            for each in getattr(said[-1], "tool_calls", ())
        ]
        return {"messages": [*done, model.invoke([*said, *done])]}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "chatbot" if s["messages"][-1].tool_calls else END
    )
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("weather"), app.calls("news", "weather"), "Fine.")
    app.say("And now?", "Fine.")


@SOUND.program()
def a_fork_that_pairs(app: App) -> None:
    """The user goes back to an earlier turn and says something else."""
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    app.say("And now?", app.calls("news"), "Fine.")
    older = next(
        each
        for each in app.graph.get_state_history(app.config())
        if not each.next
        and each.values["messages"][-1].content == "Fine."
        and each.values["messages"][-3].type != "tool"
    )
    app.say("Rather this", app.calls("weather"), "Fine.", **older.config["configurable"])


@SOUND.program()
def a_late_result_that_is_moved(app: App) -> None:
    """A result that came late is put where it belongs; nobody made it up."""
    model = app.model()

    def chatbot(state: Any) -> Any:
        said = list(state["messages"])
        late = [each for each in said if each.type == "tool" and each.name == "late"]
        for each in late:
            said.remove(each)
            place = max(p for p, m in enumerate(said) if isinstance(m, AIMessage) and m.tool_calls)
            said.insert(place + 1, each)
        return {"messages": [model.invoke(said)]}

    def tools(state: Any) -> Any:
        call = state["messages"][-1].tool_calls[0]
        note = [] if not app.is_armed else [HumanMessage("It takes a while.")]
        return {"messages": [*note, ToolMessage("18", tool_call_id=call["id"], name="late")]}

    builder: StateGraph[Any] = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", tools)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if s["messages"][-1].tool_calls else END
    )
    builder.add_edge("tools", "chatbot")
    app.graph = builder.compile(checkpointer=app.saver)
    app.arm(lambda: app.say("A turn", "Fine."))
    app.say("Go on", app.calls("weather"), "Fine.")


@SOUND.program()
def a_subgraph_with_a_prompt_of_its_own(app: App) -> None:
    """An agent is a tool of another agent: two conversations in one thread."""
    inner = create_agent(app.model(), [app.news()], system_prompt="You read the news.")

    @tool
    def reader() -> str:
        """Read the news."""
        said = inner.invoke({"messages": [HumanMessage("Read the news.")]})
        return str(said["messages"][-1].content)

    agent(app, Watcher(), tools=[reader])
    app.arm()
    app.say("Go on", app.calls("reader"), app.calls("news"), "Rain.", "Fine.")
    app.say("And now?", app.calls("reader"), "Rain.", "Fine.")


@SOUND.program()
def a_prebuilt_agent(app: App) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from langgraph.prebuilt import create_react_agent

        app.graph = create_react_agent(
            app.model(), ToolNode([app.weather(), app.news()]), checkpointer=app.saver
        )
    app.arm()
    app.say("Go on", app.calls("weather", "news"), app.calls("news"), "Fine.")


@SOUND.program(tells_steps=False)
def a_model_without_a_graph(app: App) -> None:
    app.thread_id = None
    history, ask = transcript(app)
    app.arm(lambda: bare_turn(app, history, ask))
    bare_turn(app, history, ask)
    bare_turn(app, history, ask)


@SOUND.program()
def a_functional_program(app: App) -> None:
    model = app.model()

    @entrypoint(checkpointer=app.saver)
    def chat(text: str, *, previous: Any = None) -> Any:
        said = [*(previous or []), HumanMessage(text)]
        answer = model.invoke(said)
        said.append(answer)
        while answer.tool_calls:
            said += [ToolMessage("18", tool_call_id=each["id"]) for each in answer.tool_calls]
            answer = model.invoke(said)
            said.append(answer)
        return entrypoint.final(value=str(answer.content), save=said)

    def turn() -> None:
        app.expect(app.calls("weather"), "Fine.")
        chat.invoke("Turn", app.config(max_concurrency=None))

    app.arm(turn)
    turn()
    turn()
