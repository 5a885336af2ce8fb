"""Every budget with its figure, from one run of a few minutes."""

from __future__ import annotations

import gc
import logging
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING

from tests.benchmarks import (
    agents,
    budgets,
    handler,
    histories,
    imports,
    steps,
    stored,
    threads,
)
from tests.benchmarks.check import checking, times_bare_loop
from tests.benchmarks.counted import kept_in_flight
from tests.benchmarks.histories import BREAKS, agent
from tests.benchmarks.peers import CONTENT_FREE, telemetry
from tests.benchmarks.table import note, show
from toolpair_observe import ToolPairHandler, check_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.agents import Agents
    from tests.benchmarks.budgets import Budget

HEADER = ("what", "figure", "budget", "aim", "kept")
LENGTHS = (10, 30, 100, 300, 1_000)
LONG = 1_000
SHORT = 100
VARIANTS = (handler.NO_OP, handler.OURS, *CONTENT_FREE)
GEMINI = ("google-genai", "google-vertexai")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: Turns of whatever is timed in turns.
        seconds: About how long a turn takes.
        imports: Fresh interpreters with and without the handler.
        rows: Rows of a file.
        threads: Stored threads of a database.
        steps: Steps of an agent.
        lengths: Messages of the requests beside the peers.
    """

    rounds: int = 9
    seconds: float = 0.03
    imports: int = 7
    rows: int = 400
    threads: int = 3_000
    steps: int = agents.STEPS
    lengths: tuple[int, ...] = LENGTHS


BRIEF = Effort(rounds=1, seconds=0.0, imports=1, rows=8, threads=10, steps=12, lengths=(10, 30))


@dataclass(frozen=True, slots=True)
class Line:
    """One figure and its budget; None where it can't be measured here."""

    what: str
    figure: float | None
    budget: Budget

    @property
    def is_kept(self) -> bool:
        """Whether the figure is within its budget, or not known."""
        return self.figure is None or self.budget.is_kept(self.figure)

    def cells(self) -> tuple[str, ...]:
        """Return it as a row under `HEADER`."""
        limit, aim = self.budget.limit, self.budget.aim
        least = "at least " if self.budget.is_least else ""
        verdict = "" if limit is None else self.budget.verdict(self.figure or 0.0)
        return (
            self.what,
            "not here" if self.figure is None else f"{self.figure:.3g}",
            "" if limit is None else f"{least}{limit:.3g}",
            "" if aim is None else f"{aim:.3g}",
            "" if self.figure is None else verdict,
        )


@dataclass(slots=True)
class Figures:
    """What one run has measured.

    Attributes:
        lines: Every budget with its figure.
        added: What each variant adds to a no-op handler, in microseconds, by messages.
        agents: The clean and the broken agent.
    """

    added: dict[int, dict[str, float]]
    agents: Agents
    lines: list[Line] = field(default_factory=list)

    @property
    def exceeded(self) -> list[Line]:
        """The lines whose budget is not kept."""
        return [line for line in self.lines if not line.is_kept]


def run(effort: Effort | None = None) -> Figures:
    """Measure everything, print the table, and return the figures."""
    effort = effort or Effort()
    # What was imported stays, and the collector need not look at it again and again.
    gc.freeze()
    logging.disable(logging.CRITICAL)
    _tell("requests beside the peers")
    times = {
        length: handler.call_times(VARIANTS, agent(length), effort.rounds, effort.seconds)
        for length in effort.lengths
    }
    _tell("an agent with an open call")
    pair = agents.measure(max(1, effort.rounds // 2), effort.steps)
    figures = Figures({length: handler.added(each) for length, each in times.items()}, pair)
    parts: dict[str, Callable[[], Iterator[Line]]] = {
        "shares of the peers": lambda: _beside_peers(times, pair),
        "checks beside the bare loop": lambda: _beside_bare_loop(effort),
        "what is kept": _kept,
        "imports": lambda: _imports(effort),
        "stored rows": lambda: _stored(effort),
        "stored threads": lambda: _threads(effort),
        "agents whose steps are heard": lambda: _heard(effort),
    }
    for title, part in parts.items():
        _tell(title)
        logging.disable(logging.CRITICAL)
        figures.lines += part()
    logging.disable(logging.NOTSET)
    _print(figures)
    return figures


def _print(figures: Figures) -> None:
    show("what it costs", HEADER, [line.cells() for line in figures.lines])
    missing = [name for name in CONTENT_FREE if name not in figures.added[min(figures.added)]]
    if missing:
        note(f"Not installed here: {', '.join(missing)}.")
    exceeded = figures.exceeded
    for line in exceeded:
        note(f"Budget not kept: {line.what}, {line.figure:.3g} instead of {line.budget.limit:.3g}.")
    note(
        f"{len(exceeded)} of {len(figures.lines)} not kept."
        if exceeded
        else "Every budget is kept."
    )


def _beside_peers(times: dict[int, dict[str, float]], pair: Agents) -> Iterator[Line]:
    for length, budget in budgets.SHARE_OF_PEER.items():
        share = handler.share_of_peer(times[length]) if length in times else None
        what = f"a sound request of {length:,} messages, share of the cheapest peer"
        yield Line(what, share, budget)
    what = "an agent of 200 steps with one open call, times the same without"
    yield Line(what, pair.ratio, budgets.OPEN_CALL)


def _beside_bare_loop(effort: Effort) -> Iterator[Line]:
    time = partial(times_bare_loop, rounds=effort.rounds, seconds=effort.seconds)
    of = f"of {LONG:,} messages, times the bare loop"
    for name, make in {"an agent": agent, "two calls at once": histories.two_calls}.items():
        history = make(LONG)
        yield Line(f"`check`, {name}, {of}", time(history, checking("openai-chat")), budgets.CHECK)
        figure = time(history, partial(check_messages, profile="openai-chat"))
        yield Line(f"`check_messages`, {name}, {of}", figure, budgets.CHECK_MESSAGES)
    for profile in GEMINI:
        figure = time(histories.shuffled(LONG), checking(profile))
        yield Line(f"`check`, results in another order, {profile}, {of}", figure, budgets.CHECK)
    for name, (profile, make) in BREAKS.items():
        figure = time(make(LONG), partial(check_messages, profile=profile))
        yield Line(f"{name}, {of}", figure, budgets.BROKEN)


def _kept() -> Iterator[Line]:
    made = ToolPairHandler(feedback="off", **telemetry())
    figure = kept_in_flight(made, histories.dangling(SHORT)) / 1_024
    made.close()
    yield Line(f"KB that a near miss in flight keeps, {SHORT} messages", figure, budgets.KEPT_KB)


def _imports(effort: Effort) -> Iterator[Line]:
    figure = imports.handler_cpu(effort.imports)
    yield Line("importing `ToolPairHandler`, ms of CPU beside others", figure, budgets.IMPORT_MS)


def _stored(effort: Effort) -> Iterator[Line]:
    parser = stored.fastest()
    rounds, seconds = max(1, effort.rounds // 2), effort.seconds * 5
    speeds: dict[str, stored.Speed] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        for form in stored.FORMS if parser else ():
            stored.write(path, form, number=effort.rows)
            speeds[form] = stored.speed_of(path, parser, rounds=rounds, seconds=seconds)
    for form, rows in stored.ROWS_ARE.items():
        share = speeds[form].share if form in speeds else None
        yield Line(
            f"JSON Lines, {rows}, share of orjson's speed", share, budgets.STORED_SHARE["orjson"]
        )
    speed = speeds["long"].mb_per_second if "long" in speeds else None
    what = f"JSON Lines, {stored.ROWS_ARE['long']}, MB in a second of CPU"
    yield Line(what, speed, budgets.STORED_MB_PER_SECOND)


def _threads(effort: Effort) -> Iterator[Line]:
    with threads.databases(effort.threads) as found:
        for name, (url, bare) in found.items():
            best = threads.best_times(url, bare, min(3, effort.rounds))
            ratio = best["diagnosis"] / best["bare"]
            what = f"diagnosis of {effort.threads:,} threads in {name}, times the bare read"
            yield Line(what, ratio, budgets.THREADS)


def _heard(effort: Effort) -> Iterator[Line]:
    compared = {name: steps.HANDLERS[name] for name in (steps.UNHEARD, steps.HEARD)}
    times = steps.run_times(compared, rounds=effort.rounds, seconds=effort.seconds * 5)
    ratio = times[steps.HEARD] / times[steps.UNHEARD]
    yield Line("an agent whose steps are heard, times one whose are not", ratio, budgets.STEPS)


def _tell(title: str) -> None:
    print(f"{process_time():.0f} s of CPU, next: {title}", file=sys.stderr, flush=True)  # noqa: T201 - takes minutes
