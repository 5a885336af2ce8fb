"""What everything may cost: the budgets of the benchmarks, and the limits of the gate on counts.

Each stands here once. Budgets are ratios within one process wherever that is possible, so they hold
on any machine; whether one is kept is told by `python -m tests.benchmarks`, and fails no test.
What can be counted fails `tests/test_counted_work.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Budget:
    """What something may cost.

    Attributes:
        limit: The most that it may cost; None for what is only shown.
        aim: What it should come to in the end, where that is less than the limit.
        is_least: Whether the limit is the least instead: of a speed, not of a cost.
    """

    limit: float | None
    aim: float | None = None
    is_least: bool = False

    def is_kept(self, value: float) -> bool:
        """Whether `value` is within the limit."""
        if self.limit is None:
            return True
        return value >= self.limit if self.is_least else value <= self.limit

    def verdict(self, value: float) -> str:
        """Say whether `value` is within the limit, as a table does."""
        return "yes" if self.is_kept(value) else "NO"


# What a sound request adds to a no-op handler, as a share of what the cheapest peer adds that
# records no content either; by the number of messages.
SHARE_OF_PEER: Final = {10: Budget(1 / 5, 1 / 6), 100: Budget(0.3, 1 / 4), 1_000: Budget(1, 0.9)}
# The same as a share of what a LangChainTracer adds, at 100 messages and more.
SHARE_OF_TRACER: Final = Budget(1 / 40)
# An agent of 200 steps with one call that nobody answered, times the same agent without it.
OPEN_CALL: Final = Budget(3)
# Times a bare loop over `message.type`, at 1,000 messages.
CHECK: Final = Budget(5, 3)
CHECK_MESSAGES: Final = Budget(7)
BROKEN: Final = Budget(50)
# KB that a near miss in flight keeps, at 100 messages.
KEPT_KB: Final = Budget(5)
# Milliseconds of CPU to import the handler, beyond what it imports of others.
IMPORT_MS: Final = Budget(60)
# The speed of reading and judging JSON Lines, as a share of a parser's alone.
STORED_SHARE: Final = {"orjson": Budget(0.5, is_least=True), "json": Budget(0.6, is_least=True)}
BROKEN_STORED_SHARE: Final = Budget(0.3, is_least=True)
STORED_MB_PER_SECOND: Final = Budget(100, is_least=True)
# A diagnosis of stored threads, times the bare read of their heads, and MB at most.
THREADS: Final = Budget(2)
THREADS_PEAK_MB: Final = Budget(300)
# An agent's run whose steps are listened to, times the same run without.
STEPS: Final = Budget(None)


# The gate on counts: what was counted, and about an eighth for other versions of Python and of
# langchain-core. Calls are those of this package's functions and those that they make.
SOUND_CALLS: Final = 135
"""Calls of a sound request of 10 messages."""
SOUND_CALLS_A_MESSAGE: Final = 1.0
"""And with each message more."""
SOUND_TELEMETRY_CALLS: Final = 2
"""Calls of OpenTelemetry for a sound request."""
NEAR_MISS_CALLS: Final = 1_150
"""Calls of a near miss of 10 messages."""
NEAR_MISS_CALLS_A_MESSAGE: Final = 5.0
"""And with each message more, which is looked at to be left out."""
NEAR_MISS_TELEMETRY_CALLS: Final = 25
"""Calls of OpenTelemetry for a near miss."""
SOUND_KEPT_KB: Final = 0.75
"""KB that a sound request in flight keeps, at 100 messages."""
NEAR_MISS_KEPT_KB: Final = 2.8
"""The same of a near miss."""
