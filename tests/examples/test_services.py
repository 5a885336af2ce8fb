"""The examples that are more than one file of a script: a service, a graph, a gate."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.process import ROOT, environment

EXAMPLES = ROOT / "examples"


def bare_environment(**extra: str) -> dict[str, str]:
    """What an example may count on: no keys, no options, no telemetry of the host."""
    prefixes = ("OPENAI_", "OTEL_", "LANGSMITH_", "TOOLPAIR_")
    kept = {k: v for k, v in environment().items() if not k.startswith(prefixes)}
    return {**kept, **extra}


@pytest.fixture
def show(strict_fork_server):
    def show(path: str) -> str:
        done = strict_fork_server.run(str(EXAMPLES / path), env=bare_environment())
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return show


def test_the_service_answers_and_refuses_and_both_are_traced(show):
    pytest.importorskip("fastapi")
    told = show("fastapi_service/app.py")
    sound, broken, to_do, *telemetry, look_at = told.splitlines()
    assert sound.startswith("sound:  200 Rome is clear")
    assert broken == "broken: 422 missing_result at message 1"
    assert "answer each open call" in to_do
    assert [line.rstrip() for line in telemetry] == [
        "trace:  UNSET chat",
        "trace:  ERROR check tool_pairing blocked",
        "trace:  ERROR chat",
        "metric: toolpair.checks, predicted effect clean: 1",
        "metric: toolpair.checks, predicted effect reject: 1",
    ]
    assert look_at.startswith("look at: ")


def test_the_metrics_of_two_forked_workers_add_up_in_one_place(show):
    pytest.importorskip("gunicorn")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    *workers, together, sent, look_at = show("several_workers/show.py").splitlines()
    assert len(workers) == 2
    assert all(line.startswith("a worker: ") for line in workers)
    counted, asked = together.removeprefix("together:"), sent.removeprefix("sent:")
    assert counted.split() == asked.split()
    assert look_at.startswith("look at: ")


def test_the_graph_resumes_refuses_and_repairs(show):
    pytest.importorskip("langchain")
    assert show("langgraph_interrupt/main.py").splitlines() == [
        "resumed: The mail is sent.",
        "another subject: missing_result - not sent",
        "repaired: It is noon.",
        "in the checkpoint: ['human', 'ai', 'human', 'ai']",
        "look at: the checkpoint, which is as it was: only the outgoing request was repaired",
    ]


@pytest.fixture
def gate(strict_fork_server):
    """Run the gate's tests as a CI job does; the plugin is named where it is not installed."""

    def gate(folder, *options: str):
        plugin = ("-p", "toolpair_observe.pytest_plugin", "-p", "no:cacheprovider")
        env = bare_environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        return strict_fork_server.run("-m", "pytest", *plugin, *options, cwd=folder, env=env)

    return gate


def test_the_gate_is_open_for_what_is_sound_or_expected(gate):
    done = gate(EXAMPLES / "ci_gate")
    assert done.returncode == 0, done.stdout.decode()
    assert b"2 chat-model requests checked in 2 tests" in done.stdout


def test_the_gate_shuts_on_a_fault_that_nobody_expected(tmp_path, gate):
    folder = shutil.copytree(EXAMPLES / "ci_gate", tmp_path / "gate")
    tests = folder / "test_history.py"
    marked = tests.read_text()
    tests.write_text(marked.replace('@pytest.mark.toolpair_expect("orphan_result")\n', ""))
    done = gate(folder)
    assert done.returncode == 1
    assert b"FAILED test_history.py::test_a_known_fault" in done.stdout
    assert b"orphan_result at message 0" in done.stdout
    assert gate(folder, "--toolpair=off").returncode == 0


def test_every_example_is_linked_from_the_page_on_them():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"^\| \[`[^`]+`\]\(([^)]+)\) \|", page, re.MULTILINE))
    for target in linked:
        assert (EXAMPLES / target).exists(), target
    named = {Path(target).parts[0] for target in linked}
    kept = [path for path in EXAMPLES.iterdir() if path.name not in {"README.md", "__pycache__"}]
    assert named == {path.name for path in kept if not path.name.startswith(".")}


def test_no_example_shows_a_path_of_this_machine():
    for path in EXAMPLES.rglob("*"):
        if path.is_file() and path.suffix in (".py", ".ini", ".ipynb", ".md"):
            assert os.fspath(ROOT) not in path.read_text(encoding="utf-8")
            assert sys.prefix not in path.read_text(encoding="utf-8")
