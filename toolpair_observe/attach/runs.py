"""Requests in flight, from their check to their outcome: bounded in number and in age.

A run belongs to the handler that checked it first. All runs of the process are in one table. So
only one of several handlers on a run reports it, and a callback of any handler can give up an
overdue run, even one of a handler that is no longer used.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections import deque
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from toolpair_observe.forks import in_child
from toolpair_observe.pairing.words import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolpair_observe.counts import Counts
    from toolpair_observe.deadline import Deadline
    from toolpair_observe.record import Record

# At most this many runs of a handler are ended in one callback, so that no callback takes long.
_SWEEP_BATCH: Final = 64
_SWEEP_SECONDS: Final = 1.0


class Run:
    """One request in flight.

    Attributes:
        record: Everything known of it so far.
        key: What it is found by.
        deadline: When it is given up, on a clock that never goes back.
        owner: The runs of the handler that checked it.
        streamed: Whether the model has answered with a first token already.
        wants_place: Whether its place in the application's traces is to be found at its start.
        messages: The very list that it started with, where only that tells its start from another
            one under the same id: outside of the seam.
        siblings: Runs that end with this one when it fails: the other prompts of a synchronous
            `generate`, whose runs langchain-core never ends.
    """

    # As most runs are: to set them costs each request more than to read them here.
    streamed = False
    wants_place = False
    messages: object = None
    siblings: Sequence[Run] = ()
    _is_checked = False
    _task: asyncio.Task[object] | None = None
    _manager: weakref.ref[object] | None = None

    def __init__(self, record: Record, owner: Runs, deadline: float) -> None:
        self.record = record
        self.owner = owner
        self.deadline = deadline
        self.key = _key(record.run_id)

    def check(self) -> None:
        """Count and report the check, unless that is done.

        The seam has it done once every handler has started: only then is the place of the request
        known, and it has not left yet.
        """
        if not self._is_checked:
            self._is_checked = True
            self.owner.checked(self.record)

    def end(
        self,
        outcome: Outcome,
        rejected_kind: str | None = None,
        escape_fault: str | None = None,
        rejected_companion: str | None = None,
    ) -> bool:
        """Settle the outcome, unless it is settled already.

        Args:
            outcome: The outcome.
            rejected_kind: See `Observation`, as for the others.
            escape_fault: The same.
            rejected_companion: The same.

        Returns:
            Whether this call settled it. Exactly one does.
        """
        if not self.owner._remove(self):  # noqa: SLF001 -- run and runs are one thing
            return False
        if self._task is not None:
            self._task.remove_done_callback(self._task_done)
        self._task = None
        self._manager = None
        self.messages = None
        self.siblings = ()
        self.check()
        record = self.record
        record.outcome = outcome
        record.rejected_kind = rejected_kind
        record.escape_fault = escape_fault
        record.rejected_companion = rejected_companion
        self.owner.ended(record)
        return True

    def note_refusal(self) -> None:
        """Note that strict mode stops the request, whichever handler's it is that does."""
        self.record.blocked = True
        self.record.mode = "strict"

    def give_up(self, outcome: Outcome) -> bool:
        """Settle a run whose end no callback reports: as accepted, if the model was answering."""
        self.record.is_left_open = True
        return self.end(Outcome.ACCEPTED if self.streamed else outcome)

    def watch_current_task(self) -> None:
        """End the run with the task that goes on, if any: a cancelled call fires no callback."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return
        if task is not None:
            self._task = task
            task.add_done_callback(self._task_done)

    def watch_manager(self, manager: object) -> None:
        """Notice when the run's manager is gone: no other object can report the end of the run.

        Args:
            manager: The run manager. A call that fails outside of langchain-core's `try` just
                drops it.
        """
        self._manager = weakref.ref(manager, self._manager_gone)

    @property
    def manager(self) -> object | None:
        """The run manager, or None where there is none or it is gone."""
        return None if self._manager is None else self._manager()

    def _task_done(self, task: asyncio.Task[object]) -> None:
        # If a task ends well and the manager still exists, another task reads the stream.
        if task.cancelled() or self.manager is None:
            self.give_up(Outcome.CANCELLED)

    def _manager_gone(self, _: weakref.ref[object]) -> None:
        # The garbage collector calls this in any thread, at any bytecode: only take a note.
        _dropped.append(self)


class Runs:
    """The runs of one handler.

    Args:
        limit: How many are kept; past that the oldest is abandoned.
        timeout: Seconds after which a run is abandoned.
        counts: Where the runs in flight are shown.
        placed: Called with a record and its run's manager, to find its place in traces.
        checked: Called with each record once its handlers have started.
        ended: Called with each record once its outcome is known.

    Attributes:
        counts: The same.
    """

    def __init__(  # noqa: PLR0913 -- each is a moment of its own
        self,
        *,
        limit: int,
        timeout: float,
        counts: Counts,
        placed: Callable[[Record, Any], None],
        checked: Callable[[Record], None],
        ended: Callable[[Record], None],
    ) -> None:
        self.placed = placed
        self.checked = checked
        self.ended = ended
        self.counts = counts
        self._limit = limit
        self._timeout = timeout
        # Oldest first, each under its `id`.
        self._mine: dict[int, Run] = {}
        counts.watch(self)

    def __len__(self) -> int:
        return len(self._mine)

    def open(self, record: Record) -> Run | None:
        """Open a run; return None where any handler has a run with this id already."""
        now = monotonic()
        run = Run(record, self, now + self._timeout)
        try:
            if _open.setdefault(run.key, run) is not run:
                return None
            self._mine[id(run)] = run
        except BaseException:
            # Interrupted. A run that is in one table only would be there for good.
            if _open.get(run.key) is run:
                del _open[run.key]
            self._mine.pop(id(run), None)
            raise
        if len(self._mine) > self._limit:
            self._give_up_oldest()
        if _dropped or now >= _Sweeper.due:
            sweep()
        return run

    def _give_up_oldest(self) -> None:
        # More than one, if other threads have opened runs and not ended the oldest yet.
        surplus = len(self._mine) - self._limit
        for each in list(islice(self._mine.values(), surplus)):
            each.give_up(Outcome.ABANDONED)

    def abandon_all(self, deadline: Deadline | None = None) -> None:
        """End every run as abandoned, the oldest first; forget them once `deadline` is over."""
        for run in list(self._mine.values()):
            if deadline is not None and deadline.is_over:
                self._remove(run)
                continue
            run.give_up(Outcome.ABANDONED)

    def _remove(self, run: Run) -> bool:
        try:
            # The first one decides who ends the run. On one line: an interruption gets in between
            # lines.
            del self._mine[id(run)], _open[run.key]
        except KeyError:
            return False
        return True

    def _abandon_overdue(self, now: float, most: int) -> None:
        for run in list(islice(self._mine.values(), most)):
            if run.deadline > now:
                break
            run.give_up(Outcome.ABANDONED)

    def _forget(self) -> None:
        self._mine.clear()


def is_any_in_flight() -> bool:
    """Whether a request of any handler waits for its end."""
    return bool(_open)


def find(run_id: UUID | None) -> Run | None:
    """Return the run in flight with this id, whichever handler's it is."""
    if type(run_id) is UUID:  # nearly always
        return _open.get(run_id.int)
    try:
        return None if run_id is None else _open.get(_key(run_id))
    except Exception:  # noqa: BLE001 -- the application's own id can't be hashed, so no run has it
        return None


def _key(run_id: UUID) -> object:
    """Return what a run is found by: to hash a UUID takes longer than to hash its number."""
    return run_id.int if isinstance(run_id, UUID) else run_id


def usable_id(run_id: UUID | None) -> UUID:
    """Return the id of a run that starts, or another one where that can't be the key of a run.

    An application can choose the id. The end of a run is not found under a substitute.
    """
    if run_id is None:
        return uuid4()
    if type(run_id) is not UUID:
        try:
            hash(run_id)
        except Exception:  # noqa: BLE001 -- an object of the application
            return uuid4()
    return run_id


def free_id(run_id: UUID | None) -> UUID:
    """Return the id of a run that is not to start; another one where a run in flight has it."""
    run_id = usable_id(run_id)
    return run_id if find(run_id) is None else uuid4()


def end_refused(run_id: UUID) -> None:
    """Settle that strict mode stopped the request, if a handler reports it."""
    run = find(run_id)
    if run is not None:
        run.note_refusal()
        run.end(Outcome.BLOCKED)


def sweep(most: int = _SWEEP_BATCH) -> None:
    """End runs that no callback will end: dropped ones as cancelled, overdue ones as abandoned.

    Args:
        most: How many runs of a handler to end at most, so that no callback pays for all of them.
            The next callback ends the rest.
    """
    now = monotonic()
    _Sweeper.due = now + _SWEEP_SECONDS
    for _ in range(min(most, len(_dropped))):
        try:
            run = _dropped.popleft()
        except IndexError:
            break
        run.give_up(Outcome.CANCELLED)
    for runs in _busy():
        runs._abandon_overdue(now, most)  # noqa: SLF001 -- see `Run.end`


def abandon_everything(deadline: Deadline) -> None:
    """End every run of the process until `deadline`, also those of handlers that are gone already.

    Each may wait for the application's own log handlers and span processors.
    """
    for runs in _busy():
        runs.abandon_all(deadline)


def _busy() -> set[Runs]:
    return {run.owner for run in list(_open.values())}


def sweep_all() -> None:
    """Sweep without a limit."""
    sweep(most=sys.maxsize)


class _Sweeper:
    """When overdue runs are looked for next; to look at each callback would cost more."""

    due = 0.0


# Without a lock: each change is one step of a dict, which no thread and no garbage collector gets
# into, and a run that two of them end is ended by the one that takes it out.
# Runs in flight keep their reporters alive, and nothing else does.
_open: dict[object, Run] = {}
_dropped: deque[Run] = deque()


@in_child
def _leave_to_parent() -> None:
    """Forget the parent's runs: the parent reports them."""
    for runs in _busy():
        runs._forget()  # noqa: SLF001
    _open.clear()
    _dropped.clear()
