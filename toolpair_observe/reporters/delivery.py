"""A bounded queue of what is sent over a network, with retries that spare the server.

The function `send` knows what is sent and where to; it raises `Refused` or `TryLater` where an item
was not taken. Every item is settled exactly once: sent, failed or dropped.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

from toolpair_observe.deadline import Deadline
from toolpair_observe.forks import reset_in_child
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.reporters.worker import JOIN_SECONDS, Worker, close_at_exit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

DeliveryResult = Literal["sent", "failed", "dropped"]
Item = TypeVar("Item")

THREAD_NAME: Final = "toolpair-feedback"
_MAX_PAUSES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """How much is queued, and how long it is tried.

    Attributes:
        max_items: How many items are queued at most; further ones are dropped.
        max_attempts: How often an item is tried.
        max_age: Seconds after which an item is given up.
        first_delay: Seconds before the second attempt; doubled for each one after.
        max_delay: Seconds before the next attempt at most, even if the server asks for more.
        idle: Seconds after which a worker without work ends. The next item starts another.
    """

    max_items: int = 1000
    max_attempts: int = 10
    max_age: float = 600.0
    first_delay: float = 0.5
    max_delay: float = 60.0
    idle: float = 5.0


class Refused(Exception):  # noqa: N818 -- a verdict, not an error of ours
    """The item will never be taken.

    Args:
        reason: What went wrong, as a metric label.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TryLater(Refused):
    """The item may be taken later.

    Args:
        reason: What went wrong, as a metric label.
        after: Seconds that the server asked to wait, or None.
        pause: Whether everything on this item's route has to wait, and not only this item.
    """

    def __init__(self, reason: str, *, after: float | None = None, pause: bool) -> None:
        super().__init__(reason)
        self.after = after
        self.pause = pause


@dataclass(slots=True)
class _QueuedItem(Generic[Item]):
    item: Item
    route: Hashable
    expires: float
    attempts: int = 0
    reason: str = ""


@dataclass(slots=True)
class _Pause:
    """A pause of a route: no item is sent until `ends`, and then one item at first."""

    failures: int = 0
    ends: float = 0.0


class Delivery(Generic[Item]):
    """Deliver items in the background.

    Args:
        send: Sends one item, on the worker. Raises `Refused` or `TryLater`.
        settled: Called at the end of each item with its result and, unless it was sent, the
            reason. On any thread.
        limits: How much is queued, and how long it is tried.
    """

    def __init__(
        self,
        send: Callable[[Item], None],
        settled: Callable[[DeliveryResult, str], None],
        limits: DeliveryLimits,
    ) -> None:
        self._send = send
        self._settled = settled
        self._limits = limits
        self._worker: Worker[_QueuedItem[Item]] = Worker(
            THREAD_NAME,
            take=self._take,
            seconds_to_next=self._seconds_to_next,
            work=self._deliver,
            idle=limits.idle,
        )
        self.reset()
        reset_in_child(self)
        close_at_exit(self)

    def reset(self) -> None:
        """Forget what is queued, and the worker."""
        self._worker.reset()
        # Not the one of the process: an application may have seeded it to repeat what it does.
        self._random = random.Random()  # noqa: S311 -- no secret
        self._changed = self._worker.changed
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, _QueuedItem[Item]]] = []
        self._sending: _QueuedItem[Item] | None = None
        self._pauses: dict[Hashable, _Pause] = {}
        self._unsettled = 0
        self._lost = 0

    def put(self, make: Callable[[], Item], route: Hashable) -> None:
        """Queue an item, or drop it where there is no room. Never waits.

        Args:
            make: Makes what to send; not called for what is dropped.
            route: Items of one route fail together.
        """
        now = monotonic()
        with self._changed:
            reason = self._reason_to_drop()
        job = None if reason else _QueuedItem(make(), route, now + self._limits.max_age)
        with self._changed:
            self._unsettled += 1
            reason = reason or self._reason_to_drop()
            if job is not None and not reason:
                self._queue(job, now)
        if reason:
            self._settle("dropped", reason)

    def _reason_to_drop(self) -> str:
        """Return why nothing can be queued now; `""` where it can, and the worker is running."""
        if self._worker.is_closed:
            return "Closed"
        # The one that is being sent may have to wait again.
        if len(self._waiting) + (self._sending is not None) >= self._limits.max_items:
            return "QueueFull"
        try:
            self._worker.start()
        except RuntimeError:
            return "NoThread"
        return ""

    def flush(self, timeout: float) -> bool:
        """Wait until all that is queued is settled.

        Returns early where nothing can be delivered within `timeout` seconds anyway.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether all of it was sent.
        """
        deadline = Deadline(timeout)
        with self._changed:
            lost = self._lost
            while self._unsettled:
                if deadline.is_over or self._is_late(monotonic() + deadline.left):
                    return False
                self._changed.wait(deadline.left)
            return self._lost == lost

    def _is_late(self, end: float) -> bool:
        return self._sending is None and bool(self._waiting) and self._waiting[0][0] > end

    def close(self, timeout: float = JOIN_SECONDS) -> bool:
        """Drop what is queued and stop the worker.

        Args:
            timeout: Seconds to wait at most for what is being sent.

        Returns:
            Whether the worker has ended.
        """
        with self._changed:
            self._worker.close()
            left = [job for _, _, job in self._waiting]
            self._waiting.clear()
        for job in left:
            self._settle("dropped", job.reason or "Closed")
        has_ended = self._worker.join(timeout)
        with self._changed:
            job_cut_off = self._sending
            self._sending = None
        if job_cut_off is not None:
            self._settle("dropped", job_cut_off.reason or "Closed")
        return has_ended

    # On the worker

    def _take(self) -> _QueuedItem[Item] | None:
        """Take the first item that is due, unless its route is paused and it may still wait."""
        now = monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, job = heapq.heappop(self._waiting)
            pause = self._pauses.get(job.route)
            if pause is None or pause.ends <= now or job.expires <= now:
                self._sending = job
                return job
            self._queue(job, pause.ends)
        return None

    def _seconds_to_next(self) -> float | None:
        return self._waiting[0][0] - monotonic() if self._waiting else None

    def _deliver(self, job: _QueuedItem[Item]) -> None:
        if job.expires <= monotonic():
            self._give_up(job)
            return
        verdict: Refused | None = None
        try:
            self._send(job.item)
        except Refused as refused:
            verdict = refused
        except Exception as failure:  # noqa: BLE001 -- one bad item must not end the worker
            verdict = Refused(type_name(failure))
        self._conclude(job, verdict)

    def _give_up(self, job: _QueuedItem[Item]) -> None:
        with self._changed:
            if self._sending is not job:
                return
            self._sending = None
        self._settle("failed", job.reason or "Expired")

    def _conclude(self, job: _QueuedItem[Item], verdict: Refused | None) -> None:
        job.attempts += 1
        job.reason = "" if verdict is None else verdict.reason
        with self._changed:
            if self._sending is not job:
                # `close` has given it up, and counted it.
                return
            self._sending = None
            again = self._when_again(job, verdict)
            if again is not None:
                self._queue(job, again)
            self._changed.notify_all()
        if again is None:
            self._settle("sent" if verdict is None else "failed", job.reason)

    def _when_again(self, job: _QueuedItem[Item], verdict: Refused | None) -> float | None:
        now = monotonic()
        if not isinstance(verdict, TryLater):
            # Any final answer, also a refusal, shows that the route is open.
            self._pauses.pop(job.route, None)
            return None
        failures = job.attempts
        if verdict.pause:
            pause = self._pauses.setdefault(job.route, _Pause())
            pause.failures += 1
            failures = pause.failures
        delay = self._delay(failures) if verdict.after is None else verdict.after
        ends = now + min(delay, self._limits.max_delay)
        if verdict.pause:
            self._pauses[job.route].ends = ends
            if len(self._pauses) > _MAX_PAUSES:
                del self._pauses[next(iter(self._pauses))]
        if job.attempts >= self._limits.max_attempts or self._worker.is_closed:
            return None
        return ends

    def _delay(self, failures: int) -> float:
        exponent = min(failures - 1, 32)
        # So that the processes of a fleet do not all try again at the same moment.
        spread = self._random.uniform(0.75, 1.0)
        return min(self._limits.first_delay * 2.0**exponent, self._limits.max_delay) * spread

    def _queue(self, job: _QueuedItem[Item], due: float) -> None:
        heapq.heappush(self._waiting, (due, next(self._order), job))
        self._changed.notify_all()

    def _settle(self, result: DeliveryResult, reason: str) -> None:
        # Without the lock: the callback may take locks of its own, for example to log. And its
        # failure must not end the worker.
        with contextlib.suppress(Exception):
            self._settled(result, reason)
        with self._changed:
            self._unsettled -= 1
            self._lost += result != "sent"
            self._changed.notify_all()
