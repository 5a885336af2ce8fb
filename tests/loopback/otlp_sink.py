"""An OTLP/HTTP endpoint that decodes what real exporters send and keeps it for the test."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.loopback.server import LoopbackHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SERVICES: dict[str, tuple[type[Any], type[Any]]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


class OtlpSink(LoopbackServer):
    """A loopback OTLP endpoint.

    An exporter's `force_flush` returns after its request was answered, and a request is kept
    before it is answered: after a flush everything is here, nothing has to be waited for.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self._lock = threading.Lock()
        self._bodies: list[bytes] = []
        self._requests: dict[str, list[Any]] = {path: [] for path in _SERVICES}

    def endpoint(self, signal: str) -> str:
        """What an exporter takes as `endpoint`; `signal` is `traces`, `metrics` or `logs`."""
        return f"{self.url}/v1/{signal}"

    @property
    def raw(self) -> bytes:
        """Every request body, decompressed, in one piece: for searching what must not be there."""
        with self._lock:
            return b"\n".join(self._bodies)

    @property
    def spans(self) -> list[Span]:
        """Every span received."""
        return [
            span
            for resource in self._each("/v1/traces", "resource_spans")
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def log_records(self) -> list[LogRecord]:
        """Every log record received."""
        return [
            record
            for resource in self._each("/v1/logs", "resource_logs")
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    @property
    def metrics(self) -> list[Metric]:
        """Every metric received, once for each export."""
        return [
            metric
            for resource in self._each("/v1/metrics", "resource_metrics")
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    @property
    def scopes(self) -> set[tuple[str, str]]:
        """Names and versions of the scopes of all signals."""
        found = [
            scope.scope
            for path, field, inner in (
                ("/v1/traces", "resource_spans", "scope_spans"),
                ("/v1/logs", "resource_logs", "scope_logs"),
                ("/v1/metrics", "resource_metrics", "scope_metrics"),
            )
            for resource in self._each(path, field)
            for scope in getattr(resource, inner)
        ]
        return {(scope.name, scope.version) for scope in found}

    def _each(self, path: str, field: str) -> Iterator[Any]:
        with self._lock:
            requests = list(self._requests[path])
        for request in requests:
            yield from getattr(request, field)

    def serves(self, path: str) -> bool:
        """Whether something is taken there."""
        return path in _SERVICES

    def take(self, path: str, body: bytes) -> bytes:
        """Keep one request and return the answer to it."""
        request_type, response_type = _SERVICES[path]
        request = request_type.FromString(body)
        with self._lock:
            self._bodies.append(body)
            self._requests[path].append(request)
        return response_type().SerializeToString()


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Return OTLP attributes as Python values."""
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    field = value.WhichOneof("value")
    if field == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if field is None else getattr(value, field)


class _Handler(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = self.read_body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if not self.server.owner.serves(self.path):
            self.send_error(404)
            return
        answer = self.server.owner.take(self.path, body)
        self.send(200, answer, {"Content-Type": "application/x-protobuf"})
