"""The metrics of a demo run, as an exporter would receive them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import Histogram, Sum

from toolpair_observe.semconv import METRICS, SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric
    from opentelemetry.util.types import Attributes


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One series.

    Attributes:
        name: The metric's OpenTelemetry name.
        labels: Its attributes that have a value, in the order of the table of metrics.
        value: The count of a counter, the number of measurements of a histogram.
        median_bound: For a histogram the upper bound of the bucket that holds the median, which
            unlike the mean hides the slow first request of a process; None for a counter.
        unit: The metric's unit.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    value: int
    median_bound: float | None
    unit: str


def read_metrics(reader: InMemoryMetricReader) -> tuple[MetricRow, ...]:
    """Collect once, and return every series of this package that has counted something."""
    data = reader.get_metrics_data()
    resources = data.resource_metrics if data else ()
    rows = {
        row
        for resource in resources
        for scope in resource.scope_metrics
        if scope.scope.name == SCOPE
        for metric in scope.metrics
        for row in _rows(metric)
        if row.value
    }
    order = list(METRICS)
    return tuple(sorted(rows, key=lambda row: (order.index(row.name), -row.value, row.labels)))


def _rows(metric: Metric) -> Iterator[MetricRow]:
    if isinstance(metric.data, Histogram):
        for point in metric.data.data_points:
            labels = _labels(metric.name, point.attributes)
            bound = _median_bound(point)
            yield MetricRow(metric.name, labels, point.count, bound, metric.unit or "")
    elif isinstance(metric.data, Sum):
        for number in metric.data.data_points:
            labels = _labels(metric.name, number.attributes)
            yield MetricRow(metric.name, labels, int(number.value), None, metric.unit or "")


def _median_bound(point: HistogramDataPoint) -> float:
    seen = 0
    for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False):
        seen += count
        if 2 * seen >= point.count:
            return bound
    return point.max


def _labels(name: str, attributes: Attributes) -> tuple[tuple[str, str], ...]:
    known = attributes or {}
    return tuple((key, str(known[key])) for key in METRICS[name].labels if known.get(key))
