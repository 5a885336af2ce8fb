"""A store that is looked at when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from toolpair_observe.threads.stored import Stored, ThreadStore


class DeferredStore:
    """A store that is made when it is first used, in the thread that uses it.

    An event loop can't wait for what runs on it: what makes a store that is asked on a loop has
    to run in another thread, as everything does that reads it.

    Args:
        make: Makes the store.
    """

    def __init__(self, make: Callable[[], ThreadStore]) -> None:
        self._make = make

    @cached_property
    def _store(self) -> ThreadStore:
        return self._make()

    def thread_ids(self) -> Iterator[str]:
        """Yield the id of each thread, once."""
        yield from self._store.thread_ids()

    def count(self) -> int | None:
        """Return how many threads there are; None where that is not known."""
        return self._store.count()

    def heads(self, thread_ids: Sequence[str]) -> Iterator[Stored]:
        """Yield the heads of threads, all of one thread in a row, its root namespace first."""
        yield from self._store.heads(thread_ids)

    def calls(self, thread_id: str) -> Iterator[Stored]:
        """Yield the heads of a thread's namespaces of single calls, the outer ones first."""
        yield from self._store.calls(thread_id)

    def history(self, thread_id: str, namespace: str | None = None) -> Iterator[Stored]:
        """Yield the checkpoints of a thread, the newest first; None for all its namespaces."""
        yield from self._store.history(thread_id, namespace)

    def delta(self, stored: Stored, channels: Sequence[str]) -> Mapping[str, Any]:
        """Return the values of channels that are stored as changes (`DeltaChannel`)."""
        return self._store.delta(stored, channels)
