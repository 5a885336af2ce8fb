"""Handlers, tracers and models around a loopback LangSmith."""

from __future__ import annotations

import functools
import inspect
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from opentelemetry.metrics import NoOpMeterProvider

from toolpair_observe import semconv
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.reporters.delivery import DeliveryLimits
from toolpair_observe.reporters.langsmith import feedback as langsmith
from toolpair_observe.reporters.langsmith.feedback import LangSmithReporter

if TYPE_CHECKING:
    from tests.loopback.langsmith_server import LangSmithServer

CANARY = "canary-3f9c"
CALLER = "caller"
# Enough attempts for a run that is on its way, quick enough for a test.
LIMITS = DeliveryLimits(first_delay=0.01, max_delay=0.1, max_attempts=60)
# So long that a busy machine is not taken for a hanging server.
PATIENT = 20.0
IMPATIENT = 0.3


def call(id_: str = "call_a", tool: str = "search") -> dict[str, Any]:
    return {"name": tool, "args": {"query": CANARY}, "id": id_}


def broken_history() -> list[BaseMessage]:
    """A call without its result."""
    return [
        HumanMessage(f"find {CANARY}"),
        AIMessage(f"looking for {CANARY}", tool_calls=[call()]),
        HumanMessage("and?"),
    ]


def clean_history() -> list[BaseMessage]:
    return [
        HumanMessage(f"find {CANARY}"),
        AIMessage("", tool_calls=[call()]),
        ToolMessage(f"found {CANARY}", tool_call_id="call_a"),
    ]


class Rig:
    """Makes handlers and tracers for one server, and cleans up after them."""

    def __init__(self, server: LangSmithServer) -> None:
        self.server = server
        self._clients: list[Client] = []
        self._handlers: list[ToolPairHandler] = []

    def client(self, server: LangSmithServer | None = None, **options: Any) -> Client:
        server = server or self.server
        given = {"api_url": server.url, "api_key": server.api_key, "info": server.info} | options
        self._clients.append(Client(**given))
        return self._clients[-1]

    def tracer(self, client: Client | None = None, project_name: str = "checkout") -> Any:
        return LangChainTracer(client=client or self.client(), project_name=project_name)

    def handler(self, mode: Any = "observe", **options: Any) -> ToolPairHandler:
        options.setdefault("profile", "openai-chat")
        options.setdefault("meter_provider", NoOpMeterProvider())
        self._handlers.append(ToolPairHandler(mode, **options))
        return self._handlers[-1]

    def close(self) -> None:
        self.server.heal()
        for handler in self._handlers:
            handler.close()
        for client in self._clients:
            stop(client)


def stop(client: Client) -> None:
    """Let a client send what it holds, and end its threads."""
    client.flush()
    client.cleanup()


def has(name: str) -> bool:
    """Whether the installed client knows an argument that came after the oldest one we support."""
    return name in inspect.signature(Client.__init__).parameters


def counted(handler: ToolPairHandler) -> Counter[tuple[str, ...]]:
    """The feedback submissions of a handler, by result and reason."""
    return +Counter(handler._pipeline.counts.snapshot(semconv.FEEDBACK_SUBMISSIONS))


def internal_errors(handler: ToolPairHandler) -> Counter[tuple[str, ...]]:
    return +Counter(handler._pipeline.counts.snapshot(semconv.INTERNAL_ERRORS))


def hurry(monkeypatch: Any, timeout: float = PATIENT) -> None:
    """Have feedback retried and given up within a test's patience."""
    quick = functools.partial(LangSmithReporter, limits=LIMITS, timeout=timeout)
    monkeypatch.setattr(langsmith, "LangSmithReporter", quick)


class Connections:
    """Which threads connected to which port."""

    def __init__(self, monkeypatch: Any) -> None:
        self.made: list[tuple[threading.Thread, int]] = []
        self._changed = threading.Condition()
        connect = socket.socket.connect

        def record(sock: socket.socket, address: Any) -> None:
            with self._changed:
                self.made.append((threading.current_thread(), address[1]))
                self._changed.notify_all()
            connect(sock, address)

        monkeypatch.setattr(socket.socket, "connect", record)

    def by(self, thread: threading.Thread, url: str) -> int:
        """How many connections a thread has made to a server."""
        port = urlsplit(url).port
        return sum(each == (thread, port) for each in self.made)

    def by_workers(self) -> int:
        return sum(thread.name.startswith("toolpair") for thread, _ in self.made)

    def wait_for_a_worker(self) -> None:
        """Wait until something was tried, so that a fault was really met."""
        with self._changed:
            assert self._changed.wait_for(self.by_workers, 10)
