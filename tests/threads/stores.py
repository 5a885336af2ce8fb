"""Every way to reach stored threads: each writes with a real checkpointer, and reads with ours."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import warnings
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver, ShallowPostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg_pool import ConnectionPool

from toolpair_observe.threads.stores.opened import open_store, store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from toolpair_observe.threads.stored import ThreadStore


class Opened(NamedTuple):
    """Threads that are open for writing and for reading.

    Attributes:
        saver: Writes them.
        store: Reads them.
        has_views: Whether what is read together is of one moment: a connection in pipeline mode
            does not tell whether a transaction is open on it.
    """

    saver: Any
    store: ThreadStore
    has_views: bool = True


class OnlySync(BaseCheckpointSaver[str]):
    """Somebody's checkpointer that has synchronous methods, and holds a lock while it lists."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemorySaver()
        self.lock = threading.Lock()

    def get_tuple(self, config: Any) -> Any:
        with self._locked():
            return self._inner.get_tuple(config)

    def list(self, config: Any, **more: Any) -> Any:
        with self._locked():
            yield from self._inner.list(config, **more)

    def put(self, *given: Any) -> Any:
        return self.inner.put(*given)

    def put_writes(self, *given: Any) -> None:
        self.inner.put_writes(*given)

    @property
    def _inner(self) -> InMemorySaver:
        self.inner.serde = self.serde
        return self.inner

    @contextmanager
    def _locked(self) -> Iterator[None]:
        assert self.lock.acquire(timeout=5), "a list was left half read"
        try:
            yield
        finally:
            self.lock.release()


class OnlyAsync(BaseCheckpointSaver[str]):
    """Somebody's checkpointer that has asynchronous methods."""

    def __init__(self, inner: InMemorySaver) -> None:
        super().__init__()
        self.inner = inner
        self.loops: set[Any] = set()

    async def aget_tuple(self, config: Any) -> Any:
        self.loops.add(asyncio.get_running_loop())
        return await self.inner.aget_tuple(config)

    async def alist(self, config: Any, **more: Any) -> Any:
        self.loops.add(asyncio.get_running_loop())
        async for each in self.inner.alist(config, **more):
            yield each


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def entered(manager: Any, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Hold an asynchronous context manager on a loop that runs in another thread."""
    value = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result()
    try:
        yield value
    finally:
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result()


@contextmanager
def sqlite_saver(path: Path) -> Iterator[SqliteSaver]:
    """A saver of a file, which is set up."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        saver.setup()
        yield saver


@contextmanager
def postgres_saver(url: str) -> Iterator[PostgresSaver]:
    """A saver of a database, which is set up."""
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()
        yield saver


@contextmanager
def sqlite_url(path: Path, url: str) -> Iterator[Opened]:
    with sqlite_saver(path) as saver, open_store(f"sqlite:///{path}") as store:
        yield Opened(saver, store)


@contextmanager
def sqlite_object(path: Path, url: str) -> Iterator[Opened]:
    with sqlite_saver(path) as saver:
        yield Opened(saver, store_of(saver))


@contextmanager
def sqlite_async(path: Path, url: str) -> Iterator[Opened]:
    with ExitStack() as stack:
        writer = stack.enter_context(sqlite_saver(path))
        loop = stack.enter_context(running_loop())
        saver = stack.enter_context(entered(AsyncSqliteSaver.from_conn_string(str(path)), loop))
        yield Opened(writer, store_of(saver, loop=loop))


@contextmanager
def postgres_address(path: Path, url: str) -> Iterator[Opened]:
    with postgres_saver(url) as saver, open_store(url) as store:
        yield Opened(saver, store)


@contextmanager
def postgres_object(path: Path, url: str) -> Iterator[Opened]:
    with postgres_saver(url) as saver:
        yield Opened(saver, store_of(saver))


@contextmanager
def postgres_pipeline(path: Path, url: str) -> Iterator[Opened]:
    with (
        postgres_saver(url) as writer,
        PostgresSaver.from_conn_string(url, pipeline=True) as saver,
    ):
        yield Opened(writer, store_of(saver), has_views=False)


@contextmanager
def postgres_pool(path: Path, url: str) -> Iterator[Opened]:
    options = {"autocommit": True}
    with (
        postgres_saver(url) as writer,
        ConnectionPool(url, min_size=1, max_size=2, open=True, kwargs=options) as pool,
    ):
        yield Opened(writer, store_of(PostgresSaver(pool)))


@contextmanager
def postgres_async(path: Path, url: str) -> Iterator[Opened]:
    with ExitStack() as stack:
        writer = stack.enter_context(postgres_saver(url))
        loop = stack.enter_context(running_loop())
        saver = stack.enter_context(entered(AsyncPostgresSaver.from_conn_string(url), loop))
        yield Opened(writer, store_of(saver, loop=loop))


@contextmanager
def shallow(path: Path, url: str) -> Iterator[Opened]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        manager = ShallowPostgresSaver.from_conn_string(url)
        saver = manager.__enter__()
    try:
        saver.setup()
        with open_store(url) as store:
            yield Opened(saver, store)
    finally:
        manager.__exit__(None, None, None)


@contextmanager
def memory(path: Path, url: str) -> Iterator[Opened]:
    saver = InMemorySaver()
    yield Opened(saver, store_of(saver))


@contextmanager
def memory_on_a_loop(path: Path, url: str) -> Iterator[Opened]:
    saver = InMemorySaver()
    with running_loop() as loop:
        yield Opened(saver, store_of(saver, loop=loop))


@contextmanager
def only_sync(path: Path, url: str) -> Iterator[Opened]:
    saver = OnlySync()
    with running_loop() as loop:
        yield Opened(saver, store_of(saver, loop=loop))


@contextmanager
def only_async(path: Path, url: str) -> Iterator[Opened]:
    inner = InMemorySaver()
    with running_loop() as loop:
        saver = OnlyAsync(inner)
        yield Opened(inner, store_of(saver, loop=loop))
        assert saver.loops <= {loop}


SQL: dict[str, Callable[[Path, str], Any]] = {
    each.__name__: each
    for each in (
        sqlite_url,
        sqlite_object,
        sqlite_async,
        postgres_address,
        postgres_object,
        postgres_pipeline,
        postgres_pool,
        postgres_async,
    )
}
OTHERS: dict[str, Callable[[Path, str], Any]] = {
    each.__name__: each for each in (memory, memory_on_a_loop, only_sync, only_async)
}
EACH = {**SQL, **OTHERS}
"""By name what opens threads of a database, given a path and a URL for it."""
