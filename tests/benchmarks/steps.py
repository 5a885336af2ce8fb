"""A run of an agent whose steps are listened to, and what is kept of its thread."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from typing import TYPE_CHECKING, Any, get_args

from langchain.agents import create_agent

from tests.benchmarks.clock import side_by_side
from tests.benchmarks.table import note, show
from tests.steps.app import App
from tests.steps.middleware import Watcher
from toolpair_observe import ToolPairHandler
from toolpair_observe.option_values import BlameMode

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL_STEPS = 6
NO_HANDLER = "no handler"
THREADS = 200


def run(rounds: int = 25, seconds: float = 0.2, threads: int = THREADS) -> None:
    """Print microseconds a run of an agent, what listening adds, and the bytes a thread."""
    logging.disable(logging.CRITICAL)
    handlers: dict[str, ToolPairHandler | None] = {NO_HANDLER: None}
    for mode in get_args(BlameMode):
        handlers[f'blame="{mode}"'] = ToolPairHandler(blame=mode, feedback="off")
    times = side_by_side(
        {name: _agent_run(handler) for name, handler in handlers.items()},
        rounds=rounds,
        seconds=seconds,
    )
    base = times['blame="off"']
    rows = []
    for name, handler in handlers.items():
        share = f"{times[name] / base - 1:+.1%}"
        kept = f"{_bytes_a_thread(handler, threads):,.0f}" if handler is not None else ""
        rows.append((name, f"{times[name]:,.0f}", share, kept))
    logging.disable(logging.NOTSET)
    show(
        f"an agent's run of {MODEL_STEPS} requests, microseconds",
        ("handler", "a run", 'beside blame="off"', "bytes kept of a thread"),
        rows,
    )
    note("The bytes are those that this package allocated and holds once the runs have ended.")


def _agent_run(handler: ToolPairHandler | None) -> Callable[[], object]:
    app = App()
    graph = create_agent(app.model(), [app.weather()], middleware=[Watcher()])
    callbacks = [] if handler is None else [handler]

    def one(thread_id: str = "thread") -> object:
        app.expect(*(app.calls("weather") for _ in range(MODEL_STEPS - 1)), "Fine.")
        config: Any = {"callbacks": callbacks, "metadata": {"thread_id": thread_id}}
        return graph.invoke({"messages": [("human", "Go on")]}, config)

    return one


def _bytes_a_thread(handler: ToolPairHandler, threads: int) -> float:
    """Run an agent in as many threads, and see what is left of each."""
    one: Any = _agent_run(handler)
    one("warm")
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for number in range(threads):
        one(f"thread {number}")
    gc.collect()
    grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    tracemalloc.stop()
    own = sum(each.size_diff for each in grown if "toolpair_observe/" in str(each.traceback))
    return own / threads
