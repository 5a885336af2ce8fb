"""OpenTelemetry: the providers that spans, metrics and events go to, and their exporters."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider, get_tracer_provider

from toolpair_observe.diagnosis.addresses import Address, address_of
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.presentable import wrong_value
from toolpair_observe.diagnosis.reach import Answer, Question, connect
from toolpair_observe.exporters import endpoint_of, exporters_of
from toolpair_observe.pairing.shown import quoted, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "telemetry"
_DISABLED: Final = "OTEL_SDK_DISABLED"
_ENDPOINTS: Final = "OTEL_EXPORTER_OTLP_{}ENDPOINT"
_OTLP_PORT: Final = 4317


class _Signal(NamedTuple):
    """One signal of OpenTelemetry.

    Attributes:
        name: What is sent.
        variable: The part of environment variables that names it.
        loader: The variable that names the provider to load.
        kind: The API's class of its providers.
        current: Returns the application's global provider.
    """

    name: str
    variable: str
    loader: str
    kind: type
    current: Callable[[], object]


_SIGNALS: Final = (
    _Signal("spans", "TRACES", "OTEL_PYTHON_TRACER_PROVIDER", TracerProvider, get_tracer_provider),
    _Signal("metrics", "METRICS", "OTEL_PYTHON_METER_PROVIDER", MeterProvider, get_meter_provider),
    _Signal("events", "LOGS", "OTEL_PYTHON_LOGGER_PROVIDER", LoggerProvider, get_logger_provider),
)


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the providers."""
    if os.environ.get(_DISABLED, "").strip().lower() == "true":
        yield note(AREA, f"{_DISABLED}=true: nothing is recorded", f"unset {_DISABLED}")
    broken = {signal: error for signal in _SIGNALS if (error := _failure(signal))}
    for signal, error in broken.items():
        yield _unloaded(signal, error)
    whole = [signal for signal in _SIGNALS if signal not in broken]
    providers = [(signal, *_provider(signal, subject)) for signal in whole]
    if all(_is_placeholder(provider) for _, provider, _ in providers):
        yield _nothing_set()
        return
    for signal, provider, whose in providers:
        yield _described(signal, provider, whose)


def _provider(signal: _Signal, subject: Subject) -> tuple[object, str]:
    for provider in subject.providers:
        if isinstance(provider, signal.kind):
            return provider, "the provider given"
    return signal.current(), "the global provider"


def _failure(signal: _Signal) -> str:
    """Return why there is not even a placeholder; `""` where there is a provider."""
    try:
        signal.current()
    except Exception as error:  # noqa: BLE001 -- of a package that a variable names
        return type(error).__name__
    return ""


def _unloaded(signal: _Signal, error: str) -> Finding:
    value = os.environ.get(signal.loader, "")
    named = f"{signal.loader} is {quoted(wrong_value(signal.loader, value))}, and"
    text = (
        f"{named} no {signal.kind.__name__} can be loaded by that ({error}): {signal.name} are lost"
    )
    return problem(AREA, text, f"unset {signal.loader}, or install the package that has it")


def _is_placeholder(provider: object) -> bool:
    """Whether it is of the API alone, which records nothing."""
    return type(provider).__module__.startswith(
        ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")
    )


def _nothing_set() -> Finding:
    text = "no OpenTelemetry provider is set, so spans, metrics and events go nowhere"
    endpoint = next((name for name, _ in _endpoint_variables()), "")
    if endpoint:
        text = f"{text}, although {endpoint} is set"
    return note(AREA, text, "set one up, or start the program with opentelemetry-instrument")


def _described(signal: _Signal, provider: object, whose: str) -> Finding:
    if _is_placeholder(provider):
        fix = f"set a {signal.kind.__name__}, where they are wanted"
        return note(AREA, f"{signal.name} go nowhere: no {signal.kind.__name__} is set", fix)
    said = f"{signal.name} go to {whose}, {type_name(provider)}"
    exporters = exporters_of(provider)
    if exporters is None:
        return ok(AREA, f"{said}, whose exporters can't be looked at")
    if not exporters:
        adds = "a metric reader" if signal.name == "metrics" else "a processor with an exporter"
        return problem(AREA, f"{said}, which has no exporter: they are lost", f"give it {adds}")
    return ok(AREA, f"{said}, with {', '.join(map(_shown, exporters))}")


def _shown(exporter: object) -> str:
    address = _address_in(exporter)
    return f"{type_name(exporter)}{f' to {address}' if address else ''}"


def _address_in(exporter: object) -> Address | None:
    return address_of(endpoint_of(exporter), _OTLP_PORT)


def questions(subject: Subject) -> Iterator[Question]:
    """Yield what to ask online: each server that an exporter sends to, and what it means."""
    for address in dict.fromkeys(_addresses(subject)):
        yield Question(partial(connect, address), partial(_reached, address))


def _addresses(subject: Subject) -> Iterator[Address]:
    for signal in _SIGNALS:
        if _failure(signal):
            continue
        provider, _ = _provider(signal, subject)
        yield from _places(map(_address_in, exporters_of(provider) or ()))
    yield from _places(address_of(url, _OTLP_PORT) for _, url in _endpoint_variables())


def _places(addresses: Iterable[Address | None]) -> Iterator[Address]:
    """Yield each server, without the path that differs by signal."""
    for address in addresses:
        if address is not None:
            yield address._replace(path="")


def _endpoint_variables() -> Iterator[tuple[str, str]]:
    for part in ("", *(f"{signal.variable}_" for signal in _SIGNALS)):
        name = _ENDPOINTS.format(part)
        if value := os.environ.get(name, "").strip():
            yield name, value


def _reached(address: Address, answer: Answer) -> Finding:
    if answer.failure:
        fix = f"check the collector, and {_ENDPOINTS.format('')}"
        return problem(AREA, f"{address.place} is not reached: {answer.failure}", fix)
    return ok(AREA, f"{address.place} is reached")
