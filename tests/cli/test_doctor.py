"""`toolpair-observe doctor` as a person calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment, run_cli, run_python

LOADER = Path(sys.executable).with_name("opentelemetry-instrument")
SILENT = ("TOOLPAIR_", "LANGSMITH_", "LANGCHAIN_", "OTEL_")
PROGRAM = """\
import toolpair_observe
print(toolpair_observe.doctor())
"""


@pytest.fixture
def run(tmp_path):
    """Run the command in an environment that says nothing but what is given."""
    kept = {name: value for name, value in environment().items() if not name.startswith(SILENT)}

    def run(*arguments, by=run_cli, **variables):
        env = {**kept, "HOME": str(tmp_path), **variables}
        done = by(*arguments, env=env, cwd=tmp_path)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def test_a_clean_environment_is_0_and_every_finding_one_line(run):
    code, out, err = run("doctor")

    assert (code, err) == (0, "")
    *lines, gap, summary = out.splitlines()
    assert gap == ""
    assert summary.startswith("no problems, ")
    assert all(line.split()[0] in {"ok", "note"} for line in lines)


def test_something_wrong_is_1_and_in_json_for_programs(run):
    code, out, err = run("doctor", "--json", TOOLPAIR_MDOE="strict")

    assert (code, err) == (1, "")
    found = json.loads(out)
    assert set(found) == {"version", "ok", "findings"}
    assert found["ok"] is False
    assert {tuple(each) for each in found["findings"]} == {("area", "status", "text", "fix")}
    assert [each["fix"] for each in found["findings"] if each["status"] == "problem"] == [
        "did you mean TOOLPAIR_MODE?"
    ]


@pytest.mark.parametrize("model", ["gpt-5", "nobody:gpt-5", "\x1b[2J:x"])
def test_a_model_of_another_form_is_2_and_one_line(run, model):
    code, out, err = run("doctor", "--model", model)

    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("toolpair-observe: model is ")
    assert line.isprintable()


def test_under_run_it_shows_the_state_of_that_process(run):
    code, out, err = run(
        "run", "--mode", "strict", "-m", "toolpair_observe", "doctor", "--model", "openai:gpt-5"
    )

    assert code == 0, out + err
    assert "attached by toolpair-observe run" in out
    assert "profile openai-chat" in out
    assert "on: CallbackManager.on_chat_model_start" in out


def test_a_program_that_nobody_attached_to_is_a_problem(run, tmp_path):
    (tmp_path / "app.py").write_text(PROGRAM)

    _, alone, _ = run("app.py", by=run_python)
    _, under_run, _ = run("run", "app.py")

    assert "PROBLEM  attached" in alone
    assert "PROBLEM" not in under_run
    assert "attached by toolpair-observe run" in under_run


def test_opentelemetry_shows_its_own_attachment(run):
    if not LOADER.exists():
        pytest.skip("needs opentelemetry-instrument")

    code, out, err = run(
        str(LOADER), sys.executable, "-m", "toolpair_observe", "doctor", by=run_python
    )

    assert code == 0, out + err
    assert "attached by opentelemetry-instrument" in out


@pytest.mark.parametrize("names", ["*", "redis, toolpair"])
def test_what_keeps_opentelemetry_from_attaching_is_a_problem_there(run, names):
    if not LOADER.exists():
        pytest.skip("needs opentelemetry-instrument")
    variables = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": names}

    command = [str(LOADER), sys.executable, "-m", "toolpair_observe", "doctor"]
    code, out, err = run(*command, by=run_python, **variables)

    assert code == 1, out + err
    (line,) = [each for each in out.splitlines() if each.startswith("PROBLEM")]
    assert "opentelemetry-instrument does not attach toolpair_observe" in line


@pytest.mark.parametrize("kind", ["TRACER", "METER", "LOGGER"])
def test_an_opentelemetry_provider_that_can_not_be_loaded_is_a_named_problem(run, kind):
    variable = f"OTEL_PYTHON_{kind}_PROVIDER"

    code, out, _ = run("doctor", TOOLPAIR_STRICT_ENVIRONMENTS="production", **{variable: "x"})

    assert code == 1
    assert f"{variable} is 'x', and no {kind.title()}Provider can be loaded by that" in out
    assert [line for line in out.splitlines() if line.split()[1:2] == ["mode"]]


def test_importing_the_package_imports_nothing_of_it(run):
    program = "import sys, toolpair_observe as t; t.ToolPairHandler; print(*sys.modules)"

    _, out, _ = run("-c", program, by=run_python)

    assert "toolpair_observe.attach.handler" in out
    assert "toolpair_observe.diagnosis" not in out
