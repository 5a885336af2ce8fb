"""`toolpair-observe audit`: the sentence, exit codes, JSON, SARIF, annotations, what is refused."""

from __future__ import annotations

import json
import os

import pytest
import yaml
from langsmith import utils as ls_utils

from tests.audit.samples import LOST, MISSING, SECRET, SOUND, as_lines
from tests.audit.test_langsmith import PROJECT, put_runs
from tests.cli.process import ROOT, run_cli
from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from toolpair_observe.cli.main import main


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, *values):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_lines(*values))
        return name

    return write


def test_the_sentence_comes_first(write, capsys):
    code = main(["audit", write("a.jsonl", SOUND, MISSING)])
    out, err = capsys.readouterr()
    assert out.startswith(
        "strict would have blocked 1 of 2 requests; 0 of them were refused anyway, 0 were answered "
        "(false blocks), 1 have no recorded answer.\n"
    )
    assert code == 1
    assert err == ""
    assert SECRET not in out


@pytest.mark.parametrize(
    ("rows", "options", "code"),
    [
        ([SOUND], [], 0),
        ([MISSING], [], 1),
        ([MISSING], ["--fail-on", "unknown"], 1),
        ([MISSING], ["--fail-on", "reject,silent_loss"], 0),
        ([MISSING], ["--profile", "openai-chat", "--fail-on", "reject, silent_loss"], 1),
        ([LOST], ["--profile", "google-genai", "--fail-on", "silent_loss"], 1),
        ([LOST], ["--profile", "google-genai", "--fail-on", "reject"], 0),
        ([MISSING], ["--fail-on", "never"], 0),
        (["{"], ["--fail-on", "never"], 2),
        ([{"a": {"b": 1}}, MISSING], [], 2),
    ],
)
def test_exit_codes(write, capsys, rows, options, code):
    assert main(["audit", write("a.jsonl", *rows), *options]) == code
    assert capsys.readouterr().out


def test_json_is_one_object(write, capsys):
    main(["audit", write("a.jsonl", MISSING, "{"), "--json", "--as", "openai-chat,anthropic@1.0"])
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["sentence"].startswith("strict would have blocked 1 of 1 requests")
    assert [each["as"] for each in told["as"]] == ["anthropic@1.0", "openai-chat"]
    assert told["unreadable"]["units"] == 1


def test_the_settings_of_strict_decide(write, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_BLOCK_UNIDENTIFIED", "false")
    main(["audit", write("a.jsonl", MISSING)])
    assert capsys.readouterr().out.startswith("strict would have blocked 0 of 1 requests;")
    monkeypatch.setenv("TOOLPAIR_BLOCK_ON", "silent_loss")
    main(["audit", write("a.jsonl", LOST), "--profile", "google-genai"])
    assert capsys.readouterr().out.startswith("strict would have blocked 1 of 1 requests;")


def test_ids_are_hashed_in_processes_too(write, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    monkeypatch.delenv("TOOLPAIR_HASH_KEY", raising=False)
    # What the command sets for its processes must not stay for other tests.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    main(["audit", write("a.jsonl", MISSING), "--json", "--jobs", "2"])
    out = capsys.readouterr().out
    assert "hmac:" in out
    assert "call_a" not in out


def test_folders_and_patterns(write, capsys):
    write("data/a.jsonl", SOUND)
    write("data/inner/b.jsonl", SOUND)
    write("data/c.csv", "a,b")
    assert main(["audit", "data", "none/*.jsonl", "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["files"] == 2
    assert told["unreadable"]["reasons"][0]["reason"] == "no file matches this pattern"
    assert "left out, for their names: 1 .csv" in err


def test_sarif_and_annotations(write, capsys, monkeypatch, tmp_path):
    (tmp_path / ".git").mkdir()
    write("evals/a.jsonl", SOUND, MISSING)
    monkeypatch.chdir(tmp_path / "evals")
    options = ["--sarif", "out.sarif", "--annotations", "github", "--profile", "openai-chat"]
    assert main(["audit", "a.jsonl", *options]) == 1
    (result,) = json.loads((tmp_path / "evals" / "out.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "evals/a.jsonl"
    assert place["region"] == {"startLine": 2}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("::error file=evals/a.jsonl,line=2,title=missing_result::")


def test_a_file_that_is_given_twice_counts_once(write, capsys, tmp_path):
    write("data/a.jsonl", SOUND)
    (tmp_path / "link.jsonl").symlink_to("data/a.jsonl")
    main(["audit", "data", "./data/a.jsonl", "link.jsonl", "--json"])
    assert json.loads(capsys.readouterr().out)["requests"] == 1


def test_a_page_that_cannot_be_written_hides_nothing(write, capsys):
    assert main(["audit", write("a.jsonl", MISSING), "--html", "none/report.html"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("strict would have blocked 1 of 1 requests")
    assert "No such file" in err


def test_a_file_outside_of_the_repository_is_not_annotated(write, capsys, tmp_path):
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    write("outside.jsonl", SOUND)
    os.chdir(tmp_path / "repository")
    assert main(["audit", "../outside.jsonl", "--sarif", "out.sarif"]) == 2
    assert "is not a file of the repository" in capsys.readouterr().err
    assert not (tmp_path / "repository" / "out.sarif").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["a.jsonl", "--since", "7d"], "--since: only for a source langsmith:PROJECT"),
        (["a.jsonl", "--feedback"], "--feedback: only for a source langsmith:PROJECT"),
        (["langsmith:x", "--yes"], "--yes: only with --feedback"),
        (["langsmith:x", "a.jsonl", "--resume", "f"], "--resume: only for one source"),
        (["langsmith:x", "--sarif", "f"], "only for files of the repository"),
        (["-", "--annotations", "github"], "only for files of the repository"),
        (["langsmith:"], "is followed by the name of a project"),
        (["langsmith:x", "--since", "soon"], "'soon': expected a time"),
        (["langsmith:x", "--limit", "0"], "expected a whole number"),
        (["a.jsonl", "--jobs", "x"], "expected a whole number"),
        (["a.jsonl", "--jobs", "2", "--engine", "ray"], "which has its own workers"),
        (["a.jsonl", "--fail-on", "rejects"], "choose from local_error, reject"),
        (["a.jsonl", "--fail-on", ""], "choose from local_error, reject"),
        (["a.jsonl", "--as", "gpt"], "no profile is called 'gpt'"),
        (["a.jsonl", "--json", "--annotations", "github"], "not with --json"),
    ],
)
def test_odd_options_are_refused(capsys, options, words):
    with pytest.raises(SystemExit) as caught:
        main(["audit", *options])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_ray_that_is_not_installed_is_said(write, capsys, monkeypatch):
    from toolpair_observe.audit import on_ray

    monkeypatch.setattr(on_ray, "find_spec", lambda _: None)
    assert main(["audit", write("a.jsonl", SOUND), "--engine", "ray"]) == 2
    assert "which is not installed: pip install" in capsys.readouterr().err


def test_standard_input_and_processes(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(as_lines(SOUND, MISSING))
    done = run_cli(
        "audit", "-", str(tmp_path / "a.jsonl"), "--jobs", "2", "--json", input=as_lines(MISSING)
    )
    assert done.returncode == 1
    assert done.stderr == b""
    told = json.loads(done.stdout)
    assert told["requests"] == 3
    assert told["files"] == 2


# A LangSmith project


@pytest.fixture
def server(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)
    with LangSmithServer() as server:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", server.api_key)
        ls_utils.get_env_var.cache_clear()
        server.ensure_project(PROJECT)
        put_runs(server, 130)
        yield server
        assert server.errors == []
    ls_utils.get_env_var.cache_clear()


def test_a_project(server, capsys):
    code = main(["audit", f"langsmith:{PROJECT}", "--since", "2026-11-03T00:01:00", "--json"])
    assert code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["requests"] == 70
    assert told["files"] == 1


def test_a_project_and_a_file_together(server, write, capsys):
    main(["audit", write("a.jsonl", SOUND), f"langsmith:{PROJECT}", "--limit", "7", "--json"])
    assert json.loads(capsys.readouterr().out)["requests"] == 8


def test_a_project_that_cannot_be_read_stops_nothing(server, write, capsys):
    code = main(["audit", write("a.jsonl", SOUND), "langsmith:chekcout", "--json"])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert code == 2
    assert told["requests"] == 1
    assert "no project 'chekcout'" in told["unreadable"]["reasons"][0]["reason"]
    assert "no project 'chekcout'" in err


def test_what_was_read_of_a_project_counts(server, capsys, monkeypatch):
    query = LangSmithServer._query_runs

    def refuse_the_second(self, request):
        self.fail("/runs/query", Fault(401))
        return query(self, request)

    monkeypatch.setattr(LangSmithServer, "_query_runs", refuse_the_second)
    assert main(["audit", f"langsmith:{PROJECT}", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["requests"] == 100
    assert told["units"]["unreadable"] == 1
    assert "could not be read to its end" in told["unreadable"]["reasons"][0]["reason"]


def test_feedback_is_only_counted_without_yes(server, capsys):
    source = f"langsmith:{PROJECT}"
    main(["audit", source, "--feedback"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        f"INVALID_TOOL_RESULTS feedback at {source}: there already 0, would be sent 130; --yes "
        "writes it"
    )
    assert server.feedback == {}
    main(["audit", source, "--feedback", "--yes", "--json"])
    told = json.loads(capsys.readouterr().out)["feedback"]
    assert told == {"is_sent": True, "projects": {source: {"sent": 130, "there already": 0}}}
    assert len(server.feedback) == 130


def test_resume(server, write, capsys):
    write("any")
    command = ["audit", f"langsmith:{PROJECT}", "--resume", "state.json", "--json"]
    main(command)
    asked = len(server.requests("/runs/query"))
    main(command)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert len(server.requests("/runs/query")) == asked
    assert main([*command, "--limit", "7"]) == 2
    assert "of an audit with other options" in capsys.readouterr().err


def test_an_unknown_project(server, capsys):
    assert main(["audit", "langsmith:chekcout"]) == 2
    assert "there is no project 'chekcout'" in capsys.readouterr().err


# pre-commit


def test_the_hook_runs_the_check_on_what_holds_conversations():
    import re

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "toolpair-observe check"
    assert hook["language"] == "python"
    wanted = re.compile(hook["files"])
    for name in ("prompts/few_shots/weather.yaml", "few-shot.json", "evals/datasets/a.jsonl.gz"):
        assert wanted.search(name), name
    for name in ("package.json", ".github/workflows/ci.yml", "src/dataset.py", "tests/data/a.txt"):
        assert not wanted.search(name), name
