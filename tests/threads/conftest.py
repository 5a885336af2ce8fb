"""Real databases for the tests of stored threads, and the threads of real programs in them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.amounts import UNDER_CI
from tests.loopback.scripted_provider import ScriptedProvider
from tests.postgres_server import PostgresServer, programs
from tests.threads.programs import beds
from tests.threads.programs.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fork_server import ForkServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that is started at the first use: one for each process of the tests."""
    folder = programs()
    if folder is None:
        lacking = "no PostgreSQL server is installed (Debian's package `postgresql`)"
        if UNDER_CI:
            pytest.fail(lacking)
        pytest.skip(lacking)
    with PostgresServer(folder) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database that is empty, and the test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def scripted_provider() -> Iterator[ScriptedProvider]:
    """A provider of many conversations."""
    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture(scope="session")
def sqlite_threads(
    tmp_path_factory: Any, scripted_provider: ScriptedProvider, fork_server: ForkServer
) -> Iterator[Threads]:
    """Threads in a SQLite file, which no test may change."""
    with closing(beds.SqliteBed(tmp_path_factory.mktemp("threads") / "threads.db")) as bed:
        yield Threads(bed, scripted_provider, fork_server)


@pytest.fixture(scope="session")
def memory_threads(
    scripted_provider: ScriptedProvider, fork_server: ForkServer
) -> Iterator[Threads]:
    """Threads in memory, which no test may change."""
    with closing(beds.MemoryBed()) as bed:
        yield Threads(bed, scripted_provider, fork_server)


@pytest.fixture(scope="session")
def postgres_threads(
    postgres_server: PostgresServer, scripted_provider: ScriptedProvider, fork_server: ForkServer
) -> Iterator[Threads]:
    """Threads in a PostgreSQL database, which no test may change."""
    url = postgres_server.url(postgres_server.create_database())
    with closing(beds.PostgresBed(url)) as bed:
        bed.saver().setup()
        yield Threads(bed, scripted_provider, fork_server)
