"""The live demo: the scraped metrics show every kind of trouble, in its phase."""

from __future__ import annotations

import socket
import threading
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.loopback.otlp_sink import OtlpSink

pytest.importorskip("opentelemetry.exporter.prometheus", reason="needs toolpair-observe[live]")

from toolpair_observe import check_messages, semconv
from toolpair_observe.counts import shared_counts
from toolpair_observe.demo.live import damage
from toolpair_observe.demo.live.agents import AGENTS
from toolpair_observe.demo.live.show import Phase, Schedule, new_handler, run_agent, run_live
from toolpair_observe.demo.live.telemetry import Telemetry
from toolpair_observe.demo.loopback.responses import judge
from toolpair_observe.errors import ToolPairError
from toolpair_observe.pairing.words import Effect, Outcome
from toolpair_observe.reporters.delivery import Delivery
from toolpair_observe.reporters.langsmith.client import FeedbackApi

if TYPE_CHECKING:
    from toolpair_observe.accuracy import Accuracy


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_incident_is_in_the_middle():
    schedule = Schedule(10, 20, 30)
    seconds = (0, 9.9, 10, 29.9, 30, 59.9, 60)
    assert [schedule.phase(second) for second in seconds] == [
        Phase.HEALTHY,
        Phase.HEALTHY,
        Phase.INCIDENT,
        Phase.INCIDENT,
        Phase.RECOVERED,
        Phase.RECOVERED,
        None,
    ]


def test_minutes_are_shared_out_evenly():
    assert Schedule.of_minutes(3) == Schedule(60, 60, 60)


class Script:
    """A clock with a script of phases, one for each look."""

    def __init__(self, *phases: Phase) -> None:
        self._phases = iter(phases)

    @property
    def phase(self) -> Phase | None:
        return next(self._phases, None)

    def wait(self, seconds: float) -> None:
        assert seconds > 0


@pytest.fixture
def telemetry():
    telemetry = Telemetry.create()
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def happened(telemetry):
    """Have every agent work through some phases; return the accuracy of the predictions."""

    def run(*phases: Phase) -> Accuracy:
        for agent in AGENTS:
            handler = new_handler(agent, telemetry)
            run_agent(agent, handler, Script(*phases))
            handler.close()
        return handler.accuracy()

    return run


def test_an_incident_shows_every_outcome_that_an_alert_is_about(happened):
    accuracy = happened(Phase.INCIDENT)

    seen = {
        (row.effect, outcome): count
        for row in accuracy.rows
        for outcome, count in row.outcomes.items()
        if count
    }
    assert seen == {
        (Effect.REJECT, Outcome.REJECTED): 1,
        (Effect.REJECT, Outcome.BLOCKED): 1,
        (Effect.REJECT, Outcome.ACCEPTED): 1,
        (Effect.SILENT_LOSS, Outcome.ACCEPTED): 1,
        (Effect.UNKNOWN, Outcome.ACCEPTED): 1,
        (Effect.CLEAN, Outcome.ESCAPED): 1,
        (Effect.CLEAN, Outcome.ACCEPTED): 1,
    }


def test_an_incident_hides_a_breach_that_somebody_mends(happened, telemetry):
    happened(*[Phase.INCIDENT] * 3)

    counts = shared_counts(telemetry.meters).snapshot(semconv.MASKED)
    assert counts == {("missing", "deepagents", "openai", "gpt-4.1-mini"): 1}


def test_a_conversation_that_stays_broken_is_one_breach(happened, telemetry):
    """Its user asks once more, and gets the same refusal."""
    happened(*[Phase.INCIDENT] * 4)

    counts = shared_counts(telemetry.meters)
    near_misses = {
        provider + model: count
        for (effect, _, provider, model), count in counts.snapshot(semconv.CHECKS).items()
        if count and Effect(effect).is_near_miss
    }
    breaches = {
        provider + model: count
        for (*_, provider, model), count in counts.snapshot(semconv.BREACHES).items()
    }
    assert set(near_misses.values()) == {2}
    assert breaches == dict.fromkeys(near_misses, 1)


def test_two_of_three_requests_of_an_incident_are_sound(happened):
    accuracy = happened(*[Phase.INCIDENT] * 3)

    accepted = sum(
        row.outcomes[Outcome.ACCEPTED]
        for row in accuracy.rows
        if row.effect in {Effect.CLEAN, Effect.ACCEPT}
    )
    # Nothing ever fails for the planner.
    assert accepted == 2 * len(AGENTS) + 1


@pytest.mark.parametrize("phase", [Phase.HEALTHY, Phase.RECOVERED])
def test_without_an_incident_nothing_is_wrong(happened, phase):
    accuracy = happened(phase)

    assert {row.effect for row in accuracy.rows} == {Effect.CLEAN, Effect.ACCEPT}
    assert sum(row.outcomes[Outcome.ACCEPTED] for row in accuracy.rows) == len(AGENTS)


def test_the_providers_are_those_that_the_agents_believe_to_speak_to(happened):
    accuracy = happened(Phase.HEALTHY)

    assert {row.provider for row in accuracy.rows} == {"openai", "azure.ai.openai", "deepseek", ""}


def test_feedback_is_sent_and_refused(happened, telemetry):
    happened(Phase.INCIDENT)

    counts = shared_counts(telemetry.meters).snapshot(semconv.FEEDBACK_SUBMISSIONS)
    assert counts == {("sent", ""): 1, ("failed", "403"): 1}


def test_feedback_arrives_from_a_worker_that_only_runs_when_somebody_waits(
    happened, telemetry, monkeypatch
):
    awaited = threading.Event()
    flush, send = Delivery.flush, FeedbackApi.send

    def flush_and_let_go(self, timeout):
        awaited.set()
        return flush(self, timeout)

    def send_when_awaited(self, submission):
        awaited.wait()
        awaited.clear()
        send(self, submission)

    monkeypatch.setattr(Delivery, "flush", flush_and_let_go)
    monkeypatch.setattr(FeedbackApi, "send", send_when_awaited)
    happened(Phase.INCIDENT)

    counts = shared_counts(telemetry.meters).snapshot(semconv.FEEDBACK_SUBMISSIONS)
    assert counts == {("sent", ""): 1, ("failed", "403"): 1}


def test_where_the_environment_says_so_everything_is_pushed(monkeypatch):
    with OtlpSink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint("").removesuffix("/v1/"))
        telemetry = Telemetry.create()
        try:
            handler = new_handler(AGENTS[0], telemetry)
            run_agent(AGENTS[0], handler, Script(Phase.INCIDENT))
            handler.close()
        finally:
            telemetry.shutdown()

    assert telemetry.pushes
    assert [span.name for span in sink.spans] == ["check tool_pairing"]
    assert {metric.name for metric in sink.metrics} >= {"toolpair.checks", "toolpair.outcomes"}


def test_every_story_is_told():
    said = []
    run_live(Schedule(0, 1, 0), free_port(), say=said.append)

    assert all(any(agent.story in line for line in said) for agent in AGENTS)


def test_metrics_are_served_on_the_loopback_interface_and_not_afterwards():
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    pages = []

    def scrape(_: str) -> None:
        with urllib.request.urlopen(url, timeout=5) as response:
            pages.append(response.read().decode())

    run_live(Schedule(0.3, 0, 0), port, say=scrape)

    assert "toolpair_runs_in_flight" in pages[-1]
    assert 'deployment_environment_name="demo"' in pages[-1]
    with pytest.raises(OSError, match="refused"):
        scrape("")


def test_a_port_that_is_taken_is_named_before_anything_starts():
    said = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ToolPairError, match=f"port {port} .*: choose another one with --port"):
            run_live(Schedule(1, 0, 0), port, say=said.append)
    assert not said


def test_the_responses_provider_pairs_by_id_and_wherever_they_stand():
    call = {"type": "function_call", "call_id": "a"}
    output = {"type": "function_call_output", "call_id": "a"}

    assert judge([output, {"role": "user"}, call]) is None
    assert "No tool output found for function call a" in judge([call]).message
    assert "No tool call found for function call output with call_id a" in judge([output]).message


@pytest.mark.parametrize("turns", [2, 5])
def test_only_damaged_conversations_are_broken(turns):
    assert check_messages(damage.conversation(turns)).ok
    for break_it in (damage.trimmed, damage.aborted, damage.partly_run, damage.retried):
        assert not check_messages(break_it(turns)).ok
    assert check_messages(damage.mended(turns)).ok


def test_what_an_incident_does_to_a_sound_conversation_is_told(happened, telemetry):
    """Questions and answers that come again and again are not taken for another order."""
    happened(Phase.HEALTHY, Phase.INCIDENT)

    counts = shared_counts(telemetry.meters).snapshot(semconv.BREACHES)
    changes = {model: change for (_, _, change, _, model), count in counts.items() if count}
    assert changes == {
        "gpt-4o-mini": "removed",
        "gpt-4o": "inserted",
        "gpt-5-mini": "inserted",
        "gpt-4.1": "inserted",
        "qwen3:8b": "inserted",
    }
