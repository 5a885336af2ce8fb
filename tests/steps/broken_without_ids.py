"""Programs whose application carries the history itself, and keeps no ids of its messages."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.messages import convert_to_openai_messages
from langgraph.func import entrypoint, task

from tests.steps.app import App, BackendError, Catalog
from toolpair_observe.steps.blamed import BETWEEN_RUNS, BlameChange, Fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import AIMessage, BaseMessage

BROKEN_WITHOUT_IDS = Catalog()
FINISHED = {"weather": Fate.FINISHED}
Kept = list[dict[str, Any]]


def carried(app: App, edit: Callable[[Kept], Kept], later_turns: int = 1) -> None:
    """Make turns with a history that is stored elsewhere, as OpenAI's format has it."""
    app.thread_id = None
    app.graph = create_agent(app.model(), [app.weather(), app.broken()])
    kept: Kept = []

    def turn(*replies: Any) -> None:
        nonlocal kept
        app.expect(*replies)
        asked = [*kept, {"role": "user", "content": "How is it?"}]
        for state in app.graph.stream({"messages": asked}, app.config(), stream_mode="values"):
            kept = convert_to_openai_messages(state["messages"])

    app.arm(lambda: turn(app.calls("weather"), "Fine."))
    turn(app.calls("weather"), "Fine.")
    kept = edit(kept)
    for _ in range(later_turns):
        turn("Good.")


def is_result(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "tool")


@BROKEN_WITHOUT_IDS.program(
    first_bad=2,
    changes=(BlameChange.REMOVED,),
    steps=(BETWEEN_RUNS,),
    fates=FINISHED,
    bad_requests=1,
    breaches=1,
)
def a_carried_history_that_loses_a_result(app: App) -> None:
    carried(app, lambda kept: [*kept[:-2], kept[-1]])


@BROKEN_WITHOUT_IDS.program(
    first_bad=2, changes=(BlameChange.REMOVED,), steps=(BETWEEN_RUNS,), bad_requests=1, breaches=1
)
def a_carried_history_that_is_cut(app: App) -> None:
    carried(app, lambda kept: kept[-2:])


@BROKEN_WITHOUT_IDS.program(
    first_bad=2, changes=(BlameChange.REORDERED,), steps=(BETWEEN_RUNS,), breaches=1
)
def a_carried_history_that_is_sorted(app: App) -> None:
    carried(app, lambda kept: [*kept[:-3], kept[-2], kept[-3], kept[-1]])


@BROKEN_WITHOUT_IDS.program(
    first_bad=2, changes=(BlameChange.IDS_CHANGED,), steps=(BETWEEN_RUNS,), breaches=1
)
def a_carried_history_whose_ids_are_made_anew(app: App) -> None:
    carried(
        app,
        lambda kept: [{**each, "tool_call_id": "x"} if is_result(each) else each for each in kept],
    )


@BROKEN_WITHOUT_IDS.program(
    first_bad=2,
    changes=(BlameChange.REMOVED,),
    steps=(BETWEEN_RUNS,),
    fates=FINISHED,
    bad_requests=3,
    breaches=1,
)
def a_carried_history_that_stays_broken(app: App) -> None:
    carried(app, lambda kept: [*kept[:-2], kept[-1]], later_turns=3)


@BROKEN_WITHOUT_IDS.program(
    first_bad=1,
    changes=(BlameChange.NOT_APPENDED,),
    steps=("tools",),
    fates={"broken": Fate.RAISED},
    breaches=1,
)
def a_carried_history_of_a_turn_that_failed(app: App) -> None:
    app.thread_id = None
    app.graph = create_agent(app.model(), [app.weather(), app.broken()])
    kept: Kept = []

    def turn(*replies: Any) -> None:
        nonlocal kept
        app.expect(*replies)
        asked = [*kept, {"role": "user", "content": "How is it?"}]
        with suppress(BackendError):
            for state in app.graph.stream({"messages": asked}, app.config(), stream_mode="values"):
                kept = convert_to_openai_messages(state["messages"])

    app.arm(lambda: turn(app.calls("weather"), "Fine."))
    turn(app.calls("broken"))
    turn("Good.")


@BROKEN_WITHOUT_IDS.program(
    first_bad=1, changes=(BlameChange.REMOVED,), steps=("chat",), fates=FINISHED
)
def a_functional_program_that_forgets_a_call(app: App) -> None:
    model, weather = app.model(), app.weather()

    @task
    def ask(sent: list[BaseMessage]) -> AIMessage:
        return model.invoke(sent)

    @entrypoint()
    def chat(text: str) -> str:
        history: list[Any] = [("user", text)]
        while True:
            answer = ask(history).result()
            history.append(answer)
            if not answer.tool_calls:
                return str(answer.content)
            history += [weather.invoke({**call, "type": "tool_call"}) for call in answer.tool_calls]
            if app.is_armed:
                history = history[-1:]

    def turn() -> None:
        app.expect(app.calls("weather"), "Fine.")
        chat.invoke("Turn", app.config(max_concurrency=None))

    app.arm(turn)
    turn()
