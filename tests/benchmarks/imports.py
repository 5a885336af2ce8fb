"""What importing the package costs beyond what a LangChain application imports anyway."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.benchmarks import budgets
from tests.benchmarks.table import note, show

if TYPE_CHECKING:
    from collections.abc import Sequence

BASES = (
    (
        "langchain_core.callbacks and opentelemetry",
        "import langchain_core.callbacks, opentelemetry.trace, opentelemetry.metrics",
    ),
    (
        "what any application has that calls a chat model",
        "import langchain_core.language_models.chat_models, langchain_core.messages, "
        "opentelemetry.trace, opentelemetry.metrics",
    ),
)
IMPORTS = {
    "import toolpair_observe": "import toolpair_observe",
    "check_messages": "from toolpair_observe import check_messages",
    "ToolPairHandler": "from toolpair_observe import ToolPairHandler",
    "a handler, ready": (
        "from toolpair_observe import ToolPairHandler; ToolPairHandler(feedback='off')"
    ),
    "a handler with feedback, ready": (
        "from toolpair_observe import ToolPairHandler; ToolPairHandler()"
    ),
    "opentelemetry.sdk (for comparison)": "import opentelemetry.sdk.trace",
    "langsmith.Client (for comparison)": "from langsmith import Client",
}
# What the handler needs of others: its CPU is not ours.
NEEDED = (
    "import asyncio, logging, langchain_core.callbacks, langchain_core.exceptions, "
    "langchain_core.messages, langchain_core.outputs, opentelemetry._logs, opentelemetry.metrics, "
    "opentelemetry.trace"
)
HANDLER = f"{NEEDED}; from toolpair_observe import ToolPairHandler"
OWN_CPU = "import time; print(1000 * time.process_time())"
SCRIPT = """
from time import perf_counter
{base}
start = perf_counter()
{work}
print(1000 * (perf_counter() - start))
"""


def run(rounds: int = 7, bases: Sequence[tuple[str, str]] = BASES) -> None:
    """Print milliseconds in a fresh interpreter, after each base has been imported."""
    for title, base in bases:
        rows = []
        for name, work in IMPORTS.items():
            times = [_milliseconds(base, work) for _ in range(rounds)]
            rows.append((name, f"{statistics.median(times):.1f}", f"{min(times):.1f}"))
        show(f"import, ms after {title}", ("what", "median", "best"), rows)
    note(
        f"ToolPairHandler: {handler_cpu(rounds):.0f} ms of CPU beyond what it needs of others. "
        f"Budget: {budgets.IMPORT_MS.limit} ms."
    )


def handler_cpu(rounds: int) -> float:
    """Return the milliseconds of CPU to import the handler beyond what it needs of others."""
    whole, needed = [], []
    for _ in range(rounds):
        whole.append(_told_by(f"{HANDLER}; {OWN_CPU}"))
        needed.append(_told_by(f"{NEEDED}; {OWN_CPU}"))
    return min(whole) - min(needed)


def _milliseconds(base: str, work: str) -> float:
    return _told_by(SCRIPT.format(base=base, work=work))


def _told_by(script: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])
