"""What importing the package costs beyond what a LangChain application imports anyway."""

from __future__ import annotations

import statistics
import subprocess
import sys

from tests.benchmarks.table import note, show

BASES = {
    "langchain_core.callbacks and opentelemetry": (
        "import langchain_core.callbacks, opentelemetry.trace, opentelemetry.metrics"
    ),
    "what any application has that calls a chat model": (
        "import langchain_core.language_models.chat_models, langchain_core.messages, "
        "opentelemetry.trace, opentelemetry.metrics"
    ),
}
BUDGET_MS = 60
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
SCRIPT = """
from time import perf_counter
{base}
start = perf_counter()
{work}
print(1000 * (perf_counter() - start))
"""


def run(rounds: int = 7) -> None:
    """Print milliseconds in a fresh interpreter, after each base has been imported."""
    for title, base in BASES.items():
        rows = []
        for name, work in IMPORTS.items():
            times = [_milliseconds(base, work) for _ in range(rounds)]
            rows.append((name, f"{statistics.median(times):.1f}", f"{min(times):.1f}"))
        show(f"import, ms after {title}", ("what", "median", "best"), rows)
    note(f"Budget: {BUDGET_MS} ms for `import toolpair_observe`.")


def _milliseconds(base: str, work: str) -> float:
    script = SCRIPT.format(base=base, work=work)
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])
