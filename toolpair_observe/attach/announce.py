"""What a process says of itself, once: that requests are checked, in which mode and why.

At level INFO, so that the operator decides who reads it; under `toolpair-observe run`, which has
no logging of its own, also on standard error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

from toolpair_observe.children import are_covered
from toolpair_observe.forks import in_child
from toolpair_observe.logs import log
from toolpair_observe.pairing.shown import line

if TYPE_CHECKING:
    from collections.abc import Callable


class Announcer:
    """What this process has said. A forked child is another process, which has said nothing.

    Attributes:
        is_due: Whether it has said nothing yet: the first request that is checked has to.
    """

    def __init__(self) -> None:
        self.is_due = True
        self._lock = threading.Lock()
        self._attached: Callable[[], str] | None = None
        self._is_aloud = False

    def attach(self, describe: Callable[[], str] | None) -> None:
        """Say that a handler is attached to the process, or that another one is.

        Args:
            describe: Returns its mode and why, for now and for forked children; None where it is
                not to be said.
        """
        self._attached = describe
        if describe is not None:
            self._say("is attached" if self._take_turn() else "is now attached", describe)

    def detach(self) -> None:
        """Say that no handler is attached to the process any more."""
        if self._attached is not None:
            self._say("is no longer attached")
        self._attached = None

    def check(self, describe: Callable[[], str]) -> bool:
        """Say at a request that requests are checked, unless something has been said.

        Args:
            describe: Returns the mode and why, of the handler that checks; what is attached to the
                process comes before it.

        Returns:
            Whether it was said now.
        """
        is_first = self._take_turn()
        if is_first and self._attached is not None:
            self._say("is attached", self._attached)
        elif is_first:
            self._say("is attached to single models or calls", describe)
        return is_first

    def change_mode(self, describe: Callable[[], str]) -> None:
        """Say that a handler has another mode from now on, and why."""
        self._say("has another mode now", describe)

    def speak_up(self) -> None:
        """Say on standard error what was said before `run` came, to the log alone."""
        if self._attached is not None and not self._is_aloud:
            self._say("is attached", self._attached)

    def start_anew(self) -> None:
        """Leave behind what the parent has said, and its lock, which a thread may have held."""
        self.is_due = True
        self._lock = threading.Lock()

    def _take_turn(self) -> bool:
        with self._lock:
            was_due, self.is_due = self.is_due, False
        return was_due

    def _say(self, what: str, describe: Callable[[], str] | None = None) -> None:
        # What fails here, such as a stream that is closed, is no reason for more to fail.
        with contextlib.suppress(Exception):
            more = f", {describe()}" if describe else ""
            text = line(f"toolpair_observe {what}: pid {os.getpid()}{more}")
            self._is_aloud = are_covered(os.environ)
            if self._is_aloud:
                _write(text)
            log(logging.INFO, "%s", text)


PROCESS = Announcer()
in_child(PROCESS.start_anew)


def _write(text: str) -> None:
    with contextlib.suppress(Exception):
        if sys.stderr is not None:  # for None, `print` would take the standard output
            print(text, file=sys.stderr, flush=True)  # noqa: T201


def described(mode: str, reason: str, by: str = "") -> str:
    """Return a mode, why it holds, and who has attached, as they are said."""
    return f"mode {mode} ({reason}){by and f', by {by}'}"
