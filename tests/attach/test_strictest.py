"""Any strict handler stops a request, whatever stands beside it, around it or behind it."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, CallbackManager
from langchain_core.messages import AIMessage

from tests.handler.models import CountingModel
from tests.handler.siblings import Sibling
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, ToolPairHandler, guard, semconv
from toolpair_observe.attach import closing, seam
from toolpair_observe.attach.instrument import instrument
from toolpair_observe.middleware import ToolPairMiddleware

SOUND_STATE = {"messages": SOUND}


class Breaker(AgentMiddleware):
    """A middleware further in, such as one that trims."""

    def wrap_model_call(self, request, handler):
        return handler(request.override(messages=BROKEN))

    async def awrap_model_call(self, request, handler):
        return await handler(request.override(messages=BROKEN))


class Second(ToolPairMiddleware):
    @property
    def name(self):
        return "second"


@pytest.mark.parametrize("other", ["none", "model", "config", "inner", "process"])
async def test_a_strict_middleware_is_not_replaced_by_another_handler(make_handler, other):
    strict, weaker = make_handler("strict", feedback="off"), make_handler("observe", feedback="off")
    model = CountingModel(callbacks=[weaker] if other == "model" else None)
    inner = [Second(weaker)] if other == "inner" else []
    if other == "process":
        instrument(weaker)
    agent = create_agent(model, [], middleware=[ToolPairMiddleware(strict), Breaker(), *inner])
    config = {"callbacks": [weaker]} if other == "config" else {}
    with pytest.raises(InvalidToolResultsError):
        agent.invoke(SOUND_STATE, config)
    with pytest.raises(InvalidToolResultsError):
        await agent.ainvoke(SOUND_STATE, config)
    assert model.requests == 0


def add_invalid_call(message):
    message.invalid_tool_calls.append(
        {"name": "t", "args": "{", "id": "zz", "error": "e", "type": "invalid_tool_call"}
    )


def add_raw_call(message):
    message.tool_calls.clear()
    message.additional_kwargs["tool_calls"] = [{"id": "zz", "function": {"name": "t"}}]


def rename_call(message):
    message.tool_calls[0]["id"] = "zz"


def drop_call(message):
    message.tool_calls.pop()


@pytest.mark.parametrize("edit", [add_invalid_call, add_raw_call, rename_call, drop_call])
def test_what_is_edited_in_place_behind_the_guard_is_checked_again(make_handler, edit):
    class Editing(CountingModel):
        def invoke(self, messages, config=None, **kwargs):
            edit(next(each for each in messages if isinstance(each, AIMessage)))
            return super().invoke(messages, config, **kwargs)

    history = [each.model_copy(deep=True) for each in SOUND]
    model = Editing()
    with pytest.raises(InvalidToolResultsError):
        guard(model, make_handler("strict")).invoke(history)
    assert model.requests == 0


def test_a_history_that_contains_itself_is_admitted(make_handler):
    history = [each.model_copy(deep=True) for each in SOUND]
    history[1].response_metadata["self"] = history[1].response_metadata
    handler, model = make_handler("strict"), CountingModel()
    guard(model, handler).invoke(history)
    assert (model.requests, handler.checks) == (1, 1)


class HashRaises(uuid.UUID):
    def __hash__(self):
        raise ValueError


class Unhashable(uuid.UUID):
    __hash__ = None


class Odd:
    def __hash__(self):
        raise ValueError

    __bool__ = __hash__


@pytest.mark.parametrize("make_id", [lambda: HashRaises(int=5), lambda: Unhashable(int=5), Odd])
@pytest.mark.parametrize("seam_on", [True, False])
def test_an_id_of_any_class_loses_no_refusal_and_raises_nothing(make_handler, make_id, seam_on):
    model = CountingModel()
    strict = make_handler("strict", wrap_callbacks=seam_on)
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, {"run_id": make_id(), "callbacks": [strict]})
    with pytest.raises(InvalidToolResultsError):
        list(model.stream(BROKEN, {"run_id": make_id(), "callbacks": [strict]}))
    observing = make_handler("observe", wrap_callbacks=seam_on)
    list(model.stream(BROKEN, {"run_id": make_id(), "callbacks": [observing]}))
    assert strict.checks == 2
    assert observing.checks == 1
    assert model.requests == 1


def test_requests_at_once_under_one_id_are_all_counted(make_handler, monkeypatch):
    """The race: both look for an earlier run before either has opened its own."""
    handler, run_id = make_handler("observe"), uuid.uuid4()
    both_looked, both_started = threading.Barrier(2), threading.Barrier(2)
    decide = handler.judge.decide

    def meet(*args, **kwargs):
        both_looked.wait(10)
        return decide(*args, **kwargs)

    monkeypatch.setattr(handler.judge, "decide", meet)

    def ask():
        model = CountingModel(before=lambda _: both_started.wait(10))
        model.invoke(SOUND, {"callbacks": [handler], "run_id": run_id})

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.checks == 2
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}


def test_other_options_do_not_weaken_a_strict_process():
    instrument(mode="strict", feedback="off", profile="openai-chat")
    model = CountingModel()
    assert instrument(feedback="off", profile="openai-chat", spans="off").settings.mode == "strict"
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN)
    assert instrument(mode="observe", feedback="off").settings.mode == "observe"


@pytest.mark.parametrize("nothing", ["", ",", " ", []])
def test_a_guard_with_no_environment_named_is_strict(nothing, monkeypatch):
    guarded = guard(CountingModel(), strict_environments=nothing, feedback="off")
    assert guarded.handler.settings.mode == "strict"
    assert guarded.handler.mode_reason == "default of guard()"
    guarded.handler.close()
    if isinstance(nothing, str):
        monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", nothing)
        guarded = guard(CountingModel(), feedback="off")
        assert guarded.handler.settings.mode == "strict"
        guarded.handler.close()


async def test_a_caller_that_is_canceled_waits_only_a_moment_for_a_handler_that_hangs(
    make_handler, monkeypatch
):
    monkeypatch.setattr(closing, "GRACE_SECONDS", 0.01)
    hanging = asyncio.Event()

    class Hung(AsyncCallbackHandler):
        async def on_llm_error(self, *args, **kwargs):
            hanging.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(
        CountingModel().ainvoke(BROKEN, {"callbacks": [Hung(), make_handler("strict")]})
    )
    await hanging.wait()
    task.cancel()
    with pytest.raises(InvalidToolResultsError):
        await task
    for left in list(closing._unfinished):
        left.cancel()
        await asyncio.wait({left})


class Equal(BaseCallbackHandler):
    def __eq__(self, other):
        raise ValueError

    __hash__ = BaseCallbackHandler.__hash__


def test_a_guard_compares_no_handler_of_others(make_handler):
    """What langchain-core compares, where a hook of the process stands, is its own matter."""
    guarded = guard(CountingModel(), make_handler("observe"))
    assert guarded._watched({"callbacks": [Equal()]})["callbacks"][-1] is guarded.handler


@pytest.fixture
def patched(monkeypatch):
    """Another library's patch, which returns something else in one request."""

    def patch(first):
        real, starts = CallbackManager.on_chat_model_start, []

        def start(self, *args, **kwargs):
            managers = real(self, *args, **kwargs)
            starts.append(1)
            return first(managers) if len(starts) == 1 else managers

        monkeypatch.setattr(CallbackManager, "on_chat_model_start", start)

    yield patch
    seam.uninstall()


class Torn:
    def __init__(self, manager):
        self.__dict__["manager"] = manager

    def __getattr__(self, name):
        if name == "on_llm_error":
            raise RuntimeError
        return getattr(self.manager, name)


@pytest.mark.parametrize(
    "first", [lambda _: None, lambda managers: [Torn(each) for each in managers]]
)
def test_one_odd_return_of_a_patch_harms_one_request(make_handler, patched, first):
    patched(first)
    strict, sibling = make_handler("strict"), Sibling()
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [strict]})
    assert seam.is_active()
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [sibling, strict]})
    assert not sibling.open


@pytest.mark.parametrize("variable", ["TRACER", "METER", "LOGGER"])
def test_a_provider_that_is_not_there_stops_nobody_from_attaching(monkeypatch, variable):
    def fail(*args, **kwargs):
        raise StopIteration

    name = {"TRACER": "trace.get_tracer", "METER": "metrics.get_meter_provider"}.get(
        variable, "_logs.get_logger"
    )
    monkeypatch.setattr(f"toolpair_observe.otel_api.{name}", fail)
    handler = ToolPairHandler("strict", feedback="off", profile="openai-chat")
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    handler.close()


def test_a_model_whose_callbacks_cannot_be_read_is_asked(make_handler):
    class Closed(CountingModel):
        def __getattribute__(self, name):
            if name == "callbacks" and super().__getattribute__("_closed_now"):
                raise RuntimeError
            return super().__getattribute__(name)

        _closed_now = False

    handler, model = make_handler("observe", feedback="off"), Closed()

    class Closing(AgentMiddleware):
        def wrap_model_call(self, request, further):
            Closed._closed_now = True
            try:
                return further(request)
            finally:
                Closed._closed_now = False

    agent = create_agent(model, [], middleware=[Closing(), ToolPairMiddleware(handler)])
    with pytest.raises(RuntimeError):  # langchain-core reads them as well
        agent.invoke(SOUND_STATE)
    assert ("RuntimeError", "middleware") in handler.counted(semconv.INTERNAL_ERRORS)
