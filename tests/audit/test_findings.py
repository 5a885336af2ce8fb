"""SARIF and GitHub's annotations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.audit.samples import LOST, MISSING, ORPHAN, SECRET, judged, unit
from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.findings import (
    github_commands,
    relative_paths,
    repository_of,
    sarif,
)
from toolpair_observe.audit.options import AuditOptions
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.pairing.words import ViolationKind

FILE = "data/few shots.jsonl"


@pytest.fixture
def findings():
    aggregate = Aggregate(AuditOptions(wants_findings=True))
    aggregate.add(judged(unit(LOST, line=9), "google-genai"), FILE)
    aggregate.add(judged(unit(MISSING, line=3)), FILE)
    aggregate.add(judged(unit(ORPHAN, line=None, row="[2]"), None), FILE)
    return aggregate.findings.records()


def test_sarif(findings):
    log = sarif(findings, {FILE: FILE})
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [kind.value for kind in ViolationKind]
    told = [
        (
            each["ruleId"],
            each["level"],
            each["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for each in run["results"]
    ]
    assert told == [
        ("orphan_result", "note", 1),
        ("missing_result", "error", 3),
        ("orphan_result", "warning", 9),
    ]
    for each in run["results"]:
        place = each["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place == {"uri": "data/few%20shots.jsonl", "uriBaseId": "%SRCROOT%"}
        assert rules[each["ruleIndex"]] == each["ruleId"]
    assert run["results"][0]["message"]["text"].startswith("[2]: orphan_result at message 1")
    assert SECRET not in str(log)


def test_no_findings_are_an_empty_log():
    assert sarif([], {})["runs"][0]["results"] == []


def test_annotations(findings):
    lines = list(github_commands(findings, {FILE: FILE}))
    assert lines[1].startswith(
        "::error file=data/few shots.jsonl,line=3,title=missing_result::missing_result at message 1"
    )
    assert [each.partition(" ")[0] for each in lines] == ["::notice", "::error", "::warning"]


def test_an_annotation_is_one_command_whatever_the_names_are():
    found = {
        "file": "f",
        "line": 1,
        "row": "",
        "kind": "missing_result",
        "effect": "reject",
        "text": "100%\n::error::x\r",
    }
    (command,) = github_commands([found], {"f": "a,b:c%d\n.jsonl"})
    assert "\n" not in command
    assert "\r" not in command
    assert command.startswith("::error file=a%2Cb%3Ac%25d\\n.jsonl,line=1,title=missing_result::")
    assert "100%25" in command


def test_paths_are_those_in_the_repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "evals"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert repository_of(Path.cwd()) == tmp_path.resolve()
    (inner / "a.jsonl").write_text("")
    assert relative_paths(["a.jsonl"], tmp_path.resolve()) == {"a.jsonl": "evals/a.jsonl"}
    with pytest.raises(AuditError, match="not a file of the repository"):
        relative_paths(["/elsewhere/a.jsonl"], tmp_path.resolve())
    with pytest.raises(AuditError, match="not a file of the repository"):
        relative_paths(["memory://a.jsonl"], tmp_path.resolve())


def test_a_name_that_is_no_unicode_is_a_uri(findings):
    (run,) = sarif(findings[:1], {FILE: os.fsdecode(b"data/\xff.jsonl")})["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "data/%FF.jsonl"
