"""The thread behind feedback and hook: when it comes, when it goes, and what it leaves behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import deque

import pytest

from tests.forking import in_child, needs_fork
from toolpair_observe.deadline import Deadline
from toolpair_observe.reporters.worker import Worker, close_all, close_at_exit

NAME = "toolpair-test"


class Office:
    """An owner with the simplest queue."""

    def __init__(self, idle=10.0):
        self.queue, self.asked, self.done, self.closed = deque(), 0, [], []
        self.gate = threading.Event()
        self.gate.set()
        self.worker = Worker(
            NAME,
            take=lambda: self.queue.popleft() if self.queue else None,
            seconds_to_next=lambda: 0.0 if self.queue else None,
            work=self.work,
            idle=idle,
        )

    def put(self, *jobs):
        with self.worker.changed:
            self.worker.start()
            self.queue.extend(jobs)
            self.asked += len(jobs)
            self.worker.changed.notify_all()

    def work(self, job):
        self.gate.wait(10)
        with self.worker.changed:
            self.done.append((job, threading.current_thread()))
            self.worker.changed.notify_all()

    def flush(self, timeout):
        with self.worker.changed:
            # A job that is being done stands neither in the queue nor among what is done.
            asked = self.asked
            return self.worker.changed.wait_for(lambda: len(self.done) >= asked, timeout)

    def close(self, timeout=10):
        self.closed.append(1)
        self.worker.close()
        self.worker.join(timeout)

    def wait_for_the_end(self):
        with self.worker.changed:
            assert self.worker.changed.wait_for(lambda: not self.worker.is_running, 10)
        assert self.worker.join(10)


def threads():
    return [each for each in threading.enumerate() if each.name == NAME]


def test_jobs_are_done_in_turn_by_one_daemon_thread_that_comes_with_the_first():
    office = Office()
    assert not threads()
    office.put(1, 2, 3)
    assert office.flush(10)
    assert [job for job, _ in office.done] == [1, 2, 3]
    (thread,) = {each for _, each in office.done}
    assert thread.daemon
    assert threads() == [thread]
    office.close()
    assert not threads()


def test_an_idle_thread_ends_and_the_next_job_starts_another():
    office = Office(idle=0.001)
    for job in (1, 2):
        office.put(job)
        office.wait_for_the_end()
    assert [job for job, _ in office.done] == [1, 2]
    assert len({thread for _, thread in office.done}) == 2


def test_a_closed_one_does_what_waits_and_ends_without_waiting_for_more():
    office = Office()
    office.gate.clear()
    office.put(1, 2)
    office.worker.close()
    office.gate.set()
    office.wait_for_the_end()
    assert [job for job, _ in office.done] == [1, 2]
    office.put(3)
    office.wait_for_the_end()
    assert [job for job, _ in office.done] == [1, 2, 3]


def test_closing_waits_no_longer_than_it_may():
    office = Office()
    office.gate.clear()
    office.put(1)
    office.close(0)
    assert not office.worker.join(0)
    assert threads()
    office.gate.set()
    office.wait_for_the_end()


def test_a_job_may_close_its_own_worker():
    office = Office()
    office.work = lambda _: office.close()
    office.worker._work = office.work
    office.put(1)
    office.wait_for_the_end()
    assert office.closed


def test_a_thread_that_cannot_be_started_is_told(monkeypatch):
    def refuse(_):
        raise RuntimeError

    office = Office()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            office.put(1)
    assert not office.worker.is_running
    office.put(2)
    assert office.flush(10)
    office.close()


def test_the_thread_keeps_its_owner_and_the_exit_finds_it():
    office = Office()
    close_at_exit(office)
    office.gate.clear()
    gate, done = office.gate, office.done
    office.put(1)
    alive = weakref.ref(office)
    del office
    gc.collect()
    assert alive() is not None
    gate.set()
    close_all(Office, Deadline(10))
    assert [job for job, _ in done] == [1]
    gc.collect()
    assert alive() is None


def test_the_exit_closes_one_sort_at_a_time():
    class Other(Office):
        def close(self, timeout):
            self.closed.append("other")

    other = Other()
    close_at_exit(other)
    office = Office()
    close_at_exit(office)
    close_all(Other, Deadline(0))
    assert (other.closed, office.closed) == (["other"], [])


@needs_fork
def test_a_forked_child_has_a_thread_of_its_own():
    office = Office()
    office.put(1)
    assert office.flush(10)

    def work():
        office.worker.reset()
        office.put(2)
        return office.flush(10), len(office.done)

    assert in_child(work) == repr((True, 2))
    office.close()
