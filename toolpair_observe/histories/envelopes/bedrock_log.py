"""What Bedrock writes down: its log of invocations, and the rows of its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.envelopes.body import (
    Fields,
    any_key,
    object_at,
    text_at,
)
from toolpair_observe.histories.envelopes.cells import json_in
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.wire import read_body
from toolpair_observe.histories.outcome import Outcome, accepted, failed_with
from toolpair_observe.histories.unit import Row
from toolpair_observe.pairing.providers.recorded import Origin
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Unit

_LOG: Final = "bedrock.log"
_BATCH: Final = "bedrock.batch"
_APIS: Final = {
    "Converse": "converse",
    "ConverseStream": "converse",
    "InvokeModel": "invoke",
    "InvokeModelWithResponseStream": "invoke",
}
_OTHER_MODELS: Final = (("embed", "embedding"), ("rerank", "reranking"))


def _is_log(data: Fields) -> bool:
    return data.get("schemaType") == "ModelInvocationLog" or (
        text_at(data, "operation") in _APIS and "modelId" in data and "input" in data
    )


def _read_log(row: Row) -> Iterator[Unit]:
    data = row.data
    told: dict[str, Any] = {
        "run_id": text_at(data, "requestId"),
        "at": text_at(data, "timestamp"),
    }
    operation = text_at(data, "operation")
    if operation and operation not in _APIS:
        yield row.no_request(_LOG, f"operation {quoted(operation)}", **told)
        return
    model = text_at(data, "modelId")
    other = next((what for word, what in _OTHER_MODELS if word in model), "")
    if other:
        yield row.no_request(_LOG, other, **told)
        return
    given = object_at(data, "input")
    if given.get("inputBodyJson") is None:
        yield row.unreadable(_LOG, _without_body(given), **told)
        return
    body = _parsed(row.inner("input", "inputBodyJson"))
    if not isinstance(body.data, dict):
        reason = f"inputBodyJson: expected an object, got {json_type(body.data)}"
        yield row.unreadable(_LOG, reason, **told)
        return
    origin = Origin(provider="bedrock", api=_APIS.get(operation, ""), model=model)
    yield from read_body(body, _LOG, origin, _outcome(data), **told)


def _parsed(row: Row) -> Row:
    if isinstance(row.data, str):
        return Row(json_in(row.data), row.line, row.path, row.event)
    return row


def _without_body(given: Fields) -> str:
    if text_at(given, "inputBodyS3Path"):
        return "the body is too large for the log and lies at inputBodyS3Path: give that file"
    found = f"an input with {keys_text(given)}" if given else "no input"
    return f"the log has {found}, and no body: was it set up to leave text out?"


def _outcome(data: Fields) -> Outcome:
    if data.get("errorCode"):
        # A class of error alone, which does not tell for what.
        return failed_with("")
    answered = any_key(object_at(data, "output"), ("outputBodyJson", "outputBodyS3Path"))
    return accepted() if answered else Outcome()


# --- The log as CloudWatch hands it out ----------------------------------------------------------


def _is_event(data: Fields) -> bool:
    return '"ModelInvocationLog"' in text_at(data, "message")


def _read_event(row: Row) -> Iterator[Unit]:
    entry = _parsed(row.inner("message"))
    if isinstance(entry.data, dict) and _is_log(entry.data):
        yield from _read_log(entry)
    else:
        yield entry.unreadable(_LOG, "a log event that is not the JSON of an invocation")


def _has_events(data: Fields) -> bool:
    events = data.get("events")
    return isinstance(events, list) and any(
        isinstance(each, dict) and _is_event(each) for each in events
    )


def _read_events(row: Row) -> Iterator[Unit]:
    for place, each in enumerate(row.data["events"]):
        inner = row.inner("events", place)
        if isinstance(each, dict) and _is_event(each):
            yield from _read_event(inner)
        else:
            yield inner.no_request(_LOG, "another log event")


# --- Its batches ---------------------------------------------------------------------------------


def _is_batch_row(data: Fields) -> bool:
    return isinstance(data["modelInput"], dict)


def _read_batch_row(row: Row) -> Iterator[Unit]:
    data = row.data
    error = object_at(data, "error")
    outcome = Outcome()
    if error:
        outcome = failed_with(text_at(error, "errorMessage"))
    elif isinstance(data.get("modelOutput"), dict):
        outcome = accepted()
    origin = Origin(provider="bedrock")
    name = text_at(data, "recordId")
    yield from read_body(row.inner("modelInput"), _BATCH, origin, outcome, name=name)


ENVELOPES: Final = (
    each_row(_LOG, _is_log, _read_log, any_of=("operation", "schemaType")),
    each_row(_LOG, _is_event, _read_event, needs=("message",)),
    each_row(_LOG, _has_events, _read_events, needs=("events",)),
    each_row(_BATCH, _is_batch_row, _read_batch_row, needs=("recordId", "modelInput")),
)
