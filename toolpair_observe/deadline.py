"""One deadline for everything that is waited for, however many things that are."""

from __future__ import annotations

import time


class Deadline:
    """The end of the time that several waits share.

    Each wait is given what is `left`, so that all of them together take no longer than one would.

    Args:
        seconds: How long from now.
    """

    __slots__ = ("_ends",)

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left; 0 once it is over."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0
