"""What the log says once a process."""

from __future__ import annotations

import contextlib

from toolpair_observe.logs import warn

_said: set[str] = set()


def warn_once(subject: str, message: str, *details: object) -> None:
    """Log a warning about `subject`, unless there was one before.

    Through the logger and not `warnings.warn`, which would raise in a host that turns warnings
    into errors.

    Args:
        subject: What it is about: one of a small set that does not depend on any request.
        message: The warning, as `logging` formats it.
        *details: Its arguments.
    """
    if subject not in _said:
        _said.add(subject)
        with contextlib.suppress(Exception):  # a filter or handler of the application's logging
            warn(message, *details)
