"""`toolpair-observe demo --live`: agents run for some minutes, with an incident in the middle.

Only the providers are imitations. `ChatOpenAI`, HTTP, the handler, OpenTelemetry's SDK and its
Prometheus exporter are real; the exporter serves the metrics on the loopback interface.
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
    from collections.abc import Callable, Generator, Iterator, Sequence

    from toolpair_observe.accuracy import Accuracy
    from toolpair_observe.demo.live.agents import Agent
    from toolpair_observe.demo.live.damage import Messages
    from toolpair_observe.demo.live.telemetry import Telemetry

DEFAULT_PORT: Final = 9464
REQUESTS_PER_SECOND: Final = 2.0

_NO_PROXY: Final = "NO_PROXY"
_SHOWN_EVERY: Final = 5.0
_FEEDBACK_SECONDS: Final = 30.0
# One history in three is broken in the incident: enough to burn any error budget, while most
# requests still work.
_BROKEN: Final = (True, False, False)
# Each broken conversation is asked twice.
_NEW: Final = (True, False)
_threads: Final = count(1)
_TURNS: Final = (2, 3, 5, 2, 8, 3)


class Phase(StrEnum):
    """A phase of the live demo."""

    HEALTHY = "healthy"
    INCIDENT = "incident"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The length of each phase in seconds."""

    healthy: float
    incident: float
    recovered: float

    @classmethod
    def of_minutes(cls, minutes: float) -> Schedule:
        """Return three phases of the same length."""
        third = minutes * 60 / 3
        return cls(third, third, third)

    @property
    def total(self) -> float:
        """The length of all phases."""
        return self.healthy + self.incident + self.recovered

    def phase(self, elapsed: float) -> Phase | None:
        """Return the phase after `elapsed` seconds, or None after the last one."""
        for phase, length in zip(Phase, (self.healthy, self.incident, self.recovered), strict=True):
            if elapsed < length:
                return phase
            elapsed -= length
        return None


def run_live(
    schedule: Schedule,
    port: int = DEFAULT_PORT,
    agents: Sequence[Agent] = AGENTS,
    say: Callable[[str], None] = print,
) -> Accuracy:
    """Run the agents until the schedule is over.

    Args:
        schedule: The length of each phase.
        port: The port on the loopback interface that serves the metrics.
        agents: The agents.
        say: Prints the progress.

    Returns:
        The predictions against the outcomes.

    Raises:
        ToolPairError: The port can't be used.
    """
    with _isolated(), serve_telemetry(port) as telemetry:
        say(f"metrics: http://127.0.0.1:{port}/metrics")
        if telemetry.pushes:
            say("metrics, spans and events also go over OTLP")
        clock = Clock(schedule)
        with ThreadPoolExecutor(len(agents), thread_name_prefix="agent") as pool, clock:
            handlers = [new_handler(agent, telemetry) for agent in agents]
            runs = [
                pool.submit(run_agent, agent, handler, clock)
                for agent, handler in zip(agents, handlers, strict=True)
            ]
            _narrate(clock, agents, handlers[0], say)
        for run in runs:
            run.result()
        accuracy = handlers[0].accuracy()
        for handler in handlers:
            handler.close()
        return accuracy


class Clock:
    """Knows the phase, and wakes all agents at the end."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._start = monotonic()
        self._over = threading.Event()

    @property
    def phase(self) -> Phase | None:
        """The phase, or None after the last one."""
        return None if self._over.is_set() else self._schedule.phase(monotonic() - self._start)

    def wait(self, seconds: float) -> None:
        """Wait, but not past the end."""
        left = self._schedule.total - (monotonic() - self._start)
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
        # The agents ask their models without a graph, so there are no steps to hear of.
        blame="requests",
        meter_provider=telemetry.meters,
        tracer_provider=telemetry.tracers,
        logger_provider=telemetry.loggers,
        on_near_miss=agent.on_near_miss,
    )


def run_agent(agent: Agent, handler: ToolPairHandler, clock: Clock) -> None:
    """Run an agent until the clock's last phase is over."""
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
        conversations = _conversations(agent)
        next(conversations)
        while phase := clock.phase:
            thread_id, history = conversations.send(phase)
            # Failed requests are the point of the demo; the metrics count them.
            with suppress(openai.APIStatusError, InvalidToolResultsError):
                answer = model.invoke([*history], {"metadata": {"thread_id": thread_id}})
                history.append(answer)
            clock.wait(1 / REQUESTS_PER_SECOND)


def _conversations(agent: Agent) -> Generator[tuple[str, Messages], Phase, None]:
    """Yield the thread and the history of each request, as the phase that is sent wants it.

    What is broken is the conversation of the last sound request, with its answer. It stays so: its
    user asks once more.
    """
    turns, broken, is_new = cycle(_TURNS), cycle(_BROKEN), cycle(_NEW)
    sound: tuple[str, Messages] = (_thread_of(agent), [])
    stuck = sound
    asked = sound
    while True:
        phase = yield asked
        if phase is Phase.INCIDENT and next(broken):
            if next(is_new):
                thread_id, history = sound
                stuck = (thread_id, agent.broken(next(turns), history))
            # Without its answer, if it got one.
            asked = (stuck[0], [*stuck[1]])
        else:
            asked = sound = (_thread_of(agent), agent.sound(next(turns)))


def _thread_of(agent: Agent) -> str:
    return f"{agent.name}-{next(_threads)}"


@contextmanager
def _traced(agent: Agent, handler: ToolPairHandler) -> Iterator[None]:
    """Trace an agent with a key to a LangSmith server on this machine, any other nowhere."""
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
            # The feedback goes to the same server, which stops after this.
            handler.flush(_FEEDBACK_SECONDS)
            client.cleanup()


def _narrate(
    clock: Clock,
    agents: Sequence[Agent],
    handler: ToolPairHandler,
    say: Callable[[str], None],
) -> None:
    announced: Phase | None = None
    for tick in count():
        phase = clock.phase
        if phase is None:
            return
        if phase is not announced:
            announced = phase
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
def _isolated() -> Iterator[None]:
    """Keep the handler's log lines from the screen, and the demo's requests from any proxy."""
    logger = logging.getLogger("toolpair_observe")
    silence = logging.NullHandler()
    logger.addHandler(silence)
    previous = os.environ.get(_NO_PROXY)
    os.environ[_NO_PROXY] = "127.0.0.1"
    try:
        yield
    finally:
        logger.removeHandler(silence)
        if previous is None:
            del os.environ[_NO_PROXY]
        else:
            os.environ[_NO_PROXY] = previous
