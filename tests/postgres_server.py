"""Debian's PostgreSQL, started for the tests on a loopback port, with nothing left of it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg

if TYPE_CHECKING:
    from types import TracebackType

HOST: Final = "127.0.0.1"
ACCOUNT: Final = "postgres"
FOLDERS: Final = Path("/usr/lib/postgresql")
# Nothing has to outlive a test. No socket in the file system: its path has a greatest length.
CONFIGURATION: Final = f"""\
listen_addresses = '{HOST}'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 40
shared_buffers = 64MB
"""
LOCALE: Final = "--locale=C.UTF-8"
ATTEMPTS: Final = 5


def programs() -> Path | None:
    """The folder of the newest server's programs; None where there is none."""
    found = [path.parent for path in FOLDERS.glob("*/bin/pg_ctl")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class PostgresServer:
    """A server of its own, in a temporary folder.

    Args:
        folder: Where its programs are.
    """

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        self._home = Path(tempfile.mkdtemp(prefix="toolpair-postgres-"))
        self._data = self._home / "data"
        self._port = 0
        self._numbers = count(1)
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:  # as whom the server refuses to run
            account = pwd.getpwnam(ACCOUNT)
            os.chown(self._home, account.pw_uid, account.pw_gid)
            self._account = {
                "user": account.pw_uid,
                "group": account.pw_gid,
                "extra_groups": (),
            }

    def __enter__(self) -> Self:
        try:
            self._run("initdb", "--no-sync", "--auth=trust", f"--username={ACCOUNT}", LOCALE)
            with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
                file.write(CONFIGURATION)
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._run("pg_ctl", "stop", "-w", "-m", "immediate")
        finally:
            self._remove()

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{ACCOUNT}@{HOST}:{self._port}/{database}"

    def create_database(self) -> str:
        """Make an empty database, and return its name."""
        name = f"test_{next(self._numbers)}"
        self._execute(f'create database "{name}"')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected with it."""
        self._execute(f'drop database if exists "{name}" with (force)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _start(self) -> None:
        for left in reversed(range(ATTEMPTS)):
            self._port = _free_port()
            try:
                log = self._home / "log"
                self._run("pg_ctl", "start", "-w", "-l", str(log), "-o", f"-p {self._port}")
            except RuntimeError:
                if not left:  # somebody has taken the port each time, or it is something else
                    raise
            else:
                return

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
            [self._programs / program, *arguments, "-D", self._data],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._account,
        )
        if done.returncode:
            log = self._home / "log"
            told = log.read_text(encoding="utf-8") if log.exists() else ""
            msg = f"{program} {' '.join(arguments)} failed: {done.stdout}\n{told}"
            raise RuntimeError(msg)

    def _remove(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
        return port
