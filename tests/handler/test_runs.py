"""Runs in flight: bounded in number and age, and not inherited by a fork."""

from __future__ import annotations

import gc
import sys
import threading
import uuid
import weakref

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.outputs import LLMResult
from opentelemetry.metrics import NoOpMeterProvider

from tests.forking import in_child, needs_fork
from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe.attach import at_exit, runs
from toolpair_observe.attach.handler import ToolPairHandler

EMPTY = LLMResult(generations=[])


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(runs, "monotonic", clock)
    monkeypatch.setattr(runs._Sweeper, "due", 0.0)
    return clock


def start(handler):
    """Start a request that never ends on its own, and keep what could end it."""
    (manager,) = CallbackManager([handler]).on_chat_model_start({}, [SOUND])
    return manager


def test_an_overdue_run_is_abandoned_at_the_next_callback(make_handler, clock):
    handler = make_handler(run_timeout=60)
    managers = [start(handler)]
    clock.now += 59
    managers.append(start(handler))
    assert not handler.outcomes
    clock.now += 2
    managers.append(start(handler))
    assert handler.outcomes == {"abandoned": 1}
    assert handler.in_flight == 2


def test_an_overdue_run_is_abandoned_at_flush_and_a_young_one_is_not(make_handler, clock):
    handler = make_handler(run_timeout=60)
    managers = [start(handler)]
    clock.now += 61
    managers.append(start(make_handler(run_timeout=600)))
    handler.flush()
    assert handler.outcomes == {"abandoned": 1}
    young = start(handler)
    handler.flush()
    young.on_llm_end(EMPTY)
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}
    managers[0].on_llm_end(EMPTY)
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}


def test_another_handlers_callback_gives_up_what_is_overdue(make_handler, clock):
    """Also of a handler that was made for one request and is used no more."""
    idle, busy = make_handler(run_timeout=60), make_handler()
    manager = start(idle)
    clock.now += 61
    CountingModel().invoke(SOUND, {"callbacks": [busy]})
    assert idle.outcomes == {"abandoned": 1}
    del manager


def test_past_max_runs_the_oldest_is_abandoned(make_handler):
    handler = make_handler(max_runs=3)
    managers = [start(handler) for _ in range(5)]
    assert handler.outcomes == {"abandoned": 2}
    assert handler.in_flight == 3
    for manager in managers:
        manager.on_llm_end(EMPTY)
    assert handler.outcomes == {"abandoned": 2, "accepted": 3}


def test_threads_that_open_runs_at_once_do_not_leave_more_than_max_runs(make_handler, monkeypatch):
    """Each of several threads may find the same oldest run and end nothing by it."""
    handler = make_handler(max_runs=3)
    managers = [start(handler) for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(runs.Run, "give_up", lambda *_: False)
        managers += [start(handler) for _ in range(2)]
    assert handler.in_flight == 5
    managers.append(start(handler))
    assert handler.in_flight == 3
    assert handler.outcomes == {"abandoned": 3}


def test_nothing_grows_over_requests_that_end_and_requests_that_never_do(make_handler):
    handler = make_handler(max_runs=50, wrap_callbacks=False)
    run_ids = [uuid.uuid4() for _ in range(3000)]
    for count, run_id in enumerate(run_ids):
        handler.on_chat_model_start({}, [SOUND], run_id=run_id)
        if count % 3:
            handler.on_llm_end(EMPTY, run_id=run_id)
    handler.on_chat_model_start({}, [SOUND], run_id=uuid.uuid4())
    assert len(runs._open) == len(handler._runs) == handler.in_flight == 50
    assert handler.outcomes.total() == 3001 - 50
    assert len(runs._dropped) == 0


def living_runs() -> set[int]:
    gc.collect()
    return {id(each) for each in gc.get_objects() if isinstance(each, runs.Run)}


def test_a_finished_run_keeps_nothing_alive(make_handler):
    others = living_runs()  # of tests whose tracebacks or tasks are kept elsewhere
    handler = make_handler()
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    next(CountingModel().stream(BROKEN, {"callbacks": [handler]}))
    assert living_runs() <= others


def test_many_threads_count_every_request_once(make_handler):
    handler = make_handler()
    model = CountingModel()
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        for _ in range(50):
            model.invoke(SOUND, {"callbacks": [handler]})
            model.invoke(BROKEN, {"callbacks": [handler]})

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.checks == 800
    assert handler.predictions == {("clean", "accepted"): 400, ("reject", "accepted"): 400}
    assert handler.in_flight == 0
    assert not handler.internal_errors


@needs_fork
def test_a_forked_child_starts_from_nothing(make_handler):
    handler = make_handler()
    CountingModel().invoke(SOUND, {"callbacks": [handler]})
    manager = start(handler)

    def work():
        inherited = (len(runs._open), len(handler._runs), handler.checks, handler.in_flight)
        manager.on_llm_end(EMPTY)
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        return inherited, dict(handler.outcomes), handler.in_flight

    assert in_child(work) == repr(((0, 0, 0, 0), {"accepted": 1}, 0))
    manager.on_llm_end(EMPTY)
    assert handler.outcomes == {"accepted": 2}


@needs_fork
def test_a_child_works_although_another_thread_held_our_locks_at_the_fork(make_handler):
    handler = make_handler()
    held, release = threading.Event(), threading.Event()

    def hold():
        with handler._pipeline.counts._lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def work():
        CountingModel().invoke(SOUND, {"callbacks": [handler]})
        return dict(handler.outcomes)

    try:
        assert in_child(work) == repr({"accepted": 1})
    finally:
        release.set()
        thread.join()


def test_a_handler_can_be_collected_while_its_class_waits_for_the_exit(make_handler):
    gc.collect()
    before = len(at_exit._ClosedAtExit.members)
    throwaway = ToolPairHandler(feedback="off")
    assert len(at_exit._ClosedAtExit.members) == before + 1
    del throwaway
    gc.collect()
    assert len(at_exit._ClosedAtExit.members) == before


def test_the_exit_abandons_what_is_open(make_handler):
    handler = make_handler()
    manager = start(handler)
    at_exit._close_all()
    assert handler.outcomes == {"abandoned": 1}
    del manager


def test_the_exit_abandons_the_runs_of_a_handler_that_is_gone(make_handler):
    observer = make_handler()
    gone = type(observer)(
        meter_provider=observer.meter_provider, wrap_callbacks=False, feedback="off"
    )
    gone.on_chat_model_start({}, [SOUND], run_id=uuid.uuid4())
    del gone
    gc.collect()
    assert observer.in_flight == 1
    at_exit._close_all()
    assert observer.in_flight == 0
    assert observer.outcomes == {"abandoned": 1}


def test_the_exit_makes_the_calls_that_a_handler_left_behind(make_handler):
    held, release, told = threading.Event(), threading.Event(), []

    def hook(observation):
        held.set()
        release.wait(10)
        told.append(observation.outcome)

    gone = ToolPairHandler(
        on_near_miss=hook, feedback="off", profile="openai-chat", meter_provider=NoOpMeterProvider()
    )
    for _ in range(2):
        CountingModel().invoke(BROKEN, {"callbacks": [gone]})
    assert held.wait(10)
    alive = weakref.ref(gone)
    del gone
    gc.collect()
    assert alive() is None
    release.set()
    at_exit._close_all()
    assert told == ["accepted", "accepted"]


@pytest.mark.parametrize("name", ["open", "_remove"])
def test_a_run_that_is_interrupted_anywhere_is_not_kept_for_good(make_handler, name):
    ours = make_handler(feedback="off")
    model = CountingModel(callbacks=[ours])
    interrupted, line = True, 0
    while interrupted:
        interrupted, line = _interrupt(lambda: model.invoke(SOUND), name, line), line + 1
        ours._runs.abandon_all()
        assert not runs._open
    assert line > 1


def _interrupt(act, name, line):
    """Raise at a line, by its number in time, of a function; return whether there was one."""
    seen = 0

    def trace(frame, event, _):
        nonlocal seen
        code = frame.f_code
        if code.co_name != name or not code.co_filename.endswith("runs.py"):
            return None
        if event == "line":
            seen += 1
            if seen == line + 1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
