"""Plain tables for a terminal or a closing note."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    _say(f"\n### {title}\n")
    for line in lines:
        cells = " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        _say(f"| {cells} |")


def note(text: str) -> None:
    """Print a remark below a table."""
    _say(f"\n{text}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output
