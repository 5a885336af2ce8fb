"""Metrics through the OpenTelemetry API; the instruments are made once for each meter provider.

Counters and the number of runs in flight are observable: an exporter reads the totals of `Counts`
when it collects. Only the two histograms are recorded as requests go by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.metrics import Observation

from toolpair_observe import semconv
from toolpair_observe.counts import Counts, shared_counts
from toolpair_observe.otel_api import global_meter_provider, meter_of
from toolpair_observe.pairing.shown import clean
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider

    from toolpair_observe.record import Record

_DURATION_LABELS: Final = {effect: {semconv.EFFECT: effect.value} for effect in Effect}


class CheckMetrics:
    """Record the length of checks, of near misses and of a sample, and export the counts.

    Args:
        meter_provider: None for the application's global one.
        counts: The counts of the handlers that share the meter provider
            (`toolpair_observe.counts.shared_counts`). They are read here, not written.
    """

    def __init__(self, meter_provider: MeterProvider | None, counts: Counts) -> None:
        self._counts = counts
        self._histograms = histograms(meter_provider, counts)

    def measure(self, record: Record, *, timed: bool = True) -> None:
        """Record the histograms of one check.

        Args:
            record: The record of the request.
            timed: Whether its duration is part of the sample.
        """
        report = record.report
        if timed:
            self._histograms.duration.record(
                record.check_ns / 1e9, _DURATION_LABELS[report.effect], context=record.place.context
            )
        if report.effect.is_near_miss:
            provider = self._counts.fold_provider(record.provider)
            self._histograms.messages.record(
                report.message_count,
                {semconv.GEN_AI_PROVIDER_NAME: clean(provider)},
                context=record.place.context,
            )


class Histograms(NamedTuple):
    """The instruments that are recorded directly."""

    duration: Histogram
    messages: Histogram


class _Globals:
    """The instruments of the application's global meter provider.

    They are kept because the API's stand-in for a provider that is not set yet remembers every
    instrument that is made with it: one handler for each request would fill the memory.
    """

    provider: MeterProvider | None = None
    histograms: Histograms


def histograms(meter_provider: MeterProvider | None, counts: Counts) -> Histograms:
    """Register the observable instruments and return the histograms.

    Args:
        meter_provider: The provider that the handler was given; None for the global one.
        counts: The totals that the observable instruments read.

    Returns:
        The histograms to record to.
    """
    current = global_meter_provider()
    if meter_provider is not None and meter_provider is not current:
        return _create(meter_provider, counts)
    if _Globals.provider is not current:
        _Globals.histograms = _create(meter_provider, counts)
        _Globals.provider = current
    return _Globals.histograms


def _create(meter_provider: MeterProvider | None, counts: Counts) -> Histograms:
    meter = meter_of(meter_provider)
    for metric in semconv.COUNTED:
        create = (
            meter.create_observable_counter
            if metric.kind is semconv.MetricKind.OBSERVABLE_COUNTER
            else meter.create_observable_up_down_counter
        )
        create(
            metric.name,
            callbacks=[_reader(meter_provider, counts, metric)],
            unit=metric.unit,
            description=metric.description,
        )
    return Histograms(
        duration=_create_histogram(meter, semconv.CHECK_DURATION),
        messages=_create_histogram(meter, semconv.CHECK_MESSAGES),
    )


def _create_histogram(meter: Meter, metric: semconv.Metric) -> Histogram:
    return meter.create_histogram(
        metric.name,
        unit=metric.unit,
        description=metric.description,
        explicit_bucket_boundaries_advisory=metric.buckets,
    )


def _reader(
    meter_provider: MeterProvider | None, counts: Counts, metric: semconv.Metric
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(_: CallbackOptions) -> Iterable[Observation]:
        totals = counts.snapshot(metric)
        # A handler's own provider may become the global one later. An SDK ignores the callbacks of
        # the second handler's instruments, so these read the counts of both handlers.
        now = shared_counts(meter_provider, max_label_values=0)
        if now is not counts:
            for labels, total in now.snapshot(metric).items():
                totals[labels] = totals.get(labels, 0) + total
        return [Observation(total, _labelled(metric, labels)) for labels, total in totals.items()]

    return read


def _labelled(metric: semconv.Metric, values: tuple[str, ...]) -> dict[str, str]:
    """Return attributes without empty values, such as `error.type` of a success."""
    pairs = zip(metric.labels, values, strict=True)
    return {label: clean(value) for label, value in pairs if value}
