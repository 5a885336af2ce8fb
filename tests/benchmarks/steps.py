"""A run of an agent whose steps are listened to, and what is kept of its thread."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from langchain.agents import create_agent

from tests.benchmarks.clock import side_by_side
from tests.benchmarks.table import note, show
from tests.steps.app import App
from tests.steps.middleware import Watcher
from toolpair_observe import ToolPairHandler
from toolpair_observe.option_values import BlameMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODEL_STEPS = 6
UNHEARD = 'blame="off"'
HEARD = 'blame="steps"'
HANDLERS: Mapping[str, Callable[[], ToolPairHandler | None]] = {
    "no handler": lambda: None,
    **{
        f'blame="{mode}"': partial(ToolPairHandler, blame=mode, feedback="off")
        for mode in get_args(BlameMode)
    },
}
THREADS = 200


def run(rounds: int = 25, seconds: float = 0.2, threads: int = THREADS) -> None:
    """Print microseconds a run of an agent, what listening adds, and the bytes a thread."""
    logging.disable(logging.CRITICAL)
    times = run_times(HANDLERS, rounds=rounds, seconds=seconds)
    base = times[UNHEARD]
    rows = []
    for name, make in HANDLERS.items():
        share = f"{times[name] / base - 1:+.1%}"
        handler = make()
        kept = f"{_bytes_a_thread(handler, threads):,.0f}" if handler is not None else ""
        rows.append((name, f"{times[name]:,.0f}", share, kept))
    logging.disable(logging.NOTSET)
    show(
        f"an agent's run of {MODEL_STEPS} requests, microseconds",
        ("handler", "a run", f"beside {UNHEARD}", "bytes kept of a thread"),
        rows,
    )
    note("The bytes are those that this package allocated and holds once the runs have ended.")


def run_times(
    handlers: Mapping[str, Callable[[], ToolPairHandler | None]], *, rounds: int, seconds: float
) -> dict[str, float]:
    """Return the microseconds of an agent's run under each handler."""
    works = {name: _agent_run(make()) for name, make in handlers.items()}
    return side_by_side(works, rounds=rounds, seconds=seconds)


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
