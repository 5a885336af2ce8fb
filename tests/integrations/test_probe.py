"""The real clients beneath a probe: one request, no redirect, no answer without end."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.probe.servers import (
    Behaviour,
    Recording,
    Reply,
    Request,
    Says,
    Takes,
    huge,
    redirecting,
    served,
    slow,
)
from toolpair_observe.probing.answering import Outcome, Told, told_by
from toolpair_observe.probing.sending import heard_of
from toolpair_observe.probing.subject import subject_of

from .recorders import ENVIRONMENT, INTEGRATIONS

WORDS = "calls and results do not pair"
REFUSAL = {
    "type": "error",
    "error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT", "type": "invalid"},
    "message": WORDS,
}
CALL = {"name": "look_up", "args": {"what": "river"}, "id": "xBb2Cc3Dd", "type": "tool_call"}
HISTORY = [
    HumanMessage("What is next? One word."),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("cloud grain wheel", tool_call_id="xBb2Cc3Dd", name="look_up"),
]
CLIENTS = ("anthropic", "google-genai", "bedrock-converse", "openai-chat")


def anthropic(_: Request) -> object:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "Clear."}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 5,
            "output_tokens": 1,
            "cache_read_input_tokens": 70,
            "cache_creation_input_tokens": 30,
        },
    }


def gemini(_: Request) -> object:
    content = {"role": "model", "parts": [{"text": "Clear."}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 105,
            "cachedContentTokenCount": 70,
            "candidatesTokenCount": 1,
            "totalTokenCount": 106,
        },
    }


def converse(_: Request) -> object:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": "Clear."}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 5,
            "outputTokens": 1,
            "totalTokens": 106,
            "cacheReadInputTokens": 70,
            "cacheWriteInputTokens": 30,
        },
        "metrics": {"latencyMs": 1},
    }


@pytest.fixture
def told(request, monkeypatch):
    """Ask a server by one of the clients, and return what it told, with the requests it got."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def ask(name: str, behaviour: Behaviour, seconds: float = 10.0) -> tuple[Told, list[Request]]:
        integration = INTEGRATIONS[name]
        if not integration.version:
            pytest.skip(f"{integration.package} is not installed (extra: integrations)")
        server = Recording(behaviour)
        with served(server) as url:
            subject = subject_of(integration.build(url))
            assert subject.is_watched
            heard = heard_of(subject, HISTORY, seconds)
            return told_by(heard, is_watched=True), server.requests

    return ask


@pytest.mark.parametrize("name", CLIENTS)
class TestOfEachClient:
    @pytest.mark.parametrize("status", [429, 503])
    def test_a_busy_endpoint_gets_one_request(self, told, name, status):
        body = {"error": {"message": "busy", "code": status, "status": "X"}, "message": "busy"}
        result, requests = told(name, Says(Reply(status, body, {"Retry-After": "3"})))
        assert (result.outcome, result.pause) == (Outcome.AGAIN, 3.0)
        assert len(requests) == 1

    def test_a_refusal_has_the_endpoints_words(self, told, name):
        headers = {"x-amzn-ErrorType": "ValidationException"}
        result, _ = told(name, Says(Reply(400, REFUSAL, headers)))
        assert result == Told(Outcome.REFUSED, WORDS)

    def test_a_redirect_is_not_followed(self, told, name):
        elsewhere = Recording(Takes())
        with served(elsewhere) as url:
            result, requests = told(name, redirecting(f"{url}/other"))
        assert result.outcome is Outcome.HOPELESS
        assert len(requests) == 1
        assert not elsewhere.requests

    @pytest.mark.parametrize("behaviour", [huge(200), huge(400), slow(200), slow(400)])
    def test_an_answer_without_end_is_given_up(self, told, name, behaviour):
        result, _ = told(name, behaviour, seconds=1.0)
        assert result.outcome is Outcome.AGAIN

    def test_the_output_is_short_and_the_tool_is_made_up(self, told, name):
        _, (request,) = told(name, Says(Reply(400, REFUSAL)))
        assert "24" in str(request)
        assert "look_up" in str(request)
        assert "find" not in str(request)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("anthropic", anthropic), ("google-genai", gemini), ("bedrock-converse", converse)],
)
def test_cached_tokens_count_as_input(told, name, answer):
    result, _ = told(name, lambda request, _: Reply(body=answer(request)))
    assert result == Told(Outcome.TAKEN, input_tokens=105)
