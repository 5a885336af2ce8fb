"""The table of docs/performance.md, written between two marks of the page."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from tests.benchmarks.summary import HEADER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.summary import Figures

BEGIN = "<!-- figures: written by python -m tests.benchmarks --page docs/performance.md -->\n"
END = "<!-- end of the figures -->\n"
PACKAGES = (
    "langchain-core",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-genai-langchain",
    "opentelemetry-instrumentation-langchain",
)


def refresh(path: Path, figures: Figures) -> None:
    """Write the figures into the page."""
    head, rest = path.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    path.write_text(f"{head}{BEGIN}{_figures(figures)}{END}{tail}", encoding="utf-8")


def _figures(figures: Figures) -> str:
    rows = [HEADER, ("---",) * len(HEADER), *(line.cells() for line in figures.lines)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"\nPython {platform.python_version()}; {', '.join(_versions())}.\n\n{table}\n"


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
