"""README leads with what people search for, and what it shows runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage

from toolpair_observe import InvalidToolResultsError
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.refusals.recognize import rejection_kind

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_it_leads_with_the_texts_that_people_search_for():
    texts = re.findall(r"^- \*\*(\w+)\*\*: (`+)(.*)\2$", README, flags=re.MULTILINE)
    kinds = [(provider, rejection_kind(text)) for provider, _, text in texts]
    assert kinds == [
        ("OpenAI", "missing_result"),
        ("OpenAI", "orphan_result"),
        ("Anthropic", "missing_result"),
        ("Gemini", "missing_result"),
        ("Bedrock", "missing_result"),
        # Not a provider's text, but the name of what they all mean.
        ("LangChain", None),
    ]
    assert README.index(texts[-1][2]) < README.index("\n## ")


def test_the_lines_that_attach_it_check_a_request(monkeypatch):
    (block,) = [text for language, text in BLOCKS if language == "python"]
    assert sum(bool(line) for line in block.splitlines()) == 3
    names: dict[str, Any] = {}
    with LoopbackProvider() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_API_BASE", provider.base_url)
        # The handler recognizes real endpoints; for a local one it needs the profile, and strict
        # mode shows without a look at the log that it is attached.
        monkeypatch.setenv("TOOLPAIR_PROFILE", "openai-chat")
        monkeypatch.setenv("TOOLPAIR_MODE", "strict")
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own README
        orphan = ToolMessage("18 degrees", tool_call_id="call_rome")
        with pytest.raises(InvalidToolResultsError):
            names["model"].invoke([orphan])
        assert not provider.requests


@pytest.mark.parametrize("mark", ["the main job", "the tests"])
def test_the_two_commands_stand_where_ci_reads_them(mark):
    after = README.split(f"<!-- {mark} -->\n```bash\n")
    assert len(after) == 2
    assert after[1].splitlines()[0].startswith("pip install '.[")
    assert after[1].splitlines()[1] == "```"


def test_the_changelog_counts_the_profiles():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"Profiles for {len(PROFILES) - 1} providers" in changelog
