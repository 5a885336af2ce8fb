"""An agent that goes on for 200 steps after one of its calls was never answered."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from time import thread_time_ns
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

from tests.benchmarks import budgets
from tests.benchmarks.handler import NO_OP, OURS
from tests.benchmarks.histories import TEXT, call, result
from tests.benchmarks.peers import VARIANTS, MuteModel
from tests.benchmarks.table import note, show

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

STEPS = 200
OPEN_STEP = 10
SHOWN = 20


@dataclass(frozen=True)
class Agents:
    """Microseconds that our handler adds to each step of an agent, beside a no-op handler.

    Attributes:
        clean: Where every call has its result.
        broken: Where the call of one early step has none.
    """

    clean: list[float]
    broken: list[float]

    @property
    def ratio(self) -> float:
        """What the broken agent costs in all, times the clean one."""
        return sum(self.broken) / sum(self.clean)


def measure(rounds: int, steps: int = STEPS) -> Agents:
    """Let the agents run in turns, and take the best time of each step."""
    runs = {"base": (NO_OP, False), "clean": (OURS, False), "broken": (OURS, True)}
    best: dict[str, list[float]] = {name: [float("inf")] * steps for name in runs}
    logging.disable(logging.CRITICAL)
    with ExitStack() as stack:
        handlers = {name: stack.enter_context(VARIANTS[name]()) for name in (NO_OP, OURS)}
        for _ in range(rounds):
            for name, (variant, breaks) in runs.items():
                times = _step_times(handlers[variant], steps, breaks=breaks)
                best[name] = list(map(min, best[name], times))
    logging.disable(logging.NOTSET)
    return Agents(*(_beside(best[name], best["base"]) for name in ("clean", "broken")))


def run(rounds: int = 5, steps: int = STEPS) -> None:
    """Print the sums of every so many steps."""
    agents = measure(rounds, steps)
    starts = range(0, steps, SHOWN)
    sums = [
        (each, sum(agents.clean[each : each + SHOWN]), sum(agents.broken[each : each + SHOWN]))
        for each in starts
    ]
    show(
        f"an agent with one open call, microseconds that {SHOWN} steps cost more",
        ("from step", "clean", "broken", "ratio"),
        [
            (at, f"{clean:.0f}", f"{broken:.0f}", f"{broken / clean:.1f}")
            for at, clean, broken in sums
        ],
    )
    note(f"In all {agents.ratio:.1f} times. Budget: at most {budgets.OPEN_CALL.limit}.")


def _step_times(handlers: list[Any], steps: int, *, breaks: bool) -> list[float]:
    model = MuteModel(model="gpt-4o-mini", api_key="test")
    config: Any = {"callbacks": handlers}
    messages: list[BaseMessage] = [HumanMessage(TEXT)]
    times = []
    for step in range(steps):
        start = thread_time_ns()
        model.invoke(messages, config)
        times.append((thread_time_ns() - start) / 1_000)
        messages.append(call(f"call_{step}"))
        if not (breaks and step == OPEN_STEP):
            messages.append(result(f"call_{step}"))
    return times


def _beside(times: list[float], base: list[float]) -> list[float]:
    return [time - less for time, less in zip(times, base, strict=True)]
