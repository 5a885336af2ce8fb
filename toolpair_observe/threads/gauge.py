"""The number of threads of each verdict as a metric, for a cron job to feed alerts with.

Two ways lead there: a file for the textfile collector of node_exporter, and one export over
OTLP/HTTP. Both carry the time too, so that counts of a job that has died are not taken as current.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from toolpair_observe import semconv
from toolpair_observe._version import __version__
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import clean, line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.threads.diagnosis import ThreadVerdict

_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP: Final = "http/protobuf"
_NAME: Final = "service.name"
_INSTANCE: Final = "service.instance.id"
_UNKNOWN: Final = "unknown_service"
# Whoever runs the cron job writes it, and node_exporter is somebody else.
_READABLE_BY_ALL: Final = 0o644


class Sample(NamedTuple):
    """One value of a metric."""

    metric: semconv.Metric
    labels: tuple[str, ...]
    value: float


def samples_of(verdicts: Mapping[ThreadVerdict, int], database: str) -> list[Sample]:
    """Return what is told of the threads of a database, now.

    Args:
        verdicts: How many threads have each verdict; those that none has too.
        database: The name of the database.
    """
    return [
        *(
            Sample(semconv.THREADS, (verdict.value, database), count)
            for verdict, count in verdicts.items()
        ),
        Sample(semconv.THREADS_COUNTED, (database,), round(time.time(), 3)),
    ]


def database_of(url: str) -> str:
    """Return the name of the database behind a URL: of its file, or that its server knows it by."""
    scheme, mark, _ = url.partition("://")
    if not mark or scheme.startswith("sqlite"):
        return clean(PurePath(url).name)
    parts = urlsplit(url)
    # As libpq finds it.
    named = (
        unquote(parts.path).strip("/"),
        dict(parse_qsl(parts.query)).get("dbname"),
        os.environ.get("PGDATABASE"),
        unquote(parts.username or ""),
        scheme,
    )
    return clean(next(filter(None, named)))


def write_textfile(path: Path, samples: list[Sample]) -> None:
    """Write samples to a file that node_exporter may read at any moment.

    Raises:
        OSError: It can't be written.
    """
    # No reader sees half a file. The name is none that node_exporter looks at.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(textfile(samples))
        unfinished.chmod(_READABLE_BY_ALL)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def textfile(samples: list[Sample]) -> str:
    """Return samples in the text format of Prometheus."""
    lines: list[str] = []
    for metric in dict.fromkeys(sample.metric for sample in samples):
        name = semconv.prometheus_name(metric)
        lines += [f"# HELP {name} {metric.description}", f"# TYPE {name} gauge"]
        lines += [
            f"{name}{{{_labels(sample)}}} {sample.value!r}"
            for sample in samples
            if sample.metric is metric
        ]
    return "\n".join(lines) + "\n"


def _labels(sample: Sample) -> str:
    return ",".join(
        f'{semconv.prometheus_label(name)}="{_escaped(value)}"'
        for name, value in zip(sample.metric.labels, sample.labels, strict=True)
    )


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def require_otlp() -> None:
    """Do nothing if metrics can be sent.

    Raises:
        MissingExtraError: The exporter is not installed.
    """
    try:
        is_installed = find_spec(f"{_EXPORTER}.metric_exporter") is not None
    except ModuleNotFoundError:  # a package above it is missing
        is_installed = False
    if not is_installed:
        msg = (
            "--otlp needs opentelemetry-exporter-otlp-proto-http, which is not installed: "
            f"{install_line('live')}"
        )
        raise MissingExtraError(msg)


def export(samples: list[Sample]) -> None:
    """Send samples once, to where the variables `OTEL_EXPORTER_OTLP_*` say.

    Raises:
        ConnectionError: They were not taken within `OTEL_EXPORTER_OTLP_TIMEOUT`.
    """
    # Of an extra.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.sdk.metrics.export import MetricExportResult  # noqa: PLC0415

    _refuse_other_protocols()
    data = _collected(samples)
    with _complaints() as complaints:
        exporter = OTLPMetricExporter()
        try:
            is_sent = exporter.export(data) is MetricExportResult.SUCCESS
        finally:
            exporter.shutdown()
    if not is_sent:
        why = f": {complaints[-1]}" if complaints else ""
        msg = f"--otlp: the counts were not taken; look at OTEL_EXPORTER_OTLP_ENDPOINT{why}"
        raise ConnectionError(line(msg))


def _refuse_other_protocols() -> None:
    for variable in _PROTOCOLS:
        protocol = os.environ.get(variable, "").strip()
        if protocol and protocol != _HTTP:
            msg = f"{variable} is {quoted(protocol)}: --otlp sends {_HTTP} only"
            raise ConnectionError(msg)


def _collected(samples: list[Sample]) -> Any:  # noqa: ANN401 - opentelemetry is an extra
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], _resource(), shutdown_on_exit=False)
    meter = provider.get_meter(semconv.SCOPE, __version__)
    for metric in dict.fromkeys(sample.metric for sample in samples):
        gauge = meter.create_gauge(metric.name, metric.unit, metric.description)
        for sample in samples:
            if sample.metric is metric:
                gauge.set(sample.value, dict(zip(metric.labels, sample.labels, strict=True)))
    data = reader.get_metrics_data()
    provider.shutdown()
    if data is None:
        msg = "--otlp: nothing is sent where OTEL_SDK_DISABLED is true"
        raise ConnectionError(msg)
    return data


def _resource() -> Any:  # noqa: ANN401 - opentelemetry is an extra
    """Return the same resource at each run: with an instance of its own each would be a series."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415

    named = OTELResourceDetector().detect().attributes
    found = dict(Resource.create().attributes)
    if _INSTANCE not in named:
        found.pop(_INSTANCE, None)
    if str(found.get(_NAME, _UNKNOWN)).startswith(_UNKNOWN):
        found[_NAME] = semconv.SCOPE
    return Resource(found)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what the exporter logs, which would go to standard error beside our one error."""
    told: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    logger, collector = logging.getLogger(_EXPORTER), Collector(logging.WARNING)
    logger.addHandler(collector)
    goes_on, logger.propagate = logger.propagate, False
    try:
        yield told
    finally:
        logger.propagate = goes_on
        logger.removeHandler(collector)
