"""The page of violations is generated from the tables."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from toolpair_observe import Cause, Effect, Outcome, ViolationKind

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "violations.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_tables_make_it():
    made = runpy.run_path(str(DOCS / "generate_violations.py"))["page"]()
    assert made == PAGE, "run: python docs/generate_violations.py"


@pytest.mark.parametrize(
    ("title", "members"),
    [("Effects", Effect), ("Outcomes", Outcome), ("Kinds", ViolationKind), ("Causes", Cause)],
)
def test_every_word_that_a_report_can_say_stands_there(title, members):
    section = PAGE.split(f"\n## {title}")[1].split("\n## ")[0]
    assert re.findall(r"^(?:\||###) `(\w+)`", section, flags=re.MULTILINE) == list(members)
