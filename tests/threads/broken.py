"""Threads that a real graph has broken, and checkpointers that something comes in between of."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send

from toolpair_observe.threads.diagnose import diagnose_threads

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "the patient's name"
CONFIG: Any = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}


def called(*names: str) -> list[dict[str, Any]]:
    return [{"name": n, "args": {}, "id": f"call_{n}", "type": "tool_call"} for n in names]


class BackendError(Exception):
    """A tool's backend is away."""


def fails() -> str:
    raise BackendError(SECRET)


def graph(  # noqa: PLR0913 - each is a part of the graph
    saver: Any,
    bad: Callable[[], Any] = fails,
    *,
    calls: tuple[str, ...] = ("good", "bad"),
    state: Any = MessagesState,
    result: Callable[[str], ToolMessage] | None = None,
    after_model: Callable[[], None] = lambda: None,
    more: Callable[[], dict[str, Any]] = dict,
) -> Any:
    """A graph that sends a packet to its tools for each call; `bad` is what tools called bad do.

    Args:
        saver: Its checkpointer.
        bad: What tools do whose name begins with bad.
        calls: The tools that are called, unless the person says bye.
        state: Its state.
        result: Makes the result of any other tool.
        after_model: Is run by its conditional edge.
        more: What its model writes beside the messages.
    """

    def model(state: Any) -> dict[str, Any]:
        said = (state["messages"] if isinstance(state, dict) else state.messages)[-1]
        is_done = isinstance(said, ToolMessage) or said.content == "bye"
        answer = AIMessage(SECRET) if is_done else AIMessage("", tool_calls=called(*calls))
        return {"messages": [answer], **more()}

    def tools(given: Any) -> dict[str, Any]:
        call = given["call"]
        if call["name"].startswith("bad"):
            return {"messages": [ToolMessage(bad(), tool_call_id=call["id"], name=call["name"])]}
        made = result or (lambda call_id: ToolMessage(SECRET, tool_call_id=call_id, name="good"))
        return {"messages": [made(call["id"])]}

    def route(state: Any) -> Any:
        after_model()
        last = (state["messages"] if isinstance(state, dict) else state.messages)[-1]
        return [Send("tools", {"call": c}) for c in getattr(last, "tool_calls", ())] or END

    builder = StateGraph(state)
    builder.add_node("model", model)
    builder.add_node("tools", tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", route, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


def say(made: Any, text: str = "go") -> None:
    """Send a message, whatever becomes of it."""
    with suppress(BackendError):
        made.invoke({"messages": [HumanMessage(text)]}, CONFIG)


def stalled(saver: Any, **parts: Any) -> Any:
    """A graph whose tool has raised beside one that works."""
    made = graph(saver, **parts)
    say(made)
    return made


def poisoned(saver: Any, **parts: Any) -> Any:
    """The same, and the person has gone on."""
    made = stalled(saver, **parts)
    say(made, "bye")
    return made


def sqlite_saver(**options: Any) -> SqliteSaver:
    saver = SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False), **options)
    saver.setup()
    return saver


def rows(saver: SqliteSaver) -> list[str]:
    """Every row of a database, as SQL."""
    return list(saver.conn.iterdump())


def verdict(saver: Any) -> str:
    (found,) = diagnose_threads(saver, idle=0)
    return found.verdict.value


def messages(made: Any, config: Any = CONFIG) -> list[tuple[str, Any, str | None]]:
    said = made.get_state(config).values["messages"]
    return [(m.type, m.content, getattr(m, "tool_call_id", None)) for m in said]


def told(made: Any) -> Any:
    """What a graph tells of the thread, the ids aside that a task has from its checkpoint."""
    state = made.get_state(CONFIG)
    tasks = [
        (t.name, t.path, repr(t.error), bool(t.result), [i.value for i in t.interrupts])
        for t in state.tasks
    ]
    return state.next, messages(made), tasks


class Between(InMemorySaver):
    """A checkpointer in which something happens before, in place of, or after the nth checkpoint.

    Nothing happens until `arm`.
    """

    _left = 0
    _when = ""
    _work: Callable[[], Any] = staticmethod(lambda: None)

    def arm(self, when: str, nth: int, work: Callable[[], Any]) -> None:
        self._when, self._left, self._work = when, nth, work

    def put(self, *given: Any) -> Any:
        if not self._left:
            return super().put(*given)
        self._left -= 1
        if self._left:
            return super().put(*given)
        if self._when == "after":
            made = super().put(*given)
            self._work()
            return made
        self._work()
        return super().put(*given)
