"""A PostgreSQL database behind a URL, opened for reading only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import MissingExtraError, ThreadStoreError
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import quoted, shown

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ImportError as _error:  # also where it finds no libpq
    _MSG = f"threads in PostgreSQL need psycopg: {install_line('threads')}"
    raise MissingExtraError(_MSG) from _error

from toolpair_observe.threads.stores.postgres_connection import snapshots_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.threads.stores.sql import Snapshot

_PATIENCE: Final = "10"
"""Seconds after which a server that does not answer is given up, unless the URL says."""


@contextmanager
def opened_url(url: str) -> Iterator[tuple[Snapshot, str]]:
    """Connect with a database, and disconnect in the end.

    Args:
        url: Its URL, with whatever it says of a search path.

    Yields:
        What opens a view of it, and what it is called in an error.

    Raises:
        ThreadStoreError: It can't be reached.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:  # which may quote the URL, with a password in it
        msg = (
            "the URL of the database can't be read: write "
            "postgresql://user@host:port/database, with what is special in a URL as %XX"
        )
        raise ThreadStoreError(msg) from None
    name = _name(given)
    with _connected(given, name) as connection:
        yield snapshots_of(connection, name), name


@contextmanager
def _connected(given: Mapping[str, Any], name: str) -> Iterator[psycopg.Connection[Any]]:
    chosen = {"connect_timeout": _PATIENCE, **given, "client_encoding": "utf8"}
    try:
        # Statements that are prepared do not outlive a transaction behind some poolers.
        connection = psycopg.connect(
            make_conninfo(**chosen), autocommit=True, prepare_threshold=None
        )
    except psycopg.Error as error:
        told = str(error).strip().partition("\n")[0]
        password = str(given.get("password") or "")
        if password:
            told = told.replace(password, "…")
        msg = f"{name} can't be reached: {quoted(told, 300)}"
        raise ThreadStoreError(msg) from None
    with connection:
        # Said with each transaction, since poolers refuse settings of a session, or mix them up.
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


def _name(given: Mapping[str, Any]) -> str:
    """Return what a database is called, without a password."""
    user = f"{shown(str(given['user']))}@" if given.get("user") else ""
    host = shown(str(given.get("host") or given.get("hostaddr") or ""))
    port = f":{shown(str(given['port']))}" if given.get("port") else ""
    return f"postgresql://{user}{host}{port}/{shown(str(given.get('dbname') or ''))}"
