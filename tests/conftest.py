"""Fixtures that every test may use, and the guard that no test leaves anything behind."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from opentelemetry import trace
from opentelemetry.context import Context, attach

from tests.amounts import UNDER_CI
from tests.fork_server import ForkServer
from tests.loopback.counting_provider import CountingProvider
from toolpair_observe.attach import runs
from toolpair_observe.reporters import log, repairs
from toolpair_observe.reporters.langsmith import feedback

if TYPE_CHECKING:
    from collections.abc import Iterator

# A gate has to give the same answer twice; developers get new examples with every run, and a third
# of them (see `tests.amounts`). A machine that is busy is no mistake, so there is no deadline.
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("local", max_examples=33, deadline=None)
settings.load_profile("ci" if UNDER_CI else "local")

SHARED_DIR = Path(__file__).resolve().parents[2] / "shared"
WORKER_THREADS = "toolpair"
SECONDS_TO_END = 2.0


def pytest_collection_finish() -> None:
    """Hide existing objects from the garbage collector, because they live until the end.

    Every module is imported and every test is known. Many tests collect, some of them often.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real histories and provider texts, which may be next to the repository."""
    if not SHARED_DIR.is_dir():
        pytest.skip("no shared folder beside the repository: the real histories are not here")
    return SHARED_DIR


@pytest.fixture(scope="session")
def _counting_provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


@pytest.fixture
def counting_provider(_counting_provider: CountingProvider) -> CountingProvider:
    """An OpenAI-compatible loopback endpoint that has not been asked anything yet."""
    _counting_provider.reset()
    return _counting_provider


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """The server that runs programs whose start is not under test."""
    with ForkServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _unsaid() -> None:
    """Forget which lines the process has logged: each test is to get its own."""
    log._process.reset()
    repairs._known.reset()
    feedback._logged.clear()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a current span, a live worker thread of ours or a request in flight.

    A handler that is used has to see the end of its runs, and one with workers has to be closed.
    """
    workers_before = _workers()
    yield
    current = trace.get_current_span().get_span_context()
    # Its context must not fail the tests after it as well.
    attach(Context())
    assert not current.is_valid, "the test left a current OpenTelemetry span"
    left = _workers() - workers_before
    for thread in left:
        # A closed one may need a moment on a machine that is busy; an idle one would take longer.
        thread.join(SECONDS_TO_END)
    left = {thread for thread in left if thread.is_alive()}
    names = sorted(thread.name for thread in left)
    assert not left, f"the test left worker threads: {names}; close its handlers"
    runs.sweep_all()
    in_flight = [run.record for run in runs._open.values()]
    runs._open.clear()
    assert not in_flight, "the test left requests in flight; end their runs or close the handler"


def _workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith(WORKER_THREADS)}
