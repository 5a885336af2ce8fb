"""The page of forms names every form that is read, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from toolpair_observe.histories.envelopes.table import ENVELOPES
from toolpair_observe.histories.limits import ReadLimits

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
# Told by something else than an envelope: the names of events, and messages that stand alone.
OTHERS = {"langgraph.stream", "messages"}


def formats_of_the_page() -> set[str]:
    _, _, table = PAGE.partition("## Rows")
    first_cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_page_names_every_form_and_no_other():
    assert formats_of_the_page() == {each.format for each in ENVELOPES} | OTHERS


def test_the_page_tells_the_real_limits():
    limits = ReadLimits()

    assert f"may have {limits.value_bytes // 2**20} MiB" in PAGE
    assert f"{limits.file_bytes // 2**30} GiB unpacked" in PAGE
    assert f"{limits.values:,} elements and {limits.depth} levels" in PAGE
