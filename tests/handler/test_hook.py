"""`on_near_miss`: called once per near miss, and never the application's problem."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import json
import threading

import pytest
from opentelemetry.metrics import NoOpMeterProvider

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, fail_open
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.reporters import hook as module

where = contextvars.ContextVar("where", default="nowhere")


def test_it_is_told_of_near_misses_and_escapes_with_their_outcome(make_handler):
    told = []
    handler = make_handler("strict", on_near_miss=told.append)
    CountingModel().invoke(SOUND, {"callbacks": [handler]})
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    with pytest.raises(RefusedError):
        CountingModel(before=refuse_pairing).invoke(SOUND, {"callbacks": [handler]})
    assert handler.flush()
    assert [(each.report.effect, each.outcome) for each in told] == [
        ("reject", "blocked"),
        ("clean", "escaped"),
    ]
    assert told[1].rejected_kind == "missing_result"


def test_it_runs_on_a_thread_of_its_own_with_the_callers_context(make_handler):
    seen = []

    def hook(_):
        seen.append((threading.current_thread().name, where.get()))

    handler = make_handler(on_near_miss=hook)
    where.set("in the request")
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handler.flush()
    assert seen == [("toolpair-hook", "in the request")]


async def test_a_coroutine_runs_on_the_callers_loop(make_handler):
    loops, done = [], asyncio.Event()

    async def hook(_):
        loops.append(asyncio.get_running_loop())
        done.set()

    handler = make_handler(on_near_miss=hook)
    await CountingModel().ainvoke(BROKEN, {"callbacks": [handler]})
    await done.wait()
    assert loops == [asyncio.get_running_loop()]
    await asyncio.sleep(0)
    assert handler.flush()


def test_a_coroutine_runs_without_a_loop_too(make_handler):
    told = []

    class Hook:
        async def __call__(self, observation):
            await asyncio.sleep(0)
            told.append(observation.outcome)

    async def later(observation):
        told.append(observation.outcome)

    def plain(observation):
        return later(observation)

    handlers = [
        make_handler(on_near_miss=Hook()),
        make_handler(on_near_miss=functools.partial(later)),
        make_handler(on_near_miss=plain),
    ]
    for handler in handlers:
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        assert handler.flush()
    assert told == ["accepted"] * 3


async def test_its_errors_are_counted_and_go_nowhere(make_handler):
    def raises(_):
        msg = "slack is down"
        raise ConnectionError(msg)

    async def araises(_):
        raises(_)

    plain, coroutine = make_handler(on_near_miss=raises), make_handler(on_near_miss=araises)
    for handler in (plain, coroutine):
        await CountingModel().ainvoke(BROKEN, {"callbacks": [handler]})
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        assert handler.flush()
        assert handler.internal_errors == {("ConnectionError", "on_near_miss"): 1}


async def test_the_log_says_once_whose_it_is_and_where_it_raised(make_handler, monkeypatch, caplog):
    monkeypatch.setattr(fail_open, "_logged", set())

    def deeper(_):
        json.loads("the content of a message")

    async def araises(_):
        await asyncio.sleep(0)
        deeper(None)

    def indirect(observation):
        return araises(observation)

    for hook in (deeper, araises, indirect):
        handler = make_handler(on_near_miss=hook)
        for _ in range(2):
            await CountingModel().ainvoke(BROKEN, {"callbacks": [handler]})
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
            assert handler.flush()

    lines = [line for line in caplog.messages if line.startswith("your on_near_miss")]
    first = inspect.getsourcelines(deeper)[1] + 1
    assert [line.partition(";")[0] for line in lines] == [
        f"your on_near_miss raised JSONDecodeError at {__file__}:{line}"
        for line in (first, first + 4)
    ]
    assert "content" not in "".join(lines)


def test_a_loop_that_ends_before_the_call_begins_loses_nothing(make_handler):
    """The last near miss of `asyncio.run`, which cancels the remaining tasks on its loop."""
    told = []

    async def hook(observation):
        told.append(observation.outcome)

    handler = make_handler(on_near_miss=hook)

    async def main():
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})

    asyncio.run(main())
    assert handler.flush()
    assert told == ["accepted"]
    assert not handler.internal_errors


async def never_ending(_):
    await asyncio.Event().wait()


async def until_the_call_has_begun(handler):
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    await asyncio.sleep(0)


def test_a_loop_that_ends_in_the_middle_of_the_call_is_counted(make_handler):
    handler = make_handler(on_near_miss=never_ending)

    asyncio.run(until_the_call_has_begun(handler))
    assert handler.flush()
    assert handler.internal_errors == {("CancelledError", "on_near_miss"): 1}


def test_loops_that_are_just_closed_do_not_fill_the_queue(make_handler):
    handler = make_handler(on_near_miss=never_ending)

    for _ in range(module.MAX_WAITING + 5):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(until_the_call_has_begun(handler))
        loop.close()
    assert handler.flush()
    assert handler.internal_errors == {("CancelledError", "on_near_miss"): module.MAX_WAITING + 5}
    assert not module._tasks


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_nothing_that_it_raises_ends_the_worker(make_handler, error):
    told = []

    def hook(_):
        told.append(1)
        raise error

    handler = make_handler(on_near_miss=hook)
    for count in (1, 2):
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        assert handler.flush()
        assert len(told) == count
    assert handler.internal_errors == {(error.__name__, "on_near_miss"): 2}


async def test_an_exit_in_a_coroutine_does_not_end_the_application(make_handler):
    async def hook(_):
        raise SystemExit(3)

    handler = make_handler(on_near_miss=hook)
    await CountingModel().ainvoke(BROKEN, {"callbacks": [handler]})
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert handler.internal_errors == {("SystemExit", "on_near_miss"): 1}


def test_where_no_thread_can_be_started_it_is_counted(make_handler, monkeypatch):
    def refuse(_):
        msg = "can't create new thread at interpreter shutdown"
        raise RuntimeError(msg)

    told = []
    handler = make_handler(on_near_miss=told.append)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handler.flush()
    assert handler.internal_errors == {("RuntimeError", "on_near_miss"): 1}
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handler.flush()
    assert len(told) == 1


def test_it_never_holds_the_caller_and_what_is_too_much_is_counted(make_handler):
    release = threading.Event()
    told = []

    def slow(observation):
        release.wait()
        told.append(observation)

    handler = make_handler(on_near_miss=slow)
    for _ in range(module.MAX_WAITING + 5):
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handler.internal_errors == {("QueueFull", "on_near_miss"): 5}
    assert handler.flush(timeout=0.01) is False
    release.set()
    assert handler.flush()
    assert len(told) == module.MAX_WAITING


def test_an_idle_worker_ends_and_the_next_near_miss_starts_another(make_handler, monkeypatch):
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.01)
    told = []
    handler = make_handler(on_near_miss=told.append)
    for count in (1, 2):
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        assert handler.flush()
        for thread in threading.enumerate():
            if thread.name == "toolpair-hook":
                thread.join()
        assert len(told) == count


def test_a_closed_handler_tells_nobody_and_leaves_no_thread():
    told = []
    handler = ToolPairHandler(
        profile="openai-chat", meter_provider=NoOpMeterProvider(), on_near_miss=told.append
    )
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handler.close()
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert len(told) == 1
    assert not [each for each in threading.enumerate() if each.name == "toolpair-hook"]
