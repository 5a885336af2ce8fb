"""The pages on the providers say what the table says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("gen", DOCS / "generate_providers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = generator().pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_table_makes_it(name):
    page = DOCS / "providers" / name
    assert page.exists(), f"run: python docs/generate_providers.py ({name} is missing)"
    assert page.read_text(encoding="utf-8") == PAGES[name], "run: python docs/generate_providers.py"


def test_there_is_no_page_of_a_profile_that_is_gone():
    assert {page.name for page in (DOCS / "providers").glob("*.md")} == set(PAGES)
