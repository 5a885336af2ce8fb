"""Print the tables: `python -m tests.benchmarks [check] [handler] [imports] [feedback] …`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tests.benchmarks import check, feedback, handler, imports, memory, steps, stored, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLES: Mapping[str, Callable[..., None]] = {
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
    "check": {"rounds": 1, "seconds": 0.0, "lengths": (10, 100)},
    "handler": {"rounds": 1, "seconds": 0.0},
    "imports": {"rounds": 1},
    "feedback": {"rounds": 1, "calls": 3},
    "memory": {"requests": 80},
    "steps": {"rounds": 1, "seconds": 0.0, "threads": 2},
    "stored": {"rounds": 1, "seconds": 0.0, "number": 16},
    "threads": {"rounds": 1, "threads": 20},
}


def main() -> None:
    """Print the tables that are asked for, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--requests", type=int, default=200_000, help="for `memory`")
    parser.add_argument("--threads", type=int, default=threads.THREADS, help="for `threads`")
    parser.add_argument("--brief", action="store_true", help="only show that they run")
    asked = parser.parse_args()
    full = {"memory": {"requests": asked.requests}, "threads": {"threads": asked.threads}}
    for name in asked.tables or TABLES:
        TABLES[name](**(BRIEF if asked.brief else full).get(name, {}))


if __name__ == "__main__":
    main()
