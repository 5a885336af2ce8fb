"""Sums and lists that stay small however much goes in, and that merge exactly.

What is kept is decided by the keys alone and never by how much has come in so far: the first keys
in a fixed order. A key that is among the first of everything is among the first of every part of
it, so no part drops it. So it does not matter in which order and in which groups parts are merged.
"""

from __future__ import annotations

import hashlib
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Key: TypeAlias = tuple[str, ...]
Order: TypeAlias = "Callable[[Key], Any]"

# Sorting is rare if there is room for as many again.
_SLACK: Final = 2


def short_first(key: Key) -> tuple[int, Key]:
    """Order keys by length: names that were made up for one request are the long ones."""
    return sum(map(len, key)), key


def shuffled(key: Key) -> bytes:
    """Order keys by a hash: the first ones are a fair sample of all."""
    text = "\0".join(key).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


class Sums:
    """Rows of counts by key. Of too many keys the last ones in order are summed up in one row.

    Args:
        width: The counts of a row.
        most: The keys that are kept.
        order: Their order.

    Attributes:
        rest: The sum of the rows of the other keys.
    """

    def __init__(self, width: int, most: int, order: Order = short_first) -> None:
        self.rest = [0] * width
        self._most = most
        self._order = order
        self._rows: dict[Key, list[int]] = {}

    def row(self, key: Key) -> list[int]:
        """Return the row of a key, to be added to at once."""
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= _SLACK * self._most:
                self._fold()
            row = self._rows[key] = [0] * len(self.rest)
        return row

    def add(self, key: Key, counts: list[int]) -> None:
        """Add a row of counts."""
        row = self.row(key)
        for place, count in enumerate(counts):
            row[place] += count

    def merge(self, other: Sums) -> None:
        """Add what another one has."""
        for key, row in other._rows.items():
            self.add(key, row)
        for place, count in enumerate(other.rest):
            self.rest[place] += count

    def items(self) -> Iterator[tuple[Key, list[int]]]:
        """Yield the keys that are kept, in order, with their rows."""
        self._fold()
        for key in sorted(self._rows, key=self._order):
            yield key, self._rows[key]

    def state(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return {"rows": [[list(key), row] for key, row in self.items()], "rest": self.rest}

    def restore(self, state: dict[str, Any]) -> None:
        """Add what `state` has returned."""
        for key, row in state["rows"]:
            self.add(tuple(key), row)
        for place, count in enumerate(state["rest"]):
            self.rest[place] += count

    def _fold(self) -> None:
        if len(self._rows) <= self._most:
            return
        for key in sorted(self._rows, key=self._order)[self._most :]:
            for place, count in enumerate(self._rows.pop(key)):
                self.rest[place] += count


Record: TypeAlias = dict[str, Any]
Rank: TypeAlias = tuple[Any, ...]


class Firsts:
    """The first records by their ranks.

    Args:
        most: The records that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[Rank, Record]] = []

    def wants(self, rank: Rank) -> bool:
        """Whether a record of that rank would be kept as things stand."""
        return len(self._kept) < self._most or rank < self._kept[-1][0]

    def add(self, rank: Rank, record: Record) -> None:
        """Keep a record, if it is among the first."""
        if not self.wants(rank):
            return
        self._kept.append((rank, record))
        # Nearly sorted already, which is what Python's sorting is fastest at.
        self._kept.sort(key=itemgetter(0))
        del self._kept[self._most :]

    def merge(self, other: Firsts) -> None:
        """Take over what another one has."""
        self.restore(other._kept)

    def moved(self, move: Callable[[Rank, Record], tuple[Rank, Record]]) -> None:
        """Put other records in the place of all, in the same order."""
        self._kept = [move(rank, record) for rank, record in self._kept]

    def records(self) -> list[Record]:
        """Return the records that are kept, in order."""
        return [record for _, record in self._kept]

    def state(self) -> list[Any]:
        """Return everything as JSON-able data."""
        return [[list(rank), record] for rank, record in self._kept]

    def restore(self, state: list[Any]) -> None:
        """Add what `state` has returned."""
        both = [*self._kept, *((tuple(rank), record) for rank, record in state)]
        self._kept = sorted(both, key=itemgetter(0))[: self._most]


class Groups:
    """The first records of each group, and of the groups the first ones by their keys.

    Args:
        most: The groups that are kept.
        each: The records that are kept of each.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._groups: dict[Key, Firsts] = {}

    def wants(self, key: Key, rank: Rank) -> bool:
        """Whether a record of that group and rank would be kept as things stand."""
        group = self._groups.get(key)
        if group is not None:
            return group.wants(rank)
        return len(self._groups) < self._most or key < max(self._groups)

    def add(self, key: Key, rank: Rank, record: Record) -> None:
        """Keep a record, if it is among the first of its group, and that is a first one."""
        self._group(key).add(rank, record)
        self._drop()

    def merge(self, other: Groups) -> None:
        """Take over what another one has."""
        for key, group in other._groups.items():
            self._group(key).merge(group)
        self._drop()

    def moved(self, move: Callable[[Rank, Record], tuple[Rank, Record]]) -> None:
        """Put other records in the place of all, in the same order."""
        for group in self._groups.values():
            group.moved(move)

    def items(self) -> Iterator[tuple[Key, list[Record]]]:
        """Yield the groups that are kept, in order, with their records."""
        for key in sorted(self._groups):
            yield key, self._groups[key].records()

    def state(self) -> list[Any]:
        """Return everything as JSON-able data."""
        return [[list(key), group.state()] for key, group in sorted(self._groups.items())]

    def restore(self, state: list[Any]) -> None:
        """Add what `state` has returned."""
        for key, group in state:
            self._group(tuple(key)).restore(group)
        self._drop()

    def _group(self, key: Key) -> Firsts:
        return self._groups.setdefault(key, Firsts(self._each))

    def _drop(self) -> None:
        for key in sorted(self._groups)[self._most :]:
            del self._groups[key]
