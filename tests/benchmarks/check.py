"""The check alone, against a loop that reads the type of each message."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks import budgets
from tests.benchmarks.clock import side_by_side
from tests.benchmarks.histories import BREAKS, SHAPES, agent
from tests.benchmarks.table import note, show
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

LENGTHS = (10, 100, 1_000, 10_000)


def bare_loop(messages: list[BaseMessage]) -> None:
    """The least that any check could do."""
    for message in messages:
        message.type  # noqa: B018 - the read is what is measured


def run(rounds: int = 9, seconds: float = 0.02, lengths: Sequence[int] = LENGTHS) -> None:
    """Print ratios for each profile, then for each shape of history."""

    def row(
        name: str, profile: str, history: Callable[[int], list[BaseMessage]]
    ) -> tuple[str, ...]:
        ratios = (
            times_bare_loop(history(n), checking(profile), rounds=rounds, seconds=seconds)
            for n in lengths
        )
        return (name, *(f"{ratio:.1f}" for ratio in ratios))

    show(
        "check / bare loop over message.type, agent history",
        ("profile", *map(str, lengths)),
        [row(name, name, agent) for name in PROFILES],
    )
    note(
        f"Budget: at most {budgets.CHECK.limit} at 100 messages and more; "
        f"{budgets.CHECK.aim} is the aim."
    )
    show(
        "the same for other histories, profile openai-chat",
        ("history", *map(str, lengths)),
        [row(name, "openai-chat", make) for name, make in SHAPES.items()],
    )
    show(
        "the same for one breach in an agent's history",
        ("breach", *map(str, lengths)),
        [row(name, profile, make) for name, (profile, make) in BREAKS.items()],
    )
    note(f"Budget: at most {budgets.BROKEN.limit} at 1,000 messages.")


def checking(profile: str) -> Callable[[list[BaseMessage]], object]:
    """Return the check as a handler makes it."""
    return partial(check, profile=PROFILES[profile], only_fresh=True)


def times_bare_loop(
    messages: list[BaseMessage],
    work: Callable[[list[BaseMessage]], object],
    *,
    rounds: int,
    seconds: float,
) -> float:
    """Return what `work` takes, times the bare loop over the same messages."""
    times = side_by_side(
        {"bare": partial(bare_loop, messages), "work": partial(work, messages)},
        rounds=rounds,
        seconds=seconds,
    )
    return times["work"] / times["bare"]
