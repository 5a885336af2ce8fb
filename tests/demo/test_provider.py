"""The loopback server as the real `openai` client and `ChatOpenAI` see it."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import openai
import pytest
from langchain_openai import ChatOpenAI

from toolpair_observe.demo.loopback.provider import MODEL, LoopbackProvider, Reply, ToolCall

BROKEN = [
    {"role": "user", "content": "Weather?"},
    {"role": "tool", "content": "18", "tool_call_id": "call_1"},
]
HELLO = [{"role": "user", "content": "Hello"}]
TWO_CALLS = Reply(
    tool_calls=(ToolCall("weather", {"city": "Rome"}), ToolCall("weather", {"city": "Oslo"}, "b"))
)


@pytest.fixture
def provider():
    with LoopbackProvider([TWO_CALLS, Reply("one\ntwo")] * 2) as server:
        yield server


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=provider.base_url, api_key="none", max_retries=0) as client:
        yield client


def test_replies_come_in_the_order_of_the_script(client):
    first = client.chat.completions.create(model=MODEL, messages=HELLO).choices[0]
    second = client.chat.completions.create(model=MODEL, messages=HELLO).choices[0]

    assert first.finish_reason == "tool_calls"
    assert [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in first.message.tool_calls
    ] == [("call_1", "weather", {"city": "Rome"}), ("b", "weather", {"city": "Oslo"})]
    assert (second.finish_reason, second.message.content) == ("stop", "one\ntwo")


def test_a_stream_carries_the_same_reply_in_pieces(provider):
    model = ChatOpenAI(base_url=provider.base_url, api_key="none", model=MODEL, max_retries=0)

    called = list(model.stream("Hello"))
    said = list(model.stream("Hello"))

    whole = called[0]
    for chunk in called[1:]:
        whole += chunk
    assert [(call["id"], call["args"]) for call in whole.tool_calls] == [
        ("call_1", {"city": "Rome"}),
        ("b", {"city": "Oslo"}),
    ]
    assert len([chunk for chunk in said if chunk.content]) == 2
    assert "".join(chunk.text for chunk in said) == "one\ntwo"


def test_a_stream_tells_its_usage_where_that_is_asked_for(client):
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )

    assert [chunk.usage for chunk in stream][-1].total_tokens == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_broken_history_is_answered_with_a_real_error_object(client, provider, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=BROKEN, stream=stream)

    assert caught.value.status_code == 400
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == "messages.[1].role"
    assert caught.value.code is None
    assert "must be a response to a preceeding message" in str(caught.value)
    (request,) = provider.requests
    assert (request.status, request.messages) == (400, BROKEN)


def test_a_refusal_uses_up_no_reply(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=BROKEN)

    answer = client.chat.completions.create(model=MODEL, messages=HELLO)

    assert answer.choices[0].finish_reason == "tool_calls"


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == [MODEL]


def test_another_judge_can_be_put_in():
    with (
        LoopbackProvider(judge=lambda _: None) as lax,
        openai.OpenAI(base_url=lax.base_url, api_key="none") as client,
    ):
        assert client.chat.completions.create(model=MODEL, messages=BROKEN).choices


@pytest.mark.parametrize(
    ("path", "data", "status", "text"),
    [
        ("/chat/completions", b"{", 400, "could not parse the JSON body"),
        ("/chat/completions", b"[]", 400, "could not parse the JSON body"),
        ("/chat/completions", b"[" * 100_000, 400, "could not parse the JSON body"),
        ("/chat/completions", b"{}", 400, "Missing required parameter: 'messages'"),
        ("/chat/completions", b'{"messages": [1]}', 400, "Invalid type for 'messages'"),
        ("/embeddings", b"{}", 404, "Invalid URL (POST /v1/embeddings)"),
        ("/nothing", None, 404, "Invalid URL (GET /v1/nothing)"),
    ],
)
def test_nonsense_gets_an_error_object_too(provider, path, data, status, text):
    url = urlsplit(provider.base_url)
    connection = HTTPConnection(url.hostname, url.port, timeout=30)
    with closing(connection):
        connection.request("GET" if data is None else "POST", url.path + path, body=data)
        answer = connection.getresponse()
        body = json.loads(answer.read())

    assert answer.status == status
    assert text in body["error"]["message"]
