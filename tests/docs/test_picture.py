"""README's picture is what the demo prints, needs nothing from elsewhere, and can be read aloud."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

import pytest

MADE = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "generate_picture.py"))
SHOWN = MADE["PICTURE"].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drawn() -> str:
    return MADE["draw"]()


def test_the_picture_shows_what_the_demo_prints(drawn):
    assert drawn == SHOWN, "run python docs/generate_picture.py"


def test_the_picture_needs_no_font_and_nothing_from_elsewhere(drawn):
    assert set(re.findall(r"https?://[^\"'\s)]+", drawn)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"<text|<style|font|url\(",
        re.sub(r"<!--.*?-->|<desc.*?</desc>", "", drawn, flags=re.DOTALL),
    )
    used, defined = (set(re.findall(rf'{name}="#?(c[0-9a-f]+)"', drawn)) for name in ("href", "id"))
    assert used == defined


def test_the_picture_tells_its_words(drawn):
    words = html.unescape(re.search("<desc.*?>(.*?)</desc>", drawn, flags=re.DOTALL)[1])
    for part in ("missing_result", "predicted:", "with exactly this text", "In all 4 cases"):
        assert part in words
    letters = sum(character not in " \n" for character in words)
    assert drawn.count("<use ") == letters
    assert len(words.splitlines()) <= 45
