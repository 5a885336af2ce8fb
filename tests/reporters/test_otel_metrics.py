"""Metrics: the collected values, their counts and their meter provider."""

from __future__ import annotations

import gc
import logging
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from tests.reporters.conftest import Sdk
from tests.reporters.samples import record, violation
from toolpair_observe import Effect, semconv
from toolpair_observe.counts import OTHER, Counts
from toolpair_observe.record import Place
from toolpair_observe.reporters.otel_metrics import CheckMetrics


def test_counters_show_the_counts(sdk):
    """Each count under its metric, unit, description and labels, as integers."""
    sdk.check_metrics()
    counts = sdk.counts
    counts.add(semconv.CHECKS, ("reject", "strict", "openai", "gpt-4o"), 3)
    counts.add(
        semconv.VIOLATIONS,
        ("missing_result", "reject", "partial_execution", "openai", "gpt-4o"),
        4,
    )
    counts.add(semconv.OUTCOMES, ("rejected", "reject", "openai", "gpt-4o", ""), 2)
    counts.add(semconv.FEEDBACK_SUBMISSIONS, ("failed", "TimeoutError"), 5)
    counts.add(semconv.INTERNAL_ERRORS, ("KeyError", "check"))
    counts.add(semconv.UNCHECKED, ("KeyError",))
    counts.add(semconv.RUNS_IN_FLIGHT, (), 7)
    counts.add(semconv.RUNS_IN_FLIGHT, (), -1)

    expected = {
        semconv.CHECKS: {
            "toolpair.effect": "reject",
            "toolpair.mode": "strict",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
        },
        semconv.VIOLATIONS: {
            "toolpair.violation.kind": "missing_result",
            "toolpair.violation.effect": "reject",
            "toolpair.violation.cause": "partial_execution",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
        },
        semconv.OUTCOMES: {
            "toolpair.outcome": "rejected",
            "toolpair.effect": "reject",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
        },
        semconv.FEEDBACK_SUBMISSIONS: {
            "toolpair.feedback.result": "failed",
            "error.type": "TimeoutError",
        },
        semconv.UNCHECKED: {"error.type": "KeyError"},
        semconv.INTERNAL_ERRORS: {"error.type": "KeyError", "toolpair.component": "check"},
        semconv.RUNS_IN_FLIGHT: {},
    }
    values = {}
    collected = sdk.metrics()
    for metric, attributes in expected.items():
        found = collected[metric.name]
        assert (found.unit, found.description) == (metric.unit, metric.description)
        assert found.data.is_monotonic == (metric is not semconv.RUNS_IN_FLIGHT)
        points = [p for p in found.data.data_points if dict(p.attributes) == attributes]
        assert len(points) == 1, (metric.name, attributes)
        assert type(points[0].value) is int
        values[metric] = points[0].value
    assert list(values.values()) == [3, 4, 2, 5, 1, 1, 6]


def test_series_that_alerts_read_start_at_zero(sdk):
    """The first near miss must be a step from 0 to 1; violations stay sparse."""
    sdk.check_metrics()
    sdk.counts.add(semconv.CHECKS, ("clean", "observe", "openai", "gpt-4o"))

    checks = sdk.points("toolpair.checks")
    assert checks[("clean", "observe", "openai", "gpt-4o")] == 1
    for effect in ("local_error", "reject", "silent_loss", "unknown"):
        assert checks[(effect, "observe", "openai", "gpt-4o")] == 0
    outcomes = sdk.points("toolpair.outcomes")
    for outcome, effect, *fault in (
        ("blocked", "reject"),
        ("rejected", "reject"),
        ("escaped", "clean", "check"),
        ("escaped", "clean", "server"),
        ("accepted", "silent_loss"),
    ):
        assert outcomes[(outcome, effect, "openai", "gpt-4o", *fault)] == 0
    assert "toolpair.violations" not in sdk.metrics()


def test_what_is_not_known_is_no_label(sdk):
    """`error.type` only where something failed, no empty provider or model."""
    sdk.check_metrics()
    sdk.counts.add(semconv.FEEDBACK_SUBMISSIONS, ("sent", ""))
    sdk.counts.add(semconv.CHECKS, ("clean", "observe", "", ""))

    collected = sdk.metrics()
    (sent,) = collected["toolpair.feedback.submissions"].data.data_points
    assert dict(sent.attributes) == {"toolpair.feedback.result": "sent"}
    for point in collected["toolpair.checks"].data.data_points:
        assert set(point.attributes) == {"toolpair.effect", "toolpair.mode"}


def test_in_flight_is_there_before_the_first_request(sdk):
    """So that an alert on absent telemetry has something that is always present."""
    sdk.check_metrics()

    assert sdk.points("toolpair.runs.in_flight") == {(): 0}


def test_too_many_models_are_folded(sdk):
    """The number of series stays bounded, the sum stays right."""
    sdk.check_metrics()
    counts = sdk.counts
    counts.max_label_values = 3
    for number in range(10):
        counts.add(semconv.CHECKS, ("clean", "observe", "openai", f"model-{number}"))

    checks = sdk.points("toolpair.checks")
    assert {labels[3] for labels in checks} == {"model-0", "model-1", "model-2", OTHER}
    assert checks[("clean", "observe", "openai", OTHER)] == 7


def test_folding_covers_the_histogram_of_messages(sdk):
    """Its provider label comes from outside just as the counters' do."""
    metrics = sdk.check_metrics()
    sdk.counts.max_label_values = 2
    for number in range(5):
        metrics.measure(record([violation()], provider=f"provider-{number}"))

    points = sdk.metrics()["toolpair.check.messages"].data.data_points
    assert {point.attributes["gen_ai.provider.name"]: point.count for point in points} == {
        "provider-0": 1,
        "provider-1": 1,
        OTHER: 3,
    }


def test_duration_of_a_check(sdk):
    """In seconds, in the advisory buckets, by effect, clean ones too."""
    metrics = sdk.check_metrics()
    metrics.measure(record(check_ns=3_000))
    metrics.measure(record([violation()], check_ns=42_000))

    metric = sdk.metrics()["toolpair.check.duration"]
    assert (metric.unit, metric.description) == ("s", semconv.CHECK_DURATION.description)
    points = {point.attributes["toolpair.effect"]: point for point in metric.data.data_points}
    assert set(points) == {"clean", "reject"}
    assert points["clean"].sum == pytest.approx(3e-6)
    assert points["reject"].explicit_bounds == semconv.CHECK_DURATION.buckets
    assert points["reject"].bucket_counts[semconv.CHECK_DURATION.buckets.index(5e-5)] == 1


@pytest.mark.parametrize("is_fresh", [True, None])
def test_duration_of_each_near_miss_and_of_a_sample_of_the_others(sdk, is_fresh):
    """The first of an effect makes the series, whichever handler checks it."""
    handlers = [sdk.pipeline(), sdk.pipeline()]
    per = semconv.CHECKS_PER_DURATION

    def counted():
        points = sdk.metrics()["toolpair.check.duration"].data.data_points
        return {point.attributes["toolpair.effect"]: point.count for point in points}

    handlers[0].checked(record())
    handlers[1].checked(record([violation(effect=Effect.ACCEPT)]))
    assert counted() == {"clean": 1, "accept": 1}

    for turn in range(2 * per):
        handlers[turn % 2].checked(record())
        handlers[turn % 2].checked(record([violation()], is_fresh=is_fresh))
    assert counted() == {"clean": 3, "accept": 1, "reject": 2 * per}

    for turn in range(2 * per):
        handlers[turn % 2].checked(record([violation()], is_fresh=False))
    assert counted() == {"clean": 3, "accept": 1, "reject": 2 * per + 2}

    handlers[0].checked(record(model="another"))
    assert counted()["clean"] == 4

    sdk.counts.reset()  # as a fork does
    handlers[0].checked(record())
    assert counted()["clean"] == 5


def test_messages_of_near_misses_only(sdk):
    """What clean requests look like is not this package's business."""
    metrics = sdk.check_metrics()
    metrics.measure(record())
    metrics.measure(record([violation(effect=Effect.ACCEPT)]))
    assert "toolpair.check.messages" not in sdk.metrics()

    metrics.measure(record([violation()]))

    metric = sdk.metrics()["toolpair.check.messages"]
    (point,) = metric.data.data_points
    assert metric.unit == "{message}"
    assert (point.count, point.sum) == (1, 5)
    assert point.explicit_bounds == semconv.CHECK_MESSAGES.buckets
    assert dict(point.attributes) == {"gen_ai.provider.name": "openai"}


def test_exemplar_leads_to_the_trace(sdk):
    """From a slow check on a dashboard to the request."""
    with sdk.tracer_provider.get_tracer("application").start_as_current_span("request") as request:
        sdk.check_metrics().measure(
            record([violation()], place=Place(trace.set_span_in_context(request)))
        )

    (point,) = sdk.metrics()["toolpair.check.duration"].data.data_points
    (exemplar,) = point.exemplars
    assert exemplar.trace_id == request.get_span_context().trace_id


def test_two_handlers_on_one_provider_count_once_each(sdk, caplog):
    """No double counting, no lost counts, no warning about duplicate instruments."""
    with caplog.at_level(logging.DEBUG):
        first, second = sdk.check_metrics(), sdk.check_metrics()
        for metrics in (first, second):
            sdk.counts.add(semconv.CHECKS, ("reject", "observe", "openai", "gpt-4o"))
            metrics.measure(record([violation()]))
        checks = sdk.points("toolpair.checks")
        (duration,) = sdk.metrics()["toolpair.check.duration"].data.data_points

    assert checks[("reject", "observe", "openai", "gpt-4o")] == 2
    assert duration.count == 2
    assert caplog.records == []


def test_handlers_on_different_providers_keep_to_themselves(sdk):
    """Each provider shows what its own handlers counted."""
    other = Sdk()
    for each, model in ((sdk, "gpt-4o"), (other, "claude")):
        each.check_metrics().measure(record([violation()]))
        each.counts.add(semconv.CHECKS, ("clean", "observe", "openai", model))

    assert {labels[3] for labels in sdk.points("toolpair.checks")} == {"gpt-4o"}
    assert {labels[3] for labels in other.points("toolpair.checks")} == {"claude"}
    for each in (sdk, other):
        assert each.metrics()["toolpair.check.duration"].data.data_points[0].count == 1
    other.close()


def test_counts_survive_their_handler(sdk):
    """A handler made for one request must not take its counts with it."""
    metrics = sdk.check_metrics()
    sdk.counts.add(semconv.CHECKS, ("reject", "observe", "openai", "gpt-4o"))
    del metrics
    gc.collect()

    assert sdk.points("toolpair.checks")[("reject", "observe", "openai", "gpt-4o")] == 1


def test_a_meter_provider_can_be_freed():
    """An application (or a test suite) that makes many providers does not keep them all."""
    provider = MeterProvider(shutdown_on_exit=False)
    CheckMetrics(provider, Counts())
    provider.shutdown()
    gone = weakref.ref(provider)
    del provider
    gc.collect()

    assert gone() is None


def test_delta_temporality():
    """Exporters that want differences get each count once."""
    reader = InMemoryMetricReader(
        preferred_temporality={
            ObservableCounter: AggregationTemporality.DELTA,
        }
    )
    sdk = Sdk(metric_reader=reader)
    sdk.check_metrics()
    labels = ("reject", "observe", "openai", "gpt-4o")
    seen = []
    for more in (2, 0, 3):
        sdk.counts.add(semconv.CHECKS, labels, more)
        seen.append(sdk.points("toolpair.checks").get(labels, 0))
    sdk.close()

    assert seen == [2, 0, 3]


def test_labels_are_encodable(sdk):
    """One lone surrogate in a model's name would fail the whole scrape."""
    sdk.check_metrics()
    sdk.counts.add(semconv.CHECKS, ("clean", "observe", "openai", "model\ud800" + "x" * 1_000))

    for labels in sdk.points("toolpair.checks"):
        assert len(labels[3].encode()) <= 300
