"""Draw the demo's output as an SVG.

`python -m toolpair_observe.demo.cases.picture docs/images/demo.svg` makes README's picture.
"""

from __future__ import annotations

import argparse
import html
import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from toolpair_observe.demo.cases.render import THEME, DemoPrinter
from toolpair_observe.demo.cases.run import run_demo
from toolpair_observe.demo.cases.scenarios import SCENARIOS
from toolpair_observe.demo.loopback.provider import LoopbackProvider

_WIDTH: Final = 88
_HUES: Final = [
    (240, 113, 120),
    (152, 195, 121),
    (229, 192, 123),
    (97, 175, 239),
    (198, 160, 246),
    (110, 195, 205),
]
_COLORS: Final = TerminalTheme(
    background=(0x16, 0x18, 0x1E),
    foreground=(214, 218, 226),
    normal=[(46, 50, 60), *_HUES, (214, 218, 226)],
    bright=[(128, 136, 152), *_HUES, (240, 242, 246)],
)
# Rich's own format loads a font from the network, which a picture should not do.
_FORMAT: Final = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" \
role="img" aria-label="Output of toolpair-observe demo">
<style>
.{unique_id}-matrix {{
  font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
{lines}
</defs>
<rect fill="#16181e" width="{width}" height="{height}" rx="10"/>
<g transform="translate(9, 14)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
# A piece of text as rich writes it.
_TEXT: Final = re.compile(
    r'(?P<head><text [^>]*?)x="(?P<x>[^"]+)"(?P<between>[^>]*?)textLength="(?P<length>[^"]+)"'
    r"(?P<tail>[^>]*>)(?P<text>[^<]*)</text>"
)


def draw(cases: int) -> str:
    """Run the demo and return its first cases and its summary as an SVG.

    Args:
        cases: How many of the cases to show in full.
    """
    console = Console(
        record=True, width=_WIDTH, file=io.StringIO(), theme=THEME, highlight=False,
        force_terminal=True, color_system="truecolor",
    )  # fmt: skip
    printer = DemoPrinter(console)
    with LoopbackProvider() as provider:
        result = run_demo(SCENARIOS, provider)
    printer.print_heading()
    for number, case in enumerate(result.cases[:cases], start=1):
        printer.print_case(number, case)
    printer.print_summary(result)
    svg = console.export_svg(theme=_COLORS, code_format=_FORMAT, unique_id="demo")
    return _TEXT.sub(_without_outer_spaces, svg)


def _without_outer_spaces(found: re.Match[str]) -> str:
    """Place a piece of text at its first visible character.

    Some renderers drop leading spaces, others trailing ones, which would shift everything.
    """
    text = html.unescape(found["text"])
    visible = text.strip()
    if not visible:
        return ""
    cell = float(found["length"]) / len(text)
    x = float(found["x"]) + cell * (len(text) - len(text.lstrip()))
    placed = f'{found["head"]}x="{x:g}"{found["between"]}textLength="{cell * len(visible):g}"'
    escaped = html.escape(visible, quote=False).replace("\xa0", "&#160;")
    return f"{placed}{found['tail']}{escaped}</text>\n"


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--cases", type=int, default=1)
    arguments = parser.parse_args()
    arguments.path.write_text(draw(arguments.cases), encoding="utf-8")


if __name__ == "__main__":
    main()
