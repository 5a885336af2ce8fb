"""Ways in that need no line of code: `run`, and OpenTelemetry's own loader."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from opentelemetry.instrumentation.distro import DefaultDistro

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.cli import main
from toolpair_observe.errors import SettingsError
from toolpair_observe.instrumentation import instrumented_with
from toolpair_observe.otel_instrumentor import ToolPairInstrumentor

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(__file__).parent / "zero_code.py")
MODULE = "tests.attach.zero_code"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TOOLPAIR_")}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "toolpair_observe", "run", *arguments],
        cwd=ROOT,
        env={**kept, "TOOLPAIR_FEEDBACK": "off", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_run_observes_and_lets_the_program_be():
    done = run(PROGRAM, "--port", "80", TOOLPAIR_MODUS="strict")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "arguments --port 80\nanswered Fine.\n"
    assert "near miss: INVALID_TOOL_RESULTS" in done.stderr
    assert "TOOLPAIR_MODUS is not an option of toolpair_observe" in done.stderr
    assert "did you mean TOOLPAIR_MODE?" in done.stderr


@pytest.mark.parametrize("program", [[PROGRAM], ["-m", MODULE]], ids=["script", "module"])
def test_run_blocks_where_the_environment_says_so(program):
    done = run(*program, TOOLPAIR_MODE="strict")
    assert done.stdout.splitlines()[-1] == "blocked InvalidToolResultsError"
    assert done.returncode == 3


def test_run_takes_the_mode_as_an_argument_and_it_wins():
    assert run("--mode", "observe", PROGRAM, TOOLPAIR_MODE="strict").returncode == 0


def test_named_environments_are_strict():
    done = run(
        PROGRAM,
        TOOLPAIR_STRICT_ENVIRONMENTS="staging,ci",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=ci",
    )
    assert done.returncode == 3


def test_an_error_that_the_program_does_not_catch_is_the_program_s():
    done = run(PROGRAM, "--let-it-raise", TOOLPAIR_MODE="strict")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("blocked request")
    assert "Traceback" in done.stderr
    assert "InvalidToolResultsError" in done.stderr


def test_a_bad_setting_is_one_line_and_the_program_does_not_start(monkeypatch, capsys):
    monkeypatch.setenv("TOOLPAIR_MODE", "stict")
    assert main(["run", PROGRAM]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "toolpair-observe: environment variable TOOLPAIR_MODE is 'stict'; expected observe, "
        "strict or off\n"
    )


def test_a_program_that_is_not_there_is_named(capsys):
    assert main(["run", "no_such_program.py"]) == 2
    assert capsys.readouterr().err == "toolpair-observe: there is no script no_such_program.py\n"


def load_as_opentelemetry_does() -> None:
    """By the entry point that the package declares, through the loader's own distro."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    group = "opentelemetry_instrumentor"
    ((name, value),) = declared[group].items()
    assert name == "toolpair"
    DefaultDistro().load_instrumentor(EntryPoint(name, value, group), skip_dep_check=True)


@pytest.fixture
def _instrumentor_off():
    yield
    if ToolPairInstrumentor().is_instrumented_by_opentelemetry:
        ToolPairInstrumentor().uninstrument()


@pytest.mark.usefixtures("_instrumentor_off")
def test_opentelemetry_attaches_it_with_the_options_of_the_environment(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    monkeypatch.setenv("TOOLPAIR_FEEDBACK", "off")
    load_as_opentelemetry_does()
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN)
    ToolPairInstrumentor().uninstrument()
    assert instrumented_with() is None
    CountingModel().invoke(BROKEN)


@pytest.mark.usefixtures("_instrumentor_off")
def test_a_bad_environment_is_logged_and_does_not_stop_the_other_instrumentors(monkeypatch, caplog):
    monkeypatch.setenv("TOOLPAIR_MODE", "stict")
    with caplog.at_level(logging.ERROR, logger="toolpair_observe"):
        load_as_opentelemetry_does()
    assert instrumented_with() is None
    assert "not attached: environment variable TOOLPAIR_MODE is 'stict'" in caplog.text


@pytest.mark.usefixtures("_instrumentor_off")
def test_a_bad_option_in_code_is_raised():
    with pytest.raises(SettingsError, match="stict"):
        ToolPairInstrumentor().instrument(mode="stict")
