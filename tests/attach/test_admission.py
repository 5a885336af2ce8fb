"""What stands between the admission of a request and its start may change it: the start decides."""

from __future__ import annotations

import gc
import weakref
from uuid import uuid4

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tracers.langchain import LangChainTracer
from langchain_openai import ChatOpenAI
from langsmith import Client

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.ways import get_weather
from toolpair_observe import InvalidToolResultsError, guard
from toolpair_observe.attach import runs
from toolpair_observe.middleware import ToolPairMiddleware

CALL = {"name": "get_weather", "args": {}, "id": "a"}


def sound():
    calls = [dict(CALL)]
    return [HumanMessage("?"), AIMessage("", tool_calls=calls), ToolMessage("1", tool_call_id="a")]


class WithTools(CountingModel):
    """A model that passes its tools on, as real ones do."""

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[{"type": "function", "name": each.name} for each in tools])


class Inner(AgentMiddleware):
    """Changes a request after `ToolPairMiddleware` has let it pass."""

    def __init__(self, change):
        super().__init__()
        self.change = change
        self.tools = []

    def wrap_model_call(self, request, handler):
        return handler(self.change(request))


def rename_in_a_copy(request):
    *before, last = request.messages
    return request.override(messages=[*before, last.model_copy(update={"tool_call_id": "b"})])


def rename_in_place(request):
    request.messages[-1].tool_call_id = "b"
    return request


def forget_the_calls(request):
    messages = list(request.messages)
    messages[1] = messages[1].model_copy(update={"tool_calls": []})
    return request.override(messages=messages)


def rename_the_call_in_place(request):
    request.messages[1].tool_calls[0]["id"] = "b"
    return request


def put_blocks_in_place(request):
    request.messages[2].content = [{"type": "tool_result", "tool_use_id": "b", "content": "1"}]
    request.messages[2].tool_call_id = "b"
    return request


CHANGES = [
    rename_in_a_copy,
    rename_in_place,
    rename_the_call_in_place,
    put_blocks_in_place,
    forget_the_calls,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_inner_middleware_breaks_is_blocked(strict, change):
    middleware = [ToolPairMiddleware(strict), Inner(change)]
    agent = create_agent(WithTools(), [get_weather], middleware=middleware)
    with pytest.raises(InvalidToolResultsError):
        agent.invoke({"messages": sound()})
    assert strict.outcomes == {"blocked": 1}


def test_an_inner_middleware_that_changes_the_api_changes_who_judges(make_handler):
    """Without the provider's own tool the request goes to the API that minds the order."""
    handler = make_handler("strict", feedback="off", profile="auto")
    refuse = httpx.MockTransport(lambda _: httpx.Response(500))
    model = ChatOpenAI(
        model="gpt-4o", api_key="k", max_retries=0, http_client=httpx.Client(transport=refuse)
    )
    change = Inner(lambda request: request.override(tools=request.tools[:1]))
    agent = create_agent(
        model,
        [get_weather, {"type": "web_search_preview"}],
        middleware=[ToolPairMiddleware(handler), change],
    )
    human, call, result = sound()
    with pytest.raises(InvalidToolResultsError):
        agent.invoke({"messages": [human, call, HumanMessage("And?"), result]})


def test_a_request_that_never_starts_keeps_no_history_alive(strict):
    class Failing(CountingModel):
        def invoke(self, *args, **kwargs):
            msg = "no request today"
            raise ConnectionError(msg)

    history = sound()
    gone = weakref.ref(history[0])
    with pytest.raises(ConnectionError):
        guard(Failing(), strict).invoke(history)
    del history
    gc.collect()
    assert gone() is None


class Popping(CountingModel):
    """A model that drops the result from the list that it is given."""

    def invoke(self, messages, config=None, **kwargs):
        del messages[2]
        return super().invoke(messages, config, **kwargs)


def test_a_model_that_drops_a_result_in_place_is_blocked(strict):
    with pytest.raises(InvalidToolResultsError):
        guard(Popping(), strict).invoke([*sound(), HumanMessage("And?")])
    assert strict.outcomes == {"blocked": 1}


def test_a_refusal_under_the_id_of_a_request_in_flight_leaves_that_one_alone(strict):
    config = {"run_id": uuid4()}
    stream = guard(CountingModel(), strict).stream(SOUND, config)
    next(stream)
    with pytest.raises(InvalidToolResultsError):
        guard(CountingModel(), strict).invoke(BROKEN, config)
    assert strict.outcomes == {"blocked": 1}
    list(stream)
    assert strict.outcomes == {"blocked": 1, "accepted": 1}
    assert strict.checks == 2


class Down(LangChainTracer):
    raise_error = True

    def on_chat_model_start(self, *args, **kwargs):
        msg = "the tracer is down"
        raise RuntimeError(msg)


def test_a_refusal_that_langsmith_cannot_be_shown_is_counted(strict):
    tracer = Down(
        client=Client(api_url="http://127.0.0.1:9", api_key="k", auto_batch_tracing=False)
    )
    with pytest.raises(InvalidToolResultsError):
        guard(CountingModel(), strict).invoke(BROKEN, {"callbacks": [tracer]})
    assert strict.checks == 1
    assert strict.outcomes == {"blocked": 1}


def test_a_report_that_fails_leaves_no_run_in_flight(strict, monkeypatch):
    def fail(_):
        msg = "ours"
        raise RuntimeError(msg)

    monkeypatch.setattr(strict._pipeline, "checked", fail)
    with pytest.raises(InvalidToolResultsError):
        guard(CountingModel(), strict).invoke(BROKEN)
    assert not runs.is_any_in_flight()


def test_a_failing_check_is_counted_once_where_nothing_is_stopped(observing, monkeypatch):
    def fail(*_):
        msg = "ours"
        raise RuntimeError(msg)

    monkeypatch.setattr("toolpair_observe.attach.judge.check", fail)
    guard(CountingModel(), observing).invoke(SOUND)
    assert observing.internal_errors.total() == 1
