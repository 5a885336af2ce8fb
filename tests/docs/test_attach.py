"""The page on ways to attach: its snippets run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool

from tests.strict.conversations import BROKEN

pytest.importorskip("langchain.agents", reason="needs langchain")

PAGE = (Path(__file__).parents[2] / "docs" / "attach.md").read_text(encoding="utf-8")


@tool
def get_weather(city: str) -> str:
    """Look out of the window."""
    return f"clear in {city}"


def test_every_snippet_runs_in_order(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    names: dict[str, Any] = {"tools": [get_weather], "messages": BROKEN, "recover": len}
    snippets = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

    for snippet in snippets:
        exec(compile(snippet, "attach.md", "exec"), names)  # noqa: S102 - our own page

    assert len(snippets) == 4
    assert names["answer"] == len(BROKEN)
    assert names["agent"].invoke is not None
