"""Print the tables: `python -m tests.benchmarks [check] [handler] [imports] [feedback] …`."""

from __future__ import annotations

import argparse

from tests.benchmarks import check, feedback, handler, imports, memory

TABLES = {
    "check": check.run,
    "handler": handler.run,
    "imports": imports.run,
    "feedback": feedback.run,
    "memory": memory.run,
}


def main() -> None:
    """Print the tables that are asked for, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--requests", type=int, default=200_000, help="for `memory`")
    asked = parser.parse_args()
    for name in asked.tables or TABLES:
        if name == "memory":
            memory.run(asked.requests)
        else:
            TABLES[name]()


if __name__ == "__main__":
    main()
