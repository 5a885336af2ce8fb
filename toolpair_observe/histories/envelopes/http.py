"""Recorded HTTP: what a URL's path asks for, and what stands in bodies, however they are kept."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.envelopes.cells import json_in
from toolpair_observe.histories.outcome import Outcome, accepted, failed_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# --- What is asked for ---------------------------------------------------------------------------


class Asked(NamedTuple):
    """What a path asks for.

    Attributes:
        api: The API, where it is a chat model's, in the words of `Origin.api`; `""` elsewhere.
        model: The model or deployment that the path names, or `""`.
        else_: What it is instead, such as `embedding`; `""` where the path is not known.
    """

    api: str = ""
    model: str = ""
    else_: str = ""


UNREAD: Final = "unread"
"""The API of conversations that the provider keeps, in a form that no reader knows."""

# The first that matches counts. What is no chat model's API stands in brackets.
_PATHS: Final = tuple(
    (re.compile(path), told)
    for path, told in (
        (r"count[-_]?[tT]okens|/input_tokens$|/tokenize$|:computeTokens$", "(token counting)"),
        (r"/threads(?:/|$)|/assistants(?:/|$)", "(Assistants API)"),
        (r"/chat/completions$|/agents/completions$", "chat"),
        (r"/responses(?:/compact)?$", "responses"),
        (r"/messages(?:/batches)?$", "messages"),
        (r":(?:(?:streamG|g)enerateContent|batchGenerateContent)$", "generate_content"),
        (r"/publishers/anthropic/.*:(?:streamR|r)awPredict$", "messages"),
        (r":(?:streamR|r)awPredict$", "chat"),
        (r"/model/[^/]*(?:embed|rerank)[^/]*/invoke$", "(embedding)"),
        (r"/model/[^/]+/converse(?:-stream)?$", "converse"),
        (r"/model/[^/]+/invoke(?:-with-response-stream)?$", "invoke"),
        (r"/api/chat$", "ollama"),
        (r"/v2/chat$", "cohere-v2"),
        (r"cohere\.(?:com|ai)/v1/chat$", "cohere-v1"),
        (r"/v1/chat$", "chat"),
        (r"/interactions$|mistral\.ai/v1/conversations", UNREAD),
        (r"/conversations(?:/|$)", "(conversation)"),
        (r"/embeddings?$|/embed$|:(?:batch|async)?[eE]mbed\w+$", "(embedding)"),
        (r"/(?:files|uploads?)(?:[/:]|$)", "(file upload)"),
        (r"/audio/|/speech$|/transcri", "(audio)"),
        (r"/images?/|:predict(?:LongRunning)?$", "(prediction)"),
        (r"/moderations$|/guardrail", "(moderation)"),
        (r"/rerank$", "(reranking)"),
        (r"/vector_stores(?:/|$)|/fileSearchStores|:importFile$", "(vector store)"),
        (r"/fine[-_]tuning|/finetune|/tunedModels", "(fine-tuning)"),
        (r"/cachedContents", "(cache)"),
        (r"/oauth2?/|/token$|/authorize$|/login", "(authorization)"),
        (r"/mcp$|/sse$", "(MCP)"),
        (r"/v1/(?:traces|metrics|logs)$|/runs/(?:batch|multipart)$", "(telemetry)"),
        (r"/completions$|/api/generate$|/generate$", "(text completion)"),
    )
)
_MODEL: Final = re.compile(r"/(?:models|model|deployments)/([^/]+?)(?::\w+)?(?:/|$)")
_LONGEST_URL: Final = 2048


def asked_by(url: str) -> Asked:
    """Return what a URL or a path asks for."""
    place = url[:_LONGEST_URL].partition("?")[0].partition("#")[0].rstrip("/")
    path = place.partition("://")[2] or place
    told = next((told for pattern, told in _PATHS if pattern.search(path)), "")
    if told.startswith("("):
        return Asked(else_=told.strip("()"))
    # The model's own name may hold a colon and, as an ARN does, slashes that are quoted.
    named = _MODEL.search(path)
    return Asked(told, unquote(named[1]) if named and told else "")


# --- What stands in bodies -----------------------------------------------------------------------

_MOST_BYTES: Final = 32 * 1024 * 1024
_TEXT_KEYS: Final = ("string", "text", "base64_string", "base64")
# How packed bytes begin in a text that has a letter for each byte, as YAML's binaries come.
_PACKED: Final = ("\x1f\x8b", "x\x01", "x\x5e", "x\x9c", "x\xda")
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
# What else stands in an object that holds a body's text.
_BESIDE_TEXT: Final = frozenset(
    {*_TEXT_KEYS, "comment", "compression", "encoding", "file", "mimeType", "params", "size"}
)


def value_of(body: object) -> object:
    """Return what a body holds: JSON where it is JSON, else its text; None for an empty one.

    Recorders keep a body as text, as the parsed value, as text in an object, and what was packed
    or is no text in base64.
    """
    if isinstance(body, dict):
        key = next((key for key in _TEXT_KEYS if key in body), None)
        return _value_in(body, key) if key and body.keys() <= _BESIDE_TEXT else body or None
    if isinstance(body, bytes):
        return _value_of_bytes(body)
    return _value_of_text(body) if isinstance(body, str) else body


def _value_in(body: dict[str, Any], key: str) -> object:
    value = body[key]
    in_base64 = key.startswith("base64") or body.get("encoding") == "base64"
    if in_base64 and isinstance(value, str):
        data = _from_base64(value)
        return value if data is None else _value_of_bytes(data)
    return value_of(value) if isinstance(value, str | bytes) else value


def _value_of_text(text: str) -> object:
    if text.startswith(_PACKED):
        plain = _unpacked(text.encode("latin-1", errors="replace"))
        if plain is not None:
            return _value_of_bytes(plain)
    text = text.removeprefix("\ufeff").strip()
    if not text:
        return None
    if text[0] in "{[":
        value = _json(text)
        return text if value is None else value
    # A word may look like base64 and be none.
    data = _from_base64(text)
    unpacked = None if data is None else _value_of_bytes(data)
    return text if unpacked is None else unpacked


def _value_of_bytes(data: bytes) -> object:
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        data = _unpacked(data) or data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    value = _json(text) if text.lstrip()[:1] in ("{", "[") else None
    return text if value is None else value


def _json(text: str) -> object:
    """Return the value of a JSON text, None where it is none or is refused."""
    try:
        return json_in(text)
    except HistoryFileError:
        return None


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _unpacked(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(data, _MOST_BYTES)
    except zlib.error:
        return None


# --- What came of it -----------------------------------------------------------------------------

_OK: Final = range(200, 300)
_BAD: Final = range(400, 600)


def outcome_of(status: int | None, answer: object) -> Outcome:
    """Return what an HTTP answer tells.

    Args:
        status: The status code, None where it is not told.
        answer: What the answer's body holds; see `value_of`.
    """
    if status in _BAD:
        return failed_with(_text(answer))
    if status not in _OK:
        return Outcome()
    error = _error_in_stream(answer) if isinstance(answer, str) else _error_in(answer)
    return accepted() if error is None else failed_with(error)


def _text(answer: object) -> str:
    if isinstance(answer, str):
        return answer
    return json.dumps(answer, ensure_ascii=False) if answer else ""


def _error_in(answer: object) -> str | None:
    """Return the error that an answer is in spite of its status, None where it is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return _text(error) if error and isinstance(error, dict) else None


def _error_in_stream(stream: str) -> str | None:
    """Return the error with which a stream of events broke off, None where it did not."""
    for line in _data_lines(stream):
        error = _error_in(_json(line)) if '"error"' in line else None
        if error is not None:
            return error
    return None


def _data_lines(stream: str) -> Iterator[str]:
    for line in stream.splitlines():
        if line.startswith("data:"):
            yield line[len("data:") :].strip()


def status_of(response: Mapping[str, Any]) -> int | None:
    """Return the status code of a recorded answer, in whichever way it is written."""
    status = response.get("status")
    found = [response.get("code"), response.get("status_code"), response.get("statusCode")]
    if isinstance(status, dict):
        found += [status.get("code"), status.get("status_code")]
    for value in (*found, status):
        if isinstance(value, str) and value[:3].isdecimal():
            value = int(value[:3])  # noqa: PLW2901 - "200 OK"
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
