"""The examples run in forks of a server for which a warning is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fork_server import ForkServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def strict_fork_server() -> Iterator[ForkServer]:
    with ForkServer("-W", "error") as server:
        yield server
