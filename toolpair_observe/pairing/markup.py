"""A report as HTML and as Markdown, as notebooks show it. Whatever stands in it stays text."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.page import TO_DO, page_of
from toolpair_observe.pairing.typeset import plain, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.pairing.page import Block, Fact
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.typeset import Piece

# A timeline is not wrapped: what is too wide is scrolled.
_UNBOUND: Final = 10_000
# Colors that can be read on white and on black: a notebook's theme is not known.
_COLORS: Final = {
    "muted": "opacity:.7",
    "title": "font-weight:600",
    "id": "color:#0e8088",
    "good": "color:#2c8a4b",
    "warn": "color:#b87300",
    "bad": "color:#dd4040",
    "broken": "color:#dd4040;font-weight:600",
}
_MONO: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()#+.!|~&$-])")


def as_html(report: PairingReport) -> str:
    """Return a report as a piece of a page, without scripts and without anything from elsewhere."""
    page = page_of(report)
    style = _COLORS["broken" if page.is_bad else "title"]
    parts = [
        '<div class="toolpair-report" style="max-width:60em;line-height:1.45">',
        f'<div style="{style};overflow-wrap:anywhere">{_escaped(page.summary)}</div>',
    ]
    if page.timeline:
        drawn = "\n".join("".join(map(_span, line)) for line in wrap(page.timeline, _UNBOUND))
        parts.append(
            f'<pre style="overflow-x:auto;line-height:1.25;margin:.7em 0;font-family:{_MONO}">'
            f"{drawn}</pre>"
        )
    for block in page.blocks:
        parts += _html_block(block)
    if page.last:
        parts.append(f'<div style="margin-top:.7em">{_escaped(page.last)}</div>')
    return "\n".join([*parts, "</div>"])


def _html_block(block: Block) -> Iterator[str]:
    yield '<div style="margin-top:.7em;overflow-wrap:anywhere">'
    if block.heading:
        yield f'<div style="{_COLORS["title"]}">{_escaped(block.heading)}</div>'
    for label, pieces in block.facts:
        weight = _COLORS["title"] if label == TO_DO else _COLORS["muted"]
        text = "".join(map(_span, pieces))
        yield (
            '<div style="display:flex;flex-wrap:wrap;column-gap:1em">'
            f'<span style="flex:0 0 8.5em;{weight}">{_escaped(label)}</span>'
            f'<span style="flex:1 1 18em;min-width:0">{text}</span></div>'
        )
    yield "</div>"


def _span(piece: Piece) -> str:
    style = _COLORS.get(piece.style)
    text = _escaped(piece.text)
    return f'<span style="{style}">{text}</span>' if style and piece.text.strip() else text


def _escaped(text: str) -> str:
    # A notebook takes what stands between two dollar signs for a formula.
    return html.escape(text).replace("$", "&#36;")


def as_markdown(report: PairingReport) -> str:
    """Return a report as Markdown."""
    page = page_of(report)
    parts = [f"**{_marked(page.summary)}**"]
    if page.timeline:
        drawn = plain(wrap(page.timeline, _UNBOUND))
        fence = "`" * (1 + max([2, *map(len, re.findall("`+", drawn))]))
        parts.append(f"{fence}text\n{drawn}\n{fence}")
    for block in page.blocks:
        heading = [f"**{_marked(block.heading)}**"] if block.heading else []
        facts = ["\n".join(map(_item, block.facts))] if block.facts else []
        parts += heading + facts
    if page.last:
        parts.append(_marked(page.last))
    return "\n\n".join(parts)


def _item(fact: Fact) -> str:
    return f"- **{fact.label}** {_marked(_text(fact.pieces))}"


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _marked(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
