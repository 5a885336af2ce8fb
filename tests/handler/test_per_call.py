"""A handler that is made for each call costs what one for all calls costs."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import subprocess
import sys
import threading
import tracemalloc
import weakref
from itertools import pairwise
from typing import Any

import pytest

from tests.handler.models import CountingModel
from tests.loopback.langsmith_server import LangSmithServer
from tests.reporters.langsmith_rig import Rig
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import semconv
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.counts import shared_counts
from toolpair_observe.reporters.langsmith.feedback import FeedbackApi
from toolpair_observe.reporters.shared import _Shared
from toolpair_observe.steps import alone, conversations

OURS = "toolpair-"


def our_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(OURS)]


def join_ours(handler: ToolPairHandler) -> None:
    """End the shared worker: the last handler that is open closes it."""
    gc.collect()
    handler.close()
    for thread in threading.enumerate():
        if thread.name.startswith(OURS):
            thread.join(10)


def test_any_number_of_calls_is_two_lines_a_minute(caplog):
    caplog.set_level(logging.WARNING)
    model = CountingModel()
    for _ in range(500):
        handler = ToolPairHandler(profile="openai-chat", feedback="off")
        model.invoke(BROKEN, {"callbacks": [handler]})
        handler.close()

    ours = [each.getMessage() for each in caplog.records if each.name == "toolpair_observe"]
    assert [line.split(":")[0] for line in ours] == [
        "near miss",
        "… and 1 more like it in the minute after",
    ]


def test_what_was_only_counted_is_told_at_the_end_of_the_process():
    program = """
from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe import ToolPairHandler
for _ in range(50):
    CountingModel().invoke(BROKEN, {"callbacks": [ToolPairHandler(profile="openai-chat")]})
"""
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    first, count = done.stderr.splitlines()
    assert first.startswith("near miss: ")
    assert count.startswith("… and 49 more like it")


class Notifier:
    """A callable object of the application."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __call__(self, observation: Any) -> None:
        self.told.append(observation)

    def tell(self, observation: Any) -> None:
        self.told.append(observation)


def ways_to_hook() -> dict[str, Any]:
    notifier, told = Notifier(), notifiers()
    return {
        "function": lambda: count_one,
        "closure": lambda: lambda observation: told.append((observation,)),
        "partial": lambda: functools.partial(count_one, more=1),
        "callable object": lambda: notifier,
        "new callable object": Notifier,
        "bound method": lambda: notifier.tell,
        "method of a list": lambda: told.append,
    }


def notifiers() -> list[Any]:
    return []


def count_one(observation: Any, more: int = 0) -> None:
    del observation, more


@pytest.mark.parametrize("way", ways_to_hook())
def test_a_hook_has_one_thread_however_many_handlers_call_it(way):
    make_hook = ways_to_hook()[way]
    most = 0
    for _ in range(50):
        handler = ToolPairHandler(profile="openai-chat", feedback="off", on_near_miss=make_hook())
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        most = max(most, len(our_threads()))

    join_ours(handler)
    assert most == 1


def test_each_handler_calls_its_own_hook():
    """Closures share a thread, and not what they close over."""
    told: list[tuple[int, Any]] = []

    def hook_for(number):
        return lambda observation: told.append((number, observation.run_id))

    handlers = [
        ToolPairHandler(profile="openai-chat", feedback="off", on_near_miss=hook_for(number))
        for number in range(5)
    ]
    for handler in handlers:
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert all(handler.flush(10) for handler in handlers)
    for handler in handlers:
        handler.close()

    assert [number for number, _ in told] == [0, 1, 2, 3, 4]


def test_a_closed_handler_tells_nobody_while_another_goes_on():
    first, second = [], []

    def hook_for(told):
        return lambda observation: told.append((observation,))

    handlers = [
        ToolPairHandler(profile="openai-chat", feedback="off", on_near_miss=hook_for(told))
        for told in (first, second)
    ]
    before = dict(shared_counts().snapshot(semconv.INTERNAL_ERRORS))
    handlers[0].close()
    for handler in handlers:
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert handlers[1].flush(10)
    handlers[1].close()

    after = shared_counts().snapshot(semconv.INTERNAL_ERRORS)
    assert (len(first), len(second)) == (0, 1)
    assert after["QueueFull", "on_near_miss"] == before.get(("QueueFull", "on_near_miss"), 0) + 1
    assert our_threads() == []


def test_feedback_has_one_thread_however_many_handlers_send_it(monkeypatch):
    """Also while LangSmith does not answer."""
    answers, sent = threading.Event(), []

    def send(_, submission):
        answers.wait()
        sent.append(submission)

    monkeypatch.setattr(FeedbackApi, "send", send)
    with LangSmithServer() as server:
        rig = Rig(server)
        tracer, most = rig.tracer(), 0
        for _ in range(50):
            handler = ToolPairHandler(profile="openai-chat")
            CountingModel().invoke(BROKEN, {"callbacks": [tracer, handler]})
            most = max(most, our_threads().count("toolpair-feedback"))
        answers.set()
        assert handler.flush(10)
        join_ours(handler)
        rig.close()

    assert most == 1
    assert len(sent) == 50


@pytest.mark.parametrize("history", [SOUND, BROKEN], ids=["sound", "broken"])
def test_nothing_grows_with_the_number_of_handlers(history, caplog, monkeypatch):
    # Each request here is a conversation, of which the process remembers this many.
    monkeypatch.setattr(conversations, "MOST_CONVERSATIONS", 50)
    monkeypatch.setattr(alone, "MOST_ALONE", 50)
    conversations.CONVERSATIONS.reset()  # a table that was large is made anew at some time
    caplog.set_level(logging.ERROR)
    model = CountingModel()
    # A graph that was given the same messages has given them ids, which would make all one.
    nameless = [message.model_copy(update={"id": None}) for message in history]

    def work(times: int) -> int:
        for _ in range(times):
            handler = ToolPairHandler(profile="openai-chat", on_near_miss=count_one)
            model.invoke(nameless, {"callbacks": [handler]})
        model._requests.clear()
        handler.flush(10)
        del handler
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        sizes = [work(100) for _ in range(5)]
    finally:
        tracemalloc.stop()
    join_ours(ToolPairHandler(profile="openai-chat", on_near_miss=count_one))

    # A leak grows each time; a table that is made anew, and larger, does so once.
    grown = min(after - before for before, after in pairwise(sizes))
    assert grown < 100 * 50


def test_a_handler_that_is_dropped_is_gone():
    handler = ToolPairHandler(profile="openai-chat", on_near_miss=count_one)
    CountingModel().invoke(SOUND, {"callbacks": [handler]})
    gone = weakref.ref(handler)
    seats = len(_Shared.seats)
    del handler
    gc.collect()

    assert gone() is None
    assert len(_Shared.seats) < seats


def test_a_loop_of_its_own_for_each_call_leaves_nothing():
    async def hook(_: Any) -> None:
        await asyncio.sleep(0)

    async def call() -> ToolPairHandler:
        handler = ToolPairHandler(profile="openai-chat", feedback="off", on_near_miss=hook)
        await CountingModel().ainvoke(BROKEN, {"callbacks": [handler]})
        return handler

    for _ in range(20):
        handler = asyncio.run(call())
    assert handler.flush(10)
    join_ours(handler)

    assert our_threads() == []
