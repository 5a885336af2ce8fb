"""A small application that stores its threads, and the cron job that counts them.

The job runs `toolpair-observe threads` as an operator's would, only more often. What it writes is
served as node_exporter serves the files of its textfile collector.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

from langchain_core.messages import AIMessage, HumanMessage, ToolCall, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from langchain_core.runnables import RunnableConfig

DATABASE: Final = "threads.db"

_VARIABLE: Final = "TOOLPAIR_DEMO_THREADS"
_GRAPH: Final = f"{__name__}:opened_agent"
_FILE: Final = "threads.prom"
_EVERY_SECONDS: Final = 5.0
_LONGEST_RUN: Final = 30.0
_CRASH: Final = "book"


@contextmanager
def opened_agent() -> Iterator[Any]:
    """Open the application's database, and yield its graph."""
    with closing(sqlite3.connect(os.environ[_VARIABLE], check_same_thread=False)) as connection:
        yield _agent(SqliteSaver(connection))


def _agent(saver: SqliteSaver) -> Any:  # noqa: ANN401 - a compiled graph
    builder = StateGraph(MessagesState)
    builder.add_node("model", _model)
    builder.add_node("tools", _tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", _calls, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


def _model(state: MessagesState) -> dict[str, Any]:
    asked = state["messages"][-1]
    calls = (
        [ToolCall(name=name, args={}, id=f"call_{name}") for name in ("search", "pay")]
        if isinstance(asked, HumanMessage) and asked.content == _CRASH
        else []
    )
    return {"messages": [AIMessage("", tool_calls=calls)]}


def _calls(state: MessagesState) -> list[Send] | str:
    last = state["messages"][-1]
    calls = last.tool_calls if isinstance(last, AIMessage) else []
    return [Send("tools", call) for call in calls] or END


def _tools(state: Any) -> dict[str, Any]:  # noqa: ANN401 - the call that `Send` brings
    if state["name"] == "pay":
        msg = "the bank does not answer"
        raise TimeoutError(msg)
    return {"messages": [ToolMessage("found", tool_call_id=state["id"], name=state["name"])]}


@dataclass
class StoredThreads:
    """The database, the cron job, and the server of what the job has written.

    Attributes:
        folder: Where the database and the job's file are.
        port: Where the numbers are served.
        problems: What went wrong in runs of the command.
    """

    folder: Path
    port: int
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _job: threading.Thread | None = None
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        """Store sound threads, count them, and begin to serve their numbers."""
        os.environ[_VARIABLE] = str(self.folder / DATABASE)
        self._say("one", "hello")
        self._say("two", "hello")
        self._count()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", self.port), partial(_Numbers, self.folder / _FILE)
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._job = threading.Thread(target=self._count_again, daemon=True)
        self._job.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop counting and serving."""
        self.stop_counting()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def break_some(self) -> None:
        """Let a tool fail beside one that works, in two threads; one user writes again."""
        self._say("stalled", _CRASH)
        self._say("poisoned", _CRASH)
        self._say("poisoned", "hello?")

    def mend(self) -> None:
        """Mend them, as the runbook says."""
        self._run("--mend", "--apply", "--idle", "0s", "--graph", _GRAPH)

    def stop_counting(self) -> None:
        """End the cron job."""
        self._stop.set()
        if self._job is not None:
            self._job.join(_LONGEST_RUN)

    @staticmethod
    def _say(thread_id: str, text: str) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}, "max_concurrency": 1}
        with opened_agent() as agent, suppress(TimeoutError):
            agent.invoke({"messages": [HumanMessage(text)]}, config)

    def _count_again(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self._count()

    def _count(self) -> None:
        self._run("--idle", "1s", "--prometheus-textfile", str(self.folder / _FILE))

    def _run(self, *options: str) -> None:
        command = (sys.executable, "-m", "toolpair_observe", "threads")
        try:
            done = subprocess.run(  # noqa: S603 -- our own
                [*command, f"sqlite:///{self.folder / DATABASE}", *options],
                capture_output=True,
                text=True,
                check=False,
                timeout=_LONGEST_RUN,
            )
        except subprocess.TimeoutExpired:
            self.problems.append(f"{' '.join(options)}: not done after {_LONGEST_RUN:g} seconds")
            return
        if done.returncode not in (0, 1) or done.stderr:
            self.problems.append(f"{' '.join(options)}: {done.returncode} {done.stderr[-500:]}")


class _Numbers(BaseHTTPRequestHandler):
    def __init__(self, path: Path, *arguments: Any) -> None:  # noqa: ANN401 -- http.server's
        self._path = path
        super().__init__(*arguments)

    def do_GET(self) -> None:
        payload = self._path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        pass
