"""Gemini's bodies, batches and answers, of its own API and of Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.gemini import GEMINI, gemini_dialect
from toolpair_observe.histories.dialects.resumed import resumed
from toolpair_observe.histories.envelopes.body import (
    Fields,
    any_key,
    is_body,
    not_a_request,
    object_at,
    read_messages,
    text_at,
)
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

BODY_FORM: Final = "gemini.body"
_BATCH: Final = "gemini.batch"
_ANSWER: Final = "gemini.answer"
_OWN_KEYS: Final = (
    "cachedContent",
    "cached_content",
    "generationConfig",
    "generation_config",
    "safetySettings",
    "safety_settings",
    "systemInstruction",
    "system_instruction",
    "toolConfig",
    "tool_config",
)
_BODY_KEYS: Final = frozenset({"config", "contents", *_OWN_KEYS})


def fits(data: Fields) -> bool:
    """Whether an object is a body of this API."""
    contents = data.get("contents")
    if not is_body(data) or contents is None:
        return False
    if isinstance(contents, dict):
        contents = [contents]
    if isinstance(contents, list) and any(map(GEMINI.claims, contents)):
        return True
    return isinstance(contents, str | list) and (
        any_key(data, _OWN_KEYS) or ("model" in data and "config" in data)
    )


def read_body(row: Row, form: str = BODY_FORM) -> Iterator[Unit]:
    """Read a body, as it was sent or as it was given to the SDK."""
    data = row.data
    config = object_at(data, "config")
    contents: Any = data.get("contents")
    if isinstance(contents, str | dict):
        contents = [contents]
    cached = any(text_at(each, "cachedContent", "cached_content") for each in (data, config))
    origin = Origin(
        api="generate_content",
        model=text_at(data, "model").removeprefix("models/"),
        server_state=cached,
        tools_bound=bool(data.get("tools") or config.get("tools")),
    )
    dialect = gemini_dialect(contents) if isinstance(contents, list) else GEMINI
    if cached:
        dialect = resumed(dialect)
    unit_row = row if contents is data.get("contents") else _with(row, contents)
    yield read_messages(
        unit_row, form, "contents", dialect=dialect, origin=origin, known=_BODY_KEYS
    )


def _with(row: Row, contents: list[Any]) -> Row:
    return type(row)(row.data | {"contents": contents}, row.line, row.path, row.event)


# --- Batches -------------------------------------------------------------------------------------


def _requests_of(data: Fields) -> tuple[tuple[str, ...], list[Any]] | None:
    """Return where the requests of the body that makes a batch stand, and the requests."""
    for path in _BATCH_PATHS:
        found: Any = data
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, list) and found:
            return path, found
    return None


_BATCH_PATHS: Final = (
    ("batch", "inputConfig", "requests", "requests"),
    ("batch", "input_config", "requests", "requests"),
)


def is_batch(data: Fields) -> bool:
    """Whether an object is the body that makes a batch."""
    return _requests_of(data) is not None


def read_batch(row: Row) -> Iterator[Unit]:
    """Read the requests of the body that makes a batch."""
    found = _requests_of(row.data)
    path, requests = found or ((), [])
    for place, each in enumerate(requests):
        request = each.get("request") if isinstance(each, dict) else None
        if isinstance(request, dict) and fits(request):
            yield from read_body(row.inner(*path, place, "request"), _BATCH)
        else:
            yield row.unreadable(_BATCH, "not a request of a batch", *path, place)


# --- Answers -------------------------------------------------------------------------------------


_OF_ANSWERS: Final = ("candidates", "promptFeedback", "prompt_feedback", "totalTokens")


def _is_answer(data: Fields) -> bool:
    return "contents" not in data and (
        isinstance(data.get("candidates"), list)
        or any_key(data, ("promptFeedback", "prompt_feedback"))
        or "totalTokens" in data
    )


def _is_batch_answer(data: Fields) -> bool:
    return "request" not in data and (
        _is_answer(object_at(data, "response")) or isinstance(data.get("error"), dict)
    )


BODY: Final = each_row(BODY_FORM, fits, read_body, needs=("contents",))
ENVELOPES: Final = (
    each_row(_BATCH, is_batch, read_batch, needs=("batch",)),
    each_row(_BATCH, _is_batch_answer, not_a_request(_BATCH, "batch response"), needs=("key",)),
    each_row(_ANSWER, _is_answer, not_a_request(_ANSWER, "response"), any_of=_OF_ANSWERS),
    BODY,
)
