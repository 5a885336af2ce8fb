"""When the next request may leave: after the pause that was asked for, at the rate that is set."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 60.0
_FIRST: Final = 2.0
_MINUTE: Final = 60.0


class Pauses:
    """Waits before requests.

    Args:
        rate: Requests per minute at most, None for no bound.
        wait: Waits for so many seconds.
    """

    def __init__(self, rate: float | None, wait: Callable[[float], object] | None = None) -> None:
        self._apart = _MINUTE / rate if rate else 0.0
        self._next = 0.0
        # A wait for an event, unlike a sleep on some systems, ends at Ctrl-C.
        self._wait = wait or threading.Event().wait

    def before_request(self) -> None:
        """Wait until the rate allows a request."""
        if self._apart:
            now = time.monotonic()
            if self._next > now:
                self._wait(self._next - now)
            self._next = max(self._next, now) + self._apart

    def before_repeat(self, attempt: int, asked_for: float | None, left: float) -> None:
        """Wait until a request may be repeated.

        Args:
            attempt: How many failed before, from 1.
            asked_for: The seconds that the endpoint asks for, None where it asks for none.
            left: The longest that there is time for.
        """
        seconds = asked_for
        if seconds is None:
            # Several that failed together are not to come back together.
            jitter = 0.5 + random.random()  # noqa: S311 -- no secret
            seconds = _FIRST * 2 ** (attempt - 1) * jitter
        seconds = min(seconds, LONGEST, left)
        if seconds > 0:
            self._wait(seconds)
