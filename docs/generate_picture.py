"""Draw README's picture of the demo: `python docs/generate_picture.py`.

Every letter is an outline, so that whatever shows the picture shows it alike, with whichever fonts
it has. The words stand in its description, for those who have it read to them.
"""

from __future__ import annotations

import html
import io
import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from toolpair_observe.demo.cases.render import THEME, DemoPrinter
from toolpair_observe.demo.cases.run import run_demo
from toolpair_observe.demo.cases.scenarios import SCENARIOS
from toolpair_observe.demo.loopback.provider import LoopbackProvider

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.style import Style

PICTURE: Final = Path(__file__).parent / "images" / "demo.svg"
_GLYPHS: Final = json.loads((PICTURE.parent / "glyphs.json").read_text(encoding="utf-8"))

_COLUMNS: Final = 80
_SIZE: Final = 14
# Rails are drawn as high as this; a line of another height would tear them.
_LINE: Final = 2430
_BASELINE: Final = 1920
_MARGIN: Final = 16
_BOLD: Final = 90
_GROUND: Final = "#16181e"
_TEXT: Final = "#d6dae2"
# By the number of the terminal's color.
_COLORS: Final = {
    1: "#f07178",
    2: "#98c379",
    3: "#e5c07b",
    6: "#6ec3cd",
    8: "#8b93a4",
}


class _Cell(NamedTuple):
    character: str
    color: str
    is_bold: bool


def draw() -> str:
    """Run the demo and return its first case and its verdict as an SVG."""
    lines = list(_lines(_printed()))
    scale = _SIZE / _GLYPHS["em"]
    width = round(_COLUMNS * _GLYPHS["advance"] * scale + 2 * _MARGIN)
    height = round(len(lines) * _LINE * scale + 2 * _MARGIN)
    words = "\n".join("".join(cell.character for cell in line).rstrip() for line in lines)
    used = sorted({cell.character for line in lines for cell in line if cell.character != " "})
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'role="img" aria-labelledby="title words">',
            '<title id="title">Output of toolpair-observe demo</title>',
            f'<desc id="words">{html.escape(words, quote=False)}</desc>',
            f"<!-- The letters are outlines of {_GLYPHS['font']}. -->",
            "<defs>",
            *(_outline(character) for character in used),
            "</defs>",
            f'<rect fill="{_GROUND}" width="{width}" height="{height}" rx="10"/>',
            f'<g transform="translate({_MARGIN} {_MARGIN}) scale({scale:.6f})">',
            *(_drawn(line, number) for number, line in enumerate(lines)),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _printed() -> str:
    stream = io.StringIO()
    console = Console(
        width=_COLUMNS, file=stream, theme=THEME, highlight=False,
        force_terminal=True, color_system="standard", no_color=False,
    )  # fmt: skip
    printer = DemoPrinter(console)
    with LoopbackProvider() as provider:
        result = run_demo(SCENARIOS, provider)
    printer.print_case(1, result.cases[0])
    printer.print_summary(result)
    return stream.getvalue().strip("\n")


def _lines(printed: str) -> Iterator[list[_Cell]]:
    console = Console(width=_COLUMNS, no_color=False)
    for line in Text.from_ansi(printed).split("\n"):
        yield [
            _Cell(character, _color(segment.style), bool(segment.style and segment.style.bold))
            for segment in line.render(console)
            for character in segment.text
        ]


def _color(style: Style | None) -> str:
    if style is None or style.color is None or style.color.number is None:
        return _TEXT
    return _COLORS[style.color.number]


def _outline(character: str) -> str:
    path = _GLYPHS["outlines"][character]
    return f'<path id="{_name(character)}" transform="scale(1 -1)" d="{path}"/>'


def _drawn(line: Iterable[_Cell], number: int) -> str:
    runs = []
    placed = [(place, cell) for place, cell in enumerate(line) if cell.character != " "]
    for (color, is_bold), cells in groupby(placed, lambda each: each[1][1:]):
        stroke = f' stroke="{color}" stroke-width="{_BOLD}"' if is_bold else ""
        letters = "".join(
            f'<use href="#{_name(cell.character)}" x="{place * _GLYPHS["advance"]}"/>'
            for place, cell in cells
        )
        runs.append(f'<g fill="{color}"{stroke}>{letters}</g>')
    return f'<g transform="translate(0 {number * _LINE + _BASELINE})">{"".join(runs)}</g>'


def _name(character: str) -> str:
    return f"c{ord(character):x}"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
