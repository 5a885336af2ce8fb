"""Print what everything costs: `python -m tests.benchmarks`; or a table of it, by name."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import (
    agents,
    check,
    feedback,
    handler,
    imports,
    memory,
    page,
    picture,
    steps,
    stored,
    summary,
    threads,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLES: Mapping[str, Callable[..., None]] = {
    "agents": agents.run,
    "check": check.run,
    "handler": handler.run,
    "imports": imports.run,
    "feedback": feedback.run,
    "memory": memory.run,
    "steps": steps.run,
    "stored": stored.run,
    "threads": threads.run,
}
# Enough to see that a table still comes out, and nothing to learn from it.
BRIEF: Mapping[str, dict[str, Any]] = {
    "agents": {"rounds": 1, "steps": 20},
    "check": {"rounds": 1, "seconds": 0.0, "lengths": (10, 100)},
    "handler": {"rounds": 1, "seconds": 0.0},
    "imports": {"rounds": 1, "bases": imports.BASES[:1]},
    "feedback": {"rounds": 1, "calls": 3},
    "memory": {"requests": 80},
    "steps": {"rounds": 1, "seconds": 0.0, "threads": 2},
    "stored": {"rounds": 1, "seconds": 0.0, "number": 16},
    "threads": {"rounds": 1, "threads": 20},
}


def main() -> int:
    """Print what is asked for; return 1 where budgets are to be kept and are not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "tables", nargs="*", choices=[*TABLES, []], help="default: every budget with its figure"
    )
    parser.add_argument("--requests", type=int, default=200_000, help="for `memory`")
    parser.add_argument("--threads", type=int, default=threads.THREADS, help="for `threads`")
    parser.add_argument("--brief", action="store_true", help="only show that all of them run")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a budget is not kept")
    parser.add_argument("--picture", type=Path, help="draw the figures into this file")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    asked = parser.parse_args()
    full = {"memory": {"requests": asked.requests}, "threads": {"threads": asked.threads}}
    names = asked.tables or (TABLES if asked.brief else ())
    for name in names:
        TABLES[name](**(BRIEF if asked.brief else full).get(name, {}))
    if asked.tables:
        return 0
    figures = summary.run(summary.BRIEF if asked.brief else None)
    if asked.picture:
        asked.picture.write_text(picture.draw(figures), encoding="utf-8")
    if asked.page:
        page.refresh(asked.page, figures)
    return int(asked.check and bool(figures.exceeded))


if __name__ == "__main__":
    sys.exit(main())
