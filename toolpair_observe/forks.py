"""What a forked child has to set right before it goes on.

Of all threads only the one that forked is there in the child. The others will never release a
lock that they held, nor do what is queued; and counts, connections and runs in flight are the
parent's, who goes on with them.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Resettable(Protocol):
    """Something that holds a lock, or something of its process."""

    def reset(self) -> None:
        """Start from nothing, with locks that nobody holds."""


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
