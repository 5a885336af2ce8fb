"""A background thread that is there while there is work.

Its owner keeps the jobs and decides which one is due when. This module starts the thread, ends it,
and closes all workers at the end of the process.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.deadline import Deadline

Job = TypeVar("Job")

# How long the end of a worker is waited for, where nobody says how long.
JOIN_SECONDS: Final = 1.0


class Worker(Generic[Job]):
    """Do jobs one after the other on a daemon thread, started on demand and ended when idle.

    The thread keeps the worker's owner alive, so that no job is lost with it.

    Args:
        name: The thread's name.
        take: Returns the next job that can be done now, or None. Called with `changed` held.
        seconds_to_next: Returns after how long `take` may have a job; None where nothing waits.
            Called with `changed` held.
        work: Does a job. Called on the thread, and must not raise.
        idle: Seconds without a job after which the thread ends.

    Attributes:
        changed: Guards the owner's state as well, and is notified of each change to it. Reentrant:
            a finalizer that runs while it is held may end a run and come back here.
        is_running: Whether there is a thread.
        is_closed: Whether the thread ends as soon as no job waits.
    """

    def __init__(
        self,
        name: str,
        *,
        take: Callable[[], Job | None],
        seconds_to_next: Callable[[], float | None],
        work: Callable[[Job], None],
        idle: float,
    ) -> None:
        self._name = name
        self._take = take
        self._seconds_to_next = seconds_to_next
        self._work = work
        self._idle = idle
        self.is_closed = False
        self.reset()

    def reset(self) -> None:
        """Forget the thread, for a forked child, which does not have it."""
        self.changed = threading.Condition(threading.RLock())
        # The latest one, which may have ended.
        self._thread: threading.Thread | None = None
        self.is_running = False

    def start(self) -> None:
        """Start the thread unless there is one.

        The caller holds `changed` until its job is there: the thread could end before it is.

        Raises:
            RuntimeError: No thread can be started: the process ends, or has no more of them.
        """
        if not self.is_running:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread
            self.is_running = True

    def close(self) -> None:
        """Have the thread end once no job waits. It can be started again."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread.

        Args:
            timeout: Seconds to wait at most; on the thread itself it is not waited at all.

        Returns:
            Whether there is no thread.
        """
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return thread is None
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._work(job)

    def _next(self) -> Job | None:
        """Wait for a job; None when the thread can go."""
        with self.changed:
            while (job := self._take()) is None:
                seconds = self._seconds_to_next()
                if seconds is not None:
                    self.changed.wait(seconds)
                elif not self._wait_for_work():
                    self.is_running = False
                    self.changed.notify_all()
                    return None
            return job

    def _wait_for_work(self) -> bool:
        if not self.is_closed:
            self.changed.wait_for(self._is_wanted, self._idle)
        return self._seconds_to_next() is not None

    def _is_wanted(self) -> bool:
        return self.is_closed or self._seconds_to_next() is not None


class Owner(Protocol):
    """Something that has jobs done by a worker."""

    def flush(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for all jobs; return whether all of them were done."""

    def close(self, timeout: float) -> object:
        """Stop the worker, waiting at most `timeout` seconds. No job is done afterward."""


# Weak: an owner with jobs has a thread, and that keeps it alive.
_OWNERS: weakref.WeakSet[Owner] = weakref.WeakSet()


def close_at_exit(owner: Owner) -> None:
    """Have `close_all` close `owner`, also where its thread alone keeps it alive."""
    _OWNERS.add(owner)


def has_owners() -> bool:
    """Whether there is anything for `close_all` to close."""
    return bool(_OWNERS)


def close_all(sort: type[Owner], deadline: Deadline) -> None:
    """Wait for the jobs of all owners in the process, and stop their workers.

    Args:
        sort: The class of the owners.
        deadline: Until when all of them are waited for.
    """
    for owner in list(_OWNERS):
        if isinstance(owner, sort):
            owner.flush(deadline.left)
            owner.close(deadline.left)
