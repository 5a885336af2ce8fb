"""The application's own functions, called with what was seen of a request."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from toolpair_observe import semconv
from toolpair_observe.fail_open import FailOpen, HookFailed
from toolpair_observe.forks import in_child, reset_in_child
from toolpair_observe.observation import Observation
from toolpair_observe.reporters.worker import JOIN_SECONDS, Worker, close_at_exit

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from toolpair_observe.counts import Counts

ObservationHook = Callable[[Observation], Awaitable[None] | None]
"""A function of the application to call with observations, plain or a coroutine function."""

MAX_WAITING: Final = 100
# A worker without work ends; the next call starts another.
_IDLE_SECONDS: Final = 5.0


@dataclass(slots=True, eq=False)
class _HookCall:
    """One call of the function.

    Attributes:
        reporter: What calls the function.
        hook: The function.
        context: The context variables of the model call.
        observation: The argument of the function.
        started: Whether an event loop has begun it.
    """

    reporter: HookReporter
    hook: ObservationHook
    context: contextvars.Context
    observation: Observation
    started: bool = False


class HookReporter:
    """Call functions of the application, never on the thread of their model call.

    A plain function runs on a worker thread, with the context variables of the model call. A
    coroutine function runs as a task on the event loop of the model call; it runs on the worker
    thread if there is no loop, or if the loop ends before the task begins. At most `MAX_WAITING`
    calls wait. A further one is dropped and counted as an internal error, like a call that raises
    or is cancelled.

    Args:
        counts: Where failures are counted.
        name: The argument that holds the functions.
        is_async: Whether they are coroutine functions.
    """

    def __init__(self, counts: Counts, name: str, *, is_async: bool) -> None:
        self._counts = counts
        self._name = name
        self._is_async = is_async
        self._worker: Worker[_HookCall] = Worker(
            "toolpair-hook",
            take=lambda: self._queue.popleft() if self._queue else None,
            seconds_to_next=lambda: 0.0 if self._queue else None,
            work=self._run,
            idle=_IDLE_SECONDS,
        )
        self.reset()
        reset_in_child(self)
        close_at_exit(self)

    def reset(self) -> None:
        """Forget what waits, and the worker."""
        self._worker.reset()
        self._changed = self._worker.changed
        self._queue: deque[_HookCall] = deque()
        self._waiting = 0

    def call(self, hook: ObservationHook, observation: Observation) -> None:
        """Have `hook` called, or drop the call where too many wait."""
        if self._waiting >= MAX_WAITING:
            self._drop_closed_loops()
        with self._changed:
            if self._worker.is_closed or self._waiting >= MAX_WAITING:
                self._counts.add(semconv.INTERNAL_ERRORS, ("QueueFull", self._name))
                return
            self._waiting += 1
        job = _HookCall(self, hook, contextvars.copy_context(), observation)
        if self._is_async and (loop := _running_loop()) is not None:
            task = loop.create_task(self._await(job))
            _tasks[task] = job
            task.add_done_callback(self._task_done)
        else:
            self._give_to_worker(job)

    # On an event loop

    async def _await(self, job: _HookCall) -> None:
        job.started = True
        try:
            result = job.hook(job.observation)
            if result is not None:
                await result
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- it is counted
            self._raised(error)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        job = _tasks.pop(task, None)
        if job is None:
            return
        if task.cancelled():
            self._loop_ended(job)
        else:
            self._one_done()

    def _drop_closed_loops(self) -> None:
        """Settle the calls whose event loop was closed before they were done."""
        for task, job in list(_tasks.items()):
            if job.reporter is not self or not task.get_loop().is_closed():
                continue
            if _tasks.pop(task, None) is not None:
                with FailOpen(self._counts, self._name):
                    # Otherwise Python warns that the coroutine was never awaited.
                    cast("Coroutine[Any, Any, None]", task.get_coro()).close()
                self._loop_ended(job)

    def _loop_ended(self, job: _HookCall) -> None:
        """Move a call to the worker if its loop has not begun it; otherwise the call is lost."""
        if job.started:
            self._swallow(asyncio.CancelledError())
            self._one_done()
        else:
            self._give_to_worker(job)

    # On the worker

    def _give_to_worker(self, job: _HookCall) -> None:
        with self._changed:
            try:
                self._worker.start()
            except RuntimeError as error:
                self._swallow(error)
                self._one_done()
                return
            self._queue.append(job)
            self._changed.notify_all()

    def _run(self, job: _HookCall) -> None:
        job.context.run(self._call, job)
        self._one_done()

    def _call(self, job: _HookCall) -> None:
        try:
            result = job.hook(job.observation)
            if result is not None:
                _run_to_its_end(result)
        except BaseException as error:  # noqa: BLE001 -- nothing of it may end the worker
            self._raised(error)

    def _raised(self, error: BaseException) -> None:
        HookFailed(self._counts, self._name).swallow(error, error.__traceback__)

    def _swallow(self, error: BaseException) -> None:
        FailOpen(self._counts, self._name).swallow(error, error.__traceback__)

    def _one_done(self) -> None:
        with self._changed:
            self._waiting -= 1
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until every call that waits is done, at most `timeout` seconds.

        On an event loop only the worker's calls can be waited for; the tasks need the loop.
        """
        self._drop_closed_loops()
        if self._is_async and _running_loop() is not None:
            return self._waiting == 0
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting == 0, timeout)

    def close(self, timeout: float = JOIN_SECONDS) -> None:
        """Stop the worker once it has done what waits, waiting at most `timeout` seconds for it."""
        self._worker.close()
        self._worker.join(timeout)


def _run_to_its_end(result: Awaitable[None]) -> None:
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(DaemonExecutor())
        runner.run(_whole(result))


def is_async(hook: ObservationHook) -> bool:
    """Whether a function of the application is a coroutine function."""
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(
        getattr(hook, "__call__", None)  # noqa: B004 -- a callable object's own
    )


async def _whole(result: Awaitable[None]) -> None:
    await result


class DaemonExecutor(ThreadPoolExecutor):
    """An executor whose threads never keep the process from ending.

    The interpreter waits for those of an ordinary one, for ever where one of them hangs.
    """

    def submit(
        self,
        fn: Callable[..., Any],
        /,
        *args: Any,  # noqa: ANN401 -- the base class's own
        **kwargs: Any,  # noqa: ANN401
    ) -> Future[Any]:
        """Call a function on a thread of its own."""
        future: Future[Any] = Future()
        call = functools.partial(fn, *args, **kwargs)
        threading.Thread(
            target=_fulfill, args=(future, call), name="toolpair-hook-call", daemon=True
        ).start()
        return future


def _fulfill(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 -- whoever waits for it gets it
        future.set_exception(error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


# An event loop keeps only weak references to its tasks.
_tasks: dict[asyncio.Task[None], _HookCall] = {}
in_child(_tasks.clear)
