"""A file of SQLite's, opened so that not a byte of it changes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import MAX_TEXT, quoted
from toolpair_observe.threads.stores.sqlite_connection import CLOSED, code_of, snapshots_of, told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolpair_observe.threads.stores.sql import Snapshot

PATIENCE = 5.0
"""Seconds after which a file that another process has locked is given up."""


@contextmanager
def opened_file(path: Path) -> Iterator[Snapshot]:
    """Open a file, and close it in the end.

    Yields:
        What opens a view of it.

    Raises:
        ThreadStoreError: It can't be read.
    """
    name = quoted(str(path), MAX_TEXT)
    if not path.exists():
        msg = f"there is no file {name}, and none was made: look at the path"
        raise ThreadStoreError(msg)
    if not path.is_file():
        msg = f"{name} is no file: name the SQLite database"
        raise ThreadStoreError(msg)
    # To open it and close it would take away the locks that this process has on it.
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        msg = f"{name} may not be read by this user: have its owner allow it"
        raise ThreadStoreError(msg)
    with closing(_connected(path, name)) as connection:
        yield snapshots_of(connection, name)


def _connected(path: Path, name: str) -> sqlite3.Connection:
    with told(name):
        try:
            return _connection(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if code_of(error) not in CLOSED or _is_written(path):
                raise
            # Write-ahead logging needs a file beside it, which can't be made in this folder.
            # There is no log either: all that was written stands in the file itself.
            return _connection(path, "mode=ro&immutable=1")


def _connection(path: Path, how: str) -> sqlite3.Connection:
    """Connect with a file, and read of it as much as shows whether it can be read."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("pragma query_only = on")
        connection.execute("select count(*) from sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _is_written(path: Path) -> bool:
    """Whether a log or a journal stands beside a file, with what is not in the file itself."""
    beside = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    return any(each.exists() and each.stat().st_size for each in beside)
