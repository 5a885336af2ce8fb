"""The pages that show output show what comes out, and explain every word of it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from toolpair_observe import Effect, ViolationKind

DOCS = Path(__file__).parents[2] / "docs"
TOOL: dict[str, Any] = runpy.run_path(str(DOCS / "refresh_outputs.py"))


@pytest.mark.parametrize("name", TOOL["PAGES"])
def test_each_output_is_what_comes_out(name):
    page = (DOCS / name).read_text(encoding="utf-8")
    assert "<!-- output: " in page
    assert TOOL["refreshed"](page) == page, "run: python docs/refresh_outputs.py"


def test_a_changed_output_is_noticed():
    page = "```python\nx = 1\n```\n\n<!-- output: print(x) -->\n```text\n2\n```\n"
    assert TOOL["refreshed"](page) == page.replace("\n2\n", "\n1\n")


@pytest.mark.parametrize("words", [ViolationKind, Effect])
def test_every_kind_and_effect_of_a_report_is_explained(words):
    page = (DOCS / "reading-a-report.md").read_text(encoding="utf-8")
    first_cells = "\n".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    assert {*words} <= {*re.findall(r"`(\w+)`", first_cells)}
