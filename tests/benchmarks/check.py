"""The check alone, against a loop that reads the type of each message."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.clock import side_by_side
from tests.benchmarks.histories import SHAPES, agent
from tests.benchmarks.table import note, show
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

LENGTHS = (10, 100, 1_000, 10_000)
BUDGET, AIM = 5, 3


def bare_loop(messages: list[BaseMessage]) -> None:
    """The least that any check could do."""
    for message in messages:
        message.type  # noqa: B018 - the read is what is measured


def run(rounds: int = 9, seconds: float = 0.02, lengths: Sequence[int] = LENGTHS) -> None:
    """Print ratios for each profile, then for each shape of history."""

    def row(
        name: str, profile: str, history: Callable[[int], list[BaseMessage]]
    ) -> tuple[str, ...]:
        return (name, *(_ratio(profile, history(n), rounds, seconds) for n in lengths))

    show(
        "check / bare loop over message.type, agent history",
        ("profile", *map(str, lengths)),
        [row(name, name, agent) for name in PROFILES],
    )
    note(f"Budget: at most {BUDGET} at 100 messages and more; {AIM} is the aim.")
    show(
        "the same for other histories, profile openai-chat",
        ("history", *map(str, lengths)),
        [row(name, "openai-chat", make) for name, make in SHAPES.items()],
    )
    note("The budget is for sound histories. A broken one pays for its report.")


def _ratio(profile: str, messages: list[BaseMessage], rounds: int, seconds: float) -> str:
    times = side_by_side(
        {
            "bare": partial(bare_loop, messages),
            "check": partial(check, messages, PROFILES[profile], only_fresh=True),
        },
        rounds=rounds,
        seconds=seconds,
    )
    return f"{times['check'] / times['bare']:.1f}"
