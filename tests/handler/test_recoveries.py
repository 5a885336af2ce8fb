"""An application's own recovery takes the same branch for a block as for the provider's 400.

Each application runs twice against a server that refuses what does not pair: once without us, and
once with strict mode before it. The ways of telling a refusal are those of public applications.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent, middleware
from langchain_core import exceptions as core
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.handler.models import CountingModel
from tests.strict.conversations import SOUND
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.demo.loopback.provider import MODEL, LoopbackProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

HISTORIES = {
    "missing result": SOUND[:3],
    "orphan": [SOUND[0], SOUND[2]],
    "second result": [*SOUND, ToolMessage("again", tool_call_id="call_oslo")],
    "late result": [*SOUND[:3], HumanMessage("And?"), SOUND[3]],
    "long id": [
        HumanMessage("Weather?"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "i" * 41}]),
        ToolMessage("sun", tool_call_id="i" * 41),
    ],
}


def has_type_and_code(error: Any) -> bool:
    """As open_deep_research does before it trims."""
    return (
        hasattr(error, "code")
        and hasattr(error, "type")
        and (error.code == "context_length_exceeded" or error.type == "invalid_request_error")
    )


def body_of(error: Any) -> Any:
    body = getattr(error, "body", None)
    return body.get("error", body) if isinstance(body, dict) else {}


def repeats_no_error_of_a_server(error: Any) -> bool:
    """As a loop around a model gives up."""
    return 400 <= getattr(error, "status_code", 500) < 500 and error.status_code != 429


REFUSALS: dict[str, Callable[[Any], bool]] = {
    "type and code": has_type_and_code,
    "status": lambda error: getattr(error, "status_code", None) in {400, 422},
    "not worth another try": repeats_no_error_of_a_server,
    "status of the answer": lambda error: error.response.status_code == 400,
    "body of the answer": lambda error: "message" in error.response.json()["error"],
    "type in the body": lambda error: body_of(error).get("type") == "invalid_request_error",
    "words in the body": lambda error: "tool" in body_of(error).get("message", ""),
    "parameter": lambda error: error.param.startswith("messages"),
    "status in the text": lambda error: "Error code: 400" in str(error),
    "words in the text": lambda error: "tool_call" in str(error).lower(),
    "words in the message": lambda error: "tool_call" in error.message,
    "what LangChain calls it": lambda error: isinstance(
        error, getattr(core, "ModelInvalidRequestError", Exception)
    ),
    "what LangChain would retry": lambda error: not error.is_retryable,
}
OTHERS: dict[str, Callable[[Any], bool]] = {
    "too long, by code": lambda error: error.code == "context_length_exceeded",
    "too long, by class": lambda error: isinstance(
        error, getattr(core, "ContextOverflowError", ())
    ),
    "too long, by words": lambda error: any(
        words in str(error).lower()
        for words in ("maximum context", "context length", "token", "prompt is too long")
    ),
    "rate limit, by status": lambda error: error.status_code in {408, 409, 429},
    "rate limit, by class": lambda error: isinstance(
        error, getattr(core, "ModelRateLimitError", ())
    ),
    "rate limit, by words": lambda error: any(
        words in str(error).lower() for words in ("rate limit", "rate_limit", "quota", "429")
    ),
    "server, by status": lambda error: error.status_code >= 500,
    "server, by words": lambda error: any(
        words in str(error).lower() for words in ("overloaded", "timeout", "timed out", "503")
    ),
    "a retry": lambda error: error.is_retryable,
    "a key": lambda error: error.status_code in {401, 403} or "api key" in str(error).lower(),
    "a schema": lambda error: "response_format" in str(error) or "json_schema" in str(error),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as server:
        yield server


@pytest.fixture
def models(make_handler, provider) -> dict[str, ChatOpenAI]:
    """The same model without us, and with strict mode before it."""
    arguments: dict[str, Any] = {"base_url": provider.base_url, "api_key": "none", "model": MODEL}
    strict = make_handler("strict", feedback="off")
    return {
        "provider": ChatOpenAI(**arguments, max_retries=0),
        "block": ChatOpenAI(**arguments, max_retries=0, callbacks=[strict]),
    }


@contextmanager
def refused(model: ChatOpenAI, history: list[BaseMessage]) -> Iterator[Any]:
    try:
        model.invoke(history)
    except Exception as error:  # noqa: BLE001
        yield error
    else:
        pytest.fail("nobody refused the history")


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("tells", REFUSALS)
def test_a_block_is_told_as_the_providers_400_is(models, history, tells):
    if "retry" in tells and not hasattr(core, "ModelError"):
        pytest.skip("this langchain-core does not say it")
    for model in models.values():
        with refused(model, HISTORIES[history]) as error:
            assert REFUSALS[tells](error), repr(error)


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("tells", OTHERS)
def test_a_block_is_not_taken_for_anything_else(models, history, tells):
    if tells == "a retry" and not hasattr(core, "ModelError"):
        pytest.skip("this langchain-core does not say it")
    for model in models.values():
        with refused(model, HISTORIES[history]) as error:
            assert not OTHERS[tells](error), repr(error)


@pytest.mark.parametrize("history", [each for each in HISTORIES if each != "late result"])
def test_the_words_are_those_of_the_provider(models, history):
    """Where the history has one breach: the provider names the first one that it meets."""
    with refused(models["provider"], HISTORIES[history]) as error:
        words = error.body["message"]
    with refused(models["block"], HISTORIES[history]) as error:
        assert isinstance(error, InvalidToolResultsError)
        assert error.body["message"] == words
        assert words in str(error)


def test_a_run_that_trims_and_goes_on_succeeds(models):
    """What strict mode turned into a failed run: open_deep_research's loop."""

    def research(model: ChatOpenAI) -> str:
        messages = list(SOUND[:3])
        for _ in range(3):
            try:
                return str(model.invoke(messages).content)
            except Exception as error:
                if not has_type_and_code(error):
                    raise
                messages = messages[:1]
        return "no report"

    answers = {name: research(model) for name, model in models.items()}
    assert answers["block"] == answers["provider"] != "no report"


@pytest.mark.parametrize("name", ["provider", "block"])
def test_the_middleware_with_other_models_goes_on_to_the_next(models, name):
    other = CountingModel()
    agent = create_agent(models[name], middleware=[middleware.ModelFallbackMiddleware(other)])
    agent.invoke({"messages": SOUND[:3]})
    assert other.requests == 1


@pytest.mark.parametrize("name", ["provider", "block"])
def test_the_middleware_that_retries_leaves_it_alone(models, provider, name):
    if not (hasattr(core, "ModelError") and hasattr(middleware, "ModelRetryMiddleware")):
        pytest.skip("this langchain retries everything")
    before = len(provider.requests)
    retrying = middleware.ModelRetryMiddleware(on_failure="error", initial_delay=0, jitter=False)
    agent = create_agent(models[name], middleware=[retrying])
    with pytest.raises(Exception, match="Error code: 400"):
        agent.invoke({"messages": SOUND[:3]})
    assert len(provider.requests) - before == (1 if name == "provider" else 0)
