"""A report as text for people. What it says is `toolpair_observe.pairing.page`'s."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.page import TO_DO, page_of
from toolpair_observe.pairing.terminal import Screen
from toolpair_observe.pairing.typeset import MIN_WIDTH, Piece, Row, ansi, legible, plain, row, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.pairing.page import Fact, Page
    from toolpair_observe.pairing.report import PairingReport

_LABEL: Final = 16
_HANG: Final = 4


def explain(
    report: PairingReport,
    *,
    of_thread: bool = False,
    broken_by: str = "",
    screen: Screen | None = None,
) -> str:
    """Render `report` for a terminal or a failure message.

    Args:
        report: The report.
        of_thread: Whether the reader knows that it is about a stored thread.
        broken_by: What broke the history, as a sentence; `""` where nothing tells.
        screen: What to draw for; standard output, without color, by default.
    """
    if screen is None:
        screen = Screen.of(sys.stdout)
    page = page_of(report, of_thread=of_thread, broken_by=broken_by, glyphs=screen.glyphs)
    rows = legible(_rows(page), screen.encoding)
    lines = wrap(rows, max(MIN_WIDTH, screen.width))
    return ansi(lines) if screen.color else plain(lines)


def _rows(page: Page) -> Iterator[Row]:
    yield row(page.summary, "broken" if page.is_bad else "title", _HANG)
    if page.timeline:
        yield row("")
        yield from page.timeline
    for block in page.blocks:
        yield row("")
        if block.heading:
            yield row(block.heading, "title", _HANG)
        yield from fact_rows(block.facts)
    if page.last:
        yield row("")
        yield row(page.last, "", _HANG)


def fact_rows(facts: Sequence[Fact]) -> list[Row]:
    """Return facts as rows of two columns."""
    hang = (Piece(" " * _LABEL),)
    return [
        Row((Piece(f"{label:<{_LABEL}}", "title" if label == TO_DO else "muted"),), hang, pieces)
        for label, pieces in facts
    ]
