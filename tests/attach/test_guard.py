"""A guarded model: a blocked request never starts, and everything else works as without a guard."""

from __future__ import annotations

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.siblings import AsyncSibling
from tests.strict.ways import get_weather
from toolpair_observe import InvalidToolResultsError, semconv
from toolpair_observe.attach.guard import guard


def test_no_callback_of_a_blocked_request_starts(strict):
    sibling, model = AsyncSibling(), CountingModel()
    with pytest.raises(InvalidToolResultsError):
        guard(model, strict).invoke(BROKEN, {"callbacks": [sibling]})
    assert sibling.started == 0
    assert strict.outcomes == {"blocked": 1}


def test_what_is_not_blocked_keeps_the_callbacks_of_its_chain(observing):
    sibling = AsyncSibling()
    chain = RunnableLambda(lambda messages: messages) | guard(CountingModel(), observing)
    answer = (chain | StrOutputParser()).invoke(BROKEN, {"callbacks": [sibling]})
    assert answer == "All is well."
    assert sibling.started == 1
    assert observing.outcomes == {"accepted": 1}


def test_a_function_that_hands_no_config_on_keeps_them_too(observing):
    sibling, guarded = AsyncSibling(), guard(CountingModel(), observing)
    RunnableLambda(lambda messages: guarded.invoke(messages)).invoke(  # noqa: PLW0108 - no config
        SOUND, {"callbacks": [sibling]}
    )
    assert sibling.started == 1
    assert observing.checks == 1


def test_what_is_no_chat_input_is_left_to_the_model_to_refuse(strict):
    with pytest.raises(ValueError, match="Invalid input type") as caught:
        guard(CountingModel(), strict).invoke({"not": "messages"})
    assert not isinstance(caught.value, InvalidToolResultsError)
    assert not strict.internal_errors


def test_it_is_strict_unless_told_otherwise():
    guarded = guard(CountingModel(), feedback="off", profile="openai-chat")
    assert guarded.handler.settings.mode == "strict"
    guarded.handler.close()


def test_the_environment_can_tell_it_otherwise_and_code_wins(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "observe")
    modes = []
    for arguments in ({}, {"mode": None}, {"mode": "strict"}):
        guarded = guard(CountingModel(), feedback="off", **arguments)
        modes.append(guarded.handler.settings.mode)
        guarded.handler.close()
    assert modes == ["observe", "observe", "strict"]
    monkeypatch.setenv("TOOLPAIR_MODE", " ")
    guarded = guard(CountingModel(), feedback="off", mode=None)
    assert guarded.handler.settings.mode == "strict"
    guarded.handler.close()


def test_a_request_can_have_a_mode_of_its_own(make_handler):
    model, strict = CountingModel(), make_handler("strict", request_mode="any")
    guard(model, strict).invoke(BROKEN, {"metadata": {"toolpair_mode": "observe"}})
    assert model.requests == 1


def test_the_provider_is_known_before_the_request_starts(make_handler):
    """By the same rules as in the callback: the class, the host and the bound arguments."""
    handler = make_handler("strict", feedback="off", profile="auto")
    model = ChatOpenAI(model="gpt-test", api_key="test").bind_tools([get_weather])
    with pytest.raises(InvalidToolResultsError) as caught:
        guard(model, handler).invoke(BROKEN)
    assert caught.value.report.profile == "openai-chat"
    ((_, _, provider, name),) = handler.counted(semconv.CHECKS)
    assert (provider, name) == ("openai", "gpt-test")


def test_a_responses_model_is_judged_as_one(make_handler):
    handler = make_handler("strict", feedback="off", profile="auto")
    model = ChatOpenAI(model="gpt-test", api_key="test", use_responses_api=True)
    with pytest.raises(InvalidToolResultsError) as caught:
        guard(model, handler).invoke(BROKEN)
    assert caught.value.report.profile == "openai-responses"


def test_tools_can_be_bound_behind_the_guard(strict):
    guarded = guard(ChatOpenAI(model="gpt-test", api_key="test"), strict)
    bound = guarded.bind_tools([get_weather])
    assert bound.handler is strict
    with pytest.raises(InvalidToolResultsError):
        bound.invoke(BROKEN)


def test_what_is_no_chat_model_is_refused_by_name(strict):
    with pytest.raises(TypeError, match="not RunnableLambda"):
        guard(RunnableLambda(lambda x: x), strict)
    with pytest.raises(TypeError, match="not RunnableSequence"):
        guard(CountingModel() | StrOutputParser(), strict)
    with pytest.raises(TypeError, match="not GuardedModel"):
        guard(guard(CountingModel(), strict), strict)


def test_a_failing_check_lets_the_request_pass(strict, monkeypatch):
    monkeypatch.setattr(
        "toolpair_observe.attach.judge.check",
        lambda *_: (_ for _ in ()).throw(RuntimeError("ours")),
    )
    model = CountingModel()
    guard(model, strict).invoke(BROKEN)
    assert model.requests == 1
    assert strict.internal_errors.total() >= 1


def test_a_failing_check_holds_the_request_where_that_is_asked_for(make_handler, monkeypatch):
    handler = make_handler("strict", feedback="off", on_internal_error="block")
    monkeypatch.setattr(
        "toolpair_observe.attach.judge.check",
        lambda *_: (_ for _ in ()).throw(RuntimeError("ours")),
    )
    model = CountingModel()
    with pytest.raises(RuntimeError, match="failed to check this history"):
        guard(model, handler).invoke(SOUND)
    assert model.requests == 0


class Weather(BaseModel):
    """The weather."""

    city: str


def openai_model(provider):
    return ChatOpenAI(
        model="gpt-test", api_key="test", base_url=provider.base_url, max_retries=0, timeout=10
    )


@pytest.mark.parametrize("include_raw", [False, True])
@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_structured_output_can_be_asked_for_behind_the_guard(
    strict, counting_provider, method, include_raw
):
    guarded = guard(openai_model(counting_provider), strict)
    structured = guarded.with_structured_output(Weather, method=method, include_raw=include_raw)
    sibling = AsyncSibling()
    with pytest.raises(InvalidToolResultsError):
        structured.invoke(BROKEN, {"callbacks": [sibling]})
    assert sibling.started == 0
    assert strict.outcomes == {"blocked": 1}
    assert counting_provider.count == 0


def test_structured_output_is_asked_for_as_without_a_guard(strict, counting_provider):
    model = openai_model(counting_provider)
    for one in (model, guard(model, strict)):
        one.with_structured_output(Weather, method="function_calling", include_raw=True).invoke(
            SOUND
        )
    plain, behind_guard = counting_provider.requests
    assert behind_guard == plain
    assert strict.predictions == {("clean", "accepted"): 1}


def test_structured_output_needs_the_model_itself(strict):
    bound = ChatOpenAI(model="gpt-test", api_key="test").bind_tools([get_weather])
    with pytest.raises(TypeError, match="guard the model itself"):
        guard(bound, strict).with_structured_output(Weather)
