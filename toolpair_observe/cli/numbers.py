"""Numbers as arguments of commands."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from toolpair_observe.pairing.shown import quoted

_MOST_JOBS: Final = 512


def jobs(text: str) -> int:
    """Return a number of processes."""
    return _number(text, _MOST_JOBS)


def count(text: str) -> int:
    """Return how many of something."""
    return _number(text, sys.maxsize)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:19]) <= most):
        msg = f"{quoted(text)}: expected a whole number from 1 to {most:,}"
        raise argparse.ArgumentTypeError(msg)
    return int(text[:19])
