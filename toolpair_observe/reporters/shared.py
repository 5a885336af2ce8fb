"""Reporters with a worker, shared by all handlers that need the same one.

An application may make a handler for each call. Threads, queues and connections must not grow with
the number of handlers.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from toolpair_observe.forks import in_child
from toolpair_observe.reporters.hook import HookReporter, is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from toolpair_observe.counts import Counts
    from toolpair_observe.observation import Observation
    from toolpair_observe.record import Trace
    from toolpair_observe.reporters.hook import ObservationHook

    class _WithWorker(Protocol):
        def flush(self, timeout: float) -> bool: ...
        def close(self, timeout: float) -> object: ...


Worked = TypeVar("Worked", bound="_WithWorker")


class Seat(Generic[Worked]):
    """One handler's part in a reporter that it may share.

    The last part that is closed closes the reporter. A part that is closed before takes one of its
    own, which is closed and counts what it drops.

    Args:
        key: Reporters with the same key are one.
        make: Makes a reporter.
    """

    def __init__(self, key: Hashable, make: Callable[[], Worked]) -> None:
        self._key = key
        self._make = make
        with _Shared.lock:
            self.reporter: Worked = _Shared.reporters.get(key) or make()
            _Shared.reporters[key] = self.reporter
            _Shared.seats.setdefault(self.reporter, WeakSet()).add(self)

    def flush(self, timeout: float) -> bool:
        """Wait until what all parts have queued is delivered; return whether all of it was."""
        return self.reporter.flush(timeout)

    def close(self, timeout: float) -> None:
        """Deliver nothing more, and stop the worker unless another handler needs it.

        Args:
            timeout: Seconds to wait at most for the end of the worker.
        """
        with _Shared.lock:
            seats = _Shared.seats.get(self.reporter, WeakSet())
            seats.discard(self)
            if seats:
                self.reporter = self._make()
            elif _Shared.reporters.get(self._key) is self.reporter:
                del _Shared.reporters[self._key]
        self.reporter.close(timeout)


class FeedbackSeat(Seat[Any]):
    """A handler's part in what sends feedback to LangSmith."""

    @property
    def wants_sound(self) -> bool:
        """Whether clean requests get feedback, too."""
        return bool(self.reporter.wants_sound)

    def flagged(self, observation: Observation, trace: Trace) -> None:
        """Wait for the outcome."""

    def finished(self, observation: Observation, trace: Trace) -> None:
        """Mark the run, and queue its feedback."""
        self.reporter.finished(observation, trace)

    def mended(self, observation: Observation, trace: Trace) -> None:
        """Mark the run."""
        self.reporter.mended(observation, trace)


class HookSeat(Seat[HookReporter]):
    """A handler's part in what calls functions of the application.

    Closures that are made anew for each call share one worker, as the same code. No function gets
    the trace, which holds a LangSmith client with its key.

    Args:
        hook: The function.
        counts: Where failures are counted.

    Attributes:
        name: The argument that holds the function.
    """

    name: ClassVar[str]
    wants_sound = False

    def __init__(self, hook: ObservationHook, counts: Counts) -> None:
        self._hook = hook
        make = functools.partial(HookReporter, counts, self.name, is_async=is_async(hook))
        super().__init__((HookReporter, self.name, id(counts), _code_of(hook)), make)

    def flagged(self, observation: Observation, trace: Trace) -> None:
        """Wait for the outcome."""

    def finished(self, observation: Observation, trace: Trace) -> None:
        """Do nothing, unless it is this that the function is for."""

    def mended(self, observation: Observation, trace: Trace) -> None:
        """Do nothing, unless it is this that the function is for."""


class NearMissSeat(HookSeat):
    """The part of the function for near misses and escapes."""

    name = "on_near_miss"

    def finished(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Call the function."""
        self.reporter.call(self._hook, observation)


class MaskedSeat(HookSeat):
    """The part of the function for requests with results that other software made up."""

    name = "on_masked"

    def mended(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Call the function."""
        self.reporter.call(self._hook, observation)


HOOK_SEATS: Final = {seat.name: seat for seat in (NearMissSeat, MaskedSeat)}
"""The part of each function, by the argument that holds it."""


def _code_of(hook: Any) -> Hashable:  # noqa: ANN401 -- whatever can be called
    while isinstance(hook, functools.partial):
        hook = hook.func
    function = getattr(hook, "__func__", hook)
    method = getattr(hook.__class__, "__call__", None)  # noqa: B004 -- a callable object's own
    key: Hashable = getattr(function, "__code__", None) or getattr(method, "__code__", hook)
    try:
        hash(key)
    except TypeError:
        return id(hook)
    return key


class _Shared:
    """The reporters in use; a worker at work keeps its reporter, and nothing here does."""

    lock = threading.RLock()
    reporters: ClassVar[WeakValueDictionary[Any, Any]] = WeakValueDictionary()
    seats: ClassVar[WeakKeyDictionary[Any, WeakSet[Seat[Any]]]] = WeakKeyDictionary()


@in_child
def _renew_lock() -> None:
    # Another thread may have held it at the fork.
    _Shared.lock = threading.RLock()
