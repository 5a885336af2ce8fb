"""What the diagnosis of stored threads costs beside the bare read of their heads, and its memory.

A thread has ten checkpoints and two turns with a call each, as a real graph stores them; the others
are its copies. The bare read is one query, and LangGraph's own strict deserialization of what it
gives: everything that a diagnosis can't do without. Both are measured in one run, by the clock on
the wall, since a server works for them as well.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import psycopg
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from tests.benchmarks import budgets
from tests.benchmarks.table import note, show
from tests.postgres_server import PostgresServer, programs
from toolpair_observe.threads.diagnose import DiagnosisOptions, diagnose_store
from toolpair_observe.threads.stores.opened import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = 10_000
TURNS = 2
STALLED_EVERY = 50
TEXT = "The order was placed on Monday and has left the warehouse; it arrives within three days. "
HEADS = """
    join (select thread_id, checkpoint_ns, max(checkpoint_id) as checkpoint_id from checkpoints
        group by 1, 2) as h
    on c.thread_id = h.thread_id and c.checkpoint_ns = h.checkpoint_ns
        and c.checkpoint_id = h.checkpoint_id
"""


def _graph(saver: Any, *, fails: bool) -> Any:
    def model(state: MessagesState) -> dict[str, Any]:
        if isinstance(state["messages"][-1], ToolMessage):
            return {"messages": [AIMessage(TEXT)]}
        call = {"name": "get_order_details", "args": {"order_id": "#W2378156"}, "id": "call_0001"}
        call["id"] = f"call_{len(state['messages']):024d}"
        metadata = {"model_provider": "openai", "model_name": "gpt-4o", "finish_reason": "stop"}
        return {"messages": [AIMessage("", tool_calls=[call], response_metadata=metadata)]}

    def tools(state: MessagesState) -> dict[str, Any]:
        (call,) = state["messages"][-1].tool_calls
        if fails and len(state["messages"]) > TURNS * 2:
            raise ZeroDivisionError
        return {"messages": [ToolMessage(TEXT * 2, tool_call_id=call["id"])]}

    graph = StateGraph(MessagesState).add_node("model", model).add_node("tools", tools)
    graph.add_edge(START, "model").add_edge("tools", "model")
    graph.add_conditional_edges(
        "model", lambda state: "tools" if state["messages"][-1].tool_calls else "__end__"
    )
    return graph.compile(checkpointer=saver)


def fill(saver: Any, threads: int) -> None:
    """Store threads: one of so many stopped when a tool raised."""
    for kind in ("sound", "stalled"):
        for _ in range(TURNS):
            config = {"configurable": {"thread_id": kind}}
            try:
                _graph(saver, fails=kind == "stalled").invoke(
                    {"messages": [HumanMessage(TEXT)]}, config
                )
            except ZeroDivisionError:
                continue
    tables = ("checkpoints", "writes") if isinstance(saver, SqliteSaver) else POSTGRES_TABLES
    for table in tables:
        columns = _columns(saver.conn, table)
        saver.conn.execute(
            # Names of columns, and numbers.
            f"""with recursive n(i) as (select 1 union all select i + 1 from n where i < {threads})
            insert into {table} (thread_id, {columns}) select
                'thread-' || substr(cast(100000000 + i as text), 2), {columns} from n join {table}
            on thread_id = case i % {STALLED_EVERY} when 0 then 'stalled' else 'sound' end"""  # noqa: S608
        )
        saver.conn.execute(f"delete from {table} where thread_id in ('sound', 'stalled')")  # noqa: S608
    saver.conn.commit()


POSTGRES_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def _columns(connection: Any, table: str) -> str:
    described = connection.execute(f"select * from {table} limit 0").description  # noqa: S608
    return ", ".join(column[0] for column in described if column[0] != "thread_id")


def bare_sqlite(url: str) -> int:
    """Read the heads of a file, and do nothing else."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            f"select c.thread_id, c.type, c.checkpoint, c.metadata from checkpoints c {HEADS}"  # noqa: S608
        )
        return sum(serde.loads_typed(row[1:3]) is not None for row in rows)


def bare_postgres(url: str) -> int:
    """Read the messages of the heads of a database, and do nothing else."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    with psycopg.connect(url) as connection, connection.cursor("heads", binary=True) as cursor:
        cursor.execute(
            f"""select c.thread_id, c.checkpoint, c.metadata, b.type, b.blob
            from checkpoints c {HEADS} left join checkpoint_blobs b
            on b.thread_id = c.thread_id and b.checkpoint_ns = c.checkpoint_ns
                and b.channel = 'messages'
                and b.version = c.checkpoint -> 'channel_versions' ->> 'messages'""".encode()  # noqa: S608
        )
        return sum(serde.loads_typed(row[3:5]) is not None for row in cursor)


def heads(url: str) -> int:
    """Read the heads as a diagnosis does, and do nothing with them."""
    with open_store(url) as store:
        return sum(1 for _ in store.heads(list(store.thread_ids())))


def diagnose(url: str) -> int:
    """Diagnose all threads, and return how many there are."""
    with open_store(url) as store:
        return sum(1 for _ in diagnose_store(store, DiagnosisOptions()))


@contextmanager
def databases(threads: int) -> Iterator[dict[str, tuple[str, Callable[[str], int]]]]:
    """By name the URL of each filled database, and its bare read."""
    found: dict[str, tuple[str, Callable[[str], int]]] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "threads.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            saver.setup()
            fill(saver, threads)
        found["SQLite"] = f"sqlite:///{path}", bare_sqlite
        binaries = programs()
        if binaries is None:
            yield found
            return
        with PostgresServer(binaries) as server:
            url = server.url(server.create_database())
            with psycopg.connect(url, autocommit=True) as connection:
                connection.prepare_threshold = 0
                saver = PostgresSaver(connection)
                saver.setup()
                fill(saver, threads)
                connection.execute("vacuum analyze")
            found["PostgreSQL"] = url, bare_postgres
            yield found


def seconds(work: Callable[[str], int], url: str) -> float:
    """How long something takes."""
    start = perf_counter()
    work(url)
    return perf_counter() - start


def peak_mb(url: str) -> float:
    """How much memory a process has at most that diagnoses all threads."""
    command = [sys.executable, "-m", "tests.benchmarks.threads", url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return float(told) / 1024


def best_times(url: str, bare: Callable[[str], int], rounds: int) -> dict[str, float]:
    """Return the seconds that the bare read takes, the read of a diagnosis, and all of it."""
    works = {"bare": bare, "heads": heads, "diagnosis": diagnose}
    times: dict[str, list[float]] = {each: [] for each in works}
    for _ in range(rounds):
        for each, work in works.items():
            times[each].append(seconds(work, url))
    return {each: min(values) for each, values in times.items()}


def run(*, rounds: int = 5, threads: int = THREADS) -> None:
    """Print the table."""
    rows = []
    with databases(threads) as found:
        for name, (url, bare) in found.items():
            best = best_times(url, bare, rounds)
            ratios = [f"{best[each] / best['bare']:.2f}" for each in ("heads", "diagnosis")]
            rows.append((name, f"{best['bare']:.2f}", *ratios, f"{peak_mb(url):.0f}"))
    show(
        f"{threads:,} stored threads, times the bare read of their heads",
        ("database", "bare read, s", "heads", "diagnosis", "peak, MB"),
        rows,
    )
    most, peak = budgets.THREADS.limit, budgets.THREADS_PEAK_MB.limit
    note(f"Budget: at most {most} times the bare read, and {peak} MB.")


if __name__ == "__main__":
    diagnose(sys.argv[1])
    print(getrusage(RUSAGE_SELF).ru_maxrss)  # noqa: T201 - read by `peak_mb`
