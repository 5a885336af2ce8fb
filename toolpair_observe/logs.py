"""The one way into the log of the package: whatever a line is made of, it is one line of text."""

from __future__ import annotations

import logging
from typing import Final

from toolpair_observe.pairing.shown import line

LOGGER_NAME: Final = "toolpair_observe"

_logger = logging.getLogger(LOGGER_NAME)


def log(level: int, message: str, *details: object) -> None:
    """Log a line.

    Args:
        level: One of the levels of `logging`.
        message: The line, as `logging` formats it: the same text for all lines of a sort.
        *details: Its arguments, which can come from anywhere. Each is a text or a number.
    """
    # The line that is logged counts as the caller's.
    _logger.log(level, message, *map(_told, details), stacklevel=2)


def warn(message: str, *details: object) -> None:
    """Log a warning; see `log`."""
    _logger.warning(message, *map(_told, details), stacklevel=2)


def is_read(level: int) -> bool:
    """Whether a line of this level would get anywhere."""
    return _logger.isEnabledFor(level)


def _told(detail: object) -> object:
    return detail if isinstance(detail, int) else line(str(detail))
