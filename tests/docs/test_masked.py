"""The pages of made-up results and of blame: all that is known, and every word that is said."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from toolpair_observe import BlameChange, Fate, MaskedEvidence, MaskedKind, MaskedResult
from toolpair_observe.option_values import BlameMode
from toolpair_observe.pairing.masked_texts import rows
from toolpair_observe.steps.blamed import BETWEEN_RUNS, MODEL, TOOLS

DOCS = Path(__file__).parents[2] / "docs"
MASKED = (DOCS / "masked.md").read_text(encoding="utf-8")
BLAME = (DOCS / "blame.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_table_makes_it():
    made = runpy.run_path(str(DOCS / "generate_masked.py"))["page"]()
    assert made == MASKED, "run: python docs/generate_masked.py"


def test_every_row_of_the_table_stands_there():
    listed = re.findall(r"^\| ([\w-]+) \| (\w+)(?:, \*error\*)? \| (.*) \|$", MASKED, re.MULTILINE)
    found = {(by, kind, text) for by, kind, texts in listed for text in texts.split("<br>")}
    found = {each for each in found if each[0] != "who"}
    assert found == {(row.by, row.kind.value, f"`{row.text}`") for row in rows()}


def test_every_word_of_a_made_up_result_is_explained():
    told = MASKED.partition("## What is said")[2].partition("\n\nOnly fresh")[0]
    words = set(re.findall(r"`(\w+)`", told))
    assert words >= {*MaskedKind, *MaskedEvidence}
    assert words & {*MaskedResult.__slots__} == {"kind", "by", "evidence", "fresh", "step"}


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("`blame=`", BlameMode.__args__),
        ("`step`", (BETWEEN_RUNS, TOOLS, MODEL)),
        ("`change`", BlameChange),
        ("fate of a call", Fate),
    ],
)
def test_every_word_of_blame_is_explained(heading, words):
    table = BLAME.partition(f"| {heading} |")[2].partition("\n\n")[0]
    firsts = re.findall(r'^\| `"?(\w+)"?`', table, re.MULTILINE)
    assert set(firsts) == set(words)
