"""The end of the process: one deadline for everything, whatever hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from types import SimpleNamespace
from uuid import uuid4

import pytest
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from opentelemetry.metrics import NoOpMeterProvider

from tests.handler.models import CountingModel
from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from tests.strict.conversations import BROKEN
from toolpair_observe import deadline as clock
from toolpair_observe.attach import at_exit, seam
from toolpair_observe.attach.handler import ToolPairHandler

HANDLERS = 6
ALL = 3.0


class Waits:
    """A clock that stands still unless this thread waits, and then goes on by all it may wait."""

    def __init__(self, monkeypatch):
        self.now, self._thread = 0.0, threading.current_thread()
        monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: self.now))
        wait, wait_for = threading.Condition.wait, threading.Condition.wait_for
        join = threading.Thread.join

        def fake_wait(condition, timeout=None):
            return self._pass(timeout) if self._is_ours() else wait(condition, timeout)

        def fake_wait_for(condition, predicate, timeout=None):
            if not self._is_ours():
                return wait_for(condition, predicate, timeout)
            return predicate() or self._pass(timeout)

        def fake_join(thread, timeout=None):
            return self._pass(timeout) if self._is_ours() else join(thread, timeout)

        monkeypatch.setattr(threading.Condition, "wait", fake_wait)
        monkeypatch.setattr(threading.Condition, "wait_for", fake_wait_for)
        monkeypatch.setattr(threading.Thread, "join", fake_join)

    def _is_ours(self):
        return threading.current_thread() is self._thread

    def _pass(self, timeout):
        assert timeout is not None, "a wait without an end"
        self.now += timeout
        return False


def client_of(server):
    return Client(server.url, api_key=server.api_key, info=server.info, auto_batch_tracing=False)


@pytest.fixture
def hung():
    """Handlers whose hooks and whose LangSmith hang, with a near miss at each."""
    release = threading.Event()
    began = threading.Semaphore(0)

    def hook(_):
        began.release()
        release.wait(60)

    async def coroutine(_):
        began.release()
        await asyncio.to_thread(release.wait, 60)

    with LangSmithServer() as server, LangSmithServer() as healthy:
        server.fail("*", Fault(kind="hang"))
        handlers = [
            ToolPairHandler(
                profile="openai-chat",
                meter_provider=NoOpMeterProvider(),
                on_near_miss=hook if number % 2 else coroutine,
                langsmith_client=client_of(server),
            )
            for number in range(HANDLERS)
        ]
        tracer = LangChainTracer(client=client_of(healthy), project_name="p")
        for handler in handlers:
            for _ in range(2):
                CountingModel().invoke(BROKEN, {"callbacks": [tracer, handler]})
        for _ in handlers:
            assert began.acquire(timeout=10)
        server.wait_for(lambda: len(server.requests()) >= HANDLERS)
        yield handlers
        release.set()
        for handler in handlers:
            handler.close(0)
    # The servers are gone, so nothing holds a worker any more.
    for thread in threading.enumerate():
        if thread.name.startswith("toolpair"):
            thread.join(10)
    seam.uninstall()


def test_the_exit_waits_for_all_together_no_longer_than_for_one(hung, monkeypatch):
    with monkeypatch.context() as patch:
        waits = Waits(patch)
        at_exit._close_all()
        assert 0 < waits.now <= ALL + 1e-6


@pytest.mark.parametrize("timeout", [0.0, 0.5, 7.0])
def test_closing_a_handler_waits_no_longer_than_it_may(hung, monkeypatch, timeout):
    with monkeypatch.context() as patch:
        waits = Waits(patch)
        assert not hung[0].close(timeout)
        assert waits.now <= timeout + 1e-6


def test_an_exit_without_time_left_reports_no_further_run(make_handler, monkeypatch):
    """A span processor or a log handler of the application may take long for each of them."""
    handler = make_handler()
    for _ in range(10):
        handler.on_chat_model_start({}, [BROKEN], run_id=uuid4())
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    finished = handler._pipeline.finished

    def slow(record):
        now[0] += 1.0
        finished(record)

    handler._runs.ended = slow
    at_exit._close_all()
    assert now[0] <= 2 * ALL


SCRIPT = """
import asyncio, sys, threading, time
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from toolpair_observe import ToolPairHandler
def plain(_):
    threading.Event().wait()
async def coroutine(_):
    await asyncio.Event().wait()
async def on_a_thread(_):
    await asyncio.to_thread(threading.Event().wait)
model = FakeListChatModel(responses=["yes"])
calls = [{"name": "search", "args": {}, "id": "call_a"}]
history = [HumanMessage("hi"), AIMessage("", tool_calls=calls), HumanMessage("and?")]
hung, healthy = [
    Client(url, api_key=sys.argv[1], info={}, auto_batch_tracing=False) for url in sys.argv[2:]
]
tracer = LangChainTracer(client=healthy, project_name="p")
for hook in (plain, coroutine, on_a_thread) * 4:
    handler = ToolPairHandler(profile="openai-chat", on_near_miss=hook, langsmith_client=hung)
    model.invoke(history, {"callbacks": [tracer, handler]})
"""


def test_a_process_in_which_everything_hangs_ends():
    with LangSmithServer() as server, LangSmithServer() as healthy:
        server.fail("*", Fault(kind="hang"))
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", SCRIPT, server.api_key, server.url, healthy.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        server.heal()
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
