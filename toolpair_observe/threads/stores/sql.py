"""Threads in a database that is asked in SQL: what is the same for each of them.

Ids are read first, then the rows that they name: a slice of threads at a time, so that what is in
memory does not grow with the database. What is read together comes from one snapshot, because a run
may be writing meanwhile.
"""

# ruff: noqa: S608 - only what is written here is put into queries

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stores.delta import replayed
from toolpair_observe.threads.stores.rows import Key, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from toolpair_observe.threads.stored import Stored

SLICE: Final = 128
"""How many checkpoints are in memory at a time, packed."""

PAGE: Final = 1000
"""How many ids of threads are asked for at a time."""


class Fetch(Protocol):
    """Asks a database."""

    def __call__(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query has.

        Raises:
            RowsError: The database can't read them.
            ThreadStoreError: The database can't be asked.
        """


Snapshot: TypeAlias = "Callable[[], AbstractContextManager[Fetch]]"
"""Opens a view of a database in which nothing changes."""


class RowsError(ThreadStoreError):
    """A database can't read some of its rows. Others it may be able to read."""


class SqlStore(ABC):
    """Threads in a database that is asked in SQL.

    Args:
        snapshot: Opens a view of the database.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def _may_be_stored(self, thread_id: str) -> bool:
        """Whether a database can hold an id, and be asked for it."""
        try:
            thread_id.encode()
        except UnicodeEncodeError:  # half a character
            return False
        return True

    @abstractmethod
    def _page(self, fetch: Fetch, after: str | None) -> list[str]:
        """Return the ids of the `PAGE` threads after one, in their order."""

    @abstractmethod
    def _head_keys(
        self, fetch: Fetch, thread_ids: Sequence[str], *, of_calls: bool
    ) -> Iterable[Key]:
        """Return the heads of threads: of namespaces of single calls, or of all others."""

    @abstractmethod
    def _keys(self, fetch: Fetch, thread_id: str, namespace: str | None) -> Iterable[Key]:
        """Return the checkpoints of a thread, the newest first."""

    @abstractmethod
    def _load(self, fetch: Fetch, keys: Sequence[Key]) -> Iterable[Stored]:
        """Return checkpoints, in the order of their keys. One that is gone is left out."""

    @abstractmethod
    def _count(self, fetch: Fetch) -> int:
        """Return how many threads there are."""

    def thread_ids(self) -> Iterator[str]:
        """Yield the id of each thread, once."""
        after = None
        while True:
            with self._snapshot() as fetch:
                page = self._page(fetch, after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def count(self) -> int | None:
        """Return how many threads there are."""
        with self._snapshot() as fetch:
            return self._count(fetch)

    def heads(self, thread_ids: Sequence[str]) -> Iterator[Stored]:
        """Yield the heads of threads, all of one thread in a row, its root namespace first."""
        for some in _slices(dict.fromkeys(filter(self._may_be_stored, thread_ids))):
            place = {thread_id: at for at, thread_id in enumerate(some)}
            try:
                with self._snapshot() as fetch:
                    keys = sorted(
                        self._head_keys(fetch, some, of_calls=False),
                        key=lambda key: (place.get(key.thread_id, 0), key.namespace),
                    )
                    loaded = [self._load(fetch, each) for each in _slices(keys)]
            except RowsError as error:
                if len(some) == 1:
                    yield unreadable(Key(some[0], "", "", ""), str(error))
                    continue
                for thread_id in some:
                    yield from self.heads([thread_id])
                continue
            for each in loaded:
                yield from each

    def calls(self, thread_id: str) -> Iterator[Stored]:
        """Yield the heads of a thread's namespaces of single calls, the outer ones first."""
        if not self._may_be_stored(thread_id):
            return
        with self._snapshot() as fetch:
            keys = list(self._head_keys(fetch, [thread_id], of_calls=True))
        keys.sort(key=lambda key: (key.namespace.count("|"), key.namespace))
        yield from self._loaded(keys)

    def history(self, thread_id: str, namespace: str | None = None) -> Iterator[Stored]:
        """Yield the checkpoints of a thread, the newest first; None for all its namespaces."""
        if not self._may_be_stored(thread_id):
            return
        with self._snapshot() as fetch:
            keys = list(self._keys(fetch, thread_id, namespace))
        yield from self._loaded(keys)

    def delta(self, stored: Stored, channels: Sequence[str]) -> Mapping[str, Any]:
        """Return the values of channels that are stored as changes (`DeltaChannel`)."""
        return replayed(stored, channels, self._ancestors(stored))

    def _ancestors(self, stored: Stored) -> Iterator[Stored]:
        """Yield the checkpoints that one was made from, the nearest first."""
        with self._snapshot() as fetch:
            keys = {
                key.checkpoint_id: key
                for key in self._keys(fetch, stored.thread_id, stored.namespace)
            }
        line = []
        # A checkpoint is taken out, since a chain of parents may be a circle.
        at = keys.pop(stored.parent_id, None)
        while at is not None:
            line.append(at)
            at = keys.pop(at.parent_id, None)
        yield from self._loaded(line)

    def _loaded(self, keys: Iterable[Key]) -> Iterator[Stored]:
        for some in _slices(keys):
            try:
                with self._snapshot() as fetch:
                    loaded = self._load(fetch, some)
            except RowsError as error:
                if len(some) == 1:
                    yield unreadable(some[0], str(error))
                    continue
                for key in some:
                    yield from self._loaded([key])
                continue
            yield from loaded


def page_of_ids(where: str) -> str:
    """Return the query for the ids of the next threads: each is looked up from the one before.

    To sort out the distinct ones of all rows, for each page, would grow with the square of them.
    """
    return (
        "with recursive t(thread_id) as ("
        f" select * from (select thread_id from checkpoints {where} order by 1 limit 1) as first"
        " union all select (select thread_id from checkpoints c where c.thread_id > t.thread_id"
        " order by 1 limit 1) from t where t.thread_id is not null"
        f") select thread_id from t where thread_id is not null limit {PAGE}"
    )


def _slices(things: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(things)
    while some := list(islice(left, SLICE)):
        yield some
