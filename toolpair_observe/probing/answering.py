"""What came of one request: taken, refused, raised on the way, to be repeated, or hopeless."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.refusals.error_text import readings
from toolpair_observe.pairing.refusals.status import is_from_template
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.probing.words import words_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.record import Record
    from toolpair_observe.probing.sending import Heard


class Outcome(StrEnum):
    """What came of one request."""

    TAKEN = "taken"
    REFUSED = "refused"
    LOCAL = "local"
    AGAIN = "again"
    HOPELESS = "hopeless"


@dataclass(frozen=True, slots=True)
class Told:
    """What one request was told.

    Attributes:
        outcome: What came of it.
        words: The endpoint's, the client's or ours, not yet fit to be shown.
        input_tokens: The tokens that it took, as the endpoint counts, None where it does not.
        pause: The seconds after which the endpoint wants to be asked again, None where it says
            nothing.
        secrets: Texts of the request that nothing may show.
    """

    outcome: Outcome
    words: str = ""
    input_tokens: int | None = None
    pause: float | None = None
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)


_REFUSED: Final = frozenset({400, 422})
_HOPELESS: Final = frozenset({401, 402, 403, 404, 405, 407, 410, 451})
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)
_OK: Final = range(200, 300)
_MOST_CHAIN: Final = 12
_MOST_TOKENS: Final = 1_000_000

# What stands between the status and the words in the text of an exception.
_WRAPPED: Final = re.compile(
    r"^(?:error code|status(?:_code)?):?\s*\d{3}\s*[-,:]\s*", re.IGNORECASE
)
_OF_THE_KEY: Final = re.compile(
    r"api[\s_-]?key (?:not valid|is invalid|expired|not found)|invalid api[\s_-]?key"
    r"|credit balance|insufficient[\s_](?:quota|funds|credits?)|billing",
    re.IGNORECASE,
)
_STATUS: Final = re.compile(r"[45][0-9]{2}")
_INVALID: Final = re.compile(r"invalid_?request|invalid_?argument|validation", re.IGNORECASE)
_OF_A_CONNECTION: Final = re.compile(
    r"Connect|Timeout|TimedOut|Network|Protocol|ReadError|WriteError|Endpoint\w*Error|SSL|DNS"
    r"|RateLimit|Unavailable|Overloaded"
)


def told_by(heard: Heard, *, is_watched: bool) -> Told:
    """Return what came of one request.

    Args:
        heard: The request.
        is_watched: Whether the record knows of each request if it left.
    """
    if heard.message is not None:
        return Told(Outcome.TAKEN, input_tokens=_tokens_of(heard.message))
    if heard.error is None:
        return Told(Outcome.AGAIN, "it did not answer in time")
    if not isinstance(heard.error, Exception):
        raise heard.error
    told = _of_an_error(heard.error, heard.record, is_watched=is_watched)
    return replace(told, secrets=frozenset(heard.record.secrets))


def _of_an_error(error: Exception, record: Record, *, is_watched: bool) -> Told:
    body = record.body or _body_of(error)
    words = words_in(body) or _text_of(error)
    status = record.status or _status_of(error)
    if status in _OK:
        status = _code_in(body)
        if status is None:
            return Told(Outcome.AGAIN, f"its answer can't be read ({type_name(error)})")
    if status is None:
        left = record.sent > 0 if is_watched else _is_of_a_connection(error)
        if left:
            return Told(Outcome.AGAIN, f"the connection failed ({type_name(error)})")
        return Told(Outcome.LOCAL, words)
    return _of_a_status(status, words, body, _pause_in(record.headers or _headers_of(error)))


def _of_a_status(status: int, words: str, body: object, pause: float | None) -> Told:
    if status in _REDIRECTS:
        return Told(
            Outcome.HOPELESS,
            f"it sends the request elsewhere (HTTP {status}), which is not followed: give the "
            "model the URL that it leads to",
        )
    said = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if status in _HOPELESS or (status in _REFUSED and _OF_THE_KEY.search(words)):
        return Told(Outcome.HOPELESS, said)
    by_template = status in _SERVER_ERRORS and any(map(is_from_template, (words, _as_text(body))))
    if status in _REFUSED or by_template:
        return Told(Outcome.REFUSED, words)
    return Told(Outcome.AGAIN, said, pause=pause)


def _tokens_of(message: BaseMessage) -> int | None:
    usage = getattr(message, "usage_metadata", None)
    tokens = usage.get("input_tokens") if isinstance(usage, dict) else None
    # A prompt of a few words has not more: what has is no count, and does not fit into the file.
    return tokens if type(tokens) is int and 0 < tokens <= _MOST_TOKENS else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_MOST_CHAIN):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _status_of(error: Exception) -> int | None:
    return next((each.status for each in readings(error) if each.status is not None), None)


def _body_of(error: Exception) -> object:
    """Return the body that an exception keeps, in the way of its client."""
    for each in _chain(error):
        for name in ("body", "details", "response"):
            value = getattr(each, name, None)
            if isinstance(value, dict) and value:
                return value.get("Error", value)
            if isinstance(value, str) and value:
                return value
        first = each.args[0] if each.args else None
        if isinstance(first, dict):
            return first
    return ""


def _text_of(error: Exception) -> str:
    try:
        return _WRAPPED.sub("", str(error))
    except Exception:  # noqa: BLE001 -- a foreign __str__ may do anything
        return type_name(error)


def _code_in(body: object) -> int | None:
    """Return the status that the body of a 200 gives an error, None where it gives none."""
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return None
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    for name in ("code", "status", "status_code"):
        code = error.get(name)
        if isinstance(code, str) and _STATUS.fullmatch(code):
            code = int(code)
        if isinstance(code, int) and 400 <= code <= 599:  # noqa: PLR2004
            return code
    kinds = " ".join(str(error.get(name)) for name in ("type", "code", "status"))
    return min(_REFUSED) if _INVALID.search(kinds) else None


def _is_of_a_connection(error: Exception) -> bool:
    return any(
        isinstance(each, OSError | json.JSONDecodeError)
        or _OF_A_CONNECTION.search(type(each).__name__)
        for each in _chain(error)
    )


def _as_text(body: object) -> str:
    if isinstance(body, bytes):
        return body.decode("utf-8", "replace")
    return str(body)


def _headers_of(error: Exception) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return {str(name).lower(): str(value) for name, value in dict(headers or {}).items()}
    except (TypeError, ValueError):
        return {}


def _pause_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After`, which has a number or a date."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - datetime.now(UTC)).total_seconds()
    # No number is neither more nor less than another.
    return max(0.0, seconds) if seconds == seconds else None  # noqa: PLR0124
