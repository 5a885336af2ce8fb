"""A guard on several models: each is checked before it starts, by what its own provider takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, PrivateAttr

from tests.handler.models import CountingModel, fail
from tests.loopback.counting_provider import ANSWER, CountingProvider
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.siblings import AsyncSibling
from tests.strict.ways import get_weather
from toolpair_observe import GuardedModel, InvalidToolResultsError, guard, instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.runnables import Runnable

NOBODY = "http://127.0.0.1:9/v1"
LATE = [*SOUND[:3], HumanMessage("And?"), SOUND[3]]
"""The chat completions refuse it; the Responses API pairs by id, wherever a result stands."""


class Weather(BaseModel):
    """The weather."""

    city: str


@pytest.fixture(scope="module")
def _second_provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


@pytest.fixture
def second_provider(_second_provider) -> CountingProvider:
    _second_provider.reset()
    return _second_provider


def model_at(base_url: str) -> ChatOpenAI:
    return ChatOpenAI(
        model="gpt-test", api_key="test", base_url=base_url, max_retries=0, timeout=10
    )


def two_models(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_fallbacks([b])


def tools_within(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.bind_tools([get_weather]).with_fallbacks([b.bind_tools([get_weather])])


def bound_around(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_fallbacks([b]).bind(stop=["."]).with_config(tags=["ours"])


def nested(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_fallbacks([b.with_fallbacks([a])])


def retried_within(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_retry().with_fallbacks([b.with_retry()])


def retried_around(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_fallbacks([b]).with_retry(retry_if_exception_type=(ConnectionError,))


def listened_to(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    return a.with_listeners(on_end=lambda run: None).with_fallbacks([b])


def parsed_within(a: ChatOpenAI, b: ChatOpenAI) -> Runnable[Any, Any]:
    one, other = [
        each.with_structured_output(Weather, method="function_calling", include_raw=True)
        for each in (a, b)
    ]
    return one.with_fallbacks([other])


SHAPES = (
    two_models,
    tools_within,
    bound_around,
    nested,
    retried_within,
    retried_around,
    listened_to,
    parsed_within,
)


async def drain(stream: Any) -> list[Any]:
    return [each async for each in stream]


WAYS: dict[str, Callable[[Runnable[Any, Any], Any], Any]] = {
    "invoke": lambda model, history: model.invoke(history),
    "ainvoke": lambda model, history: asyncio.run(model.ainvoke(history)),
    "stream": lambda model, history: list(model.stream(history)),
    "astream": lambda model, history: asyncio.run(drain(model.astream(history))),
    "batch": lambda model, history: model.batch([history]),
    "abatch": lambda model, history: asyncio.run(model.abatch([history])),
    "astream_events": lambda model, history: asyncio.run(
        drain(model.astream_events(history, version="v2"))
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_member_is_sent_what_has_to_be_blocked(
    strict, counting_provider, second_provider, shape, way
):
    a, b = model_at(counting_provider.base_url), model_at(second_provider.base_url)
    guarded = guard(shape(a, b), strict)
    with pytest.raises(InvalidToolResultsError):
        WAYS[way](guarded, BROKEN)
    assert (counting_provider.count, second_provider.count) == (0, 0)
    assert strict.outcomes == {"blocked": 3 if shape is nested else 2}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sound_request_goes_out_as_without_a_guard(
    strict, counting_provider, second_provider, shape
):
    holder = shape(model_at(counting_provider.base_url), model_at(second_provider.base_url))
    holder.invoke(SOUND)
    guard(holder, strict).invoke(SOUND)
    plain, behind_guard = counting_provider.requests
    assert behind_guard == plain
    assert second_provider.count == 0
    assert strict.predictions == {("clean", "accepted"): 1}


@pytest.mark.parametrize("way", WAYS)
def test_the_fallback_answers_where_the_first_fails(strict, way):
    first, second = CountingModel(before=fail), CountingModel()
    WAYS[way](guard(first.with_fallbacks([second]), strict), SOUND)
    assert (first.requests, second.requests) == (1, 1)
    assert strict.outcomes == {"failed": 1, "accepted": 1}


class SendingModel(ChatOpenAI):
    """Looks like OpenAI's own, and keeps what would have been sent."""

    _sent: list[Any] = PrivateAttr(default_factory=list)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        self._sent.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(ANSWER))])


def chat_with_responses() -> tuple[SendingModel, SendingModel]:
    chat = SendingModel(model="gpt-test", api_key="test")
    return chat, SendingModel(model="gpt-test", api_key="test", use_responses_api=True)


def test_a_member_that_takes_the_history_gets_it(make_handler):
    handler = make_handler("strict", feedback="off", profile="auto")
    chat, responses = chat_with_responses()
    assert guard(chat.with_fallbacks([responses]), handler).invoke(LATE).content == ANSWER
    assert (len(chat._sent), len(responses._sent)) == (0, 1)
    assert handler.outcomes == {"blocked": 1, "accepted": 1}


def test_where_all_are_blocked_the_first_refusal_is_raised(make_handler):
    handler = make_handler("strict", feedback="off", profile="auto")
    chat, responses = chat_with_responses()
    with pytest.raises(InvalidToolResultsError) as caught:
        guard(responses.with_fallbacks([chat]), handler).invoke(BROKEN)
    assert caught.value.report.profile == "openai-responses"
    assert handler.outcomes == {"blocked": 2}


def test_a_fallback_behind_the_guard_is_not_guarded(strict):
    """As the docstring says."""
    a, b = CountingModel(), CountingModel()
    guard(a, strict).with_fallbacks([b]).invoke(BROKEN)
    assert (a.requests, b.requests) == (0, 1)


@pytest.mark.parametrize("attach", ["process", "config", "chain"])
def test_a_handler_of_the_process_or_the_config_reaches_fallbacks(
    strict, counting_provider, second_provider, attach
):
    model: Any = two_models(
        model_at(counting_provider.base_url), model_at(second_provider.base_url)
    )
    if attach == "process":
        instrument(strict)
    config = {} if attach == "process" else {"callbacks": [strict]}
    with pytest.raises(InvalidToolResultsError):
        (RunnableLambda(lambda x: x) | model if attach == "chain" else model).invoke(BROKEN, config)
    assert (counting_provider.count, second_provider.count) == (0, 0)
    assert strict.outcomes == {"blocked": 2}


def test_only_the_named_exceptions_lead_to_the_fallback(strict):
    a, b = CountingModel(), CountingModel()
    holder = a.with_fallbacks([b], exceptions_to_handle=(ConnectionError,), exception_key="error")
    guarded: Any = guard(holder, strict)
    assert (guarded.exceptions_to_handle, guarded.exception_key) == ((ConnectionError,), "error")
    with pytest.raises(InvalidToolResultsError):
        guard(a.with_fallbacks([b], exceptions_to_handle=(ConnectionError,)), strict).invoke(BROKEN)
    assert strict.outcomes == {"blocked": 1}
    assert (a.requests, b.requests) == (0, 0)


def test_a_block_leads_to_a_fallback_that_is_no_model(strict):
    holder = CountingModel().with_fallbacks([RunnableLambda(lambda _: AIMessage("Sorry."))])
    assert guard(holder, strict).invoke(BROKEN).content == "Sorry."


def test_a_model_within_another_fallback_is_checked_where_it_starts(strict):
    hidden = CountingModel()
    first = CountingModel(before=fail)
    holder = first.with_fallbacks([RunnableLambda(lambda messages: hidden.invoke(messages))])  # noqa: PLW0108 - no config
    with pytest.raises(InvalidToolResultsError):
        guard(holder, strict).invoke(BROKEN)
    assert (first.requests, hidden.requests) == (0, 0)
    guard(holder, strict).invoke(SOUND)
    assert hidden.requests == 1


def test_no_callback_of_a_blocked_member_starts(strict):
    sibling = AsyncSibling()
    with pytest.raises(InvalidToolResultsError):
        guard(CountingModel().with_fallbacks([CountingModel()]), strict).invoke(
            BROKEN, {"callbacks": [sibling]}
        )
    assert sibling.started == 0


def test_tools_are_bound_to_every_member_and_stay_guarded(strict, second_provider):
    holder = model_at(NOBODY).with_fallbacks([model_at(second_provider.base_url)])
    guarded = guard(holder, strict).bind_tools([get_weather])
    with pytest.raises(InvalidToolResultsError):
        guarded.invoke(BROKEN)
    assert second_provider.count == 0
    guarded.invoke(SOUND)
    (request,) = second_provider.requests
    assert [tool["function"]["name"] for tool in request["tools"]] == ["get_weather"]


def test_fallbacks_of_guarded_models_are_guarded_with_tools_too(strict):
    a, b = CountingModel(), CountingModel()
    both: Any = guard(a, strict).with_fallbacks([guard(b, strict)])
    with pytest.raises(InvalidToolResultsError):
        both.bind_tools([get_weather]).invoke(BROKEN)
    assert (a.requests, b.requests) == (0, 0)


@pytest.mark.parametrize("include_raw", [False, True])
def test_structured_output_is_asked_of_every_member_and_stays_guarded(
    strict, second_provider, include_raw
):
    holder = model_at(NOBODY).with_fallbacks([model_at(second_provider.base_url)])
    structured = guard(holder, strict).with_structured_output(
        Weather, method="function_calling", include_raw=include_raw
    )
    with pytest.raises(InvalidToolResultsError):
        structured.invoke(BROKEN)
    assert second_provider.count == 0
    structured.invoke(SOUND)
    assert second_provider.count == 1


def test_tools_are_not_bound_where_that_would_lose_what_is_bound(strict):
    holder = CountingModel().with_fallbacks([CountingModel()]).bind(stop=["."])
    with pytest.raises(TypeError, match="after its tools are bound"):
        guard(holder, strict).bind_tools([get_weather])


def test_it_has_what_the_holder_has_and_nothing_that_sends_unchecked(strict):
    guarded: Any = guard(CountingModel().with_fallbacks([CountingModel()]), strict)
    assert guarded.handler is strict
    assert [type(each) for each in guarded.runnables] == [GuardedModel, GuardedModel]
    assert all(each.handler is strict for each in guarded.runnables)
    for name in ("generate", "agenerate", "generate_prompt", "_generate"):
        assert not hasattr(guarded, name)


def test_a_member_with_a_guard_of_its_own_keeps_it(strict, make_handler):
    own = make_handler("strict", feedback="off")
    with pytest.raises(InvalidToolResultsError):
        guard(guard(CountingModel(), own).with_fallbacks([CountingModel()]), strict).invoke(BROKEN)
    assert (own.outcomes, strict.outcomes) == ({"blocked": 1}, {"blocked": 1})


def test_a_block_is_not_retried(strict, counting_provider):
    guarded = guard(model_at(counting_provider.base_url).with_retry(), strict)
    with pytest.raises(InvalidToolResultsError):
        guarded.invoke(BROKEN)
    assert strict.outcomes == {"blocked": 1}
    assert counting_provider.count == 0


def test_what_is_not_blocked_is_retried_as_without_a_guard(strict):
    model = CountingModel(before=fail)
    retrying = model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    with pytest.raises(RuntimeError, match="on fire"):
        guard(retrying, strict).invoke(SOUND)
    assert model.requests == 2
    assert strict.outcomes == {"failed": 2}


def alternatives(provider: CountingProvider) -> Runnable[Any, Any]:
    return model_at(NOBODY).configurable_alternatives(
        ConfigurableField(id="model"), other=lambda: model_at(provider.base_url)
    )


def alternatives_with_fallbacks(provider: CountingProvider) -> Runnable[Any, Any]:
    other = model_at(NOBODY).with_fallbacks([model_at(provider.base_url)])
    return model_at(NOBODY).configurable_alternatives(ConfigurableField(id="model"), other=other)


def fields(provider: CountingProvider) -> Runnable[Any, Any]:
    model = model_at(provider.base_url)
    return model.configurable_fields(model_name=ConfigurableField(id="model"))


def bound_fields(provider: CountingProvider) -> Runnable[Any, Any]:
    return fields(provider).bind(stop=["."])


def made_at_call(provider: CountingProvider) -> Runnable[Any, Any]:
    return init_chat_model(
        model_provider="openai",
        configurable_fields=("model",),
        base_url=provider.base_url,
        api_key="test",
    )


def made_with_tools(provider: CountingProvider) -> Runnable[Any, Any]:
    model: Any = made_at_call(provider)
    return model.bind_tools([get_weather])


CHOICES = (
    alternatives,
    alternatives_with_fallbacks,
    fields,
    bound_fields,
    made_at_call,
    made_with_tools,
)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream", "batch"])
def test_a_model_that_the_config_decides_is_guarded(strict, counting_provider, choice, way):
    chosen = {"configurable": {"model": "other"}}
    guarded = guard(choice(counting_provider), strict).with_config(chosen)
    with pytest.raises(InvalidToolResultsError):
        WAYS[way](guarded, BROKEN)
    assert counting_provider.count == 0
    assert strict.outcomes.total() >= 1
    guarded.invoke(SOUND)
    (request,) = counting_provider.requests
    if choice not in {alternatives, alternatives_with_fallbacks}:
        assert request["model"] == "other"


def test_tools_bound_behind_the_guard_reach_a_model_made_at_the_call(strict, counting_provider):
    guarded = guard(made_at_call(counting_provider), strict).bind_tools([get_weather])
    chosen = {"configurable": {"model": "other"}}
    with pytest.raises(InvalidToolResultsError):
        guarded.invoke(BROKEN, chosen)
    guarded.invoke(SOUND, chosen)
    (request,) = counting_provider.requests
    assert request["tools"]


@pytest.mark.parametrize(
    "given",
    [
        lambda model: RunnableLambda(lambda x: x).with_fallbacks([model]),
        lambda model: RunnableLambda(lambda x: x) | model,
        lambda model: (RunnableLambda(lambda x: x) | model).with_fallbacks([model]),
        lambda model: RunnableLambda(lambda x: x).bind(stop=["."]),
    ],
)
def test_what_does_not_begin_with_a_model_is_refused_by_name(strict, given):
    thing = given(CountingModel())
    with pytest.raises(TypeError, match=f"not {type(thing).__name__}: guard the model itself"):
        guard(thing, strict)
