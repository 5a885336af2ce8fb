"""Bodies, batches and answers of Anthropic, Gemini, Converse and Ollama."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.histories.wire_rows import judged, one
from toolpair_observe.histories.unit import Layer, Recorded, Status

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = [{"role": "user", "content": "weather?"}]
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}
CONVERSE_USE = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "w"}}]}
CONVERSE_RESULT = {"role": "user", "content": [{"toolResult": {"toolUseId": "t1"}}]}
CONVERSE_TEXT = [{"role": "user", "content": [{"text": "weather?"}]}]
CONTENTS = [{"role": "user", "parts": [{"text": "weather?"}]}]
GEMINI_CALL = {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {}}}]}
GEMINI_RESULT = {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {}}}]}
OLLAMA_CALL = {
    "role": "assistant",
    "tool_calls": [{"function": {"name": "w", "arguments": {"city": "Rome"}}}],
}
OLLAMA_NO_INPUT = {
    "role": "assistant",
    "tool_calls": [{"function": {"name": "w", "arguments": {}}}],
}
OLLAMA_RESULT = {"role": "tool", "tool_name": "w", "content": "18"}
CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 9}


@pytest.mark.parametrize(
    ("body", "form", "kinds"),
    [
        ({**CLAUDE, "messages": [*PLAIN, USE, RESULT]}, "anthropic.body", []),
        ({**CLAUDE, "messages": [*PLAIN, USE, *PLAIN]}, "anthropic.body", ["missing_result"]),
        ({**CLAUDE, "messages": PLAIN}, "anthropic.body", []),
        # Gateways take OpenAI's messages for the same models.
        ({**CLAUDE, "messages": [{"role": "system", "content": "x"}, *PLAIN]}, "openai.chat", []),
        ({**CLAUDE, "messages": PLAIN, "response_format": {"type": "x"}}, "openai.chat", []),
        ({"model": "anthropic/claude-3", "max_tokens": 9, "messages": PLAIN}, "openai.chat", []),
        ({"model": "x", "system": "y", "messages": PLAIN}, "anthropic.body", []),
        (
            {"model": "x", "tools": [{"name": "w", "input_schema": {}}], "messages": PLAIN},
            "anthropic.body",
            [],
        ),
        (
            {"model": "x", "tools": [{"type": "function", "function": {}}], "messages": PLAIN},
            "openai.chat",
            [],
        ),
        (
            {"anthropic_version": "bedrock-2023-05-31", "messages": [*PLAIN, USE, RESULT]},
            "anthropic.body",
            [],
        ),
        ({"messages": [*CONVERSE_TEXT, CONVERSE_USE, CONVERSE_RESULT]}, "converse.body", []),
        (
            {"modelId": "x", "messages": [*CONVERSE_TEXT, CONVERSE_USE, *CONVERSE_TEXT]},
            "converse.body",
            ["missing_result"],
        ),
        ({"messages": CONVERSE_TEXT, "inferenceConfig": {"maxTokens": 1}}, "converse.body", []),
        # Qwen's messages write a text so, too.
        ({"model": "qwen-vl", "messages": CONVERSE_TEXT}, "openai.chat", []),
        ({"contents": [*CONTENTS, GEMINI_CALL, GEMINI_RESULT]}, "gemini.body", []),
        ({"contents": [*CONTENTS, GEMINI_CALL, *CONTENTS]}, "gemini.body", ["missing_result"]),
        ({"contents": "weather?", "model": "gemini-3", "config": {}}, "gemini.body", []),
        ({"contents": CONTENTS[0], "generationConfig": {}}, "gemini.body", []),
        (
            {
                "contents": CONTENTS,
                "systemInstruction": {"parts": [{"text": "x"}], "role": "user"},
            },
            "gemini.body",
            [],
        ),
        (
            {"model": "llama3", "stream": False, "messages": [*PLAIN, OLLAMA_CALL, OLLAMA_RESULT]},
            "ollama.body",
            [],
        ),
        ({"model": "llama3", "options": {"seed": 1}, "messages": PLAIN}, "ollama.body", []),
        (
            {"model": "llama3", "think": True, "messages": [*PLAIN, OLLAMA_NO_INPUT]},
            "ollama.body",
            ["missing_result"],
        ),
    ],
)
def test_a_body_is_recognized_and_read(
    tmp_path: Path, body: dict[str, Any], form: str, kinds: list[str]
) -> None:
    found = one(tmp_path, body)
    assert (found.unit.format, found.unit.status) == (form, Status.CHECKED)
    assert [kind.value for kind in found.kinds] == kinds
    assert found.unit.layer is Layer.WIRE
    assert found.requests == 1


@pytest.mark.parametrize(
    ("body", "provider", "api", "model"),
    [
        ({**CLAUDE, "messages": PLAIN}, "", "messages", "claude-sonnet-4-5"),
        ({"anthropic_version": "bedrock-1", "messages": PLAIN}, "bedrock", "invoke", ""),
        ({"anthropic_version": "vertex-1", "messages": PLAIN}, "google_vertexai", "messages", ""),
        ({"modelId": "amazon.nova", "messages": CONVERSE_TEXT}, "", "converse", "amazon.nova"),
        ({"schemaVersion": "messages-v1", "messages": CONVERSE_TEXT}, "", "invoke", ""),
        ({"model": "models/gemini-3", "contents": CONTENTS}, "", "generate_content", "gemini-3"),
        ({"model": "llama3", "options": {}, "messages": PLAIN}, "", "ollama", "llama3"),
    ],
)
def test_a_body_tells_its_api(
    tmp_path: Path, body: dict[str, Any], provider: str, api: str, model: str
) -> None:
    origin = one(tmp_path, body).unit.origin
    assert (origin.provider, origin.api, origin.model) == (provider, api, model)


@pytest.mark.parametrize(
    "body",
    [
        {**CLAUDE, "messages": [RESULT], "thread": {"type": "continue"}},
        {"contents": [GEMINI_RESULT], "cachedContent": "cachedContents/x"},
        {"contents": [GEMINI_RESULT], "model": "x", "config": {"cached_content": "x"}},
        {"messages": [CONVERSE_RESULT], "promptVariables": {"a": {"text": "x"}}},
    ],
)
def test_earlier_turns_may_lie_with_the_provider(tmp_path: Path, body: dict[str, Any]) -> None:
    found = one(tmp_path, body)
    assert found.unit.origin.server_state
    assert found.kinds == ()


def test_calls_behind_what_the_provider_keeps_are_missed(tmp_path: Path) -> None:
    contents = [GEMINI_RESULT, GEMINI_CALL, *CONTENTS]
    found = one(tmp_path, {"contents": contents, "cachedContent": "cachedContents/x"})
    assert found.kinds == ("missing_result",)


@pytest.mark.parametrize(
    ("messages", "profile"),
    [
        ([*PLAIN, USE, *PLAIN], "anthropic"),
        ([*CONVERSE_TEXT, CONVERSE_USE, *CONVERSE_TEXT], "bedrock-converse"),
        ([*CONTENTS, GEMINI_CALL, *CONTENTS], "google-genai"),
    ],
)
def test_a_list_of_one_apis_messages_is_the_part_of_its_body(
    tmp_path: Path, messages: list[Any], profile: str
) -> None:
    for row in (messages, {"messages": messages}):
        found = one(tmp_path, row)
        assert found.target is not None
        assert (found.unit.layer, found.target.profile.name) == (Layer.WIRE, profile)
        assert found.kinds == ("missing_result",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"anthropic_version": "x", "messages": []}, "the list of messages is empty"),
        ({**CLAUDE, "messages": [USE], "history": [USE]}, "key 'history' as well"),
        ({"contents": CONTENTS, "history": [GEMINI_CALL]}, "key 'history' as well"),
        ({**CLAUDE, "messages": [USE, {"role": "user", "content": [{"type": "x"}]}]}, "type 'x'"),
        ({"generationConfig": {}, "contents": []}, "the list of messages is empty"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, body: dict[str, Any], reason: str) -> None:
    unit = one(tmp_path, body).unit
    assert unit.status is Status.UNREADABLE
    assert reason in unit.reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"custom_id": "1", "result": {"type": "succeeded", "message": {}}}, "batch response"),
        ({"type": "message", "role": "assistant", "content": [], "stop_reason": "x"}, "response"),
        ({"type": "error", "error": {"type": "overloaded_error"}}, "response"),
        ({"type": "message_start", "message": {}}, "response"),
        ({"input_tokens": 9}, "token count"),
        ({"candidates": [{"content": CONTENTS[0]}], "usageMetadata": {}}, "response"),
        ({"key": "1", "response": {"candidates": []}}, "batch response"),
        ({"output": {"message": CONVERSE_TEXT[0]}, "stopReason": "end_turn"}, "response"),
        ({"model": "x", "message": PLAIN[0], "done": True}, "response"),
    ],
)
def test_answers_are_no_requests(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    unit = one(tmp_path, row).unit
    assert (unit.status, unit.reason) == (Status.NOT_A_REQUEST, reason)


def test_each_request_of_a_batch_is_a_unit(tmp_path: Path) -> None:
    requests = [
        {"custom_id": "a", "params": {**CLAUDE, "messages": [*PLAIN, USE, *PLAIN]}},
        {"custom_id": "b", "params": {**CLAUDE, "messages": PLAIN}},
    ]
    lines = judged(tmp_path, *requests)
    (whole,) = judged(tmp_path, {"requests": requests[:1]})
    assert [found.unit.format for found in lines] == ["anthropic.batch"] * 2
    assert [found.effect.value == "clean" for found in lines] == [False, True]
    assert whole.unit.row == "requests[0].params.messages"
    assert [found.unit.status for found in judged(tmp_path, {"requests": [*requests, 7]})] == [
        Status.CHECKED,
        Status.CHECKED,
        Status.UNREADABLE,
    ]


def test_a_batch_of_geminis_is_read(tmp_path: Path) -> None:
    body = {"contents": [*CONTENTS, GEMINI_CALL, *CONTENTS]}
    made = {"batch": {"inputConfig": {"requests": {"requests": [{"request": body}, {}]}}}}
    read, refused = judged(tmp_path, made)
    assert [kind.value for kind in read.kinds] == ["missing_result"]
    assert refused.unit.status is Status.UNREADABLE
    assert refused.unit.row == "batch.inputConfig.requests.requests[1]"


@pytest.mark.parametrize(
    ("beside", "recorded"),
    [
        ({"key": "1"}, None),
        ({"response": {"candidates": [{}]}}, Recorded.ACCEPTED),
        ({"response": {"candidates": [{}]}, "status": "", "processed_time": "x"}, "accepted"),
        ({"response": {}, "status": "Bad Request", "processed_time": "x"}, Recorded.FAILED),
        ({"response": {"error": {"message": "no"}}}, Recorded.FAILED),
        ({"error": {"message": "no"}}, Recorded.FAILED),
        ({"response": {"candidates": [{}]}, "status": "success"}, Recorded.ACCEPTED),
        ({"response": {"message": "no"}, "status": 500}, Recorded.FAILED),
    ],
)
def test_an_answer_beside_a_request_tells_what_came_of_it(
    tmp_path: Path, beside: dict[str, Any], recorded: str | None
) -> None:
    found = one(tmp_path, {"request": {"contents": CONTENTS}, **beside})
    assert found.unit.status is Status.CHECKED
    assert found.unit.recorded == recorded
    assert found.unit.row == "request.contents"


def test_messages_as_a_json_string_are_read(tmp_path: Path) -> None:
    body = {"anthropic_version": "x", "messages": '[{"role": "user", "content": "weather?"}]'}
    assert one(tmp_path, body).unit.status is Status.CHECKED
