"""A small application: langchain's agent with three tools, and threads of each verdict."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import interrupt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DATABASE = "app.db"
POSTGRES = "APP_DATABASE_URL"
SECRET = "the patient's name"


class Model(BaseChatModel):
    """Calls the tools that the last human message names, and is done after their results."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        names = [] if isinstance(last, ToolMessage) else last.content.split()
        calls = [
            {"name": name, "args": {"city": SECRET}, "id": f"call_{name}"}
            for name in names
            if name in ("weather", "broken", "ask")
        ]
        answer = AIMessage("" if calls else SECRET, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=answer)])


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return SECRET


@tool
def broken(city: str) -> str:
    """Fail."""
    raise ValueError(SECRET)


@tool
def ask(city: str) -> str:
    """Ask somebody."""
    return str(interrupt(SECRET))


def agent(saver: Any) -> Any:
    """Return the agent."""
    return create_agent(Model(), [weather, broken, ask], checkpointer=saver)


@contextmanager
def opened_saver(path: str = DATABASE) -> Iterator[SqliteSaver]:
    """Open the application's database."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@contextmanager
def opened_agent() -> Iterator[Any]:
    """Open the database, and return the agent that stores its threads there."""
    with opened_saver() as saver:
        yield agent(saver)


@contextmanager
def other_agent() -> Iterator[Any]:
    """Return the agent of another database."""
    with opened_saver("other.db") as saver:
        yield agent(saver)


@asynccontextmanager
async def async_agent() -> AsyncIterator[Any]:
    """Return the agent with the database's asynchronous saver."""
    async with AsyncSqliteSaver.from_conn_string(DATABASE) as saver:
        yield agent(saver)


@contextmanager
def postgres_agent() -> Iterator[Any]:
    """Return the agent that stores its threads in PostgreSQL."""
    with PostgresSaver.from_conn_string(os.environ[POSTGRES]) as saver:
        yield agent(saver)


class FaultySaver(SqliteSaver):
    """A saver that fails for one thread."""

    def get_tuple(self, config: Any) -> Any:
        if config["configurable"]["thread_id"] == "poisoned":
            raise OSError(SECRET)
        return super().get_tuple(config)


@contextmanager
def faulty_agent() -> Iterator[Any]:
    """Return the agent whose saver fails for one thread."""
    with closing(sqlite3.connect(DATABASE, check_same_thread=False)) as connection:
        yield agent(FaultySaver(connection))


def say(graph: Any, thread_id: str, text: str) -> None:
    """Run a turn, whose tools may fail."""
    # One at a time, so that the tool that works is done before the other one raises.
    config = {"configurable": {"thread_id": thread_id}, "max_concurrency": 1}
    with contextlib.suppress(ValueError):
        graph.invoke({"messages": [("human", text)]}, config)


def poison(graph: Any, thread_id: str) -> None:
    """Break a thread for ever: a tool raises beside one that works, and the user goes on."""
    say(graph, thread_id, "weather broken")
    say(graph, thread_id, "hello")


def fill(saver: Any) -> None:
    """Store a thread of each verdict, under its name."""
    graph = agent(saver)
    say(graph, "sound", "weather")
    say(graph, "waiting", "ask")
    say(graph, "stalled", "weather broken")
    poison(graph, "poisoned")
