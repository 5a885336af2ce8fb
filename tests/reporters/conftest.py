"""An OpenTelemetry SDK in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.reporters.samples import settings
from toolpair_observe.counts import Counts, shared_counts
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.reporters.otel import OtelReporter
from toolpair_observe.reporters.otel_metrics import CheckMetrics
from toolpair_observe.reporters.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.metrics.export import Metric


@dataclass
class Sdk:
    """Providers and what came out of them."""

    span_exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    log_exporter: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)
    metric_reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.span_exporter))
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))
        self.meter_provider = MeterProvider([self.metric_reader], shutdown_on_exit=False)

    @property
    def counts(self) -> Counts:
        """The counts behind the meter provider."""
        return shared_counts(self.meter_provider)

    def reporter(self, **options: Any) -> OtelReporter:
        """A reporter that writes spans and events to these providers."""
        return OtelReporter(
            settings(**options),
            guard=FailOpen(self.counts, "langsmith"),
            tracer_provider=self.tracer_provider,
            logger_provider=self.logger_provider,
        )

    def check_metrics(self) -> CheckMetrics:
        """What records metrics with these providers."""
        return CheckMetrics(self.meter_provider, self.counts)

    def pipeline(self, **options: Any) -> Pipeline:
        """All that a handler reports with, on these providers."""
        return Pipeline(
            settings(**({"feedback": "off"} | options)),
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
        )

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The finished spans."""
        return self.span_exporter.get_finished_spans()

    def events(self, name: str) -> list[ReadWriteLogRecord]:
        """The log records of one event."""
        records = [data.log_record for data in self.log_exporter.get_finished_logs()]
        return [record for record in records if record.event_name == name]

    def metrics(self) -> dict[str, Metric]:
        """One collection."""
        data = self.metric_reader.get_metrics_data()
        return {
            metric.name: metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The values of a counter by its label values, in the order of the metric's labels."""
        return {
            tuple(point.attributes.values()): point.value
            for point in self.metrics()[name].data.data_points
        }

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.logger_provider.shutdown()
        self.meter_provider.shutdown()


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """Fresh providers."""
    sdk = Sdk()
    yield sdk
    sdk.close()
