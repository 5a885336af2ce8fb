"""The page of options says what `settings.py` says."""

from __future__ import annotations

import runpy
from pathlib import Path

from toolpair_observe.settings import options

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_settings_make_it():
    made = runpy.run_path(str(DOCS / "generate_settings.py"))["page"]()
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert page == made, "run: python docs/generate_settings.py"


def test_every_option_stands_there_with_its_variable():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for option in options():
        assert f"| `{option.name}` | `TOOLPAIR_{option.name.upper()}` |" in page
