"""Each integration, built once and pointed at a server that keeps requests and refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .loopback import Loopback, refusing_server
from .recorders import ENVIRONMENT, INTEGRATIONS, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def _loopback() -> Iterator[Loopback]:
    with pytest.MonkeyPatch.context() as environment, refusing_server() as loopback:
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        yield loopback


@pytest.fixture(scope="session")
def recorder_of(_loopback: Loopback) -> Callable[[str], Recorder]:
    """Return the recorder of an integration by its name; skip where its package is missing."""
    built: dict[str, Recorder] = {}

    def recorder(name: str) -> Recorder:
        integration = INTEGRATIONS[name]
        if not integration.version:
            pytest.skip(f"{integration.package} is not installed (extra: integrations)")
        if name not in built:
            built[name] = Recorder(integration, _loopback)
        return built[name]

    return recorder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the clients' own leftovers be: this suite is about what they send."""
    for item in items:
        if "tests/integrations/" in item.nodeid:
            for kind in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}"))
