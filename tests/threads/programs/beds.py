"""The databases that the programs store their threads in.

A bed gives a saver to a program, and a copy of one thread to whoever continues or mends it, so that
every thread is made once and stays what the program made of it.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path


class Bed(Protocol):
    """A database for threads.

    Attributes:
        url: What opens it in another process; `""` where none can.
    """

    url: str

    def saver(self, **options: Any) -> Any:
        """Return a saver of the database, which is open until `release` or `close`."""

    def asaver(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """Return a saver for asynchronous programs, which is open while its context lasts."""

    def copied(self, thread_id: str, **options: Any) -> AbstractContextManager[tuple[Any, str]]:
        """Give a saver and the id of a copy of a thread in it."""

    def release(self) -> None:
        """Close what was opened for savers that nobody asks any more."""

    def close(self) -> None:
        """Close everything."""


class SqliteBed:
    """A SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self._connections: list[sqlite3.Connection] = []
        self.saver().setup()

    def saver(self, **options: Any) -> SqliteSaver:
        connection = sqlite3.connect(self.path, check_same_thread=False)
        self._connections.append(connection)
        return SqliteSaver(connection, **options)

    @asynccontextmanager
    async def asaver(self, **options: Any) -> AsyncIterator[Any]:
        import aiosqlite
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with aiosqlite.connect(self.path) as connection:
            yield AsyncSqliteSaver(connection, **options)
            # Whoever is cancelled between a write and its commit leaves the file locked.
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)
            await connection.rollback()

    @contextmanager
    def copied(self, thread_id: str, **options: Any) -> Iterator[tuple[SqliteSaver, str]]:
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
            saver = SqliteSaver(connection, **options)
            saver.setup()
            connection.execute("attach ? as source", (str(self.path),))
            for table in ("checkpoints", "writes"):
                connection.execute(
                    f"insert into {table} select * from source.{table} where thread_id = ?",  # noqa: S608
                    (thread_id,),
                )
            connection.commit()
            connection.execute("detach source")
            yield saver, thread_id

    def release(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def close(self) -> None:
        self.release()


class MemoryBed:
    """An `InMemorySaver`; what kills its process runs on a file, and is copied from there."""

    url = ""

    def __init__(self) -> None:
        self._saver = InMemorySaver()

    def saver(self, **options: Any) -> InMemorySaver:
        made = InMemorySaver(**options)
        made.storage, made.writes = self._saver.storage, self._saver.writes
        made.blobs = self._saver.blobs
        return made

    @asynccontextmanager
    async def asaver(self, **options: Any) -> AsyncIterator[InMemorySaver]:
        yield self.saver(**options)

    @contextmanager
    def copied(self, thread_id: str, **options: Any) -> Iterator[tuple[InMemorySaver, str]]:
        made = InMemorySaver(**options)
        made.storage[thread_id] = copy.deepcopy(self._saver.storage[thread_id])
        for name in ("writes", "blobs"):
            source, target = getattr(self._saver, name), getattr(made, name)
            target |= {k: copy.copy(v) for k, v in source.items() if k[0] == thread_id}
        yield made, thread_id

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class PostgresBed:
    """A PostgreSQL database whose tables are there. Copies of threads are threads of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._copies = 0

    @cached_property
    def _connection(self) -> Any:
        from psycopg import Connection
        from psycopg.rows import dict_row

        return Connection.connect(
            self.url, autocommit=True, prepare_threshold=0, row_factory=dict_row
        )

    def saver(self, **options: Any) -> Any:
        from langgraph.checkpoint.postgres import PostgresSaver

        return PostgresSaver(self._connection, **options)

    @asynccontextmanager
    async def asaver(self, **options: Any) -> AsyncIterator[Any]:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg import AsyncConnection
        from psycopg.rows import dict_row

        async with await AsyncConnection.connect(
            self.url, autocommit=True, prepare_threshold=0, row_factory=dict_row
        ) as connection:
            yield AsyncPostgresSaver(connection, **options)

    @contextmanager
    def copied(self, thread_id: str, **options: Any) -> Iterator[tuple[Any, str]]:
        self._copies += 1
        made = f"{thread_id} copy {self._copies}"
        for table, columns in _POSTGRES.items():
            self._connection.execute(
                f"insert into {table} (thread_id, {columns}) "  # noqa: S608
                f"select %s, {columns} from {table} where thread_id = %s",
                (made, thread_id),
            )
        yield self.saver(**options), made
        self._connection.execute("delete from checkpoints where thread_id = %s", (made,))

    def release(self) -> None:
        pass

    def close(self) -> None:
        self._connection.close()


_POSTGRES = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata",
    "checkpoint_blobs": "checkpoint_ns, channel, version, type, blob",
    "checkpoint_writes": (
        "checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path"
    ),
}


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Give a bed of the database behind a URL, in a process of its own."""
    from pathlib import Path

    scheme, _, rest = url.partition(":///")
    bed: Any = SqliteBed(Path(rest)) if scheme == "sqlite" else PostgresBed(url)
    with closing(bed):
        yield bed


def copy_thread(source: Any, target: Any, thread_id: str) -> None:
    """Copy a thread through the public interface of two savers, the oldest checkpoint first."""
    for saved in reversed(list(source.list({"configurable": {"thread_id": thread_id}}))):
        config = saved.parent_config or {
            "configurable": {
                "thread_id": thread_id,
                "checkpoint_ns": saved.config["configurable"]["checkpoint_ns"],
            }
        }
        put = target.put(
            config, saved.checkpoint, saved.metadata, saved.checkpoint["channel_versions"]
        )
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task_id, channel, value in saved.pending_writes or ():
            by_task.setdefault(task_id, []).append((channel, value))
        for task_id, writes in by_task.items():
            target.put_writes(put, writes, task_id)
