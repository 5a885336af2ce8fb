"""What a forked child has to reset before it goes on.

Only the thread that forked exists in the child. No other thread will release a lock that it held
at the fork, or empty a queue. Counts, connections and runs in flight belong to the parent, which
goes on with them.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Resettable(Protocol):
    """An object with a lock, or with something that belongs to its process."""

    def reset(self) -> None:
        """Start from nothing, with new locks."""


def in_child(action: Callable[[], None]) -> Callable[[], None]:
    """Have `action` called in every forked child. A decorator, for a module's own state."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=action)
    return action


def reset_in_child(each: Resettable) -> None:
    """Have `each` reset in every forked child, as long as something else keeps it alive."""
    _EVERY.add(each)


_EVERY: weakref.WeakSet[Resettable] = weakref.WeakSet()


@in_child
def _reset_every() -> None:
    for each in list(_EVERY):
        each.reset()
