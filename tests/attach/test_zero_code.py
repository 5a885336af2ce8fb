"""Ways in that need no line of code: `run`, and OpenTelemetry's own loader."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from opentelemetry.instrumentation.distro import DefaultDistro

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach.instrument import instrumented_with
from toolpair_observe.cli.main import main
from toolpair_observe.errors import SettingsError
from toolpair_observe.otel_instrumentor import ToolPairInstrumentor

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(__file__).parent / "zero_code.py")
MODULE = "tests.attach.zero_code"


def clean_environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOOLPAIR_", "OTEL_"))}
    return {**kept, "TOOLPAIR_FEEDBACK": "off"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "toolpair_observe", "run", *arguments],
        cwd=ROOT,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def run_in_a_fork(fork_server):
    """Run the command as `run` does, without the start of an interpreter."""

    def run_in_a_fork(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**clean_environment(), **environment}
        done = fork_server.run("-m", "toolpair_observe", "run", *arguments, env=env)
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run_in_a_fork


def test_run_observes_and_lets_the_program_be():
    done = run(PROGRAM, "--port", "80", TOOLPAIR_MODUS="strict")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "arguments --port 80\nanswered Fine.\n"
    assert "near miss: INVALID_TOOL_RESULTS" in done.stderr
    assert "TOOLPAIR_MODUS is not an option of toolpair_observe" in done.stderr
    assert "did you mean TOOLPAIR_MODE?" in done.stderr


@pytest.mark.parametrize("program", [[PROGRAM], ["-m", MODULE]], ids=["script", "module"])
def test_run_blocks_where_the_environment_says_so(program, run_in_a_fork):
    done = run_in_a_fork(*program, TOOLPAIR_MODE="strict")
    assert done.stdout.splitlines()[-1] == "blocked InvalidToolResultsError"
    assert done.returncode == 3


def test_run_takes_the_mode_as_an_argument_and_it_wins(run_in_a_fork):
    assert run_in_a_fork("--mode", "observe", PROGRAM, TOOLPAIR_MODE="strict").returncode == 0


def test_named_environments_are_strict(run_in_a_fork):
    done = run_in_a_fork(
        PROGRAM,
        TOOLPAIR_STRICT_ENVIRONMENTS="staging,ci",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=ci",
    )
    assert done.returncode == 3


def test_an_error_that_the_program_does_not_catch_is_the_program_s(run_in_a_fork):
    done = run_in_a_fork(PROGRAM, "--let-it-raise", TOOLPAIR_MODE="strict")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith("blocked request")
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


@pytest.mark.parametrize("name", ["no_such_program.py", "not_a_program"])
def test_a_program_that_is_not_there_is_named(name, tmp_path, monkeypatch, capsys):
    """A folder of the same name, such as a project's own `celery`, is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("not_a_program").mkdir()
    assert main(["run", name]) == 2
    assert capsys.readouterr().err == f"toolpair-observe: there is no program {name}\n"


@pytest.mark.parametrize("name", ["no_such_module", "no_such.module", "json.no_such_module"])
def test_a_module_that_is_not_there_is_named(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main(["run", "-m", name]) == 2
    assert capsys.readouterr().err == f"toolpair-observe: there is no module {name}\n"


def test_the_program_s_own_failures_look_as_without_us(tmp_path, run_in_a_fork):
    program = tmp_path / "app.py"
    program.write_text(
        "import sys\n"
        "if sys.argv[1] == 'hook':\n"
        "    sys.excepthook = lambda kind, *_: print('told of', kind.__name__)\n"
        "raise {'hook': KeyError, 'exit': SystemExit}.get(sys.argv[1], BrokenPipeError)(4)\n"
    )
    plain = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, program, "raise"], capture_output=True, text=True, check=False
    )
    done = run("--quiet", str(program), "raise")
    assert (done.returncode, done.stderr) == (1, plain.stderr)
    assert run_in_a_fork(str(program), "hook").stdout == "told of KeyError\n"
    assert run_in_a_fork(str(program), "exit").returncode == 4


def test_every_argument_behind_the_program_is_the_program_s(run_in_a_fork):
    done = run_in_a_fork("--mode", "observe", "--", PROGRAM, "--", "-m", "--mode", "strict")
    assert done.stdout.splitlines()[0] == "arguments -- -m --mode strict"
    assert done.returncode == 0


@pytest.mark.parametrize("arguments", [["-c"], ["-e", "-c"]], ids=" ".join)
def test_a_program_that_is_not_python_takes_the_place_of_run(arguments, run_in_a_fork):
    told = 'echo "$0" $TOOLPAIR_MODE $TOOLPAIR_ANNOUNCE "$@"; exit 5'
    program = ["sh", *arguments, told, "it", "--mode", "off"]
    done = run_in_a_fork("--mode", "strict", "--quiet", *program)
    assert done.stdout == "it strict false --mode off\n"
    assert (done.returncode, done.stderr) == (5, "")


@pytest.mark.parametrize(
    ("options", "warnings"), [(["-I"], 1), (["-uS"], 1), (["-W", "error"], 0), ([], 0)]
)
def test_python_that_can_not_be_covered_is_warned_of(options, warnings, run_in_a_fork):
    done = run_in_a_fork(sys.executable, *options, "-c", "print('it ran')", "-I")
    assert done.stdout == "it ran\n"
    assert done.stderr.count("nothing is checked") == warnings


@pytest.mark.parametrize(
    "head",
    [
        "",
        "#!/usr/bin/env python3\n",
        "#!/bin/sh\n'''exec' \"/a long/python\" \"$0\" \"$@\"\n' '''\n",
    ],
    ids=["no-interpreter", "python", "behind-sh"],
)
def test_a_command_that_is_a_python_script_runs_in_this_process(head, tmp_path, run_in_a_fork):
    """pip writes the last form where the path of the interpreter is long or has a space in it."""
    script = tmp_path / "command"
    script.write_text(f"{head}import sys\nprint('toolpair_observe.cli.run' in sys.modules)\n")
    done = run_in_a_fork(str(script))
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


def test_a_program_that_can_not_be_run_is_named(tmp_path, run_in_a_fork):
    program = tmp_path / "program"
    program.write_bytes(b"\0")
    done = run_in_a_fork(str(program))
    assert done.returncode == 2
    assert done.stderr == f"toolpair-observe: {program} can't be run: Permission denied\n"


def test_threads_that_go_on_find_their_main_module(tmp_path):
    program = tmp_path / "app.py"
    program.write_text(
        "import pickle, threading\n"
        "class Thing: pass\n"
        "def work():\n"
        "    threading.main_thread().join()\n"
        "    print(type(pickle.loads(pickle.dumps(Thing()))).__name__)\n"
        "threading.Thread(target=work).start()\n"
    )
    done = run(str(program))
    assert done.stdout == "Thing\n", done.stderr


def load_as_opentelemetry_does() -> None:
    """By the entry point that the package declares, through the loader's own distro."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    group = "opentelemetry_instrumentor"
    ((name, value),) = declared[group].items()
    assert name == "toolpair"
    DefaultDistro().load_instrumentor(EntryPoint(name, value, group), skip_dep_check=True)


LOADER = Path(sys.executable).with_name("opentelemetry-instrument")


def is_installed() -> bool:
    return any(e.name == "toolpair" for e in entry_points(group="opentelemetry_instrumentor"))


@pytest.mark.skipif(not (LOADER.exists() and is_installed()), reason="needs both installed")
@pytest.mark.parametrize(("mode", "status"), [("strict", 3), ("observe", 0), ("stict", 0)])
def test_opentelemetry_instrument_runs_a_program_that_knows_nothing(mode, status):
    done = subprocess.run(  # noqa: S603 - our own program
        [LOADER, sys.executable, PROGRAM, "--port", "80"],
        cwd=ROOT,
        env={
            **clean_environment(),
            "PYTHONPATH": str(ROOT),
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "TOOLPAIR_MODE": mode,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[0] == "arguments --port 80"
    wanted = "not attached: environment variable" if mode == "stict" else "INVALID_TOOL_RESULTS"
    assert wanted in done.stderr


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
