"""The table of names is complete, consistent, and says what Prometheus really shows."""

from __future__ import annotations

import re

import pytest

from toolpair_observe import semconv

IDS = {
    semconv.GEN_AI_CONVERSATION_ID,
    semconv.GEN_AI_TOOL_CALL_ID,
    semconv.LANGSMITH_RUN_ID,
    semconv.BLAME_STEP,
    semconv.MASKED_STEP,
}


def test_the_table_of_metrics():
    """The names, kinds, units and labels that dashboards are built on."""
    provider_and_model = ("gen_ai.provider.name", "gen_ai.request.model")
    assert {
        name: (metric.kind.value, metric.unit, metric.labels)
        for name, metric in semconv.METRICS.items()
    } == {
        "toolpair.checks": (
            "observable_counter",
            "{check}",
            ("toolpair.effect", "toolpair.mode", *provider_and_model),
        ),
        "toolpair.violations": (
            "observable_counter",
            "{violation}",
            (
                "toolpair.violation.kind",
                "toolpair.violation.effect",
                "toolpair.violation.cause",
                *provider_and_model,
            ),
        ),
        "toolpair.breaches": (
            "observable_counter",
            "{breach}",
            (
                "toolpair.violation.kind",
                "toolpair.violation.cause",
                "toolpair.blame.change",
                *provider_and_model,
            ),
        ),
        "toolpair.masked": (
            "observable_counter",
            "{result}",
            ("toolpair.masked.kind", "toolpair.masked.by", *provider_and_model),
        ),
        "toolpair.outcomes": (
            "observable_counter",
            "{request}",
            ("toolpair.outcome", "toolpair.effect", *provider_and_model, "toolpair.escape.fault"),
        ),
        "toolpair.check.duration": ("histogram", "s", ("toolpair.effect",)),
        "toolpair.check.messages": ("histogram", "{message}", ("gen_ai.provider.name",)),
        "toolpair.runs.in_flight": ("observable_up_down_counter", "{run}", ()),
        "toolpair.feedback.submissions": (
            "observable_counter",
            "{submission}",
            ("toolpair.feedback.result", "error.type"),
        ),
        "toolpair.unchecked": ("observable_counter", "{request}", ("error.type",)),
        "toolpair.internal.errors": (
            "observable_counter",
            "{error}",
            ("error.type", "toolpair.component"),
        ),
        "toolpair.threads": ("gauge", "{thread}", ("toolpair.thread.verdict", "db.namespace")),
        "toolpair.threads.counted.timestamp": ("gauge", "s", ("db.namespace",)),
    }


def test_no_metric_carries_an_id_or_a_step():
    """A label for each would be a series for each request."""
    for metric in semconv.METRICS.values():
        assert not IDS & set(metric.labels), metric.name


@pytest.mark.parametrize("metric", semconv.METRICS.values(), ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric):
    """Lower case, own root, one sentence; buckets on histograms only, rising."""
    assert re.fullmatch(r"toolpair(\.[a-z_]+)+", metric.name)
    assert "total" not in metric.name
    assert metric.description.endswith(".")
    assert bool(metric.buckets) == (metric.kind is semconv.MetricKind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_buckets_span_the_range_that_matters():
    """From the fastest check to one that would hurt; from one message to a huge history."""
    assert semconv.CHECK_DURATION.buckets[0] == 1e-6
    assert semconv.CHECK_DURATION.buckets[-1] == 0.1
    assert semconv.CHECK_MESSAGES.buckets == tuple(2.0**power for power in range(13))


def test_prometheus_names():
    """The exact series names; that the exporter says the same is tested with the exporter."""
    assert {name: semconv.prometheus_name(metric) for name, metric in semconv.METRICS.items()} == {
        "toolpair.checks": "toolpair_checks_total",
        "toolpair.violations": "toolpair_violations_total",
        "toolpair.breaches": "toolpair_breaches_total",
        "toolpair.masked": "toolpair_masked_total",
        "toolpair.outcomes": "toolpair_outcomes_total",
        "toolpair.check.duration": "toolpair_check_duration_seconds",
        "toolpair.check.messages": "toolpair_check_messages",
        "toolpair.runs.in_flight": "toolpair_runs_in_flight",
        "toolpair.feedback.submissions": "toolpair_feedback_submissions_total",
        "toolpair.unchecked": "toolpair_unchecked_total",
        "toolpair.internal.errors": "toolpair_internal_errors_total",
        "toolpair.threads": "toolpair_threads",
        "toolpair.threads.counted.timestamp": "toolpair_threads_counted_timestamp_seconds",
    }
    assert semconv.prometheus_label(semconv.GEN_AI_PROVIDER_NAME) == "gen_ai_provider_name"
