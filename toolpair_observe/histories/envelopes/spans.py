"""A span or a log record, the same whatever container it came in."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.histories.containers.parsing import DuplicateKeyError
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError, json_type
from toolpair_observe.histories.dialects.responses import RESPONSES
from toolpair_observe.histories.envelopes.cells import as_object, parsed
from toolpair_observe.histories.outcome import Outcome, failed_with, outcome
from toolpair_observe.histories.unit import Layer
from toolpair_observe.pairing.fields import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEEPEST: Final = 32
_ID_BYTES: Final = (8, 16)
_ERROR_CODES: Final = (2, "2", "STATUS_CODE_ERROR", "ERROR", "StatusCode.ERROR", "error")
_OK_CODES: Final = (1, "1", "STATUS_CODE_OK", "OK", "StatusCode.OK", "ok")
# Objects whose keys are attributes' names, where a container nests them.
_BRANCHES: Final = (
    "ai",
    "error",
    "exception",
    "gen_ai",
    "input",
    "llm",
    "openinference",
    "output",
    "session",
    "traceloop",
)


class Event(NamedTuple):
    """An event of a span, or a log record."""

    name: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span, or an event that has its attributes.

    Attributes:
        attributes: By name, without null values.
        kind: What the container says it is, beside the attributes (Phoenix).
        scope: The instrumentation's name, `""` if the container leaves it out.
        error: Whether it ended in an error; None if the container has no status.
        is_ok: Whether its status says that it did not.
        message: The error's text, as far as it is told.
        span_id: Its id in hexadecimal digits.
        trace_id: Its trace's id.
        at: When it started.
        dropped: How many attributes did not fit.
        events: Its events.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    scope: str = ""
    error: bool | None = None
    is_ok: bool = False
    message: str = ""
    span_id: str = ""
    trace_id: str = ""
    at: str = ""
    dropped: int = 0
    events: tuple[Event, ...] = ()

    def text(self, *names: str) -> str:
        """Return the first of these attributes that is a text."""
        for name in names:
            value = self.attributes.get(name)
            if isinstance(value, str) and value:
                return value
        return ""

    def has(self, *prefixes: str) -> bool:
        """Whether an attribute's name starts so."""
        return any(name.startswith(prefixes) for name in self.attributes)

    def json(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return an attribute's value, parsed where it is a text; None where that fails."""
        return parsed(self.attributes.get(name))

    def object(self, name: str) -> dict[str, Any]:
        """Return the object that an attribute holds, as a value or as JSON."""
        return as_object(self.attributes.get(name))

    def under(self, prefix: str) -> dict[str, Any]:
        """Return the attributes below a name, by what follows it."""
        start = f"{prefix}."
        return {
            name.removeprefix(start): value
            for name, value in self.attributes.items()
            if name.startswith(start)
        }

    def outcome(self, *, answered: bool) -> Outcome:
        """Return what came of the request.

        Args:
            answered: Whether the span has (part of) an answer.
        """
        if self.error:
            return failed_with(self.message)
        return outcome(error=None, answered=answered or self.is_ok)

    @property
    def layer(self) -> Layer:
        """Where its messages were taken from."""
        return layer_of_scope(self.scope)


def layer_of_scope(scope: str) -> Layer:
    """Return where an instrumentation takes messages from, by its name.

    LangChain's see messages; those of providers' libraries see what is sent.
    """
    name = scope.lower()
    own = not name or "langchain" in name or "langgraph" in name or name == "langsmith"
    return Layer.LANGCHAIN if own else Layer.WIRE


def are_items(messages: Sequence[Any]) -> bool:
    """Whether messages are the Responses API's own items, which no other API takes.

    They were written down as they were sent.
    """
    return any(map(RESPONSES.claims, messages))


def texts_of(value: object) -> dict[str, str]:
    """Return the entries of an object, or of its JSON, that are texts."""
    return {key: text for key, text in as_object(value).items() if isinstance(text, str)}


# --- from containers ------------------------------------------------------------------------------


def first(data: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands under the first of these keys: JSON is written in camel or snake case."""
    return next((data[name] for name in names if data.get(name) is not None), None)


def listed(data: Mapping[str, Any], *names: str) -> list[Any]:
    """Return the list under the first of these keys; an empty one if there is none.

    Raises:
        NotUnderstoodError: Something else stands there.
    """
    value = first(data, *names)
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"{names[0]!r} is {json_type(value)}, not a list"
        raise NotUnderstoodError(msg)
    return value


def of_otlp(data: dict[str, Any], scope: str) -> Span:
    """Read a span of OTLP's JSON.

    Raises:
        NotUnderstoodError: It is not written so.
    """
    status = data.get("status")
    status = status if isinstance(status, dict) else {}
    return _span(
        attributes=otlp_attributes(data),
        scope=scope,
        code=status.get("code"),
        message=status.get("message"),
        span_id=first(data, "spanId", "span_id"),
        trace_id=first(data, "traceId", "trace_id"),
        at=time_of(first(data, "startTimeUnixNano", "start_time_unix_nano")),
        dropped=count_of(first(data, "droppedAttributesCount", "dropped_attributes_count")),
        events=[
            Event(as_text(event.get("name")), otlp_attributes(event))
            for event in map(_event, listed(data, "events"))
        ],
    )


def of_object(data: dict[str, Any]) -> Span:
    """Read a span of OpenTelemetry's console exporter or of Phoenix's API.

    Raises:
        NotUnderstoodError: It is not written so.
    """
    status = data.get("status")
    status = status if isinstance(status, dict) else {}
    context = data.get("context")
    context = context if isinstance(context, dict) else data
    attributes = parsed(data.get("attributes"))
    if attributes is not None and not isinstance(attributes, dict):
        msg = f"'attributes' is {json_type(attributes)}, not an object"
        raise NotUnderstoodError(msg)
    scope = first(data, "instrumentation_scope", "scope")
    return _span(
        attributes=attributes or {},
        kind=data.get("span_kind"),
        scope=scope.get("name") if isinstance(scope, dict) else "",
        code=first(data, "status_code") or first(status, "status_code", "code"),
        message=first(data, "status_message") or first(status, "description", "message"),
        span_id=context.get("span_id"),
        trace_id=context.get("trace_id"),
        at=data.get("start_time"),
        events=_events(data.get("events")),
    )


def of_attributes(data: dict[str, Any]) -> Span:
    """Read an object that is nothing but a span's attributes."""
    return Span(attributes=_flat(data), trace_id=id_of(data.get("trace_id")))


def of_columns(data: dict[str, Any]) -> Span:
    """Read a row of Phoenix's data frame, whose columns are the names of attributes."""
    start = "attributes."
    return _span(
        attributes={
            name.removeprefix(start): value
            for name, value in data.items()
            if name.startswith(start)
        },
        kind=data.get("span_kind"),
        code=data.get("status_code"),
        message=data.get("status_message"),
        span_id=first(data, "context.span_id", "span_id"),
        trace_id=first(data, "context.trace_id", "trace_id"),
        at=data.get("start_time"),
        events=_events(data.get("events")),
    )


def _span(  # noqa: PLR0913 - a span is all of these
    *,
    attributes: dict[str, Any],
    code: object,
    message: object,
    span_id: object,
    trace_id: object,
    at: object,
    events: list[Event],
    kind: object = None,
    scope: object = None,
    dropped: int = 0,
) -> Span:
    flat = _flat(attributes)
    events = [Event(event.name, _flat(event.attributes)) for event in events]
    told = as_text(message)
    if not told:
        raised = (event.attributes for event in events if event.name == "exception")
        texts = (as_text(each.get("exception.message")) for each in raised)
        told = next(filter(None, texts), "") or as_text(flat.get("error.type"))
    return Span(
        attributes=flat,
        kind=as_text(kind),
        scope=as_text(scope),
        error=_is_one_of(code, _ERROR_CODES),
        is_ok=_is_one_of(code, _OK_CODES),
        message=told,
        span_id=id_of(span_id),
        trace_id=id_of(trace_id),
        at=as_text(at),
        dropped=dropped,
        events=tuple(events),
    )


def _is_one_of(code: object, codes: tuple[object, ...]) -> bool:
    return isinstance(code, int | str) and not isinstance(code, bool) and code in codes


def _events(events: object) -> list[Event]:
    events = parsed(events)
    if not isinstance(events, list):
        return []
    found: list[Event] = []
    for event in map(_event, events):
        attributes = event.get("attributes")
        if attributes is not None and not isinstance(attributes, dict):
            msg = f"an event's 'attributes' is {json_type(attributes)}, not an object"
            raise NotUnderstoodError(msg)
        found.append(Event(as_text(event.get("name")), attributes or {}))
    return found


def _event(event: object) -> dict[str, Any]:
    if not isinstance(event, dict):
        msg = f"an event is {json_type(event)}, not an object"
        raise NotUnderstoodError(msg)
    return event


def otlp_attributes(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return OTLP's list of attributes as an object."""
    return _object(listed(data, "attributes"))


def _object(pairs: list[Any], depth: int = 0) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
            msg = "an attribute is not an object with a 'key'"
            raise NotUnderstoodError(msg)
        if pair["key"] in attributes:
            raise DuplicateKeyError(pair["key"])
        attributes[pair["key"]] = otlp_value(pair.get("value"), depth)
    return attributes


def otlp_value(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value that OTLP wraps in an object that names its type."""
    if value is None:
        return None
    if depth > _DEEPEST:
        msg = f"values are nested more than {_DEEPEST} deep"
        raise NotUnderstoodError(msg)
    if not isinstance(value, dict):
        msg = f"a value is {json_type(value)}, not an object that names its type"
        raise NotUnderstoodError(msg)
    array = first(value, "arrayValue", "array_value")
    if array is not None:
        items = listed(array, "values") if isinstance(array, dict) else []
        return [otlp_value(item, depth + 1) for item in items]
    pairs = first(value, "kvlistValue", "kvlist_value")
    if pairs is not None:
        return _object(listed(pairs, "values") if isinstance(pairs, dict) else [], depth + 1)
    whole = first(value, "intValue", "int_value")
    if whole is not None:
        return count_of(whole)
    return first(
        value,
        "stringValue",
        "string_value",
        "boolValue",
        "bool_value",
        "doubleValue",
        "double_value",
        "bytesValue",
        "bytes_value",
    )


def count_of(value: object) -> int:
    """Return a whole number, which protobuf's JSON may write as a text; 0 for anything else."""
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) <= _DEEPEST:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def time_of(nanoseconds: object) -> str:
    """Return a time of OTLP as text, `""` if there is none."""
    number = count_of(nanoseconds)
    try:
        return datetime.fromtimestamp(number / 1e9, tz=UTC).isoformat() if number > 0 else ""
    except (OverflowError, OSError, ValueError):
        return ""


def id_of(value: object) -> str:
    """Return an id in hexadecimal digits; protobuf's own JSON writes base64."""
    text = as_text(value).removeprefix("0x")
    if len(text) % 4 == 0 and text.endswith("="):
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return text
        if len(raw) in _ID_BYTES:
            text = raw.hex()
    return text if text.strip("0") else ""


def _flat(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes by their whole names, without what is null."""
    flat: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.split(".", 1)[0] in _BRANCHES and isinstance(value, dict):
            _flatten(value, name, flat)
        elif not is_null(value):
            flat[name] = value
    return flat


def _flatten(branch: dict[str, Any], name: str, flat: dict[str, Any], depth: int = 0) -> None:
    for key, value in branch.items():
        inner = f"{name}.{key}"
        if isinstance(value, dict) and depth < _DEEPEST:
            _flatten(value, inner, flat, depth + 1)
        elif not is_null(value):
            flat[inner] = value


def is_null(value: object) -> bool:
    """Whether a table fills in this value where there is none."""
    return value is None or (isinstance(value, float) and math.isnan(value))
