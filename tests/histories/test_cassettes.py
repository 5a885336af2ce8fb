"""Recorded exchanges: VCR, HAR, nock, httpmock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.histories.wire_rows import judged, one
from toolpair_observe.histories.unit import Layer, Recorded, Status
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = [{"role": "user", "content": "weather?"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "w", "arguments": "{}"}}
OPENAI = {
    "model": "gpt-4o",
    "messages": [*PLAIN, {"role": "assistant", "content": None, "tool_calls": [CALL]}, *PLAIN],
}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w"}]}
CLAUDE = {"model": "claude-x", "max_tokens": 9, "messages": [*PLAIN, USE, *PLAIN]}
CONVERSE = {
    "messages": [
        {"role": "user", "content": [{"text": "weather?"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "w"}}]},
        {"role": "user", "content": [{"text": "well?"}]},
    ]
}
GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"text": "weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {}}}]},
        {"role": "user", "parts": [{"text": "well?"}]},
    ]
}
RESPONSES = {
    "model": "gpt-4o",
    "input": [
        {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
        {"role": "user", "content": "well?"},
    ],
}
OLLAMA = {
    "model": "llama3",
    "messages": [
        *PLAIN,
        {"role": "assistant", "tool_calls": [{"function": {"name": "w", "arguments": {}}}]},
        *PLAIN,
    ],
}
CHAT_URL = "https://api.openai.com/v1/chat/completions"
NO_RESULT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_1"
)


def exchange(
    url: str = CHAT_URL,
    body: object = OPENAI,
    status: object = 200,
    answer: object = "{}",
    method: str = "POST",
) -> dict[str, Any]:
    return {
        "request": {
            "method": method,
            "uri": url,
            "body": json.dumps(body) if isinstance(body, dict) else body,
            "headers": {"content-type": ["application/json"]},
        },
        "response": {"status": {"code": status}, "headers": {}, "body": {"string": answer}},
    }


def cassette(*exchanges: object) -> dict[str, Any]:
    return {"interactions": list(exchanges), "version": 1}


@pytest.mark.parametrize(
    ("url", "body", "api", "model"),
    [
        (CHAT_URL, OPENAI, "chat", "gpt-4o"),
        ("https://api.openai.com/v1/responses", RESPONSES, "responses", "gpt-4o"),
        ("https://api.anthropic.com/v1/messages", CLAUDE, "messages", "claude-x"),
        (
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova/converse",
            CONVERSE,
            "converse",
            "amazon.nova",
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3:generateContent",
            GEMINI,
            "generate_content",
            "gemini-3",
        ),
        ("http://localhost:11434/api/chat", OLLAMA, "ollama", "llama3"),
        ("https://gateway.example.com/models/serve", OPENAI, "chat", "gpt-4o"),
    ],
)
def test_each_provider_is_read_in_its_own_form(
    tmp_path: Path, url: str, body: dict[str, Any], api: str, model: str
) -> None:
    found = one(tmp_path, cassette(exchange(url, body)))
    unit = found.unit
    assert (unit.status, unit.format, unit.layer) == (Status.CHECKED, "vcr.cassette", Layer.WIRE)
    assert [kind.value for kind in found.kinds] == ["missing_result"]
    assert unit.recorded is Recorded.ACCEPTED
    assert (unit.origin.api, unit.origin.model, unit.origin.url) == (api, model, url)
    # The address tells, whoever's form the body has.
    assert not unit.origin.provider


def test_plain_messages_at_an_address_are_read_as_that_apis(tmp_path: Path) -> None:
    url = "https://api.anthropic.com/v1/messages"
    body = {"model": "x", "messages": [{"role": "system", "content": "x"}, *PLAIN]}
    unit = one(tmp_path, cassette(exchange(url, body))).unit
    assert unit.origin.api == "messages"
    assert unit.dialect is not None
    assert unit.dialect.name == "anthropic"


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        (exchange(method="GET", body=None), "GET request"),
        (exchange("https://api.openai.com/v1/embeddings", {"input": "x"}), "embedding"),
        (exchange("https://api.anthropic.com/v1/messages/count_tokens", CLAUDE), "token counting"),
        (exchange("https://api.openai.com/v1/files", "--multipart"), "file upload"),
        (exchange("https://sts.amazonaws.com/", "Action=AssumeRole"), "another service's request"),
        (exchange("https://example.com/x", {"query": "x"}), "another service's request"),
        (exchange("https://example.com/x", None), "another service's request"),
    ],
)
def test_other_exchanges_are_no_requests(
    tmp_path: Path, recorded: dict[str, Any], reason: str
) -> None:
    unit = one(tmp_path, cassette(recorded)).unit
    assert (unit.status, unit.reason) == (Status.NOT_A_REQUEST, reason)


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        (exchange(body="--multipart"), "expected an object, got text that is not JSON"),
        (exchange(body=None), "expected an object, got null"),
        (exchange(body="[1]"), "expected an object, got a list"),
        (exchange(body={"prompts": []}), "no known form of body: an object with key 'prompts'"),
        (exchange(body={"messages": []}), "empty list"),
        (exchange("https://api.cohere.com/v1/chat", {"chat_history": []}), "no known form of body"),
        (
            exchange("https://api.anthropic.com/v1/messages", {"model": "x"}),
            "no known form of body",
        ),
        (
            exchange("https://generativelanguage.googleapis.com/v1beta/interactions", {"input": 1}),
            "this API, which keeps the conversation itself, is not read",
        ),
        ("x", "an interaction without a request"),
        ({"request": None}, "an interaction without a request"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, recorded: object, reason: str) -> None:
    unit = judged(tmp_path, cassette(exchange(), recorded))[1].unit
    assert unit.status is Status.UNREADABLE
    assert reason in unit.reason


def test_exchanges_are_units_in_order(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        cassette(
            exchange(method="GET"),
            exchange(status=400, answer=json.dumps({"error": {"message": NO_RESULT}})),
            exchange(status=500, answer="busy"),
            exchange(answer='data: {"choices": []}\n\ndata: [DONE]\n'),
        ),
    )
    assert [each.unit.row for each in found] == [
        "interactions[0]",
        "interactions[1].request.body.messages",
        "interactions[2].request.body.messages",
        "interactions[3].request.body.messages",
    ]
    assert [each.unit.recorded for each in found] == [
        None,
        Recorded.REJECTED,
        Recorded.FAILED,
        Recorded.ACCEPTED,
    ]
    assert found[1].unit.rejected_kind is ViolationKind.MISSING_RESULT


def test_the_requests_of_a_batch_are_read_and_have_no_answer_yet(tmp_path: Path) -> None:
    body = {"requests": [{"custom_id": "a", "params": CLAUDE}]}
    url = "https://api.anthropic.com/v1/messages/batches"
    found = one(tmp_path, cassette(exchange(url, body)))
    assert [kind.value for kind in found.kinds] == ["missing_result"]
    assert found.unit.recorded is None
    assert found.unit.row == "interactions[0].request.body.requests[0].params.messages"


def test_an_empty_cassette_is_no_request(tmp_path: Path) -> None:
    assert one(tmp_path, cassette()).unit.reason == "empty cassette"


_TEXT = json.dumps(OPENAI)


@pytest.mark.parametrize(
    ("row", "form"),
    [
        (
            {
                "http_interactions": [
                    {
                        "request": {
                            "method": "post",
                            "uri": CHAT_URL,
                            "body": {"encoding": "UTF-8", "string": _TEXT},
                        },
                        "response": {"status": {"code": 200, "message": "OK"}, "body": {}},
                        "recorded_at": "2026",
                    }
                ],
                "recorded_with": "VCR 6.0.0",
            },
            "vcr.cassette",
        ),
        (
            {
                "version": 2,
                "interactions": [
                    {
                        "id": 0,
                        "request": {"method": "POST", "url": CHAT_URL, "body": _TEXT},
                        "response": {"status": "200 OK", "code": 200, "body": "{}"},
                    }
                ],
            },
            "vcr.cassette",
        ),
        (
            {
                "version": 1,
                "interactions": [
                    {
                        "request": {"method": "POST", "uri": CHAT_URL, "parsed_body": OPENAI},
                        "response": {"status": {"code": 200}, "parsed_body": {"choices": []}},
                    }
                ],
            },
            "vcr.cassette",
        ),
        (exchange(), "vcr.cassette"),
        (
            {
                "log": {
                    "entries": [
                        {
                            "request": {
                                "method": "POST",
                                "url": CHAT_URL,
                                "postData": {"mimeType": "application/json", "text": _TEXT},
                            },
                            "response": {"status": 200, "content": {"text": "{}", "size": 2}},
                        }
                    ]
                }
            },
            "har",
        ),
        (
            {
                "scope": "https://api.openai.com:443",
                "method": "POST",
                "path": "/v1/chat/completions",
                "body": OPENAI,
                "status": 200,
                "response": {"choices": []},
            },
            "nock",
        ),
        (
            {
                "when": {"path": "/v1/chat/completions", "method": "POST", "body": _TEXT},
                "then": {"status": 200, "body": "{}"},
            },
            "httpmock",
        ),
    ],
)
def test_other_recordings_are_read_by_the_same_code(
    tmp_path: Path, row: dict[str, Any], form: str
) -> None:
    found = one(tmp_path, row)
    assert (found.unit.status, found.unit.format) == (Status.CHECKED, form)
    assert [kind.value for kind in found.kinds] == ["missing_result"]
    assert found.unit.recorded is Recorded.ACCEPTED
