"""The queue behind LangSmith's feedback: bounded, patient, and no item lost without a count."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from toolpair_observe.reporters import delivery as module
from toolpair_observe.reporters.delivery import Delivery, DeliveryLimits, Refused, TryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = {"first_delay": 0.001, "max_delay": 0.01, "idle": 0.05}
FAR = 3600.0


class Post:
    """A delivery with a scripted sender, and the fate of its items."""

    def __init__(self, **limits: Any) -> None:
        self.script: dict[str, list[Exception]] = {}
        self.sent: list[str] = []
        self.attempts: Counter[str] = Counter()
        self.threads: set[threading.Thread] = set()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        self.delivery: Delivery[str] = Delivery(
            self.send, lambda *end: self.ends.update([end]), DeliveryLimits(**(SOON | limits))
        )

    def send(self, item: str) -> None:
        self.attempts[item] += 1
        self.threads.add(threading.current_thread())
        self.arrived.release()
        self.gate.wait(10)
        if self.script.get(item):
            raise self.script[item].pop(0)
        self.sent.append(item)

    def put(self, *items: str, route: str = "r") -> None:
        for item in items:
            self.delivery.put(lambda item=item: item, route)

    def put_and_flush(self, *items: str) -> bool:
        """Have the flush begin before the first item ends: it answers for what it waited for."""
        with self.delivery._changed:
            self.put(*items)
            # Waiting lets go of the lock; until then the worker cannot take an item.
            return self.delivery.flush(10)

    def hold(self) -> None:
        """Have the worker wait inside of a first item."""
        self.gate.clear()
        self.put("held", route="held")
        assert self.arrived.acquire(timeout=10)


@pytest.fixture
def make_post() -> Iterator[Callable[..., Post]]:
    made: list[Post] = []

    def make(**limits: Any) -> Post:
        made.append(Post(**limits))
        return made[-1]

    yield make
    for post in made:
        post.gate.set()
        post.delivery.close()


def test_items_are_sent_in_order_by_one_thread_that_is_not_the_callers(make_post) -> None:
    post = make_post()
    post.put("a", "b", "c")
    assert post.delivery.flush(10)
    assert post.sent == ["a", "b", "c"]
    (thread,) = post.threads
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert post.ends == {("sent", ""): 3}


def test_no_thread_is_started_before_there_is_work(make_post) -> None:
    post = make_post()
    assert not post.delivery._worker.is_running
    assert post.delivery.flush(0)


def test_what_is_on_top_of_a_full_queue_is_dropped_at_once(make_post) -> None:
    post = make_post(max_items=4)
    # Counts too: it may have to wait again.
    post.hold()
    post.put(*"abcde")
    assert post.ends == {("dropped", "QueueFull"): 2}
    post.gate.set()
    post.delivery.flush(10)
    assert post.sent == ["held", "a", "b", "c"]
    assert post.ends == {("dropped", "QueueFull"): 2, ("sent", ""): 4}


def test_what_is_dropped_is_not_even_made(make_post) -> None:
    post = make_post(max_items=1)
    post.hold()
    made = []
    post.delivery.put(lambda: made.append("a") or "a", "r")
    assert made == []
    assert post.ends == {("dropped", "QueueFull"): 1}


def test_an_item_that_may_be_taken_later_holds_nothing_up(make_post) -> None:
    post = make_post()
    post.script["a"] = [TryLater("404", pause=False)] * 3
    post.put("a", "b", "c")
    assert post.delivery.flush(10)
    assert post.sent == ["b", "c", "a"]
    assert post.attempts == {"a": 4, "b": 1, "c": 1}
    assert post.ends == {("sent", ""): 3}


def test_an_item_is_given_up_after_its_attempts(make_post) -> None:
    post = make_post(max_attempts=4)
    post.script["a"] = [TryLater("404", pause=False)] * 9
    assert not post.put_and_flush("a")
    assert post.attempts["a"] == 4
    assert post.ends == {("failed", "404"): 1}


def test_a_refused_item_is_not_tried_again(make_post) -> None:
    post = make_post()
    post.script["a"] = [Refused("401")]
    assert not post.put_and_flush("a", "b")
    assert post.attempts["a"] == 1
    assert post.ends == {("failed", "401"): 1, ("sent", ""): 1}


def test_one_bad_item_does_not_end_the_worker(make_post) -> None:
    post = make_post()
    post.script["a"] = [ZeroDivisionError("an error of ours")]
    post.put("a", "b")
    post.delivery.flush(10)
    assert post.ends == {("failed", "ZeroDivisionError"): 1, ("sent", ""): 1}


def test_a_callback_that_raises_does_not_end_the_worker() -> None:
    """The application's own logging may raise when a loss is logged."""

    def settled(*_: str) -> None:
        msg = "the log is full"
        raise OSError(msg)

    sent: list[str] = []
    delivery: Delivery[str] = Delivery(sent.append, settled, DeliveryLimits(max_items=1))
    for item in ("a", "b"):
        delivery.put(lambda item=item: item, "r")
        assert delivery.flush(10)
    delivery.close()
    delivery.put(lambda: "c", "r")
    assert sent == ["a", "b"]


def test_a_dead_route_is_asked_by_one_item_at_a_time_and_other_routes_go_on(make_post) -> None:
    post = make_post()
    post.script["a"] = [TryLater("503", after=FAR, pause=True)]
    post.delivery._limits = DeliveryLimits(**(SOON | {"max_delay": FAR}))
    post.hold()
    post.put("a", "b", "c", route="dead")
    post.put("x", route="alive")
    post.gate.set()
    # Nothing of the dead route can go within these seconds, so there is nothing to wait for.
    assert not post.delivery.flush(600)
    assert post.attempts == {"held": 1, "a": 1, "x": 1}
    post.delivery.close()
    assert post.ends == {("sent", ""): 2, ("dropped", "503"): 1, ("dropped", "Closed"): 2}


def test_delivery_resumes_when_the_route_is_back(make_post) -> None:
    post = make_post(max_attempts=100)
    post.script["a"] = [TryLater("503", pause=True)] * 3
    post.put("a", "b", "c", route="r")
    assert post.delivery.flush(10)
    assert sorted(post.sent) == ["a", "b", "c"]
    assert post.delivery._pauses == {}


def test_an_item_that_alone_upsets_the_server_does_not_stop_the_others(make_post) -> None:
    post = make_post(max_attempts=3)
    post.script["bad"] = [TryLater("500", pause=True)] * 9
    post.put("bad", "b", "c")
    post.delivery.flush(10)
    assert post.ends == {("failed", "500"): 1, ("sent", ""): 2}


def test_what_waits_too_long_is_given_up_with_its_last_reason(make_post, monkeypatch) -> None:
    clock = Counter({"ahead": 0})
    monkeypatch.setattr(module, "monotonic", lambda: monotonic() + clock["ahead"])
    post = make_post(max_age=600.0)
    post.script["a"] = [TryLater("503", pause=True)] * 9
    post.script["a"][0].after = FAR
    post.delivery._limits = DeliveryLimits(**(SOON | {"max_delay": FAR}))
    post.put("a", "b", route="dead")
    # Tried once; both wait for an hour that is longer than their age may be.
    assert not post.delivery.flush(600)
    assert post.attempts["a"] == 1
    with post.delivery._changed:
        clock["ahead"] = FAR + 601
        post.delivery._changed.notify_all()
        assert not post.delivery.flush(10)
    assert post.ends == {("failed", "503"): 1, ("failed", "Expired"): 1}


def test_the_server_may_not_ask_for_more_patience_than_the_limit(make_post) -> None:
    post = make_post(max_delay=0.001)
    post.script["a"] = [TryLater("429", after=FAR, pause=True)]
    post.put("a")
    assert post.delivery.flush(10)


def test_a_wait_grows_and_is_bounded(make_post) -> None:
    delivery = make_post(first_delay=1.0, max_delay=8.0).delivery
    waits = [delivery._delay(failures) for failures in (1, 2, 3, 4, 9, 10_000)]
    for wait, most in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.75 * most <= wait <= most


def test_the_random_numbers_of_the_application_stay_its_own(make_post) -> None:
    """It may have seeded them to repeat what it does."""
    before = random.getstate()
    make_post().delivery._delay(3)
    assert random.getstate() == before


def test_flush_says_when_something_is_left(make_post) -> None:
    post = make_post()
    post.hold()
    assert not post.delivery.flush(0.001)
    post.gate.set()
    assert post.delivery.flush(10)


def test_close_drops_and_counts_what_is_left(make_post) -> None:
    post = make_post()
    post.hold()
    post.put("a", "b")
    assert not post.delivery.close(0)
    assert post.ends == {("dropped", "Closed"): 3}
    post.put("c")
    assert post.ends == {("dropped", "Closed"): 4}
    # The one that was on its way arrives after all; it is not counted twice.
    post.gate.set()
    (thread,) = post.threads
    thread.join(10)
    assert not thread.is_alive()
    assert post.ends == {("dropped", "Closed"): 4}


def test_a_worker_without_work_ends_and_the_next_item_starts_another(make_post) -> None:
    post = make_post(idle=0.001)
    post.put("a")
    post.delivery.flush(10)
    (first,) = post.threads
    first.join(10)
    assert not first.is_alive()
    post.put("b")
    assert post.delivery.flush(10)
    assert len(post.threads) == 2
    assert post.sent == ["a", "b"]


def test_where_no_thread_can_be_started_items_are_dropped(make_post, monkeypatch) -> None:
    def refuse(_: threading.Thread) -> None:
        msg = "can't start new thread at interpreter shutdown"
        raise RuntimeError(msg)

    post = make_post()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    post.put("a")
    assert post.ends == {("dropped", "NoThread"): 1}
    assert not post.delivery.flush(0) or post.delivery._unsettled == 0


def test_every_item_of_many_threads_is_settled_once(make_post) -> None:
    post = make_post(max_items=50)
    callers = [
        threading.Thread(target=post.put, args=[f"{name}{n}" for n in range(500)])
        for name in "abcd"
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    post.delivery.flush(10)
    assert post.ends.total() == 2000
    assert post.ends[("sent", "")] == len(post.sent)
    assert set(post.ends) <= {("sent", ""), ("dropped", "QueueFull")}


FORK = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
from toolpair_observe.reporters.delivery import Delivery, DeliveryLimits
gate, inside, ends = threading.Event(), threading.Event(), []
def send(item):
    inside.set()
    gate.wait(10)
    os.write(1, f"{os.getpid() == parent} {item}\\n".encode())
parent = os.getpid()
delivery = Delivery(send, lambda *end: ends.append(end), DeliveryLimits())
delivery.put(lambda: "a", "r"); delivery.put(lambda: "b", "r")
inside.wait(10)
delivery._changed.acquire()
pid = os.fork()
gate.set()
if pid == 0:
    delivery.put(lambda: "c", "r")
    os._exit(0 if delivery.flush(10) and ends == [("sent", "")] else 1)
delivery._changed.release()
sys.exit(os.waitpid(pid, 0)[1] or not delivery.flush(10))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork on this system")
def test_a_forked_child_delivers_its_own_items_only() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["False c", "True a", "True b"]
