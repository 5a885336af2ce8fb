"""One deadline for everything that is waited for, however many things that are."""

from __future__ import annotations

import threading
import time

from toolpair_observe.pairing.shown import quoted


class Deadline:
    """The end of the time that several waits share.

    Each wait is given what is `left`, so that all of them together take no longer than one would.

    Args:
        seconds: How long from now.

    Raises:
        TypeError: It is no number.
        ValueError: Nothing can wait for so long.
    """

    __slots__ = ("_ends",)

    def __init__(self, seconds: float) -> None:
        if not isinstance(seconds, int | float):
            msg = f"timeout is {quoted(seconds)}; expected seconds"  # type: ignore[unreachable]
            raise TypeError(msg)
        if not seconds <= threading.TIMEOUT_MAX:
            msg = f"timeout is {quoted(seconds)}; expected {threading.TIMEOUT_MAX:.0f} at most"
            raise ValueError(msg)
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left; 0 once it is over."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0
