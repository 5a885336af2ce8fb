"""Real exporters, over loopback HTTP: what a collector and Prometheus really get."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from urllib.request import urlopen
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status as ProtoStatus
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families

from tests.loopback.otlp_sink import OtlpSink, plain
from tests.reporters.samples import RUN_ID, START_NS, record, settings, violation
from toolpair_observe import Outcome, __version__, check_messages, semconv
from toolpair_observe.counts import shared_counts
from toolpair_observe.record import TraceLink
from toolpair_observe.reporters.otel_metrics import CheckMetrics
from toolpair_observe.reporters.pipeline import Pipeline

CANARY = "s3cr3t-c4n4ry"


@pytest.fixture
def sink():
    """An OTLP endpoint."""
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def export(sink):
    """Providers with real exporters, and a function that flushes them all."""
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(sink.endpoint("traces")))
    )
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(sink.endpoint("logs")))
    )
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(sink.endpoint("metrics")), export_interval_millis=float("inf")
    )
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    providers = (tracer_provider, logger_provider, meter_provider)
    yield SimpleNamespace(
        options={
            "tracer_provider": tracer_provider,
            "logger_provider": logger_provider,
            "meter_provider": meter_provider,
        },
        counts=shared_counts(meter_provider),
        flush=lambda: [provider.force_flush() for provider in providers],
    )
    for provider in providers:
        provider.shutdown()


def test_otlp(sink, export):
    """Trace, logs and metrics as a collector decodes them."""
    pipeline = Pipeline(settings(feedback="off"), **export.options)
    taken = record([violation()], mode="strict")
    pipeline.checked(taken)
    taken.outcome, taken.rejected_kind = Outcome.REJECTED, "missing_result"
    pipeline.finished(taken)
    export.flush()

    (span,) = sink.spans
    assert (span.name, span.kind) == ("check tool_pairing", ProtoSpan.SPAN_KIND_INTERNAL)
    assert span.start_time_unix_nano == START_NS
    assert span.status.code == ProtoStatus.STATUS_CODE_ERROR
    attributes = plain(span.attributes)
    assert attributes["openinference.span.kind"] == "GUARDRAIL"
    assert attributes["error.type"] == "INVALID_TOOL_RESULTS"
    assert attributes["toolpair.violation.kinds"] == ["missing_result"]
    assert attributes["toolpair.message.count"] == 5
    assert attributes["toolpair.langsmith.run_id"] == str(RUN_ID)

    (event,) = sink.log_records
    assert event.event_name == "toolpair.violation"
    assert event.severity_number == SEVERITY_NUMBER_ERROR
    assert (event.trace_id, event.span_id) == (span.trace_id, span.span_id)
    assert plain(event.attributes)["toolpair.message.index"] == 3

    metrics = {metric.name: metric for metric in sink.metrics}
    checks = metrics["toolpair.checks"].sum
    assert checks.is_monotonic
    values = {plain(p.attributes)["toolpair.effect"]: p.as_int for p in checks.data_points}
    assert values["reject"] == 1
    assert values["clean"] == 0
    (duration,) = metrics["toolpair.check.duration"].histogram.data_points
    assert tuple(duration.explicit_bounds) == semconv.CHECK_DURATION.buckets
    assert not metrics["toolpair.runs.in_flight"].sum.is_monotonic
    assert sink.scopes == {("toolpair_observe", __version__)}


def test_no_content_leaves(sink, export, caplog):
    """Contents, arguments and keys stay where they are, whatever is broken."""
    pipeline = Pipeline(
        settings(spans="all", evaluation_events=True, feedback="off"), **export.options
    )
    client = SimpleNamespace(api_key=CANARY, api_url=f"http://{CANARY}")
    link = TraceLink(trace_id=uuid4(), project_name=CANARY, client=client, run_tree=None)
    outcomes = [Outcome.REJECTED, Outcome.ESCAPED, Outcome.BLOCKED]
    with caplog.at_level(logging.DEBUG):
        for profile in ("contract", "openai-chat"):
            for messages in _broken_histories():
                for outcome in outcomes:
                    taken = record(
                        run_id=uuid4(),
                        report=check_messages(messages, profile=profile),
                        link=link,
                    )
                    pipeline.checked(taken)
                    taken.outcome = outcome
                    pipeline.finished(taken)
        pipeline.close()
        export.flush()

    assert len(sink.spans) == 24
    assert b"missing_result" in sink.raw
    assert "missing_result" in caplog.text
    assert CANARY.encode() not in sink.raw
    assert CANARY not in caplog.text


def _broken_histories():
    call = {"name": "search", "args": {"query": CANARY, CANARY: 1}, "id": "call_a"}
    other = {"name": "search", "args": {"query": CANARY}, "id": "call_b"}
    asked = [HumanMessage(CANARY), AIMessage(CANARY, tool_calls=[call, other])]
    answer = ToolMessage(CANARY, tool_call_id="call_a", artifact=CANARY)
    return [
        [*asked, answer],
        [*asked, answer, answer, ToolMessage(CANARY, tool_call_id="call_b")],
        [HumanMessage(CANARY), answer],
        [*asked, HumanMessage(CANARY), answer],
    ]


@pytest.fixture
def scrape():
    """A meter provider behind the official Prometheus exporter, and what a scrape returns."""
    # On the exporter's default registry: its oldest supported version knows no other.
    meter_provider = MeterProvider([PrometheusMetricReader()], shutdown_on_exit=False)
    server, thread = start_http_server(0, addr="127.0.0.1")

    def families():
        with urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as response:
            text = response.read().decode()
        return {family.name: family for family in text_string_to_metric_families(text)}

    yield SimpleNamespace(meter_provider=meter_provider, families=families)
    server.shutdown()
    server.server_close()
    thread.join()
    meter_provider.shutdown()


def test_prometheus(scrape):
    """Every metric under the name and the labels that dashboards and alerts use."""
    counts = shared_counts(scrape.meter_provider)
    CheckMetrics(scrape.meter_provider, counts).measure(record([violation()]))
    counts.add(semconv.CHECKS, ("reject", "observe", "openai", "gpt-4o"))
    counts.add(
        semconv.VIOLATIONS,
        ("missing_result", "reject", "partial_execution", "openai", "gpt-4o"),
    )
    counts.add(
        semconv.BREACHES,
        ("missing_result", "partial_execution", "removed", "openai", "gpt-4o"),
    )
    counts.add(semconv.MASKED, ("missing", "langchain", "openai", "gpt-4o"))
    counts.add(semconv.OUTCOMES, ("escaped", "clean", "openai", "gpt-4o", "check"))
    counts.add(semconv.FEEDBACK_SUBMISSIONS, ("sent", ""))
    counts.add(semconv.FEEDBACK_SUBMISSIONS, ("failed", "TimeoutError"))
    counts.add(semconv.INTERNAL_ERRORS, ("KeyError", "check"))
    counts.add(semconv.UNCHECKED, ("KeyError",))
    counts.add(semconv.RUNS_IN_FLIGHT, (), 2)
    # Not the handler's: the command `threads` writes them, to a file as the exporter names them.
    meter = scrape.meter_provider.get_meter(semconv.SCOPE)
    for metric in (semconv.THREADS, semconv.THREADS_COUNTED):
        made = meter.create_gauge(metric.name, metric.unit, metric.description)
        made.set(1, dict.fromkeys(metric.labels, "x"))

    families = scrape.families()
    samples = {sample.name: sample for family in families.values() for sample in family.samples}

    for metric in semconv.METRICS.values():
        name = semconv.prometheus_name(metric)
        is_histogram = metric.kind is semconv.MetricKind.HISTOGRAM
        sample = samples[f"{name}_count" if is_histogram else name]
        labels = {label for label in sample.labels if not label.startswith("otel_scope_")}
        assert labels == {semconv.prometheus_label(label) for label in metric.labels}
        family = families[name.removesuffix("_total")]
        assert family.documentation == metric.description
    checks = {
        sample.labels["toolpair_effect"]: sample.value
        for sample in families["toolpair_checks"].samples
    }
    assert checks["reject"] == 1
    assert checks["silent_loss"] == 0
    assert families["toolpair_checks"].type == "counter"
    assert families["toolpair_runs_in_flight"].type == "gauge"
    assert samples["toolpair_runs_in_flight"].value == 2
    bounds = {
        float(sample.labels["le"])
        for sample in families["toolpair_check_duration_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    assert bounds == {*semconv.CHECK_DURATION.buckets, float("inf")}


def test_scrape_before_the_first_request(scrape):
    """An idle process differs from an absent one."""
    counts = shared_counts(scrape.meter_provider)
    CheckMetrics(scrape.meter_provider, counts)

    families = scrape.families()
    assert [sample.value for sample in families["toolpair_runs_in_flight"].samples] == [0]
