"""Lines of OpenAI's batches, in and out, which other providers take as well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.openai import read_chat, read_responses
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

_BATCH: Final = "openai.batch"
_ANSWER: Final = "openai.batch_output"

# The end of the URL decides.
_OTHER_URLS: Final = (
    ("/embeddings", "embedding"),
    ("/moderations", "moderation"),
    ("/images/generations", "image generation"),
    ("/images/edits", "image generation"),
    ("/videos", "video generation"),
    ("/audio/transcriptions", "transcription"),
    ("/audio/translations", "transcription"),
    ("/ocr", "OCR"),
    ("/classifications", "classification"),
    ("/fim/completions", "text completion"),
)
_LONGEST_URL: Final = 200
# Groq, Together and Azure take the same lines: only a model of OpenAI's own tells who was asked.
_OPENAI_MODEL: Final = re.compile(r"(?:ft:)?(?:gpt-(?!oss)|chatgpt|o\d|codex|computer-use)")


def _is_line(data: dict[str, Any]) -> bool:
    return isinstance(data["body"], dict)


def _read_line(row: Row) -> Iterator[Unit]:
    url = as_text(row.data.get("url"))
    body = row.inner("body")
    path = url.partition("?")[0].rstrip("/")
    name = row.data["custom_id"]
    known: dict[str, Any] = {"name": as_text(name)}
    is_openai = bool(url and _OPENAI_MODEL.match(as_text(body.data.get("model"))))
    told = {"provider": "openai" if is_openai else "", "url": url}
    if path.endswith("/chat/completions") or (not path and "messages" in body.data):
        yield from read_chat(body, _BATCH, **told, **known)
    elif path.endswith("/responses") or (not path and "input" in body.data):
        yield from read_responses(body, _BATCH, **told, **known)
    else:
        what = next((what for end, what in _OTHER_URLS if path.endswith(end)), "")
        if not what and path.endswith("/completions"):
            what = "text completion"
        if what:
            yield row.no_request(_BATCH, what, **known)
        else:
            where = f"URL {quoted(path[:_LONGEST_URL])}" if path else keys_text(body.data)
            reason = f"a batch line of no known API, with {where}"
            yield row.unreadable(_BATCH, reason, "body", **known)


def _is_answer(data: dict[str, Any]) -> bool:
    return "body" not in data and (
        isinstance(data.get("response"), dict)
        or ("response" in data and "error" in data)
        or isinstance(data.get("error"), dict)
    )


def _read_answer(row: Row) -> Iterator[Unit]:
    name = row.data["custom_id"]
    known = {"name": name} if isinstance(name, str) else {}
    yield row.no_request(_ANSWER, "batch response", **known)


def _is_broken_line(data: dict[str, Any]) -> bool:
    return "url" in data and "method" in data


def _read_broken_line(row: Row) -> Iterator[Unit]:
    reason = f"a batch line whose body is {json_type(row.data.get('body'))}"
    yield row.unreadable(_BATCH, reason)


ENVELOPES: Final = (
    each_row(_BATCH, _is_line, _read_line, needs=("custom_id", "body")),
    each_row(_ANSWER, _is_answer, _read_answer, needs=("custom_id",)),
    each_row(_BATCH, _is_broken_line, _read_broken_line, needs=("custom_id",)),
)
