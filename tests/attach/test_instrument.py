"""One hook for the whole process: threads, tasks, forks, and models that were built before."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading
from contextlib import nullcontext

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers import context as core_context
from opentelemetry.metrics import NoOpMeterProvider

from tests.handler.conftest import WatchedHandler
from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach import instrument as attachment
from toolpair_observe.attach.guard import guard
from toolpair_observe.attach.instrument import (
    attached,
    instrument,
    instrumented_with,
    uninstrument,
)
from toolpair_observe.errors import SettingsError
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.steps import journal


def our_hooks():
    return [hook for hook in core_context._configure_hooks if hook[0] is attachment._slot._variable]


def test_a_model_that_was_built_before_is_checked(strict):
    model = CountingModel()
    model.invoke(SOUND)
    assert strict.checks == 0
    instrument(strict)
    model.invoke(SOUND)
    assert strict.checks == 1
    assert strict.outcomes == {"accepted": 1}


def test_uninstrument_stops_it_and_instrument_starts_it_again(strict):
    model = CountingModel()
    instrument(strict)
    uninstrument()
    model.invoke(BROKEN)
    assert strict.checks == 0
    assert instrumented_with() is None
    instrument(strict)
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN)


def test_the_hook_is_registered_once_however_often_it_is_asked_for(strict, observing):
    for handler in (strict, observing, strict):
        instrument(handler)
        instrument(handler)
        uninstrument()
        uninstrument()
    assert len(our_hooks()) == 1


def test_a_second_call_returns_the_handler_of_the_first():
    first = instrument(mode="strict", feedback="off")
    assert instrument() is first
    assert instrument(mode="strict", feedback="off") is first
    other = instrument(mode="observe", feedback="off")
    assert other is not first
    assert instrumented_with() is other
    assert instrument(first) is first


def test_a_bad_option_is_named_and_changes_nothing(strict):
    instrument(strict)
    with pytest.raises(SettingsError, match="mode is 'stict'; expected observe, strict or off"):
        instrument(mode="stict")
    assert instrumented_with() is strict


def test_a_bad_environment_variable_is_named(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "stict")
    with pytest.raises(SettingsError, match="environment variable TOOLPAIR_MODE is 'stict'"):
        instrument()
    assert instrumented_with() is None


def test_a_handler_and_its_options_do_not_go_together(strict):
    with pytest.raises(TypeError, match="mode"):
        instrument(strict, mode="observe")


def test_the_environment_sets_the_mode_and_code_wins(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    monkeypatch.setenv("TOOLPAIR_FEEDBACK", "off")
    assert instrument().settings.mode == "strict"
    assert instrument(mode="observe").settings.mode == "observe"


def test_new_threads_are_covered(strict):
    instrument(strict)
    model = CountingModel()
    threads = [threading.Thread(target=model.invoke, args=[SOUND]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert strict.checks == 4


async def test_tasks_that_were_running_before_are_covered(strict):
    model, go = CountingModel(), asyncio.Event()

    async def ask():
        await go.wait()
        await model.ainvoke(SOUND)

    tasks = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0)
    instrument(strict)
    go.set()
    await asyncio.gather(*tasks)
    assert strict.checks == 3


def test_instrumenting_from_many_threads_leaves_one_handler():
    start = threading.Barrier(8)
    handlers = []

    def race():
        start.wait()
        handlers.append(instrument(feedback="off"))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, handlers))) == 1
    assert len(our_hooks()) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
# The test process has threads of pytest's and of the loopback servers; the child only execs on.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_checks_and_counts_for_itself(strict):
    """As gunicorn and celery do: the master instruments, the worker asks the model."""
    instrument(strict)
    model = CountingModel()
    model.invoke(SOUND)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = "nothing"
        try:
            model.invoke(SOUND)
            try:
                model.invoke(BROKEN)
            except InvalidToolResultsError:
                told = f"blocked {strict.checks} {strict.outcomes['accepted']}"
        finally:
            os.write(writing, told.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    assert told == "blocked 2 1"
    assert strict.checks == 1


def test_an_explicit_handler_takes_the_place_of_the_hook(strict, observing):
    instrument(observing)
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [strict]})
    assert strict.checks == 1
    assert observing.checks == 0


@pytest.mark.parametrize("mode", ["observe", "off"])
@pytest.mark.parametrize("way", ["call", "model", "guard", "middleware", "context"])
async def test_nothing_weaker_takes_the_place_of_process_wide_strict(
    way, mode, strict, make_handler
):
    instrument(strict)
    weaker = make_handler(mode, feedback="off")
    model = CountingModel(callbacks=[weaker] if way == "model" else None)
    config = {"callbacks": [weaker]} if way == "call" else {}
    asked, history = model, BROKEN
    if way == "guard":
        asked = guard(model, weaker)
    elif way == "middleware":
        asked = create_agent(model, [], middleware=[ToolPairMiddleware(weaker)])
        history = {"messages": BROKEN}
    with attached(weaker) if way == "context" else nullcontext():
        with pytest.raises(InvalidToolResultsError):
            asked.invoke(history, config)
        with pytest.raises(InvalidToolResultsError):
            await asked.ainvoke(history, config)
    assert model.requests == 0
    assert weaker.outcomes + strict.outcomes == {"blocked": 2}
    assert (weaker if mode == "observe" else strict).outcomes == {"blocked": 2}


def test_a_chain_hands_an_explicit_handler_down_and_it_counts_once(strict, observing):
    instrument(strict)
    chain = RunnableLambda(lambda messages: messages) | CountingModel()
    chain.invoke(SOUND, {"callbacks": [observing]})
    chain.invoke(SOUND)
    assert observing.checks == 1
    assert strict.checks == 1


def test_a_model_with_a_handler_of_its_own_keeps_it_inside_a_chain(strict, observing):
    instrument(strict)
    chain = RunnableLambda(lambda messages: messages) | CountingModel(callbacks=[observing])
    chain.invoke(SOUND)
    assert observing.checks == 1
    assert strict.checks == 0


def test_one_context_can_have_a_handler_of_its_own(strict, observing):
    instrument(observing)
    model = CountingModel()
    with attached(strict), pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN)
    model.invoke(BROKEN)
    assert observing.checks == strict.checks == 1


def test_a_request_can_have_a_mode_of_its_own(make_handler):
    strict = make_handler("strict", feedback="off", request_mode="any")
    instrument(strict)
    model = CountingModel()
    model.invoke(BROKEN, {"metadata": {"toolpair_mode": "observe"}})
    assert strict.outcomes == {"accepted": 1}


def test_models_of_any_class_are_checked(strict):
    instrument(strict)
    with pytest.raises(InvalidToolResultsError):
        FakeListChatModel(responses=["Fine."]).invoke(BROKEN)


def test_the_slot_stays_itself():
    slot = attachment._slot
    assert copy.copy(slot) is slot
    assert copy.deepcopy(slot) is slot
    assert pickle.loads(pickle.dumps(slot)) is slot


def test_an_exchange_while_a_request_is_in_flight_still_settles_it(strict, observing):
    """The outcome belongs to the handler that checked."""

    def exchange(_):
        instrument(observing)

    instrument(strict)
    CountingModel(before=exchange).invoke(SOUND)
    assert strict.outcomes == {"accepted": 1}
    assert observing.checks == 0


@pytest.mark.parametrize("is_own", [True, False], ids=["made", "given"])
def test_a_request_that_is_in_flight_is_settled_by_its_end(is_own, monkeypatch, observing):
    """Whatever is attached or detached in the middle of it."""
    if is_own:
        monkeypatch.setattr(attachment, "ToolPairHandler", WatchedHandler)
        handler = instrument(mode="strict", feedback="off")
    else:
        handler = instrument(observing)
    model = CountingModel(before=lambda _: uninstrument())
    model.invoke(SOUND)
    assert handler.outcomes == {"accepted": 1}
    model.invoke(SOUND)
    assert handler.checks == 1


async def test_a_stream_that_outlives_two_exchanges_is_accepted_and_told(make_handler):
    told = []
    instrument(feedback="off", profile="openai-chat", on_near_miss=told.append)
    stream = CountingModel().astream(BROKEN)
    await anext(stream)
    instrument(make_handler("strict", feedback="off"))
    uninstrument()
    async for _ in stream:
        pass
    uninstrument()  # closes the handler that the stream kept open, and so delivers
    assert [observation.outcome for observation in told] == ["accepted"]


def test_an_own_handler_is_closed_when_nothing_of_it_is_in_flight():
    closed = []
    handler = instrument(feedback="off", meter_provider=NoOpMeterProvider())
    handler._pipeline.close = lambda _: closed.append(handler)

    def detach(_):
        uninstrument()
        assert closed == []

    CountingModel(before=detach).invoke(SOUND)
    uninstrument()
    assert closed == [handler]
    uninstrument()
    assert closed == [handler]


def test_nobody_is_called_once_all_requests_are_over(strict):
    instrument(strict)
    assert not attachment._slot.ignore_llm
    uninstrument()
    assert attachment._slot.ignore_llm
    assert attachment._slot.ignore_chat_model


def test_the_steps_of_a_run_that_goes_on_are_heard_to_its_end_and_no_new_ones_are(strict):
    journal.JOURNAL.reset()

    seen = []

    def note(value):
        seen.append(len(journal.JOURNAL))
        return value

    def take_out(value):
        note(value)
        uninstrument()
        (RunnableLambda(note) | note).invoke(value, {"callbacks": []})
        return value

    instrument(strict)
    (RunnableLambda(take_out) | note).invoke(1)

    assert seen == [1, 1, 1, 1]
    assert (len(journal.JOURNAL), journal.JOURNAL._root_of) == (0, {})
    assert attachment._step_slot.ignore_chain
