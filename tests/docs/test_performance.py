"""The page on what it costs: its figures are those of the budgets, and its picture shows them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import page, picture
from tests.benchmarks.agents import Agents
from tests.benchmarks.budgets import CHECK, OPEN_CALL, SHARE_OF_PEER, STORED_SHARE
from tests.benchmarks.handler import OURS
from tests.benchmarks.summary import HEADER, Figures, Line

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
TEXT = PAGE.read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def figures() -> Figures:
    added = {
        10: {OURS: 40.0, "Traceloop, no content": 220.0},
        100: {OURS: 60.0, "Traceloop, no content": 230.0},
    }
    lines = [
        Line("a share", 0.19, SHARE_OF_PEER[10]),
        Line("an agent", 12.8, OPEN_CALL),
        Line("rows", 0.4, STORED_SHARE["orjson"]),
        Line("of a package that is not here", None, CHECK),
    ]
    return Figures(added, Agents([100.0] * 40, [250.0] * 40), lines)


def table() -> list[list[str]]:
    """The cells of the figures, without the lines of the head."""
    rows = [line for line in TEXT.split(page.BEGIN)[1].splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == list(HEADER)
    return cells[2:]


def test_the_page_has_every_budget_beside_peers():
    limits = [cells[2] for cells in table() if "cheapest peer" in cells[0]]

    assert limits == [f"{budget.limit:.3g}" for budget in SHARE_OF_PEER.values()]


def test_each_figure_of_the_page_is_kept_where_it_says_so():
    judged = [cells for cells in table() if cells[4]]

    assert len(judged) >= 15
    for what, figure, limit, _, kept in judged:
        least, at_most = float(limit.removeprefix("at least ")), not limit.startswith("at least ")
        is_kept = float(figure) <= least if at_most else float(figure) >= least
        assert kept == ("yes" if is_kept else "NO"), what


def test_the_page_is_written_between_its_marks(figures, tmp_path):
    written = tmp_path / "page.md"
    written.write_text(f"before\n{page.BEGIN}stale\n{page.END}after\n", encoding="utf-8")

    page.refresh(written, figures)

    text = written.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{page.BEGIN}")
    assert text.endswith(f"{page.END}after\n")
    assert "stale" not in text
    assert "| a share | 0.19 | 0.2 | 0.167 | yes |" in text
    assert "| an agent | 12.8 | 3 |  | NO |" in text
    assert "| rows | 0.4 | at least 0.5 |  | NO |" in text
    assert "| of a package that is not here | not here | 5 | 3 |  |" in text


def test_the_picture_names_who_is_compared(figures):
    words = [each.text for each in ET.fromstring(picture.draw(figures)).iter(f"{SVG}text")]  # noqa: S314 - our own

    assert {"toolpair_observe", "Traceloop", "one open call", "clean"} <= set(words)
    assert "OpenTelemetry GenAI" not in words, "it was not measured"
    assert "An agent with an open call: 2.5 times as much" in words


def test_the_picture_of_the_page_is_drawn_from_its_figures():
    shown = (ROOT / "docs" / "images" / "performance.svg").read_text(encoding="utf-8")
    (ratio,) = [cells[1] for cells in table() if "one open call" in cells[0]]

    assert f"An agent with an open call: {float(ratio):.2g} times as much" in shown
