"""The picture of docs/performance.md: cost by length beside the peers, and an agent's steps."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.handler import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.summary import Figures

    Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 940, 400
TOP, BOTTOM = 84, 340
LABEL_HEIGHT = 17
# Steps on either side of one that are looked at together.
AROUND = 4
NAMES = {
    OURS: ("toolpair_observe", "ours"),
    "OTel-genai, no content": ("OpenTelemetry GenAI", "second"),
    "Traceloop, no content": ("Traceloop", "third"),
}
# The card is drawn as well, so that the words can be read on whatever page it lies.
STYLE = """
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3b4252; }
.title { font-size: 15px; font-weight: 600; fill: #1b2030; }
.tick { font-size: 12px; fill: #667085; }
.card { fill: #ffffff; stroke: #d5dae3; }
.grid { stroke: #e4e8ef; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.ours { stroke: #0b6bcb; } text.ours, circle.ours { fill: #0b6bcb; stroke: none; }
.second { stroke: #b35c00; } text.second, circle.second { fill: #b35c00; stroke: none; }
.third { stroke: #7b4fb5; } text.third, circle.third { fill: #7b4fb5; stroke: none; }
.broken { stroke: #c0353a; } text.broken, circle.broken { fill: #c0353a; stroke: none; }
@media (prefers-color-scheme: dark) {
text { fill: #c3cad8; } .title { fill: #f0f3f9; } .tick { fill: #98a2b6; }
.card { fill: #14171d; stroke: #333a47; } .grid { stroke: #2a303b; }
.ours { stroke: #5db0ff; } text.ours, circle.ours { fill: #5db0ff; }
.second { stroke: #f0a04b; } text.second, circle.second { fill: #f0a04b; }
.third { stroke: #c39bf2; } text.third, circle.third { fill: #c39bf2; }
.broken { stroke: #ff7b80; } text.broken, circle.broken { fill: #ff7b80; }
}
"""


@dataclass(frozen=True)
class Panel:
    """A pair of axes.

    Attributes:
        left: Where it begins.
        right: Where it ends.
        x: Returns the share of its width for a value.
        y: Returns the share of its height for a value.
    """

    left: float
    right: float
    x: Callable[[float], float]
    y: Callable[[float], float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        return (
            self.left + (self.right - self.left) * self.x(x),
            BOTTOM - (BOTTOM - TOP) * self.y(y),
        )

    def line(self, points: Points, style: str) -> str:
        """Draw a line through points."""
        places = " ".join("{:.1f},{:.1f}".format(*self.at(*point)) for point in points)
        return f'<polyline class="line {style}" points="{places}"/>'

    def level(self, value: float, words: str) -> str:
        """Draw a line of the grid, with its value."""
        _, y = self.at(1, value)
        grid = f'<line class="grid" x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        return grid + _text(self.left - 8, y + 4, words, "tick", "end")

    def below(self, value: float, words: str) -> str:
        """Write a value of the axis at the bottom."""
        x, _ = self.at(value, 1)
        return _text(x, BOTTOM + 20, words, "tick", "middle")

    def labels(self, ends: Mapping[tuple[str, str], tuple[float, float]]) -> str:
        """Write the name of each line behind its end, and none upon another."""
        places = {name: self.at(*end)[1] for name, end in ends.items()}
        written, lowest = [], TOP - LABEL_HEIGHT
        for (words, style), y in sorted(places.items(), key=lambda item: item[1]):
            lowest = max(y, lowest + LABEL_HEIGHT)
            written.append(_text(self.right + 8, lowest + 4, words, style))
        return "\n".join(written)


def draw(figures: Figures) -> str:
    """Return the picture as an SVG."""
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" role="img" '
            'aria-label="What checking a request adds to it, beside other handlers">',
            f"<style>{STYLE}</style>",
            f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="10"/>',
            *_by_length(figures.added),
            *_by_step(figures.agents.clean, figures.agents.broken, figures.agents.ratio),
            "</svg>\n",
        ]
    )


def _by_length(added: Mapping[int, Mapping[str, float]]) -> list[str]:
    """Both axes are logarithmic: what is as much more is as far away everywhere."""
    lines = {
        NAMES[name]: [(length, max(each[name], 1.0)) for length, each in added.items()]
        for name in NAMES
        if name in added[min(added)]
    }
    values = [y for points in lines.values() for _, y in points]
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    first, last = log10(min(added)), log10(max(added))
    panel = Panel(
        80,
        345,
        lambda x: (log10(x) - first) / (last - first),
        lambda y: (log10(y) - low) / max(1, high - low),
    )
    parts = _heads(panel, "A sound request, beside other handlers", "messages")
    levels = [each * 10**power for power in range(low, high) for each in (1, 2, 5)]
    parts += [panel.level(each, f"{each:,} µs") for each in (*levels, 10**high)]
    parts += [panel.below(length, f"{length:,}") for length in added]
    parts += [panel.line(points, style) for (_, style), points in lines.items()]
    parts += [_dot(panel, point, style) for (_, style), points in lines.items() for point in points]
    parts.append(panel.labels({name: points[-1] for name, points in lines.items()}))
    return parts


def _by_step(clean: Sequence[float], broken: Sequence[float], ratio: float) -> list[str]:
    lines = {("one open call", "broken"): _calm(broken), ("clean", "ours"): _calm(clean)}
    values = [y for points in lines.values() for _, y in points]
    unit = 10.0 ** floor(log10(max(values)))
    levels = ceil(max(values) / unit)
    panel = Panel(
        580, 830, lambda x: x / len(clean), lambda y: min(max(y, 0.0) / (unit * levels), 1.0)
    )
    parts = _heads(panel, f"An agent with an open call: {ratio:.2g} times as much", "step")
    every = ceil(levels / 5)
    parts += [
        panel.level(unit * each, f"{unit * each:,.0f} µs") for each in range(0, levels + 1, every)
    ]
    parts += [panel.below(step, str(step)) for step in range(0, len(clean) + 1, len(clean) // 4)]
    parts += [panel.line(points, style) for (_, style), points in lines.items()]
    parts.append(panel.labels({name: points[-1] for name, points in lines.items()}))
    return parts


def _calm(times: Sequence[float]) -> Points:
    """Return the median around each step, since a single one may have been disturbed."""
    return [
        (step, median(times[max(0, step - AROUND) : step + AROUND + 1]))
        for step in range(len(times))
    ]


def _heads(panel: Panel, title: str, axis: str) -> list[str]:
    return [
        _text(panel.left - 56, 34, title, "title"),
        _text(panel.left - 56, 56, "thread CPU added to each request", "tick"),
        _text((panel.left + panel.right) / 2, BOTTOM + 42, axis, "tick", "middle"),
    ]


def _dot(panel: Panel, point: tuple[float, float], style: str) -> str:
    x, y = panel.at(*point)
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{style}" {place}>{escape(words)}</text>'
