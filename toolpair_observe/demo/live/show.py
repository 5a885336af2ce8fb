"""`toolpair-observe demo --live`: agents at work for some minutes, with an incident in the middle.

Everything is real but the providers: `ChatOpenAI`, HTTP, the handler, OpenTelemetry's SDK, and its
Prometheus exporter, which serves the metrics on the loopback interface for anybody to scrape.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, cycle
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

import openai
from langsmith import Client, tracing_context

from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.demo.live.agents import AGENTS
from toolpair_observe.demo.live.telemetry import SERVICE, serve_telemetry
from toolpair_observe.demo.loopback.client import loopback_model
from toolpair_observe.demo.loopback.langsmith import INFO, LoopbackLangSmith
from toolpair_observe.demo.loopback.responses import ResponsesProvider
from toolpair_observe.errors import InvalidToolResultsError
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.accuracy import Accuracy
    from toolpair_observe.demo.live.agents import Agent
    from toolpair_observe.demo.live.telemetry import Telemetry

DEFAULT_PORT: Final = 9464
REQUESTS_PER_SECOND: Final = 2.0

_NO_PROXY: Final = "NO_PROXY"
_SHOWN_EVERY: Final = 5.0
_FEEDBACK_SECONDS: Final = 30.0
# One in three is broken in the incident: enough to burn any budget, and still mostly at work.
_BROKEN: Final = (True, False, False)
_TURNS: Final = (2, 3, 5, 2, 8, 3)


class Phase(StrEnum):
    """What is going on."""

    HEALTHY = "healthy"
    INCIDENT = "incident"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Timeline:
    """How long each phase lasts, in seconds."""

    healthy: float
    incident: float
    recovered: float

    @classmethod
    def of_minutes(cls, minutes: float) -> Timeline:
        """Return three phases of the same length."""
        third = minutes * 60 / 3
        return cls(third, third, third)

    @property
    def total(self) -> float:
        """How long all of it lasts."""
        return self.healthy + self.incident + self.recovered

    def phase(self, elapsed: float) -> Phase | None:
        """Return the phase after so many seconds, None when all is over."""
        for phase, length in zip(Phase, (self.healthy, self.incident, self.recovered), strict=True):
            if elapsed < length:
                return phase
            elapsed -= length
        return None


def run_live(
    timeline: Timeline,
    port: int = DEFAULT_PORT,
    agents: Sequence[Agent] = AGENTS,
    say: Callable[[str], None] = print,
) -> Accuracy:
    """Let the agents work until the timeline is over.

    Args:
        timeline: How long each phase lasts.
        port: Where the metrics are served on the loopback interface.
        agents: Who works.
        say: Is told what is going on.

    Returns:
        What was predicted and what happened.

    Raises:
        ToolPairError: The port is taken.
    """
    with _undisturbed(), serve_telemetry(port) as telemetry:
        say(f"metrics: http://127.0.0.1:{port}/metrics")
        if telemetry.pushes:
            say("metrics, spans and events also go over OTLP")
        clock = Clock(timeline)
        with ThreadPoolExecutor(len(agents), thread_name_prefix="agent") as pool, clock:
            handlers = [new_handler(agent, telemetry) for agent in agents]
            at_work = [
                pool.submit(work, agent, handler, clock)
                for agent, handler in zip(agents, handlers, strict=True)
            ]
            _narrate(clock, agents, handlers[0], say)
        for each in at_work:
            each.result()
        accuracy = handlers[0].accuracy()
        for handler in handlers:
            handler.close()
        return accuracy


class Clock:
    """Tells the phase, and wakes everybody up at the end."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._start = monotonic()
        self._over = threading.Event()

    @property
    def phase(self) -> Phase | None:
        """The phase, None when all is over."""
        return None if self._over.is_set() else self._timeline.phase(monotonic() - self._start)

    def wait(self, seconds: float) -> None:
        """Wait, but not past the end."""
        left = self._timeline.total - (monotonic() - self._start)
        self._over.wait(max(0.0, min(seconds, left)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()


def new_handler(agent: Agent, telemetry: Telemetry) -> ToolPairHandler:
    """Return the handler of an agent."""
    return ToolPairHandler(
        mode=agent.mode,
        block_on=(Effect.REJECT, Effect.LOCAL_ERROR),
        profile=agent.profile,
        meter_provider=telemetry.meters,
        tracer_provider=telemetry.tracers,
        logger_provider=telemetry.loggers,
        on_near_miss=agent.on_near_miss,
    )


def work(agent: Agent, handler: ToolPairHandler, clock: Clock) -> None:
    """Let an agent work until the clock says that all is over."""
    with (
        agent.provider() as provider,
        _traced(agent, handler),
        loopback_model(
            agent.model,
            provider.base_url,
            handler,
            uses_responses=isinstance(provider, ResponsesProvider),
        ) as model,
    ):
        turns, broken = cycle(_TURNS), cycle(_BROKEN)
        while phase := clock.phase:
            is_broken = phase is Phase.INCIDENT and next(broken)
            make = agent.broken if is_broken else agent.sound
            # What goes wrong is what the demo is about; the metrics tell.
            with suppress(openai.APIStatusError, InvalidToolResultsError):
                model.invoke(make(next(turns)))
            clock.wait(1 / REQUESTS_PER_SECOND)


@contextmanager
def _traced(agent: Agent, handler: ToolPairHandler) -> Iterator[None]:
    """Trace an agent to a LangSmith on this machine where it has a key, and nowhere otherwise."""
    if not agent.langsmith_key:
        with tracing_context(enabled=False):
            yield
        return
    with LoopbackLangSmith() as server:
        client = Client(server.api_url, api_key=agent.langsmith_key, info=dict(INFO))
        try:
            with tracing_context(enabled=True, client=client, project_name=SERVICE):
                yield
        finally:
            client.flush()
            # Its feedback goes to the same server, which is about to go away.
            handler.flush(_FEEDBACK_SECONDS)
            client.cleanup()


def _narrate(
    clock: Clock,
    agents: Sequence[Agent],
    handler: ToolPairHandler,
    say: Callable[[str], None],
) -> None:
    told: Phase | None = None
    for tick in count():
        phase = clock.phase
        if phase is None:
            return
        if phase is not told:
            told = phase
            say(f"\n{phase}")
            if phase is Phase.INCIDENT:
                for agent in agents:
                    say(f"  {agent.name} ({agent.model}, {agent.mode}): {agent.story}")
        elif tick:
            accuracy = handler.accuracy()
            requests = sum(row.total for row in accuracy.rows)
            say(
                f"  {requests:,} requests, {accuracy.hits:,} refused as flagged, "
                f"{accuracy.misses:,} refused and not flagged"
            )
        clock.wait(_SHOWN_EVERY)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the demo on this machine and its screen its own."""
    logger = logging.getLogger("toolpair_observe")
    silence = logging.NullHandler()
    logger.addHandler(silence)
    proxied = os.environ.get(_NO_PROXY)
    os.environ[_NO_PROXY] = "127.0.0.1"
    try:
        yield
    finally:
        logger.removeHandler(silence)
        if proxied is None:
            del os.environ[_NO_PROXY]
        else:
            os.environ[_NO_PROXY] = proxied
