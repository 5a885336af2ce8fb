"""Recorded exchanges over HTTP: VCR in several languages, HAR, nock, httpmock.

A unit stands for each exchange, in order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.histories.dialects.dialect import json_type
from toolpair_observe.histories.envelopes import anthropic, gemini
from toolpair_observe.histories.envelopes.body import Fields, object_at, text_at
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.http import (
    UNREAD,
    asked_by,
    outcome_of,
    status_of,
    value_of,
)
from toolpair_observe.histories.envelopes.wire import body_of, read_body
from toolpair_observe.histories.unit import Row
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.envelopes.http import Asked
    from toolpair_observe.histories.outcome import Outcome
    from toolpair_observe.histories.unit import Unit

_VCR: Final = "vcr.cassette"
_HAR: Final = "har"
_NOCK: Final = "nock"
_HTTPMOCK: Final = "httpmock"
# Under these keys a cassette lists its exchanges.
_LISTS: Final = ("interactions", "http_interactions")
_SENDS: Final = frozenset({"POST", "PUT"})


class Exchange(NamedTuple):
    """A request with its answer.

    Attributes:
        form: The form of the recording.
        method: The HTTP method.
        url: The URL, or the path alone.
        body: The request's body, as it is kept.
        steps: Where the body stands in the row.
        status: The answer's status code, None where there is no answer.
        answer: The answer's body, as it is kept.
        at: When it was recorded, `""` if that is not told.
    """

    form: str
    method: str
    url: str
    body: object
    steps: tuple[str, ...]
    status: int | None
    answer: object
    at: str = ""


def _read_exchange(row: Row, exchange: Exchange) -> Iterator[Unit]:
    form = exchange.form
    known = {"at": exchange.at} if exchange.at else {}
    method = exchange.method.upper()
    asked = asked_by(exchange.url)
    # Where no method is told, the path and the body tell.
    if method and method not in _SENDS:
        yield row.no_request(form, f"{method[:10]} request", **known)
        return
    if asked.else_:
        yield row.no_request(form, asked.else_, **known)
        return
    if asked.api == UNREAD:
        reason = "this API, which keeps the conversation itself, is not read"
        yield row.unreadable(form, reason, **known)
        return
    body = value_of(exchange.body)
    place = Row(body, row.line, row.place(*exchange.steps), row.event)
    if not isinstance(body, dict):
        yield _not_an_object(place, form, asked, known)
    elif not asked.api and not _may_be_body(body):
        yield place.no_request(form, "another service's request", **known)
    else:
        yield from _read_body(place, exchange, asked, known)


_WHAT_TEXT: Final = "text that is not JSON, has a key twice or is nested too deep"


def _not_an_object(place: Row, form: str, asked: Asked, known: dict[str, str]) -> Unit:
    if not asked.api:
        return place.no_request(form, "another service's request", **known)
    found = _WHAT_TEXT if isinstance(place.data, str) else json_type(place.data)
    reason = f"the body of a request to a chat model: expected an object, got {found}"
    return place.unreadable(form, reason, **known)


def _may_be_body(body: Fields) -> bool:
    return body_of(body) is not None or isinstance(body.get("messages"), list)


def _read_body(
    place: Row, exchange: Exchange, asked: Asked, known: dict[str, str]
) -> Iterator[Unit]:
    body = place.data
    told = Origin(url=exchange.url, api=asked.api, model=asked.model)
    if anthropic.is_batch(body) or gemini.is_batch(body):
        # The answer only says that the batch was taken.
        read = anthropic.read_batch if anthropic.is_batch(body) else gemini.read_batch
        for unit in read(place):
            origin = replace(unit.origin, url=exchange.url, model=unit.origin.model or asked.model)
            yield replace(unit, format=exchange.form, origin=origin, **known)  # type: ignore[arg-type]
        return
    outcome = outcome_of(exchange.status, value_of(exchange.answer))
    yield from read_body(place, exchange.form, told, outcome, **known)


# --- VCR -----------------------------------------------------------------------------------------


def _interactions_key(data: Fields) -> str | None:
    """Return under which key a VCR cassette lists its exchanges, None where it is none."""
    for key in _LISTS:
        listed = data.get(key)
        if isinstance(listed, list) and (
            any(isinstance(each, dict) and _is_interaction(each) for each in listed)
            or (not listed and ("version" in data or "recorded_with" in data))
        ):
            return key
    return None


def _is_interaction(data: Fields) -> bool:
    request = object_at(data, "request")
    return "method" in request and ("uri" in request or "url" in request)


def _read_cassette(row: Row) -> Iterator[Unit]:
    key = _interactions_key(row.data) or _LISTS[0]
    if not row.data[key]:
        yield row.no_request(_VCR, "empty cassette")
    for place, each in enumerate(row.data[key]):
        inner = row.inner(key, place)
        if isinstance(each, dict) and isinstance(each.get("request"), dict):
            yield from _read_interaction(inner)
        else:
            yield inner.unreadable(_VCR, "an interaction without a request")


def _read_interaction(row: Row) -> Iterator[Unit]:
    data = row.data
    request, response = data["request"], object_at(data, "response")
    key = "parsed_body" if request.get("parsed_body") is not None else "body"
    answer = response.get("parsed_body")
    exchange = Exchange(
        _VCR,
        text_at(request, "method"),
        text_at(request, "uri", "url"),
        request.get(key),
        ("request", key),
        status_of(response),
        response.get("body") if answer is None else answer,
        text_at(data, "recorded_at"),
    )
    yield from _read_exchange(row, exchange)


# --- Others --------------------------------------------------------------------------------------


def _is_har(data: Fields) -> bool:
    return isinstance(object_at(data, "log").get("entries"), list)


def _read_har(row: Row) -> Iterator[Unit]:
    entries = row.data["log"]["entries"]
    if not entries:
        yield row.no_request(_HAR, "empty recording")
    for place, each in enumerate(entries):
        inner = row.inner("log", "entries", place)
        request = object_at(each, "request") if isinstance(each, dict) else {}
        if not request:
            yield inner.unreadable(_HAR, "an entry without a request")
            continue
        response = object_at(each, "response")
        exchange = Exchange(
            _HAR,
            text_at(request, "method"),
            text_at(request, "url"),
            request.get("postData"),
            ("request", "postData", "text"),
            # A request that got no answer has the status 0.
            status_of(response) or None,
            response.get("content"),
            text_at(each, "startedDateTime"),
        )
        yield from _read_exchange(inner, exchange)


def _read_nock(row: Row) -> Iterator[Unit]:
    data = row.data
    exchange = Exchange(
        _NOCK,
        text_at(data, "method"),
        text_at(data, "scope") + text_at(data, "path"),
        data.get("body"),
        ("body",),
        status_of(data),
        data.get("response"),
    )
    yield from _read_exchange(row, exchange)


def _is_httpmock(data: Fields) -> bool:
    when = object_at(data, "when")
    return isinstance(data.get("then"), dict) and "path" in when and "method" in when


def _read_httpmock(row: Row) -> Iterator[Unit]:
    when, then = row.data["when"], row.data["then"]
    key = "json_body" if "json_body" in when else "body"
    exchange = Exchange(
        _HTTPMOCK,
        text_at(when, "method"),
        text_at(when, "path"),
        when.get(key),
        ("when", key),
        status_of(then),
        then.get("body", then.get("json_body")),
    )
    yield from _read_exchange(row, exchange)


# --- A request beside its answer -----------------------------------------------------------------

_PAIR: Final = "exchange"


def _is_pair(data: Fields) -> bool:
    """Whether a body and its answer lie side by side, as in Google's batches and many logs."""
    return body_of(object_at(data, "request")) is not None


def _read_pair(row: Row) -> Iterator[Unit]:
    data = row.data
    name = text_at(data, "key", "custom_id", "id")
    yield from read_body(row.inner("request"), _PAIR, Origin(), _pair_outcome(data), name=name)


def _pair_outcome(data: Fields) -> Outcome:
    response: Any = data.get("response")
    inner = response.get("error") if isinstance(response, dict) else None
    # Vertex AI writes an error as the status, and `""` where there is none.
    error = data.get("error") or inner or ("processed_time" in data and data.get("status"))
    if error:
        return outcome_of(400, error)
    return outcome_of(status_of(data) or (200 if response else None), response)


ENVELOPES: Final = (
    each_row(_VCR, lambda data: _interactions_key(data) is not None, _read_cassette, any_of=_LISTS),
    each_row(_VCR, _is_interaction, _read_interaction, needs=("request",)),
    each_row(_HAR, _is_har, _read_har, needs=("log",)),
    each_row(_NOCK, lambda _: True, _read_nock, needs=("scope", "method", "path", "status")),
    each_row(_HTTPMOCK, _is_httpmock, _read_httpmock, needs=("when", "then")),
    each_row(_PAIR, _is_pair, _read_pair, needs=("request",)),
)
