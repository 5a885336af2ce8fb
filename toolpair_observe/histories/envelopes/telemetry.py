"""OpenTelemetry's containers: OTLP's JSON, console exporters, Phoenix's API and data frames.

Each span becomes a unit, read by the conventions that it follows. Log records become one for each
request: the newer conventions have an event for a request, the older ones an event for a message.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError, json_type, keys_text
from toolpair_observe.histories.dialects.span_attributes import (
    EVENT_NAME,
    EVENTS,
    MESSAGE_EVENTS,
)
from toolpair_observe.histories.envelopes import genai, langfuse, openinference, spans
from toolpair_observe.histories.envelopes.cells import parsed
from toolpair_observe.histories.envelopes.envelope import Envelope, each_row
from toolpair_observe.histories.envelopes.spans import Span, first
from toolpair_observe.histories.outcome import accepted
from toolpair_observe.pairing.fields import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.histories.unit import Row, Unit

_SPANS: Final = ("resourceSpans", "resource_spans")
_LOGS: Final = ("resourceLogs", "resource_logs")
_METRICS: Final = ("resourceMetrics", "resource_metrics")
_SCOPED_SPANS: Final = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
)
_SCOPED_LOGS: Final = ("scopeLogs", "scope_logs")
_OTHER: Final = "otel.span"
_LOG: Final = "otel.log"
_CHOICE: Final = "gen_ai.choice"
# Names of attributes that only spans of requests have.
_OWN_NAMES: Final = (
    "gen_ai.input.messages",
    "gen_ai.operation.name",
    "gen_ai.prompt.",
    "gen_ai.request.",
    "langfuse.observation.",
    "llm.input_messages",
    "openinference.span.kind",
    "traceloop.",
)
# So many requests may wait for their answers at a time.
_MOST_OPEN: Final = 10_000


# --- spans ----------------------------------------------------------------------------------------


def _read_span(row: Row, make: Callable[[], Span]) -> Unit:
    """Return the unit of a span; what is wrong with one must not hide those that follow it."""
    try:
        return _unit_of(row, make())
    except HistoryFileError as error:
        return row.unreadable(_OTHER, str(error))


def _unit_of(row: Row, span: Span) -> Unit:
    known: dict[str, Any] = {"name": span.span_id, "run_id": span.span_id, "at": span.at}
    if langfuse.is_known(span):
        return langfuse.read_span(row, span, known)
    known["thread_id"] = openinference.thread_of(span) or genai.thread_of(span)
    if openinference.kind_of(span):
        unit = openinference.read(row, span, known)
        is_lost = unit.reason and openinference.kind_of(span) == "LLM"
        return genai.read(row, span, known) if is_lost and span.has("gen_ai.input") else unit
    if genai.is_known(span):
        return genai.read(row, span, known)
    return row.no_request(_OTHER, "other span", **known)


def _read_otlp(row: Row) -> Iterator[Unit]:
    units = 0
    for units, leaf in enumerate(_leaves(row, _SPANS, _SCOPED_SPANS, ("spans",)), start=1):  # noqa: B007 - how many there were
        if leaf.reason:
            yield leaf.row.unreadable(_OTHER, leaf.reason)
        else:
            yield _read_span(leaf.row, partial(spans.of_otlp, leaf.row.data, leaf.scope))
    if not units:
        yield row.no_request(_OTHER, "no spans")


class _Leaf(NamedTuple):
    """A span or log record in OTLP's tree, or what stands there instead."""

    row: Row
    scope: str
    reason: str = ""


def _leaves(row: Row, *levels: tuple[str, ...], scope: str = "") -> Iterator[_Leaf]:
    """Yield what stands below lists in lists; each level's list is under one of its names."""
    data = row.data
    if not isinstance(data, dict):
        yield _Leaf(row, scope, f"expected an object, got {json_type(data)}")
        return
    if not levels:
        yield _Leaf(row, scope)
        return
    name = next((name for name in levels[0] if data.get(name) is not None), None)
    if name is None:
        unknown = [key for key, value in data.items() if value and isinstance(value, list)]
        if unknown:
            yield _Leaf(row, scope, f"no {levels[0][0]!r}, but {keys_text(unknown)}")
        return
    if not isinstance(data[name], list):
        yield _Leaf(row.inner(name), scope, f"expected a list, got {json_type(data[name])}")
        return
    scope = _scope(data) or scope
    for position in range(len(data[name])):
        yield from _leaves(row.inner(name, position), *levels[1:], scope=scope)


def _scope(data: dict[str, Any]) -> str:
    scope = first(data, "scope", "instrumentationLibrary", "instrumentation_library")
    name = scope.get("name") if isinstance(scope, dict) else None
    return as_text(name)


def _is_span_object(data: dict[str, Any]) -> bool:
    attributes, context = data.get("attributes"), data.get("context")
    if isinstance(context, dict) and "span_id" in context:
        return "attributes" in data
    return isinstance(attributes, dict) and _is_attributes(attributes)


def _is_attributes(data: dict[str, Any]) -> bool:
    return any(isinstance(key, str) and key.startswith(_OWN_NAMES) for key in data)


def _is_columns(data: dict[str, Any]) -> bool:
    told = "context.span_id" in data or "span_kind" in data or "status_code" in data
    return told and any(isinstance(key, str) and key.startswith("attributes.") for key in data)


# --- log records ----------------------------------------------------------------------------------


class _Request:
    """The events of one request, until its answer comes."""

    def __init__(self, row: Row, span: Span) -> None:
        self.row = row
        self.span = span
        self.messages: list[Any] = []

    def unit(self, *, answered: bool) -> Unit:
        span = self.span
        known: dict[str, Any] = {
            "name": span.span_id,
            "run_id": span.span_id,
            "at": span.at,
            "thread_id": genai.thread_of(span),
        }
        if not answered and not span.span_id:
            reason = "events without a span's id or an answer: nothing tells where a request ends"
            return self.row.unreadable(genai.EVENT_FORMAT, reason, **known)
        return self.row.request(
            genai.EVENT_FORMAT,
            self.messages,
            layer=span.layer,
            dialect=EVENTS,
            origin=genai.origin_of(span),
            **known,
            **(accepted() if answered else {}),
        )


class _Logs:
    """Gathers events of single messages by their span; everything else stands for itself."""

    def __init__(self) -> None:
        self._open: dict[str, _Request] = {}

    def read(self, row: Row) -> Iterator[Unit]:
        data = row.data
        if not any(isinstance(data.get(name), list) for name in _LOGS):
            yield from self._record(row, _scope(data), of_object=True)
            return
        records = 0
        leaves = _leaves(row, _LOGS, _SCOPED_LOGS, ("logRecords", "log_records"))
        for records, leaf in enumerate(leaves, start=1):  # noqa: B007 - how many there were
            if leaf.reason:
                yield leaf.row.unreadable(_LOG, leaf.reason)
            else:
                yield from self._record(leaf.row, leaf.scope, of_object=False)
        if not records:
            yield row.no_request(_LOG, "no log records")

    def close(self) -> Iterator[Unit]:
        kept, self._open = self._open, {}
        for request in kept.values():
            yield request.unit(answered=False)

    def _record(self, row: Row, scope: str, *, of_object: bool) -> Iterator[Unit]:
        try:
            span, body, name = _event(row.data, scope, of_object=of_object)
            if name in MESSAGE_EVENTS:
                message = {**_body(body), EVENT_NAME: name}
                self._open.setdefault(span.span_id, _Request(row, span)).messages.append(message)
                if len(self._open) > _MOST_OPEN:
                    yield self._open.pop(next(iter(self._open))).unit(answered=False)
                return
        except HistoryFileError as error:
            yield row.unreadable(_LOG, str(error))
            return
        if name == _CHOICE:
            # Further choices belong to the same answer.
            request = self._open.pop(span.span_id, None)
            if request is not None:
                yield request.unit(answered=True)
        elif name == genai.DETAILS:
            span = replace(span, attributes={**_held(body), **span.attributes})
            known = {"name": span.span_id, "run_id": span.span_id, "at": span.at}
            known["thread_id"] = genai.thread_of(span)
            try:
                yield genai.read(row, span, known, genai.EVENT_FORMAT)
            except HistoryFileError as error:
                yield row.unreadable(genai.EVENT_FORMAT, str(error))
        else:
            yield row.no_request(_LOG, "log record")


def _event(data: dict[str, Any], scope: str, *, of_object: bool) -> tuple[Span, object, str]:
    """Return a log record's attributes as those of a span, its body, and its event's name."""
    if of_object:
        given = data.get("attributes")
        attributes = dict(given) if isinstance(given, dict) else {}
        body = data.get("body")
        at = first(data, "timestamp", "observed_timestamp")
    else:
        attributes = spans.otlp_attributes(data)
        body = spans.otlp_value(data.get("body"))
        at = spans.time_of(first(data, "timeUnixNano", "time_unix_nano")) or spans.time_of(
            first(data, "observedTimeUnixNano", "observed_time_unix_nano")
        )
    span = Span(
        attributes={key: value for key, value in attributes.items() if value is not None},
        scope=scope,
        span_id=spans.id_of(first(data, "spanId", "span_id")),
        trace_id=spans.id_of(first(data, "traceId", "trace_id")),
        at=as_text(at),
    )
    return span, body, _event_name(data, attributes)


def _held(body: object) -> dict[str, Any]:
    """Return the attributes of a request that some write into the event's body."""
    value = parsed(body)
    return value if isinstance(value, dict) else {}


def _body(body: object) -> dict[str, Any]:
    value = parsed(body)
    if value is None:
        return {}  # contents are not recorded by default
    if not isinstance(value, dict):
        msg = f"the body of a message's event is {json_type(value)}, not an object"
        raise NotUnderstoodError(msg)
    return value


def _is_record(data: dict[str, Any]) -> bool:
    has_ids = ("span_id" in data or "spanId" in data) and ("trace_id" in data or "traceId" in data)
    return has_ids and ("body" in data or _event_name(data, {}).startswith("gen_ai."))


def _event_name(data: dict[str, Any], attributes: dict[str, Any]) -> str:
    name = first(data, "eventName", "event_name", EVENT_NAME) or attributes.get(EVENT_NAME)
    return as_text(name)


def _read_metrics(row: Row) -> Iterator[Unit]:
    yield row.no_request("otel.metrics", "metrics")


def _holds(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda data: isinstance(data.get(name), list)


def _object_span(row: Row) -> Iterator[Unit]:
    yield _read_span(row, partial(spans.of_object, row.data))


def _column_span(row: Row) -> Iterator[Unit]:
    yield _read_span(row, partial(spans.of_columns, row.data))


def _attributes_span(row: Row) -> Iterator[Unit]:
    yield _read_span(row, partial(spans.of_attributes, row.data))


ENVELOPES: Final = (
    *(each_row("otlp.spans", _holds(name), _read_otlp, needs=(name,)) for name in _SPANS),
    *(Envelope("otel.logs", _holds(name), _Logs, frozenset({name})) for name in _LOGS),
    *(each_row("otel.metrics", _holds(name), _read_metrics, needs=(name,)) for name in _METRICS),
    Envelope("otel.logs", _is_record, _Logs, any_of=frozenset({"spanId", "span_id"})),
    each_row("otel.span", _is_span_object, _object_span, needs=("attributes",)),
)
BY_NAMES_OF_ATTRIBUTES: Final = (
    each_row(
        "phoenix.row",
        _is_columns,
        _column_span,
        any_of=("context.span_id", "span_kind", "status_code"),
    ),
    each_row("otel.attributes", _is_attributes, _attributes_span),
)
"""They look at every key of a row, and no other form has their keys: their place is the last."""
