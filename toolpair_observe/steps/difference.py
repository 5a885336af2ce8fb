"""What happened to a history between two moments, as far as a breach is concerned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolpair_observe.steps.blamed import BlameChange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolpair_observe.steps.outline import Outline

MOST_POSITIONS: Final = 16
"""Positions that are told of a change."""


_NONE: Final[frozenset[int]] = frozenset()
# What was done, where, and whether that is in the history before.
_Change = tuple[BlameChange, list[int], bool]


@dataclass(frozen=True)
class Difference:
    """What distinguishes two histories.

    Attributes:
        change: What was done, None where the two don't tell.
        removed: Positions, in the history before, of what is not there any more.
        inserted: Positions, in the history after, of what was not there.
        culprits: What tells the messages apart that make the difference for the breach.
    """

    change: BlameChange | None
    removed: tuple[int, ...] = ()
    inserted: tuple[int, ...] = ()
    culprits: frozenset[int] = frozenset()


def compare(before: Outline, after: Outline, ids: frozenset[int]) -> Difference:
    """Say what was done to a history.

    Args:
        before: The history, sound or with calls that wait at its end.
        after: The history with the breach.
        ids: The ids of the calls and results that the breach concerns.
    """
    return _Comparison(before, after, ids).told()


class _Comparison:
    def __init__(self, before: Outline, after: Outline, ids: frozenset[int]) -> None:
        self.before = before
        self.after = after
        self.ids = ids
        self.removed = _missing_from(before, after)
        self.inserted = _missing_from(after, before)
        self._placed_before = before.ids_by_place()
        self._placed_after = after.ids_by_place()

    def told(self) -> Difference:
        if self.before.offset and self._is_older_than_kept():
            return Difference(self._shift(), (), ())
        looks = (self._changed_in_place, self._lost, self._moved, self._open, self._added)
        for look in looks:
            found = look()
            if found is not None:
                change, positions, is_before = found
                return self._difference(change, positions, is_before=is_before)
        if self.inserted and not self.removed:
            return self._difference(BlameChange.INSERTED, self.inserted, is_before=False)
        if self.removed and not self.inserted:
            return self._difference(BlameChange.REMOVED, self.removed, is_before=True)
        return Difference(None, first(self.removed), first(self.inserted))

    def _ids_before(self, place: int) -> frozenset[int]:
        return self._placed_before.get(place, _NONE)

    def _ids_after(self, place: int) -> frozenset[int]:
        return self._placed_after.get(place, _NONE)

    def _is_older_than_kept(self) -> bool:
        """Whether the breach stands before everything that is kept of the history before."""
        kept_from = self.after.first_shared(self.before)
        spoken = [
            place
            for is_call in (True, False)
            for place, _ in self.after.bearers(self.ids, is_call=is_call)
        ]
        return all(place < kept_from for place in spoken)

    def _shift(self) -> BlameChange | None:
        """Whether what is kept stands further ahead or behind: then there was less or more."""
        earlier = {key: place for place, key in self.before.places()}
        for place, key in self.after.places():
            if key in earlier and place != earlier[key]:
                return BlameChange.REMOVED if place < earlier[key] else BlameChange.INSERTED
        return None

    def _difference(
        self, change: BlameChange, positions: Iterable[int], *, is_before: bool
    ) -> Difference:
        side = self.before if is_before else self.after
        chosen = sorted(positions)
        culprits = frozenset(side.key_at(place) for place in chosen)
        mine = chosen if is_before else ()
        theirs = () if is_before else chosen
        return Difference(
            change,
            first(self.removed, [place for place in mine if place in self.removed]),
            first(self.inserted, [place for place in theirs if place in self.inserted]),
            culprits,
        )

    def _changed_in_place(self) -> _Change | None:
        """A message that is still there bears other ids."""
        earlier = {key: place for place, key in self.before.places()}
        lost: set[int] = set()
        gained: set[int] = set()
        places: list[int] = []
        for place, key in self.after.places():
            if key not in earlier:
                continue
            had, has = self._ids_before(earlier[key]), self._ids_after(place)
            if had != has and self.ids & (had | has):
                places.append(place)
                lost |= had - has
                gained |= has - had
        if lost and gained:
            return BlameChange.IDS_CHANGED, places, False
        if lost:
            return BlameChange.REMOVED, [earlier[self.after.key_at(each)] for each in places], True
        return (BlameChange.INSERTED, places, False) if gained else None

    def _lost(self) -> _Change | None:
        """A message that bears one of the ids is gone."""
        lost = [place for is_call in (True, False) for place in self._gone(is_call=is_call)]
        if not lost:
            return None
        strangers = self._strangers()
        if strangers:
            return BlameChange.IDS_CHANGED, strangers, False
        return BlameChange.REMOVED, lost, True

    def _gone(self, *, is_call: bool) -> list[int]:
        had = self.before.bearers(self.ids, is_call=is_call)
        left = Counter(each for _, each in self.after.bearers(self.ids, is_call=is_call))
        gone = []
        for place, identifier in reversed(had):
            if left[identifier]:
                left[identifier] -= 1
            else:
                gone.append(place)
        return gone

    def _strangers(self) -> list[int]:
        """Messages that were put in and bear an id which nothing else answers or asks for."""
        alone = self.after.call_ids() ^ self.after.result_ids()
        new = alone - self.before.all_ids()
        return [place for place in self.inserted if self._ids_after(place) & new]

    def _moved(self) -> _Change | None:
        """What was there is still there, in another order."""
        ranks = {key: place for place, key in self.before.places()}
        # Which one of several that are alike is meant can't be told.
        times = Counter(self.before.keys), Counter(self.after.keys)
        kept = [
            (ranks[key], place)
            for place, key in self.after.places()
            if times[0][key] == times[1][key] == 1
        ]
        moved = [place for (rank, place), (following, _) in pairwise(kept) if rank > following]
        return (BlameChange.REORDERED, moved, False) if moved else None

    def _open(self) -> _Change | None:
        """Calls of the breach wait, and what should answer them never came."""
        calls = self.after.bearers(self.ids, is_call=True)
        answered = self.after.result_ids()
        if all(each in answered for _, each in calls):
            return None
        made = self.after.call_ids()
        odd = [place for place in self._strangers() if not self._ids_after(place) & made]
        if odd:
            return BlameChange.IDS_CHANGED, odd, False
        was_there = self.before.bearers(self.ids, is_call=True)
        if not was_there or self.before.waiting() & self.ids:
            return BlameChange.NOT_APPENDED, [], False
        return None

    def _added(self) -> _Change | None:
        """Something was put between a call and its result, or bears an id of the breach."""
        spoken = [
            place
            for is_call in (True, False)
            for place, _ in self.after.bearers(self.ids, is_call=is_call)
        ]
        if not spoken:
            return None
        low, high = min(spoken), max(spoken)
        among = [
            place for place in self.inserted if low < place < high and not self._answers(place, low)
        ]
        if among:
            return BlameChange.INSERTED, among, False
        own = [place for place in self.inserted if place in spoken]
        results = [place for place in own if self._ids_after(place) & self.ids]
        return (BlameChange.INSERTED, results[-1:], False) if results else None

    def _answers(self, place: int, call_at: int) -> bool:
        ids = self._ids_after(place)
        return bool(ids) and ids <= self._ids_after(call_at)


def _missing_from(one: Outline, other: Outline) -> list[int]:
    """Return the positions in `one` of what `other` does not have, copies counted."""
    left = Counter(other.keys)
    start = one.first_shared(other) if other.offset else 0
    missing = []
    for place, key in one.places():
        if left[key]:
            left[key] -= 1
        elif place >= start:
            missing.append(place)
    return missing


def first(positions: Iterable[int], chosen: Iterable[int] = ()) -> tuple[int, ...]:
    """Return as many positions as are told, the chosen ones among them, in order."""
    kept = list(dict.fromkeys([*chosen, *positions]))[:MOST_POSITIONS]
    return tuple(sorted(kept))
