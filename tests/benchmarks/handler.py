"""A model call with our handler, with none, and with the peers'."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.benchmarks.clock import side_by_side
from tests.benchmarks.histories import agent
from tests.benchmarks.peers import CONTENT_FREE, VARIANTS, MuteModel
from tests.benchmarks.table import note, show

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

LENGTHS = (10, 100, 1_000)
SHARE_OF_PEER = {10: 1 / 6, 100: 1 / 5, 1_000: 1.0}
SHARE_OF_TRACER = 1 / 40
OURS = "ours"
TRACER = "LangChainTracer, no-op client"


def run(rounds: int = 25, seconds: float = 0.03) -> None:
    """Print microseconds a call, what each handler adds to a no-op one, and the budgets."""
    logging.disable(logging.CRITICAL)
    times: dict[int, dict[str, float]] = {}
    missing: set[str] = set()
    for length in LENGTHS:
        times[length] = _times(agent(length), rounds, seconds, missing)
    logging.disable(logging.NOTSET)
    names = [name for name in VARIANTS if name not in missing]
    show(
        "model call, microseconds (ratio to no handler; added to a no-op handler)",
        ("handler", *(f"{length} messages" for length in LENGTHS)),
        [(name, *(_cell(times[length], name) for length in LENGTHS)) for name in names],
    )
    _show_budgets(times)
    if missing:
        note(f"Not installed here: {', '.join(sorted(missing))}.")


def _times(
    messages: list[BaseMessage], rounds: int, seconds: float, missing: set[str]
) -> dict[str, float]:
    """Time every variant; each has its own turn with the no-op handler, as its yardstick."""
    times: dict[str, float] = {}
    yardstick: list[float] = []
    for name in VARIANTS:
        try:
            pair = _against_no_op(name, messages, rounds, seconds)
        except ImportError:
            missing.add(name)
            continue
        yardstick.append(pair["no-op handler"])
        times[name] = pair[name] / pair["no-op handler"]
    no_op = min(yardstick)
    return {name: ratio * no_op for name, ratio in times.items()}


def _against_no_op(
    name: str, messages: list[BaseMessage], rounds: int, seconds: float
) -> dict[str, float]:
    """Alternate between the variant and the no-op handler, a fresh start of it each round."""
    samples: dict[str, list[float]] = {"no-op handler": [], name: []}
    for _ in range(rounds):
        for one in dict.fromkeys(("no-op handler", name)):
            with ExitStack() as stack:
                handlers = stack.enter_context(VARIANTS[one]())
                model = MuteModel(model="gpt-4o-mini", api_key="test")
                config = {"callbacks": handlers}
                took = side_by_side(
                    {one: lambda: model.invoke(messages, config)},  # noqa: B023 - used at once
                    rounds=1,
                    seconds=seconds,
                )
            samples[one].append(took[one])
    return {one: min(values) for one, values in samples.items()}


def _cell(times: dict[str, float], name: str) -> str:
    added = times[name] - times["no-op handler"]
    return f"{times[name]:.0f} ({times[name] / times['no handler']:.2f}; {added:+.0f})"


def _show_budgets(times: dict[int, dict[str, float]]) -> None:
    rows = []
    for length, of in times.items():
        added = {name: time - of["no-op handler"] for name, time in of.items()}
        peers = [added[name] for name in CONTENT_FREE if name in added]
        if peers:
            rows.append((length, "cheapest content-free peer", added[OURS] / min(peers),
                         SHARE_OF_PEER[length]))  # fmt: skip
        if length > LENGTHS[0]:
            rows.append((length, TRACER, added[OURS] / added[TRACER], SHARE_OF_TRACER))
    show(
        "what ours adds, as a share of what a peer adds",
        ("messages", "peer", "share", "budget", "kept"),
        [
            (length, peer, f"{share:.3f}", f"{budget:.3f}", "yes" if share <= budget else "NO")
            for length, peer, share, budget in rows
        ],
    )
