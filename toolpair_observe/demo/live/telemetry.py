"""The live demo's telemetry: a page to scrape and, if the environment asks for it, OTLP."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import start_http_server

from toolpair_observe.errors import ToolPairError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.metrics.export import MetricReader

SERVICE: Final = "toolpair-demo"
ENVIRONMENT: Final = "demo"

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The providers that handlers report to.

    Attributes:
        meters: Metrics.
        tracers: Spans.
        loggers: Events.
        pushes: Whether all three are also pushed over OTLP.
    """

    meters: MeterProvider
    tracers: TracerProvider
    loggers: LoggerProvider
    pushes: bool

    @classmethod
    def create(cls) -> Telemetry:
        """Make the providers. They push to `OTEL_EXPORTER_OTLP_ENDPOINT` if it is set."""
        pushes = bool(os.environ.get(_ENDPOINT))
        resource = Resource.create(
            {"service.name": SERVICE, "deployment.environment.name": ENVIRONMENT}
        )
        readers: list[MetricReader] = [PrometheusMetricReader()]
        if pushes:
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        telemetry = cls(
            MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False),
            TracerProvider(resource=resource, shutdown_on_exit=False),
            LoggerProvider(resource=resource, shutdown_on_exit=False),
            pushes,
        )
        if pushes:
            telemetry.tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            telemetry.loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        return telemetry

    def shutdown(self) -> None:
        """Deliver what is left, and stop."""
        self.meters.shutdown()
        self.tracers.shutdown()
        self.loggers.shutdown()


@contextmanager
def serve_telemetry(port: int) -> Iterator[Telemetry]:
    """Serve the metrics on the loopback interface while the context lasts.

    Args:
        port: The port.

    Raises:
        ToolPairError: The port can't be used.
    """
    try:
        server, thread = start_http_server(port, addr="127.0.0.1")
    except OSError as error:
        msg = (
            f"port {port} of 127.0.0.1 can't serve the metrics ({error.strerror}): choose another "
            "one with --port"
        )
        raise ToolPairError(msg) from error
    telemetry = Telemetry.create()
    try:
        yield telemetry
    finally:
        telemetry.shutdown()
        server.shutdown()
        server.server_close()
        thread.join()
