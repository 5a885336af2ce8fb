"""How much the long tests do: all of it under CI, elsewhere what shows most mistakes at once.

A test that repeats itself takes its numbers from here, so that a whole run stays within minutes.
Fewer repetitions look at the same things: what leaks at every call shows after ten calls.
"""

from __future__ import annotations

import os

from hypothesis import settings

UNDER_CI = bool(os.environ.get("CI"))


def times(under_ci: int, elsewhere: int) -> int:
    """Return how often a test repeats what it does."""
    return under_ci if UNDER_CI else elsewhere


def examples(under_ci: int) -> int:
    """Return how many examples a test makes under the profile of this run.

    Args:
        under_ci: How many it makes under the profile `ci`.
    """
    share = settings.default.max_examples / settings.get_profile("ci").max_examples
    return max(1, round(under_ci * share))
