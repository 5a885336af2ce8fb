"""The store behind a URL or a checkpointer, opened so that reading changes nothing."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import MissingExtraError, ThreadStoreError
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import MAX_TEXT, quoted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator

    from langgraph.checkpoint.base import BaseCheckpointSaver

    from toolpair_observe.threads.stored import ThreadStore

_PACKAGES: Final = {
    "langgraph": "langgraph",
    "langgraph.checkpoint.base": "langgraph-checkpoint",
}


@contextmanager
def open_store(url: str, *, is_encrypted: bool = False) -> Iterator[ThreadStore]:
    """Open a database of threads for reading.

    Args:
        url: `sqlite:///file.db`, `postgresql://…`, or the path of a SQLite file.
        is_encrypted: Whether values are encrypted, with the key in `LANGGRAPH_AES_KEY`.

    Yields:
        The store. It is closed in the end.

    Raises:
        ThreadStoreError: It can't be opened, or it has no table of checkpoints.
        MissingExtraError: A package that reads it is not installed.
    """
    require_threads()
    from toolpair_observe.threads.stores import serde  # noqa: PLC0415 - of the extra

    reader = serde.with_key() if is_encrypted else serde.DataSerializer()
    scheme, mark, rest = url.partition("://")
    match scheme.partition("+")[0].lower() if mark else "sqlite":
        case "sqlite":
            from toolpair_observe.threads.stores import sqlite, sqlite_file  # noqa: PLC0415

            path = Path(rest.removeprefix("/") if mark else url)
            with sqlite_file.opened_file(path) as snapshot:
                yield sqlite.SqliteStore(snapshot, reader, quoted(str(path), MAX_TEXT))
        case "postgresql" | "postgres":
            from toolpair_observe.threads.stores import postgres, postgres_url  # noqa: PLC0415

            with postgres_url.opened_url(f"postgresql://{rest}") as (snapshot, name):
                yield postgres.postgres_store(snapshot, reader, name)
        case _:
            # The rest of it may hold a password.
            msg = (
                "a URL of threads begins with sqlite:/// or postgresql://, not with "
                f"{quoted(f'{scheme}://')}"
            )
            raise ThreadStoreError(msg)


def store_of(
    checkpointer: BaseCheckpointSaver[Any], *, loop: AbstractEventLoop | None = None
) -> ThreadStore:
    """Return the store that reads what a checkpointer has stored.

    Args:
        checkpointer: The checkpointer. It is neither set up nor changed.
        loop: The event loop that its asynchronous methods run on, in another thread.

    Raises:
        ThreadStoreError: It can't be read.
    """
    require_threads()
    from toolpair_observe.threads.stores import savers  # noqa: PLC0415 - of the extra

    return savers.store_of_saver(checkpointer, loop)


def require_threads() -> None:
    """Do nothing if threads can be read.

    Raises:
        MissingExtraError: A package of the extra is not installed.
    """
    lacking = next((told for name, told in _PACKAGES.items() if not _is_there(name)), None)
    if lacking:
        msg = f"stored threads need {lacking}, which is not installed: {install_line('threads')}"
        raise MissingExtraError(msg)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False
