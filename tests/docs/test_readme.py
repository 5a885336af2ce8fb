"""README's snippets and commands run, and its picture is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.cli.main import main
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


def test_the_commands_for_stored_conversations_are_as_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row = '{"messages": [{"role": "user", "content": "hi"}]}\n'
    (tmp_path / "few_shots").mkdir()
    for name in ("runs.jsonl", "few_shots.jsonl", "few_shots/a.jsonl"):
        (tmp_path / name).write_text(row, encoding="utf-8")
    (block,) = [text for _, text in BLOCKS if text.startswith("toolpair-observe check")]
    check, repair, audit = (line.split() for line in block.splitlines())

    assert main(check[1:]) == 0
    assert "checked 2 requests in 2 conversations of 2 files" in capsys.readouterr().out
    assert main(repair[1 : repair.index(">")]) == 0
    assert capsys.readouterr().out == row
    # The project of the last one is nowhere.
    assert build_parser().parse_args(audit[1:]).html == "report.html"


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
