"""Requests that only an answer to them can be of one conversation with.

Nothing of their messages has an id, and no thread is told. Nearly every one of them stays alone, so
that to note one has to cost next to nothing: no object is made for it, and no old one looked at.
"""

from __future__ import annotations

from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.steps.conversations import NotedBreach

MOST_ALONE: Final = 2_048
"""Requests that are kept at most. The last 1,024 of the last half hour always are, none for longer
than an hour."""
_HALF_LIFE_SECONDS: Final = 1_800.0


class First(NamedTuple):
    """The first request of what may become a conversation.

    Attributes:
        began_elsewhere: Whether it has answers that this process never saw made.
        is_doubtful: Whether nothing tells that it is not of another conversation.
        breach: What is wrong with it, None where it is sound.
    """

    began_elsewhere: bool
    is_doubtful: bool
    breach: NotedBreach | None = None


first_sound = cache(First)  # one object for all that are alike


class Alone:
    """The first requests, by their runs. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._older: dict[int, First] = {}
        self._newer: dict[int, First] = {}
        self._turned = monotonic()

    def __len__(self) -> int:
        return len(self._older) + len(self._newer)

    def note(self, run_id: UUID, what: First) -> None:
        """Note a request; at times the older half of all is forgotten at once."""
        now = monotonic()
        if len(self._newer) >= MOST_ALONE // 2 or now - self._turned > _HALF_LIFE_SECONDS:
            self._older, self._newer, self._turned = self._newer, {}, now
        self._newer[run_id.int] = what

    def take(self, run_id: UUID) -> First | None:
        """Return the request of a run, and forget it; None where it is not known."""
        age = monotonic() - self._turned
        if age > _HALF_LIFE_SECONDS:
            self._older.clear()
        if age > 2 * _HALF_LIFE_SECONDS:
            self._newer.clear()
        return self._newer.pop(run_id.int, None) or self._older.pop(run_id.int, None)
