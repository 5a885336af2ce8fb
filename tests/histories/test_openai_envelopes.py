"""Rows with bodies of OpenAI's form: which units stand in them, and what they tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.unit import Extent, Layer, Recorded, Status, Unit
from toolpair_observe.histories.units import read_units
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[..., list[Unit]]

Data = dict[str, Any]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads rows as a file of JSON Lines."""

    def units(*rows: Any) -> list[Unit]:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return list(read_units(str(path)))

    return units


USER = {"role": "user", "content": "hi"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call00001", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "call00001", "content": "r"}
DONE = {"role": "assistant", "content": "done"}
MESSAGES = [USER, CALL, RESULT]
BODY = {"model": "gpt-5", "messages": MESSAGES}
ITEMS = [
    USER,
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "r"},
]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
MISSING = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: c1"
)


def judged_kinds(unit: Unit) -> list[str]:
    judged = judge_unit(unit, DEFAULT_LIMITS)
    assert judged.unit.status is Status.CHECKED, judged.unit.reason
    return [kind.value for kind in judged.kinds]


# --- one request each ----------------------------------------------------------------------------

REQUESTS: dict[str, tuple[Data, Data]] = {
    "messages alone": (
        {"messages": MESSAGES},
        {"format": "messages", "row": "messages", "layer": Layer.LANGCHAIN},
    ),
    "a chat body": (
        {**BODY, "tools": TOOLS, "stream_options": {"include_usage": True}},
        {"format": "openai.chat", "row": "messages", "layer": Layer.WIRE},
    ),
    "a batch line": (
        {"custom_id": "r0", "method": "POST", "url": "/v1/chat/completions", "body": BODY},
        {"format": "openai.batch", "row": "body.messages", "name": "r0"},
    ),
    "a batch line without URL": (
        {"custom_id": "r0", "body": BODY},
        {"format": "openai.batch", "row": "body.messages"},
    ),
    "a batch line for Responses": (
        {
            "custom_id": "r0",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": "gpt-5", "input": ITEMS},
        },
        {"format": "openai.batch", "row": "body.input"},
    ),
    "a Responses body": (
        {"model": "gpt-5", "input": ITEMS, "tools": [{"type": "function", "name": "f"}]},
        {"format": "openai.responses", "row": "input", "layer": Layer.WIRE},
    ),
    "a Responses body of text": (
        {"model": "gpt-5", "input": "hi", "instructions": "be brief"},
        {"format": "openai.responses", "row": "input"},
    ),
    "a preference": (
        {
            "input": {"messages": MESSAGES, "tools": TOOLS},
            "preferred_output": [DONE],
            "non_preferred_output": [DONE],
        },
        {"format": "openai.fine_tuning", "row": "input.messages", "extent": Extent.WHOLE},
    ),
    "a request with its response": (
        {"request": BODY, "response": {"choices": [{"message": DONE}]}},
        {"format": "exchange", "row": "request.messages", "recorded": Recorded.ACCEPTED},
    ),
    "a request with its error": (
        {"request": BODY, "response": {"error": {"message": MISSING}}},
        {"recorded": Recorded.REJECTED, "rejected_kind": ViolationKind.MISSING_RESULT},
    ),
    "LiteLLM's payload": (
        {
            "id": "x",
            "call_type": "acompletion",
            "custom_llm_provider": "openai",
            "model": "gpt-5",
            "messages": MESSAGES,
            "status": "success",
            "response": {"choices": [{"message": DONE}]},
            "session_id": "s",
            "startTime": 17.5,
        },
        {
            "format": "litellm",
            "row": "messages",
            "layer": Layer.WIRE,
            "recorded": Recorded.ACCEPTED,
            "name": "x",
            "thread_id": "s",
            "at": "17.5",
        },
    ),
    "LiteLLM's payload of a failure": (
        {
            "call_type": "completion",
            "messages": MESSAGES,
            "status": "failure",
            "error_str": f"litellm.BadRequestError: OpenAIException - {MISSING}",
        },
        {"recorded": Recorded.REJECTED, "rejected_kind": ViolationKind.MISSING_RESULT},
    ),
    "LiteLLM's payload of another failure": (
        {"call_type": "completion", "messages": MESSAGES, "status": "failure", "error_str": "429"},
        {"recorded": Recorded.FAILED, "rejected_kind": None},
    ),
    "LiteLLM's Responses": (
        {"call_type": "aresponses", "messages": ITEMS, "status": "success"},
        {"format": "litellm"},
    ),
    "LiteLLM's Responses of text": (
        {"call_type": "responses", "messages": "hi", "status": "success"},
        {"format": "litellm"},
    ),
    "Cohere's first API": (
        {
            "message": "",
            "model": "command-r",
            "chat_history": [
                {"role": "USER", "message": "hi"},
                {
                    "role": "CHATBOT",
                    "message": "",
                    "tool_calls": [{"name": "f", "parameters": {"x": 1}}],
                },
            ],
            "tool_results": [
                {"call": {"name": "f", "parameters": {"x": 1}}, "outputs": [{"x": 1}]}
            ],
        },
        {"format": "cohere.v1", "layer": Layer.WIRE},
    ),
}


@pytest.mark.parametrize(("row", "told"), REQUESTS.values(), ids=REQUESTS)
def test_a_row_is_one_sound_request(read: Read, row: Data, told: Data) -> None:
    (unit,) = read(row)
    assert {key: getattr(unit, key) for key in told} == told
    assert judge_unit(unit, DEFAULT_LIMITS).requests == 1
    assert judged_kinds(unit) == []


BROKEN: dict[str, Data] = {
    "messages alone": {"messages": [USER, CALL, USER]},
    "a chat body": {"model": "gpt-5", "messages": [USER, CALL, USER]},
    "a batch line": {
        "custom_id": "r",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-5", "messages": [USER, CALL, USER]},
    },
    "a Responses body": {"model": "gpt-5", "input": [ITEMS[0], ITEMS[1], USER]},
    "LiteLLM's payload": {
        "call_type": "completion",
        "status": "success",
        "messages": [USER, CALL, USER],
    },
    "Cohere's first API": {
        "message": "and?",
        "chat_history": [
            {"role": "CHATBOT", "message": "", "tool_calls": [{"name": "f", "parameters": {}}]}
        ],
    },
}


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN)
def test_an_unanswered_call_is_found(read: Read, row: Data) -> None:
    (unit,) = read(row)
    assert judged_kinds(unit) == ["missing_result"]


# --- who was asked -------------------------------------------------------------------------------

ORIGINS: dict[str, tuple[Data, Data]] = {
    "a body does not tell": (BODY, {"provider": "", "api": "chat", "model": "gpt-5", "url": ""}),
    "tools": ({**BODY, "tools": TOOLS}, {"tools_bound": True}),
    "no tools": (BODY, {"tools_bound": False}),
    "a batch": (
        {"custom_id": "r", "url": "/v1/chat/completions", "body": BODY},
        {"provider": "openai", "api": "chat", "url": "/v1/chat/completions"},
    ),
    "a batch of somebody else's model": (
        {
            "custom_id": "r",
            "url": "/v1/chat/completions",
            "body": {**BODY, "model": "llama-3.1-8b-instant"},
        },
        {"provider": "", "api": "chat"},
    ),
    "Mistral's own key": ({**BODY, "safe_prompt": False}, {"provider": "mistral", "api": "chat"}),
    "Cohere's plan": (
        {"model": "command-a", "messages": [USER, {**CALL, "tool_plan": "p"}, RESULT]},
        {"provider": "cohere", "api": "cohere-v2"},
    ),
    "Cohere's first API": (
        REQUESTS["Cohere's first API"][0],
        {"provider": "cohere", "api": "cohere-v1"},
    ),
    "Responses": ({"model": "gpt-5", "input": ITEMS}, {"api": "responses", "server_state": False}),
    "a response before": (
        {"model": "gpt-5", "input": [ITEMS[2]], "previous_response_id": "resp_1"},
        {"api": "responses", "server_state": True},
    ),
    "a conversation": (
        {"model": "gpt-5", "input": [ITEMS[2]], "conversation": {"id": "conv_1"}},
        {"server_state": True},
    ),
    "a reference": (
        {"model": "gpt-5", "input": [{"type": "item_reference", "id": "fc_1"}, ITEMS[2]]},
        {"server_state": True},
    ),
    "LiteLLM": (
        {
            "call_type": "acompletion",
            "custom_llm_provider": "azure",
            "model": "gpt-5",
            "api_base": "https://x.openai.azure.com",
            "messages": MESSAGES,
            "model_parameters": {"tools": TOOLS},
        },
        {
            "provider": "azure",
            "api": "",
            "model": "gpt-5",
            "url": "https://x.openai.azure.com",
            "tools_bound": True,
        },
    ),
}


@pytest.mark.parametrize(("row", "told"), ORIGINS.values(), ids=ORIGINS)
def test_a_row_tells_who_was_asked(read: Read, row: Data, told: Data) -> None:
    (unit,) = read(row)
    assert {key: getattr(unit.origin, key) for key in told} == told
    assert judged_kinds(unit) == []


# --- fine-tuning ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "requests"), [([*MESSAGES, DONE], 2), ([USER, CALL], 1), ([USER, DONE, DONE], 1)]
)
def test_the_last_answer_of_a_training_row_is_no_request(
    read: Read, messages: list[Data], requests: int
) -> None:
    (unit,) = read({"messages": messages, "tools": TOOLS})
    assert (unit.format, unit.extent) == ("openai.fine_tuning", Extent.PREFIXES)
    assert judge_unit(unit, DEFAULT_LIMITS).requests == requests
    assert judged_kinds(unit) == []


def test_a_training_row_is_read_to_its_end(read: Read) -> None:
    hidden = {"role": "assistant", "content": [{"type": "tool_thing", "id": "x"}]}
    (unit,) = read({"messages": [USER, DONE, USER, hidden], "tools": TOOLS})
    judged = judge_unit(unit, DEFAULT_LIMITS).unit
    assert judged.status is Status.UNREADABLE
    assert judged.reason.startswith("message 3: content[0]")


def test_a_weight_makes_a_training_row(read: Read) -> None:
    (unit,) = read({"messages": [USER, {**DONE, "weight": 0}]})
    assert unit.format == "openai.fine_tuning"


def test_prefixes_of_a_row_are_requests_where_it_says_so(read: Read) -> None:
    (unit,) = read({"messages": [*MESSAGES, DONE, USER, DONE], "prefixes": True})
    assert judge_unit(unit, DEFAULT_LIMITS).requests == 3


# --- rows that are no request --------------------------------------------------------------------

NO_REQUESTS: dict[str, tuple[Data, str]] = {
    "an answer": ({"object": "chat.completion", "choices": [{"message": CALL}]}, "response"),
    "a chunk": ({"object": "chat.completion.chunk", "choices": []}, "response chunk"),
    "an answer of Responses": (
        {"object": "response", "output": ITEMS, "model": "gpt-5"},
        "response",
    ),
    "an event of a stream": (
        {"type": "response.completed", "response": {"output": ITEMS}},
        "response chunk",
    ),
    "a batch's output": (
        {
            "custom_id": "r",
            "response": {"status_code": 200, "body": {"choices": []}},
            "error": None,
        },
        "batch response",
    ),
    "a batch's error": (
        {"custom_id": "r", "response": None, "error": {"code": "x"}},
        "batch response",
    ),
    "a batch of embeddings": (
        {"custom_id": "r", "url": "/v1/embeddings", "body": {"model": "e", "input": "hi"}},
        "embedding",
    ),
    "a batch of texts": (
        {"custom_id": "r", "url": "/v1/completions", "body": {"model": "e", "prompt": "hi"}},
        "text completion",
    ),
    "a body for embeddings": ({"model": "text-embedding-3-small", "input": "hi"}, "embedding"),
    "texts to embed": ({"model": "m", "input": ["a", "b"]}, "embedding"),
    "speech": ({"model": "tts-1", "input": "hi", "voice": "alloy"}, "speech"),
    "LiteLLM's embedding": (
        {"call_type": "aembedding", "messages": None, "status": "success"},
        "embedding",
    ),
    "LiteLLM's image": ({"call_type": "image_generation", "status": "success"}, "image generation"),
}


@pytest.mark.parametrize(("row", "what"), NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_other_rows_are_named(read: Read, row: Data, what: str) -> None:
    (unit,) = read(row)
    assert (unit.status, unit.reason) == (Status.NOT_A_REQUEST, what)


# --- rows that can't be read ---------------------------------------------------------------------

UNREADABLE: dict[str, tuple[Data, str]] = {
    "a second list": (
        {"messages": MESSAGES, "earlier": [USER, CALL]},
        "messages or calls stand under the key 'earlier' as well",
    ),
    "calls beside the messages": (
        {"messages": [USER], "calls": [{"name": "f", "arguments": {}}]},
        "messages or calls stand under the key 'calls' as well",
    ),
    "a list further in": (
        {**BODY, "extra": {"state": {"history": [USER]}}},
        "messages or calls stand under the key 'extra' as well",
    ),
    "null": ({"messages": None}, "'messages' is null"),
    "no messages": ({"messages": []}, "'messages' is an empty list"),
    "no items": ({"model": "gpt-5", "input": []}, "'input' is an empty list"),
    "redacted as text": (
        {"call_type": "completion", "messages": "redacted-by-litellm", "status": "success"},
        "LiteLLM has redacted the messages",
    ),
    "redacted as a message": (
        {
            "call_type": "completion",
            "messages": [{"role": "user", "content": "redacted-by-litellm"}],
            "status": "success",
        },
        "LiteLLM has redacted the messages",
    ),
    "not logged": ({"call_type": "completion", "messages": {}, "status": "success"}, "'messages'"),
    "a batch of an unknown API": (
        {"custom_id": "r", "url": "/v1/new", "body": {"messages": MESSAGES}},
        "a batch line of no known API, with URL '/v1/new'",
    ),
    "a batch without body": (
        {"custom_id": "r", "method": "POST", "url": "/v1/responses", "body": None},
        "a batch line whose body is null",
    ),
}


@pytest.mark.parametrize(("row", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_understood_is_never_clean(read: Read, row: Data, reason: str) -> None:
    (unit,) = read(row)
    judged = judge_unit(unit, DEFAULT_LIMITS).unit
    assert judged.status is Status.UNREADABLE
    assert judged.reason.startswith(reason)


@pytest.mark.parametrize(
    "beside",
    [
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"response": {"choices": [{"message": CALL}]}},
        {"metadata": {"tags": ["a"], "scores": [{"name": "quality", "value": 1}]}},
        {"chosen": [DONE], "rejected": [DONE]},
    ],
    ids=["definitions", "an answer", "metadata", "two answers"],
)
def test_what_holds_no_other_request_stands_in_nobodys_way(read: Read, beside: Data) -> None:
    (unit,) = read({**BODY, **beside})
    assert judged_kinds(unit) == []


def test_a_bare_list_of_items_is_judged_as_the_apis_own(read: Read) -> None:
    (unit,) = read([USER, *ITEMS])
    assert (unit.layer, unit.origin.api) == (Layer.WIRE, "responses")


def test_a_provider_beside_a_body_was_asked(read: Read) -> None:
    (unit,) = read({**BODY, "provider": "anthropic"})
    assert (unit.origin.provider, unit.origin.api) == ("anthropic", "")
    (unit,) = read({**BODY, "provider": {"order": ["anthropic"]}})
    assert (unit.origin.provider, unit.origin.api) == ("", "chat")


def test_a_result_of_coheres_first_api_brings_its_call_along(read: Read) -> None:
    result = {"call": {"name": "f", "parameters": {}}, "outputs": [{"a": 1}]}
    body = {"message": "", "chat_history": [{"role": "USER", "message": "x"}]}
    (unit,) = read({**body, "tool_results": [result]})
    assert judged_kinds(unit) == []


def test_rows_of_several_forms_come_in_their_order(read: Read) -> None:
    rows = [BODY, {"messages": MESSAGES}, {"object": "chat.completion", "choices": []}, BODY]
    units = read(*rows)
    assert [unit.line for unit in units] == [1, 2, 3, 4]
    assert [unit.format for unit in units] == [
        "openai.chat",
        "messages",
        "openai.answer",
        "openai.chat",
    ]
