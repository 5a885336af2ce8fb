"""Views of a SQLite database: of a connection, and of one that asyncio waits for."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import quoted, type_name
from toolpair_observe.threads.stores.sql import RowsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
    from contextlib import AbstractContextManager

    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from toolpair_observe.threads.stores.bridge import Bridge
    from toolpair_observe.threads.stores.sql import Fetch, Snapshot

_PRIMARY: Final = 0xFF
_NO_TEXT: Final = "decode to UTF-8"
_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
CLOSED: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
"""What SQLite says of a file that it can't read without writing."""

# Without a transaction, each query would see what was written just before it.
_BEGIN: Final = "begin"
_END: Final = "rollback"


def snapshots_of(
    connection: sqlite3.Connection,
    name: str,
    lock: AbstractContextManager[Any] | None = None,
) -> Snapshot:
    """Return what opens a view of the database behind a connection.

    Args:
        connection: The connection. A transaction that is open on it stays so.
        name: What the database is called in an error.
        lock: Held meanwhile.
    """

    @contextmanager
    def snapshot() -> Iterator[Fetch]:
        with lock or nullcontext(), told(name), closing(connection.cursor()) as cursor:
            cursor.row_factory = None  # whatever the connection's owner has chosen
            begun = not connection.in_transaction
            if begun:
                cursor.execute(_BEGIN)
            try:

                def fetch(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
                    with told(name):
                        rows: list[tuple[Any, ...]] = cursor.execute(query, parameters).fetchall()
                        return rows

                yield fetch
            finally:
                if begun:
                    cursor.execute(_END)

    return snapshot


def async_snapshots_of(saver: AsyncSqliteSaver, name: str, bridge: Bridge) -> Snapshot:
    """Return what opens a view of the database of an asynchronous saver.

    Args:
        saver: The saver.
        name: What the database is called in an error.
        bridge: Runs its coroutines.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[Callable[..., Coroutine[Any, Any, list[tuple[Any, ...]]]]]:
        async with saver.lock, _cursor(saver.conn, name) as cursor:
            begun = not saver.conn.in_transaction
            if begun:
                await cursor.execute(_BEGIN)
            try:

                async def fetch(query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
                    await cursor.execute(query, parameters)
                    return [tuple(row) for row in await cursor.fetchall()]

                yield fetch
            finally:
                if begun:
                    await cursor.execute(_END)

    @contextmanager
    def snapshot() -> Iterator[Fetch]:
        with told(name), bridge.entered(opened()) as asking:

            def fetch(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
                with told(name):
                    return bridge(asking(query, parameters))

            yield fetch

    return snapshot


@asynccontextmanager
async def _cursor(connection: aiosqlite.Connection, name: str) -> AsyncIterator[aiosqlite.Cursor]:
    try:
        cursor = await connection.cursor()
    except ValueError:
        msg = f"{name} is not open: use its saver once, or within its `async with`"
        raise ThreadStoreError(msg) from None
    async with cursor:
        yield cursor


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's code for an error; 0 for one of Python's."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


@contextmanager
def told(name: str) -> Iterator[None]:
    """Say what is to be done about an error of SQLite's.

    Raises:
        RowsError: Rows are damaged.
        ThreadStoreError: The database can't be asked.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Where an id or a name is no text, Python complains, and no code of SQLite's is there.
        if code_of(error) == sqlite3.SQLITE_CORRUPT or _NO_TEXT in str(error):
            msg = f"the file is damaged where its rows are ({type_name(error)})"
            raise RowsError(msg) from None
        raise ThreadStoreError(_told(name, error)) from None


def _told(name: str, error: sqlite3.Error) -> str:
    code = code_of(error)
    if code == sqlite3.SQLITE_NOTADB:
        return f"{name} is no SQLite database: name the file that the checkpointer writes"
    if code in _BUSY:
        return f"{name} is locked by a process that writes: try again"
    if code in CLOSED:
        return (
            f"{name} can't be read without writing to it or beside it, because a process that "
            "wrote to it has not finished: let the application open it once, or read a copy of "
            "it, made with all files that begin with its name, in a folder that can be written to"
        )
    # SQLite's own words name tables and columns, and no values.
    return f"{name} can't be read: {quoted(str(error))}"
