"""Programs that break a thread while no run goes on, and those without a graph."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langgraph.func import entrypoint, task

from tests.steps.app import App, Catalog, call_message
from tests.steps.middleware import copied
from toolpair_observe.steps.blamed import BETWEEN_RUNS, BlameChange

BROKEN_BETWEEN_RUNS = Catalog()
REMOVED, INSERTED = (BlameChange.REMOVED,), (BlameChange.INSERTED,)
NOT_APPENDED = (BlameChange.NOT_APPENDED,)


def agent(app: App) -> None:
    """Build langchain's agent."""
    app.graph = create_agent(app.model(), [app.weather(), app.news()], checkpointer=app.saver)


def update(app: App, *messages: BaseMessage) -> None:
    """Write messages to the thread from outside."""
    app.graph.update_state(app.config(), {"messages": list(messages)})


@BROKEN_BETWEEN_RUNS.program(first_bad=2, changes=REMOVED, steps=(BETWEEN_RUNS,))
def an_update_that_removes_a_result(app: App) -> None:
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    result = app.messages[call_message(app.messages) + 1]
    update(app, RemoveMessage(id=str(result.id)))
    app.say("And now?", "Fine.")


@BROKEN_BETWEEN_RUNS.program(
    first_bad=2, changes=REMOVED, steps=(BETWEEN_RUNS,), bad_requests=2, breaches=1
)
def an_update_that_removes_a_call(app: App) -> None:
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    asked = app.messages[call_message(app.messages)]
    update(app, RemoveMessage(id=str(asked.id)))
    app.say("And now?", "Fine.")
    app.say("Hello?", "Fine.")


@BROKEN_BETWEEN_RUNS.program(first_bad=2, changes=(BlameChange.IDS_CHANGED,), steps=(BETWEEN_RUNS,))
def an_update_that_changes_an_id(app: App) -> None:
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    result = app.messages[call_message(app.messages) + 1]
    update(app, copied(result, tool_call_id="toolu_other"))
    app.say("And now?", "Fine.")


@BROKEN_BETWEEN_RUNS.program(first_bad=0, changes=INSERTED, steps=(BETWEEN_RUNS,))
def an_input_with_a_result_of_nothing(app: App) -> None:
    agent(app)
    app.arm()
    app.expect("Fine.")
    stray = ToolMessage("18 degrees", tool_call_id=f"call_stray_{app.number()}")
    app.graph.invoke({"messages": [stray, HumanMessage("Go on")]}, app.config())


@BROKEN_BETWEEN_RUNS.program(first_bad=0, changes=INSERTED, steps=(BETWEEN_RUNS,))
def an_input_with_an_open_call(app: App) -> None:
    """A client sends a history of its own, which it has cut."""
    agent(app)
    app.arm()
    app.expect("Fine.")
    asked = app.calls("weather")
    app.graph.invoke({"messages": [asked, HumanMessage("Go on")]}, app.config())


@BROKEN_BETWEEN_RUNS.program(
    first_bad=2,
    changes=(*NOT_APPENDED, *REMOVED, *INSERTED),
    steps=(BETWEEN_RUNS,),
)
def a_fork_from_before_the_tools(app: App) -> None:
    """The user edits history: a new message goes to the checkpoint at which a call was open."""
    agent(app)
    app.arm()
    app.say("Go on", app.calls("weather"), "Fine.")
    older = next(
        each
        for each in app.graph.get_state_history(app.config())
        if each.next == ("tools",) and each.values["messages"][-1].type == "ai"
    )
    app.say("Rather this", "Fine.", **older.config["configurable"])


def transcript(app: App) -> tuple[list[BaseMessage], Any]:
    """Return a history without ids that an application keeps itself, and what asks for it."""
    history: list[BaseMessage] = []
    model = app.model()
    named = {"metadata": {"thread_id": app.thread_id}} if app.thread_id else {}

    def ask(reply: Any, sent: list[BaseMessage] | None = None) -> AIMessage:
        app.expect(reply)
        config: Any = {"callbacks": [app.recorder], **named}
        answer = model.invoke(history if sent is None else sent, config)
        history.append(answer)
        return answer

    return history, ask


def bare_turn(app: App, history: list[BaseMessage], ask: Any) -> None:
    """Ask, run the tool, ask again."""
    history.append(HumanMessage(f"Question {app.number()}"))
    call = ask(app.calls("weather")).tool_calls[0]
    history.append(ToolMessage(f"{app.number()} degrees", tool_call_id=call["id"]))
    ask(f"Fine {app.number()}.")


def _a_bare_window(app: App) -> None:
    history, ask = transcript(app)
    app.arm(lambda: bare_turn(app, history, ask))
    bare_turn(app, history, ask)
    history.append(HumanMessage("And now?"))
    ask("Fine.", history[-3:])


@BROKEN_BETWEEN_RUNS.program(
    first_bad=2, changes=REMOVED, steps=(None, BETWEEN_RUNS), tells_steps=False
)
def a_window_without_a_graph(app: App) -> None:
    _a_bare_window(app)


@BROKEN_BETWEEN_RUNS.program(
    first_bad=2, changes=REMOVED, steps=(None, BETWEEN_RUNS), tells_steps=False
)
def a_window_without_a_graph_or_a_thread_id(app: App) -> None:
    app.thread_id = None
    _a_bare_window(app)


@BROKEN_BETWEEN_RUNS.program(
    first_bad=1,
    changes=NOT_APPENDED,
    steps=(None, BETWEEN_RUNS),
    tells_steps=False,
    bad_requests=2,
    breaches=1,
)
def a_result_that_is_forgotten_without_a_graph(app: App) -> None:
    app.thread_id = None
    history, ask = transcript(app)
    app.arm(lambda: bare_turn(app, history, ask))
    history.append(HumanMessage("Go on"))
    ask(app.calls("weather"))
    history.append(HumanMessage("Hello?"))
    ask("Fine.")
    history.append(HumanMessage("And now?"))
    ask("Fine.")


@BROKEN_BETWEEN_RUNS.program(
    first_bad=1, changes=NOT_APPENDED, steps=(None, "chat"), tells_steps=False
)
def a_functional_program(app: App) -> None:
    """An entrypoint has no nodes with a state; it forgets a result."""
    model = app.model()
    history: list[BaseMessage] = []

    @task
    def ask(sent: list[BaseMessage]) -> AIMessage:
        return model.invoke(sent)

    @entrypoint(checkpointer=app.saver)
    def chat(text: str) -> str:
        history.append(HumanMessage(text, id=f"human-{app.number()}"))
        while True:
            answer = ask(history).result()
            history.append(answer)
            if not answer.tool_calls:
                return str(answer.content)
            if app.is_armed:
                history.append(HumanMessage("Never mind.", id=f"human-{app.number()}"))
                continue
            call = answer.tool_calls[0]
            history.append(ToolMessage("18 degrees", tool_call_id=call["id"]))

    def turn() -> None:
        app.expect(app.calls("weather"), "Fine.")
        chat.invoke("Turn", app.config(max_concurrency=None))

    app.arm(turn)
    turn()
