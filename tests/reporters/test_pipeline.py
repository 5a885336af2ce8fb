"""Reporters get frozen observations, and only those that they want."""

from __future__ import annotations

import logging

import pytest

from tests.reporters.samples import record, violation
from toolpair_observe import Effect, Outcome
from toolpair_observe.logs import LOGGER_NAME
from toolpair_observe.reporters import log


class Listener:
    """A reporter that records its calls."""

    def __init__(self, *, wants_sound):
        self.wants_sound = wants_sound
        self.flags, self.ends, self.mends, self.traces = [], [], [], []

    def flagged(self, observation, trace):
        self.flags.append(observation)
        self.traces.append(trace)

    def finished(self, observation, trace):
        self.ends.append(observation)
        self.traces.append(trace)

    def mended(self, observation, trace):
        self.mends.append(observation)
        self.traces.append(trace)


def run(pipeline, taken, outcome, rejected_kind=None):
    """Check a request and end it."""
    pipeline.checked(taken)
    taken.outcome, taken.rejected_kind = outcome, rejected_kind
    pipeline.finished(taken)


def test_each_value_is_counted_under_its_own_name(sdk):
    """Keys are tuples in the order of the metric's labels, written far from that table."""
    taken = record([violation()], mode="strict")
    run(sdk.pipeline(), taken, Outcome.REJECTED, "missing_result")

    provider_and_model = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
    expected = {
        "toolpair.checks": {"toolpair.effect": "reject", "toolpair.mode": "strict"},
        "toolpair.violations": {
            "toolpair.violation.kind": "missing_result",
            "toolpair.violation.effect": "reject",
            "toolpair.violation.cause": "partial_execution",
        },
        "toolpair.outcomes": {"toolpair.outcome": "rejected", "toolpair.effect": "reject"},
    }
    collected = sdk.metrics()
    for name, attributes in expected.items():
        counted = [point for point in collected[name].data.data_points if point.value]
        assert [dict(point.attributes) for point in counted] == [attributes | provider_and_model]


@pytest.mark.parametrize("wants_sound", [True, False])
def test_findings_reach_everybody_and_sound_requests_those_who_want_them(sdk, wants_sound):
    pipeline, listener = sdk.pipeline(), Listener(wants_sound=wants_sound)
    pipeline.report_to({"listener": listener})
    harmless = [violation(effect=Effect.ACCEPT)]
    run(pipeline, record(), Outcome.ACCEPTED)
    run(pipeline, record(harmless), Outcome.FAILED)
    run(pipeline, record([violation()]), Outcome.REJECTED, "missing_result")
    run(pipeline, record(), Outcome.ESCAPED, "orphan_result")

    assert [(each.report.effect, each.outcome) for each in listener.flags] == [("reject", None)]
    sound = [("clean", "accepted"), ("accept", "failed")] if wants_sound else []
    assert [(each.report.effect, each.outcome) for each in listener.ends] == [
        *sound,
        ("reject", "rejected"),
        ("clean", "escaped"),
    ]
    assert sdk.points("toolpair.outcomes")["accepted", "clean", "openai", "gpt-4o"] == 1


def test_the_log_alone_is_told_of_a_sound_request_whose_companion_was_refused(sdk, caplog):
    """It is no finding, so nobody gets a span, feedback or a call for it."""
    pipeline, listener = sdk.pipeline(), Listener(wants_sound=False)
    pipeline.report_to({"listener": listener, "log": log.LogReporter()})
    taken = record()
    taken.rejected_companion = "thinking_signature"
    with caplog.at_level(logging.WARNING, LOGGER_NAME):
        run(pipeline, taken, Outcome.FAILED)

    assert listener.ends == []
    (line,) = caplog.messages
    assert line.startswith("companion of a call refused: thinking signature; ")


def test_an_escape_is_counted_with_whose_fault_it_is(sdk):
    pipeline = sdk.pipeline()
    for fault in ("check", "server", "server"):
        taken = record()
        taken.escape_fault = fault
        run(pipeline, taken, Outcome.ESCAPED, "orphan_result")

    outcomes = sdk.points("toolpair.outcomes")
    assert outcomes["escaped", "clean", "openai", "gpt-4o", "check"] == 1
    assert outcomes["escaped", "clean", "openai", "gpt-4o", "server"] == 2


def test_whether_sound_requests_are_wanted_is_asked_each_time(sdk):
    pipeline, listener = sdk.pipeline(), Listener(wants_sound=False)
    pipeline.report_to({"listener": listener})
    for wants_sound in (False, True, False):
        listener.wants_sound = wants_sound
        run(pipeline, record(), Outcome.ACCEPTED)
    assert len(listener.ends) == 1


def test_what_a_reporter_was_told_stays_as_it_was(sdk):
    """What handler and seam learn later is in the next observation, not in the last one."""
    pipeline, listener = sdk.pipeline(), Listener(wants_sound=True)
    pipeline.report_to({"listener": listener})
    taken = record([violation()])
    pipeline.checked(taken)
    taken.blocked, taken.mode, taken.outcome = True, "strict", Outcome.BLOCKED
    taken.link = object()
    pipeline.finished(taken)

    (flag,), (end,) = listener.flags, listener.ends
    assert (flag.blocked, flag.mode, flag.outcome) == (False, "observe", None)
    assert (end.blocked, end.mode, end.outcome) == (True, "strict", Outcome.BLOCKED)
    assert [trace.link for trace in listener.traces] == [None, taken.link]


def test_a_sound_request_brings_the_count_of_a_minute_that_is_over(sdk, caplog):
    """The log waits for no second near miss to say how many there were."""
    now = 1_000.0
    reporter = log.LogReporter(log.Throttle(lambda: now))
    pipeline = sdk.pipeline()
    pipeline.report_to({"log": reporter})
    with caplog.at_level(logging.WARNING, LOGGER_NAME):
        for _ in range(2):
            run(pipeline, record([violation()]), Outcome.ACCEPTED)
        run(pipeline, record(), Outcome.ACCEPTED)
        assert len(caplog.messages) == 1
        now += log.WINDOW_SECONDS
        run(pipeline, record(), Outcome.ACCEPTED)
    assert caplog.messages[1].startswith("… and 1 more like it in the minute after")


def test_metrics_that_fail_are_counted_and_the_near_miss_is_reported(sdk, monkeypatch):
    def fail(*_):
        raise LookupError

    pipeline, listener = sdk.pipeline(), Listener(wants_sound=False)
    pipeline.report_to({"listener": listener})
    monkeypatch.setattr(sdk.counts, "fold_provider", fail)
    run(pipeline, record([violation()]), Outcome.ACCEPTED)

    assert (len(listener.flags), len(listener.ends)) == (1, 1)
    assert sdk.points("toolpair.internal.errors") == {("LookupError", "otel"): 1}
