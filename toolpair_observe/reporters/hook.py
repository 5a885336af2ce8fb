"""The application's own function, called for each near miss, rejection and escape."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import queue
import threading
import weakref
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from toolpair_observe._safety import FailOpen
from toolpair_observe.observation import Observation
from toolpair_observe.pairing.report import Outcome
from toolpair_observe.stats import Metric

if TYPE_CHECKING:
    from toolpair_observe.stats import Stats

NearMissHook = Callable[[Observation], Awaitable[None] | None]

MAX_WAITING: Final = 100
_COMPONENT: Final = "on_near_miss"
# A worker without work ends; the next near miss starts another.
_IDLE_SECONDS: Final = 5.0


class HookReporter:
    """Call a function of the application, never on the thread of its model call.

    A plain function runs on one worker thread of its own, with the context variables of the model
    call. A coroutine function runs as a task on the event loop that the model call ran on, or on
    the worker where there was none. At most `MAX_WAITING` calls wait; what comes on top is
    dropped and counted as an internal error, like a call that raises.

    Args:
        hook: The function.
        stats: Where failures are counted.
    """

    def __init__(self, hook: NearMissHook, stats: Stats) -> None:
        self._hook = hook
        self._stats = stats
        self._is_async = inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(
            getattr(hook, "__call__", None)  # noqa: B004 -- a callable object's own
        )
        self._reset()
        _EVERY.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._done = threading.Condition(self._lock)
        self._queue: queue.SimpleQueue[tuple[contextvars.Context, Observation] | None] = (
            queue.SimpleQueue()
        )
        self._waiting = 0
        self._worker: threading.Thread | None = None
        self._closed = False

    def checked(self, observation: Observation) -> None:
        """Wait for the outcome."""

    def finished(self, observation: Observation) -> None:
        """Have the function called, where the request deserves it."""
        if not (observation.is_near_miss or observation.outcome is Outcome.ESCAPED):
            return
        with self._lock:
            if self._closed or self._waiting >= MAX_WAITING:
                self._stats.add(Metric.INTERNAL_ERRORS, ("QueueFull", _COMPONENT))
                return
            self._waiting += 1
        if self._is_async and (loop := _running_loop()) is not None:
            task = loop.create_task(self._await(observation))
            _tasks.add(task)
            task.add_done_callback(self._task_done)
            return
        with self._lock:
            self._queue.put((contextvars.copy_context(), observation))
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="toolpair-hook", daemon=True
                )
                self._worker.start()

    async def _await(self, observation: Observation) -> None:
        with FailOpen(self._stats, _COMPONENT):
            result = self._hook(observation)
            if result is not None:
                await result

    def _task_done(self, task: asyncio.Task[None]) -> None:
        _tasks.discard(task)
        self._one_done()

    def _work(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                job = None
            if job is None:
                with self._lock:
                    if self._queue.empty():
                        self._worker = None
                        return
                continue
            context, observation = job
            context.run(self._call, observation)
            self._one_done()

    def _call(self, observation: Observation) -> None:
        with FailOpen(self._stats, _COMPONENT):
            result = self._hook(observation)
            if result is not None:
                asyncio.run(_whole(result))

    def _one_done(self) -> None:
        with self._lock:
            self._waiting -= 1
            self._done.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until every call that waits is done, at most `timeout` seconds.

        On an event loop only the worker's calls can be waited for; the tasks need the loop.
        """
        if self._is_async and _running_loop() is not None:
            return self._waiting == 0
        with self._lock:
            return self._done.wait_for(lambda: self._waiting == 0, timeout)

    def close(self) -> None:
        """Stop the worker once it has done what waits."""
        with self._lock:
            self._closed = True
            worker = self._worker
            self._queue.put(None)
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout=1.0)


async def _whole(result: Awaitable[None]) -> None:
    await result


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


# An event loop keeps only weak references to its tasks.
_tasks: set[asyncio.Task[None]] = set()
# Whoever has a call waiting has a worker or a task, and that keeps it alive.
_EVERY: weakref.WeakSet[HookReporter] = weakref.WeakSet()


def close_all(timeout: float) -> None:
    """Make the calls that wait anywhere in the process, and stop every worker.

    Args:
        timeout: Seconds to wait at most.
    """
    deadline = monotonic() + timeout
    for reporter in list(_EVERY):
        reporter.flush(max(0.0, deadline - monotonic()))
        reporter.close()


def _after_fork_in_child() -> None:
    for reporter in list(_EVERY):
        reporter._reset()  # noqa: SLF001 -- its worker and the holder of its lock are gone


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
