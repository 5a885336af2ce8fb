"""The page on measuring an endpoint: its commands, options and snippet are as they are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.probe.scripted import MODEL, measurement, script  # noqa: F401 - a fixture
from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.cli.probe import FILE
from toolpair_observe.console import ExitCode
from toolpair_observe.pairing.providers.profile import Grade
from toolpair_observe.probing.file import written
from toolpair_observe.probing.measurement import Answer, Verdict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8")
FORM = ROOT / ".github" / "ISSUE_TEMPLATE" / "measured-profile.yml"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, text in BLOCKS if language == "bash" for line in text.splitlines()]


def first_cells(heading: str) -> str:
    """The first cell of each row of the tables of a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(row.split("|")[1] for row in section.splitlines() if row.startswith("| "))


def test_its_commands_are_ones():
    parsed = [build_parser().parse_args(shlex.split(command)[1:]) for command in COMMANDS]
    assert [(each.yes, each.check) for each in parsed] == [
        (False, None),
        (True, None),
        (True, FILE),
    ]


def test_it_lists_every_option_and_no_other(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["probe", "--help"])
    known = set(re.findall(r"^  (--[a-z]+)", capsys.readouterr().out, re.MULTILINE))
    assert set(re.findall(r"`(--[a-z]+)", first_cells("Two commands"))) == known


def test_it_lists_the_exit_statuses():
    told = re.findall(r"^ (\d+) $", first_cells("Two commands"), re.MULTILINE)
    others = {ExitCode.BROKEN_PIPE}
    assert list(map(int, told)) == [code for code in ExitCode if code not in others]


def test_it_names_every_verdict():
    section = PAGE.split("\n## What it sends\n")[1].split("\n## ")[0]
    assert set(re.findall(r"\| [^|]*?`(\w+)`[^|]* \|$", section, re.MULTILINE)) == set(Verdict)


def test_it_names_every_table_of_the_file():
    answers = [Answer("sound/one", "H A(x) T(x)", Verdict.ACCEPT)]
    tables = set(re.findall(r"^\[+([\w.]+)\]+$", written(measurement(*answers)), re.MULTILINE))
    named = set(re.findall(r"`([\w.]+)`", first_cells("How to read the file")))
    assert named - {"findings.mechanisms"} == tables - {"asked.packages"}


@pytest.mark.usefixtures("script")
def test_its_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (snippet,) = [text for language, text in BLOCKS if language == "python"]
    exec(compile(snippet, "probe.md", "exec"), {"model": MODEL})  # noqa: S102 - our own page
    out = capsys.readouterr().out
    assert out.index("made-up histories") < out.index("spent: ")
    assert (tmp_path / FILE).is_file()


def test_it_names_the_grade():
    assert f"evidence grade `{Grade.MEASURED}`" in PAGE


def test_the_form_asks_for_the_file_and_warns_of_secrets_first():
    form = yaml.safe_load(FORM.read_text(encoding="utf-8"))
    assert f"*{form['name']}*" in PAGE
    warning, *fields = form["body"]
    assert all(
        word in warning["attributes"]["value"] for word in ("keys", "host", "model", "words")
    )
    (file,) = [each for each in fields if FILE in each["attributes"]["label"]]
    assert file["validations"]["required"]
    (checked,) = [each for each in fields if each["type"] == "checkboxes"]
    assert [each["required"] for each in checked["attributes"]["options"]] == [True, True, False]
