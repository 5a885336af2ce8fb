"""The store of a checkpointer: LangGraph's own are asked in SQL, others by their methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import class_name
from toolpair_observe.threads.stores.asking import asked
from toolpair_observe.threads.stores.bridge import Bridge
from toolpair_observe.threads.stores.deferred import DeferredStore
from toolpair_observe.threads.stores.saver import SaverStore, with_data_only
from toolpair_observe.threads.stores.serde import data_only

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from langgraph.checkpoint.base import BaseCheckpointSaver

    from toolpair_observe.threads.stored import ThreadStore

_S = TypeVar("_S", bound="BaseCheckpointSaver[Any]")


def store_of_saver(saver: BaseCheckpointSaver[Any], loop: AbstractEventLoop | None) -> ThreadStore:
    """Return the store that reads what a checkpointer has stored.

    Args:
        saver: The checkpointer.
        loop: The event loop that its asynchronous methods run on, in another thread than the one
            that reads the store.

    Raises:
        ThreadStoreError: It can't be read.
    """
    if loop is None:
        return _store(saver, None)
    return DeferredStore(partial(_store, saver, loop))


def _store(saver: BaseCheckpointSaver[Any], loop: AbstractEventLoop | None) -> ThreadStore:
    name = f"the database of {class_name(type(saver))}"
    known = _sqlite_store(saver, name, loop) or _postgres_store(saver, name, loop)
    if known is not None:
        return known
    return SaverStore(asked(with_data_only(saver), loop), class_name(type(saver)))


def _sqlite_store(
    saver: BaseCheckpointSaver[Any], name: str, loop: AbstractEventLoop | None
) -> ThreadStore | None:
    try:
        from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - may be absent
    except ImportError:
        return None
    from toolpair_observe.threads.stores import sqlite, sqlite_connection  # noqa: PLC0415

    if _is_just(saver, SqliteSaver):
        snapshot = sqlite_connection.snapshots_of(saver.conn, name, saver.lock)
        return sqlite.SqliteStore(snapshot, data_only(saver.serde), name)
    try:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415
    except ImportError:
        return None
    if _is_just(saver, AsyncSqliteSaver):
        bridge = _bridge(saver, loop)
        snapshot = sqlite_connection.async_snapshots_of(saver, name, bridge)
        return sqlite.SqliteStore(snapshot, data_only(saver.serde), name)
    return None


def _postgres_store(
    saver: BaseCheckpointSaver[Any], name: str, loop: AbstractEventLoop | None
) -> ThreadStore | None:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver, shallow  # noqa: PLC0415
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415
    except ImportError:
        return None
    from toolpair_observe.threads.stores import postgres, postgres_connection  # noqa: PLC0415

    if _is_just(saver, PostgresSaver) or _is_just(saver, shallow.ShallowPostgresSaver):
        snapshot = postgres_connection.snapshots_of_saver(saver, name)
    elif _is_just(saver, AsyncPostgresSaver) or _is_just(saver, shallow.AsyncShallowPostgresSaver):
        bridge = _bridge(saver, loop)
        snapshot = postgres_connection.async_snapshots_of_saver(saver, name, bridge)
    else:
        return None
    return postgres.postgres_store(snapshot, data_only(saver.serde), name)


def _is_just(saver: BaseCheckpointSaver[Any], cls: type[_S]) -> TypeGuard[_S]:
    """Whether a checkpointer is of a class, and reads as that does."""
    own = type(saver)
    return isinstance(saver, cls) and all(
        getattr(own, name) is getattr(cls, name)
        for name in ("get_tuple", "list", "aget_tuple", "alist")
    )


def _bridge(saver: BaseCheckpointSaver[Any], loop: AbstractEventLoop | None) -> Bridge:
    if loop is None:
        msg = f"{class_name(type(saver))} has only asynchronous methods: call adiagnose_threads"
        raise ThreadStoreError(msg)
    return Bridge(loop)
