"""README's snippets and commands run, and its picture is current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolpair_observe.demo.cases.picture import draw
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.pairing.providers.table import PROFILES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_every_python_snippet_runs_in_order(monkeypatch, capsys):
    with LoopbackProvider() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_API_BASE", provider.base_url)
        # The handler recognizes real endpoints; for a local one it needs the profile.
        monkeypatch.setenv("TOOLPAIR_PROFILE", "openai-chat")
        names: dict[str, object] = {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "tool", "content": "18 degrees", "tool_call_id": "call_rome"},
            ],
            "template": "{% for message in messages %}{{ message.content }}{% endfor %}",
        }
        snippets = [text for language, text in BLOCKS if language == "python"]
        for snippet in snippets:
            exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102 - our own README
        assert provider.requests == []
    assert len(snippets) >= 5
    shown = capsys.readouterr().out
    assert "call call_oslo of tool get_weather has no result" in shown
    assert "orphan_result at message 1" in shown


@pytest.mark.parametrize("mark", ["the main job", "the tests"])
def test_the_two_commands_stand_where_ci_reads_them(mark):
    after = README.split(f"<!-- {mark} -->\n```bash\n")
    assert len(after) == 2
    assert after[1].splitlines()[0].startswith("pip install '.[")
    assert after[1].splitlines()[1] == "```"


def test_the_check_command_is_as_shown(tmp_path):
    history = tmp_path / "conversations.jsonl"
    history.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n', encoding="utf-8")
    (line,) = [text for _, text in BLOCKS if text.startswith("toolpair-observe check")]
    words = line.replace("conversations.jsonl", str(history)).split()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "toolpair_observe", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_picture_shows_what_the_demo_prints():
    def words(svg: str) -> list[str]:
        texts = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
        text = " ".join(texts).replace("&#160;", " ")
        # Times are never the same.
        return re.sub(r"up to \d+ us", "up to N us", text).split()

    shown = (ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")
    assert words(shown) == words(draw(1))


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_changelog_counts_the_profiles():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"Profiles for {len(PROFILES) - 1} providers" in changelog
