"""Time things against one another in one process, so that the machine's mood cancels out."""

from __future__ import annotations

import gc
from time import thread_time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Work = Callable[[], object]

NANOSECONDS_PER_MICROSECOND = 1_000


def _per_call(work: Work, calls: int) -> float:
    """Microseconds of this thread's own time a call, over `calls` calls."""
    start = thread_time_ns()
    for _ in range(calls):
        work()
    return (thread_time_ns() - start) / calls / NANOSECONDS_PER_MICROSECOND


def side_by_side(
    works: Mapping[str, Work],
    *,
    rounds: int,
    seconds: float,
) -> dict[str, float]:
    """Time all `works` in turns, and return the best of each one's rounds.

    Whatever else the machine does can only add to a time, so the best is nearest to the truth.

    Args:
        works: What to time, by name.
        rounds: How many turns.
        seconds: About how long one work's turn takes.

    Returns:
        Microseconds a call, by name.
    """
    calls = {name: _calls_in(work, seconds) for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    for turn in range(rounds):
        order = list(works) if turn % 2 == 0 else list(works)[::-1]
        for name in order:
            times[name].append(_per_call(works[name], calls[name]))
    return {name: min(values) for name, values in times.items()}


def each_call(work: Work, seconds: float) -> list[float]:
    """Return the microseconds of each of the calls of `work` in about so many seconds."""
    return [_per_call(work, 1) for _ in range(_calls_in(work, seconds))]


def _calls_in(work: Work, seconds: float) -> int:
    work()
    once = _per_call(work, 3)
    return max(3, int(seconds * 1_000_000 / max(once, 0.01)))
