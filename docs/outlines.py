"""Take the outlines of README's picture out of a font: `python docs/outlines.py FONT.ttf`.

Only for a character that the picture has not had yet. The outlines in `docs/images/glyphs.json` are
those of DejaVu Sans Mono, whose license lets anybody use and embed them. Needs fonttools.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

GLYPHS: Final = Path(__file__).parent / "images" / "glyphs.json"
CHARACTERS: Final = "".join(map(chr, range(33, 127))) + "╭╰│┼─╌✗✓←…"


def main() -> None:
    """Write the outlines of the font that is named."""
    fonts: Any = import_module("fontTools.ttLib")
    pens: Any = import_module("fontTools.pens.svgPathPen")
    font = fonts.TTFont(sys.argv[1])
    names, glyphs = font.getBestCmap(), font.getGlyphSet()
    outlines: dict[str, str] = {}
    for character in CHARACTERS:
        pen = pens.SVGPathPen(glyphs, ntos=lambda number: str(round(number)))
        glyphs[names[ord(character)]].draw(pen)
        outlines[character] = pen.getCommands()
    told = {
        "font": "DejaVu Sans Mono",
        "em": font["head"].unitsPerEm,
        "advance": font["hmtx"][names[ord("x")]][0],
        "outlines": outlines,
    }
    GLYPHS.write_text(json.dumps(told, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
