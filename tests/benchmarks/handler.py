"""A model call with our handler, with none, and with the peers'."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.benchmarks import budgets
from tests.benchmarks.clock import each_call
from tests.benchmarks.histories import agent
from tests.benchmarks.peers import CONTENT_FREE, VARIANTS, MuteModel
from tests.benchmarks.table import note, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_core.messages import BaseMessage

LENGTHS = (10, 100, 1_000)
NO_OP = "no-op handler"
OURS = "ours"
TRACER = "LangChainTracer, no-op client"
# Of the calls of a variant, so many are taken to have been disturbed by nothing.
UNDISTURBED = 1 / 20


def run(rounds: int = 12, seconds: float = 0.03) -> None:
    """Print microseconds a call, what each handler adds to a no-op one, and the budgets."""
    logging.disable(logging.CRITICAL)
    times = {length: call_times(VARIANTS, agent(length), rounds, seconds) for length in LENGTHS}
    logging.disable(logging.NOTSET)
    names = [name for name in VARIANTS if name in times[LENGTHS[0]]]
    show(
        "model call, microseconds (ratio to no handler; added to a no-op handler)",
        ("handler", *(f"{length} messages" for length in LENGTHS)),
        [(name, *(_cell(times[length], name) for length in LENGTHS)) for name in names],
    )
    _show_budgets(times)
    missing = sorted(set(VARIANTS) - set(names))
    if missing:
        note(f"Not installed here: {', '.join(missing)}.")


def call_times(
    names: Iterable[str], messages: list[BaseMessage], rounds: int, seconds: float
) -> dict[str, float]:
    """Time a model call under each variant, in turns and each turn with a fresh start of it.

    Args:
        names: The variants; one whose package is not installed is left out.
        messages: What the model is asked.
        rounds: How many turns.
        seconds: About how long one variant's turn takes.

    Returns:
        Microseconds of a call that nothing disturbed, by variant.
    """
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in list(samples) if turn % 2 == 0 else list(samples)[::-1]:
            try:
                samples[name] += _one_turn(name, messages, seconds)
            except ImportError:
                del samples[name]
    return {
        name: sorted(values)[int(len(values) * UNDISTURBED)] for name, values in samples.items()
    }


def _one_turn(name: str, messages: list[BaseMessage], seconds: float) -> list[float]:
    with ExitStack() as stack:
        handlers = stack.enter_context(VARIANTS[name]())
        model = MuteModel(model="gpt-4o-mini", api_key="test")
        config = {"callbacks": handlers}
        return each_call(lambda: model.invoke(messages, config), seconds)


def added(times: Mapping[str, float]) -> dict[str, float]:
    """Return what each variant adds to a call with a no-op handler."""
    return {name: time - times[NO_OP] for name, time in times.items() if name != NO_OP}


def share_of_peer(times: Mapping[str, float]) -> float | None:
    """Return what ours adds as a share of what the cheapest peer adds; None without any peer."""
    adds = added(times)
    peers = [adds[name] for name in CONTENT_FREE if name in adds]
    return adds[OURS] / min(peers) if peers else None


def _cell(times: dict[str, float], name: str) -> str:
    adds = times[name] - times[NO_OP]
    return f"{times[name]:.0f} ({times[name] / times['no handler']:.2f}; {adds:+.0f})"


def _show_budgets(times: dict[int, dict[str, float]]) -> None:
    rows = []
    for length, of in times.items():
        share = share_of_peer(of)
        if share is not None:
            budget = budgets.SHARE_OF_PEER[length]
            rows.append((length, "cheapest content-free peer", share, budget))
        if length > LENGTHS[0]:
            share = added(of)[OURS] / added(of)[TRACER]
            rows.append((length, TRACER, share, budgets.SHARE_OF_TRACER))
    show(
        "what ours adds, as a share of what a peer adds",
        ("messages", "peer", "share", "budget", "kept"),
        [
            (length, peer, f"{share:.3f}", f"{budget.limit:.3g}", budget.verdict(share))
            for length, peer, share, budget in rows
        ],
    )
