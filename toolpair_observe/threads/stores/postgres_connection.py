"""Views of a PostgreSQL database: of a connection or a pool, and of asyncio's."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import quoted, type_name
from toolpair_observe.threads.stores.sql import RowsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from langgraph.checkpoint.postgres import PostgresSaver, ShallowPostgresSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from langgraph.checkpoint.postgres.shallow import AsyncShallowPostgresSaver
    from psycopg import AsyncConnection, Connection

    from toolpair_observe.threads.stores.bridge import Bridge
    from toolpair_observe.threads.stores.sql import Fetch, Snapshot

_ONE_VIEW: Final = b"set transaction isolation level repeatable read, read only"
_NO_TABLES: Final = (errors.UndefinedTable, errors.UndefinedColumn)
_BROKEN_ROWS: Final = (psycopg.DataError, psycopg.InternalError)


def snapshots_of(connection: Connection[Any], name: str) -> Snapshot:
    """Return what opens a view of the database behind a connection of ours.

    Args:
        connection: The connection, whose transactions are of the right kind.
        name: What the database is called in an error.
    """
    return _snapshots(lambda: nullcontext(connection), name, may_choose=False)


def snapshots_of_saver(saver: PostgresSaver | ShallowPostgresSaver, name: str) -> Snapshot:
    """Return what opens a view of a saver's database, on its own connection or pool.

    Args:
        saver: The saver. A transaction that is open on its connection stays so.
        name: What the database is called in an error.
    """

    @contextmanager
    def connected() -> Iterator[Connection[Any]]:
        with saver.lock:
            if isinstance(saver.conn, psycopg.Connection):
                yield saver.conn
            else:
                with saver.conn.connection() as connection:
                    yield connection

    return _snapshots(connected, name, may_choose=saver.pipe is None)


def async_snapshots_of_saver(
    saver: AsyncPostgresSaver | AsyncShallowPostgresSaver, name: str, bridge: Bridge
) -> Snapshot:
    """Return what opens a view of an asynchronous saver's database.

    Args:
        saver: The saver. A transaction that is open on its connection stays so.
        name: What the database is called in an error.
        bridge: Runs its coroutines.
    """

    @asynccontextmanager
    async def connected() -> AsyncIterator[AsyncConnection[Any]]:
        async with saver.lock:
            if isinstance(saver.conn, psycopg.AsyncConnection):
                yield saver.conn
            else:
                async with saver.conn.connection() as connection:
                    yield connection

    opened = _async_opened(connected, may_choose=saver.pipe is None)

    @contextmanager
    def snapshot() -> Iterator[Fetch]:
        with told(name), bridge.entered(opened()) as asking:

            def fetch(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
                with told(name):
                    return bridge(asking(query, parameters))

            yield fetch

    return snapshot


def _snapshots(
    connected: Callable[[], AbstractContextManager[Connection[Any]]],
    name: str,
    *,
    may_choose: bool,
) -> Snapshot:
    @contextmanager
    def snapshot() -> Iterator[Fetch]:
        with told(name), connected() as connection:
            is_outermost = may_choose and _is_idle(connection)
            with (
                connection.transaction(),
                connection.cursor(binary=True, row_factory=tuple_row) as cursor,
            ):
                if is_outermost:
                    cursor.execute(_ONE_VIEW)

                def fetch(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
                    with told(name):
                        return cursor.execute(query.encode(), parameters).fetchall()

                yield fetch

    return snapshot


def _async_opened(
    connected: Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]],
    *,
    may_choose: bool,
) -> Callable[
    [],
    AbstractAsyncContextManager[Callable[..., Coroutine[Any, Any, list[tuple[Any, ...]]]]],
]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Callable[..., Coroutine[Any, Any, list[tuple[Any, ...]]]]]:
        async with connected() as connection:
            is_outermost = may_choose and _is_idle(connection)
            async with (
                connection.transaction(),
                connection.cursor(binary=True, row_factory=tuple_row) as cursor,
            ):
                if is_outermost:
                    await cursor.execute(_ONE_VIEW)

                async def fetch(query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
                    await cursor.execute(query.encode(), parameters)
                    return await cursor.fetchall()

                yield fetch

    return opened


def _is_idle(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether no transaction is open, whose kind could no longer be chosen."""
    return connection.info.transaction_status is TransactionStatus.IDLE


@contextmanager
def told(name: str) -> Iterator[None]:
    """Say what is to be done about an error of PostgreSQL's.

    Raises:
        RowsError: Rows are broken.
        ThreadStoreError: The database can't be asked.
    """
    try:
        yield
    except _BROKEN_ROWS as error:
        # Its words may have the value.
        msg = f"the database can't read its rows ({type_name(error)})"
        raise RowsError(msg) from None
    except psycopg.Error as error:
        raise ThreadStoreError(_told(name, error)) from None


def _told(name: str, error: psycopg.Error) -> str:
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            f"{name} may not be read by this user: grant it usage of the schema, and select on the "
            "checkpointer's tables"
        )
    if isinstance(error, _NO_TABLES):
        return f"{name} has other tables than a checkpointer's ({type_name(error)})"
    if isinstance(error, psycopg.OperationalError):
        return f"{name} does not answer: {quoted(str(error).partition(chr(10))[0], 200)}"
    return f"{name} can't be read ({type_name(error)})"
