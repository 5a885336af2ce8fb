"""What the OpenTelemetry API gives, and what does nothing in its place where it raises.

Its global providers are loaded at first use, by the name in `OTEL_PYTHON_TRACER_PROVIDER` and its
siblings. A name of nothing raises, and that must not stop an application that attaches a check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opentelemetry import _logs, metrics, trace

from toolpair_observe import semconv
from toolpair_observe._version import __version__
from toolpair_observe.once import warn_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import Logger, LoggerProvider, SeverityNumber
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

Given = TypeVar("Given")


def tracer_of(provider: TracerProvider | None) -> Tracer:
    """Return our tracer of a provider; None for the application's global one."""
    get = trace.get_tracer
    return _given(lambda: get(semconv.SCOPE, __version__, provider), trace.NoOpTracer)


def event_logger_of(provider: LoggerProvider | None) -> Logger:
    """Return our logger of events of a provider; None for the application's global one."""
    get = _logs.get_logger
    return _given(
        lambda: get(semconv.SCOPE, __version__, provider), lambda: _logs.NoOpLogger(semconv.SCOPE)
    )


def is_taken(logger: Logger, event: str, severity: SeverityNumber, context: Context) -> bool:
    """Whether an event would get anywhere. Those that can't tell, or raise, are to get each."""
    try:
        return bool(logger.enabled(context=context, severity_number=severity, event_name=event))
    except Exception:  # noqa: BLE001 -- of any release and any processor
        return True


def meter_of(provider: MeterProvider | None) -> Meter:
    """Return our meter of a provider; None for the application's global one."""
    get = metrics.get_meter
    return _given(
        lambda: get(semconv.SCOPE, __version__, provider), lambda: metrics.NoOpMeter(semconv.SCOPE)
    )


def global_meter_provider() -> MeterProvider:
    """Return the application's global meter provider."""
    return _given(metrics.get_meter_provider, metrics.NoOpMeterProvider)


def _given(get: Callable[[], Given], make_idle: Callable[[], Given]) -> Given:
    try:
        return get()
    except Exception as error:  # noqa: BLE001 -- of any provider
        warn_once(
            "OpenTelemetry",
            "OpenTelemetry gives no provider (%s), so toolpair_observe exports nothing there: look "
            "at OTEL_PYTHON_TRACER_PROVIDER, OTEL_PYTHON_METER_PROVIDER and "
            "OTEL_PYTHON_LOGGER_PROVIDER; requests are checked all the same",
            type(error).__name__,
        )
        return make_idle()
