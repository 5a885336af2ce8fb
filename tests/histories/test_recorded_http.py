"""What paths ask for, and what stands in recorded bodies."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from toolpair_observe.histories.envelopes.http import (
    UNREAD,
    Asked,
    asked_by,
    outcome_of,
    status_of,
    value_of,
)
from toolpair_observe.histories.unit import Recorded
from toolpair_observe.pairing.words import ViolationKind

_AZURE = "https://x.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2"
_GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-3:streamGenerateContent"
_VERTEX = "https://us-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers"
_BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://api.openai.com/v1/chat/completions", Asked("chat")),
        ("https://api.openai.com/v1/responses", Asked("responses")),
        ("http://localhost:8000/v1/chat/completions/", Asked("chat")),
        (_AZURE, Asked("chat", "mine")),
        ("https://api.anthropic.com/v1/messages?beta=true", Asked("messages")),
        ("https://api.anthropic.com/v1/messages/batches", Asked("messages")),
        ("/v1/messages", Asked("messages")),
        (f"{_GEMINI}?alt=sse", Asked("generate_content", "gemini-3")),
        (
            f"{_VERTEX}/google/models/gemini-3:generateContent",
            Asked("generate_content", "gemini-3"),
        ),
        (f"{_VERTEX}/anthropic/models/claude-x@1:rawPredict", Asked("messages", "claude-x@1")),
        (f"{_BEDROCK}/us.amazon.nova%3A0/converse-stream", Asked("converse", "us.amazon.nova:0")),
        (f"{_BEDROCK}/anthropic.claude-v1/invoke", Asked("invoke", "anthropic.claude-v1")),
        ("http://127.0.0.1:11434/api/chat", Asked("ollama")),
        ("https://api.cohere.com/v2/chat", Asked("cohere-v2")),
        ("https://api.cohere.com/v1/chat", Asked("cohere-v1")),
        ("https://api.writer.com/v1/chat", Asked("chat")),
        ("https://generativelanguage.googleapis.com/v1beta/interactions", Asked(UNREAD)),
        ("https://api.openai.com/v1/embeddings", Asked(else_="embedding")),
        (f"{_BEDROCK}/amazon.titan-embed-text-v2%3A0/invoke", Asked(else_="embedding")),
        ("https://api.anthropic.com/v1/messages/count_tokens", Asked(else_="token counting")),
        (_GEMINI.replace("streamGenerateContent", "countTokens"), Asked(else_="token counting")),
        (f"{_BEDROCK}/x/count-tokens", Asked(else_="token counting")),
        ("https://api.openai.com/v1/files", Asked(else_="file upload")),
        ("https://api.openai.com/v1/threads/t1/messages", Asked(else_="Assistants API")),
        ("https://api.openai.com/v1/completions", Asked(else_="text completion")),
        ("https://example.com/v1/whatever", Asked()),
        ("", Asked()),
    ],
)
def test_a_path_tells_what_is_asked_for(url: str, asked: Asked) -> None:
    assert asked_by(url) == asked


_VALUE: dict[str, Any] = {"messages": [], "text": {"format": "x"}}
_TEXT = json.dumps(_VALUE)


def _in_base64(data: bytes) -> str:
    return base64.encodebytes(data).decode()


@pytest.mark.parametrize(
    "body",
    [
        _VALUE,
        _TEXT,
        f"\ufeff {_TEXT}\n",
        _TEXT.encode(),
        gzip.compress(_TEXT.encode(), mtime=0),
        # As YAML's binaries come.
        gzip.compress(_TEXT.encode(), mtime=0).decode("latin-1"),
        zlib.compress(_TEXT.encode()).decode("latin-1"),
        _in_base64(_TEXT.encode()),
        _in_base64(gzip.compress(_TEXT.encode(), mtime=0)),
        _in_base64(zlib.compress(_TEXT.encode())),
        {"string": _TEXT},
        {"encoding": "UTF-8", "string": _TEXT},
        {"encoding": "ASCII-8BIT", "base64_string": _in_base64(_TEXT.encode())},
        {"mimeType": "application/json", "text": _TEXT},
        {"mimeType": "x", "size": 9, "encoding": "base64", "text": _in_base64(_TEXT.encode())},
    ],
)
def test_a_body_is_found_however_it_is_kept(body: object) -> None:
    assert value_of(body) == _VALUE


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ({"string": None}, None),
        (
            "--boundary\r\nContent-Disposition: form-data",
            "--boundary\r\nContent-Disposition: form-data",
        ),
        ('{"a": ', '{"a":'),
        ("Unauthorized", "Unauthorized"),
        ("[" * 100_000, "[" * 100_000),
        (b"\x1f\x8b broken", None),
        (7, 7),
        ([1], [1]),
    ],
)
def test_what_is_no_json_stays_what_it_is(body: object, value: object) -> None:
    assert value_of(body) == value


def test_a_bomb_is_unpacked_up_to_a_bound() -> None:
    bomb = gzip.compress(b'{"a": "' + b"x" * 40_000_000 + b'"}')
    assert not isinstance(value_of(bomb), dict)


_MISSING = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_1"
)


@pytest.mark.parametrize(
    ("status", "answer", "recorded", "kind"),
    [
        (200, {"choices": []}, Recorded.ACCEPTED, None),
        (201, None, Recorded.ACCEPTED, None),
        (200, 'event: x\ndata: {"type": "message_start"}\n', Recorded.ACCEPTED, None),
        (200, 'data: {"type": "error", "error": {"message": "busy"}}', Recorded.FAILED, None),
        (200, {"error": {"message": "busy"}}, Recorded.FAILED, None),
        (200, {"error": None, "output": []}, Recorded.ACCEPTED, None),
        (400, {"error": {"message": _MISSING}}, Recorded.REJECTED, ViolationKind.MISSING_RESULT),
        (400, _MISSING, Recorded.REJECTED, ViolationKind.MISSING_RESULT),
        (429, {"error": {"message": "slow down"}}, Recorded.FAILED, None),
        (500, None, Recorded.FAILED, None),
        (302, None, None, None),
        (None, {"choices": []}, None, None),
    ],
)
def test_status_and_text_tell_what_came_of_it(
    status: int | None, answer: object, recorded: Recorded | None, kind: ViolationKind | None
) -> None:
    told = outcome_of(status, answer)
    assert told.get("recorded") is recorded
    assert told.get("rejected_kind") is kind


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ({"status": {"code": 200, "message": "OK"}}, 200),
        ({"status": {"status_code": 502}}, 502),
        ({"status": 200}, 200),
        ({"status": "200 OK", "code": 200}, 200),
        ({"status": "404 Not Found"}, 404),
        ({"status_code": 400}, 400),
        ({"status": True}, None),
        ({"status": "OK"}, None),
        ({}, None),
    ],
)
def test_a_status_is_found_however_it_is_written(response: dict[str, Any], status: int) -> None:
    assert status_of(response) == status
