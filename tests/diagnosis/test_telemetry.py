"""What the doctor says of OpenTelemetry's providers and exporters, and whether they are reached."""

from __future__ import annotations

import socket

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.diagnosis.looks import texts
from toolpair_observe import doctor
from toolpair_observe.diagnosis.addresses import address_of


@pytest.fixture
def providers():
    """Providers that are shut down after the test."""
    made = []
    yield made
    for provider in made:
        provider.shutdown()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def tracing(providers, processor=None):
    provider = TracerProvider()
    providers.append(provider)
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


def looked(make_handler, *, online=False, **given):
    given.setdefault("meter_provider", MeterProvider([InMemoryMetricReader()]))
    handler = make_handler(feedback="off", **given)
    return doctor(handler=handler, online=online)


def test_exporters_are_named_with_where_they_send_and_without_what_is_secret(
    make_handler, providers
):
    endpoint = "https://user:hunter2@collector.example:4318/v1/traces?api_key=hunter2"
    exporter = OTLPSpanExporter(endpoint, headers={"authorization": "hunter2"})
    provider = tracing(providers, BatchSpanProcessor(exporter))

    found = looked(make_handler, tracer_provider=provider)

    assert texts(found, "telemetry", "ok")[0] == (
        "spans go to the provider given, TracerProvider, with OTLPSpanExporter to "
        "https://collector.example:4318/v1/traces"
    )
    assert "hunter2" not in str(found) + str(found.to_dict())


def test_every_kind_of_exporter_is_found(make_handler, providers):
    tracer_provider = tracing(providers, SimpleSpanProcessor(InMemorySpanExporter()))
    exporter = OTLPMetricExporter("http://127.0.0.1:4318/v1/metrics")
    # Nothing is exported: nobody listens there.
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    meter_provider = MeterProvider([reader, InMemoryMetricReader()], shutdown_on_exit=False)
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(InMemoryLogRecordExporter()))
    providers += [logger_provider]

    found = looked(
        make_handler,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
    )

    spans, metrics, events = texts(found, "telemetry", "ok")
    assert spans.endswith("with InMemorySpanExporter")
    assert "OTLPMetricExporter to http://127.0.0.1:4318/v1/metrics" in metrics
    assert "InMemoryMetricReader" in metrics
    assert events.endswith("with InMemoryLogRecordExporter")


@pytest.mark.parametrize(
    ("name", "make", "fix"),
    [
        ("tracer_provider", TracerProvider, "a processor with an exporter"),
        ("meter_provider", MeterProvider, "a metric reader"),
        ("logger_provider", LoggerProvider, "a processor with an exporter"),
    ],
)
def test_a_provider_without_an_exporter_is_a_problem(make_handler, providers, name, make, fix):
    provider = make()
    providers.append(provider)

    (line,) = texts(looked(make_handler, **{name: provider}), "telemetry", "problem")

    assert "which has no exporter: they are lost" in line
    assert line.endswith(fix)


def test_a_signal_without_a_provider_is_noted(make_handler):
    found = looked(make_handler, logger_provider=NoOpLoggerProvider())

    lines = texts(found, "telemetry", "note")
    assert any(line.startswith("events go nowhere: no LoggerProvider is set") for line in lines)


def test_an_sdk_that_is_switched_off_is_noted(make_handler, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")

    lines = texts(looked(make_handler), "telemetry", "note")

    assert any(line.startswith("OTEL_SDK_DISABLED=true") for line in lines)


# Online


def test_a_collector_that_listens_is_reached(make_handler, providers, listener):
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{listener}/v1/traces")
    provider = tracing(providers, BatchSpanProcessor(exporter))

    found = looked(make_handler, online=True, tracer_provider=provider)

    assert f"127.0.0.1:{listener} is reached" in texts(found, "telemetry", "ok")


def test_a_collector_that_does_not_listen_is_a_problem(make_handler, monkeypatch, closed_port):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://u:hunter2@127.0.0.1:{closed_port}")

    found = looked(make_handler, online=True)

    (line,) = texts(found, "telemetry", "problem")
    assert line.startswith(f"127.0.0.1:{closed_port} is not reached: it refuses connections")
    assert "hunter2" not in str(found)


def test_nobody_is_asked_without_online(make_handler, monkeypatch, closed_port):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{closed_port}")

    assert texts(looked(make_handler), "telemetry", "problem") == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h", "http://h"),
        ("https://u:p@h:4318/v1/traces?key=x#y", "https://h:4318/v1/traces"),
        ("h:4317", "h:4317"),
        ("grpc://h", "grpc://h:4317"),
        ("http://[::1]:4318", "http://[::1]:4318"),
        ("h", "h:4317"),
    ],
)
def test_an_address_is_shown_without_user_password_and_query(url, shown):
    assert str(address_of(url, 4317)) == shown


@pytest.mark.parametrize(
    "url", ["", "http://", "http://h:99999", "unix:///x", None, 5, "http://[::1"]
)
def test_what_nothing_can_be_sent_to_has_no_address(url):
    assert address_of(url) is None
