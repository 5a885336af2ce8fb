"""New processes that a program under `run` starts are attached, too, and say so."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.attach.test_zero_code import LOADER, PROGRAM, ROOT, clean_environment, is_installed
from toolpair_observe.children import cover

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = str(Path(__file__).parent / "family.py")
ATTACHED = r"^toolpair_observe is attached: pid (\d+), mode strict \(.*\), by toolpair-observe run$"
SECONDS = 60


def environment(*path: Path, **extra: str) -> dict[str, str]:
    """Return an environment with this tree on the path, and `path` in front of it."""
    entries = os.pathsep.join(map(str, (*path, ROOT)))
    return {**clean_environment(), "PYTHONPATH": entries, **extra}


def covered(*path: Path, **extra: str) -> dict[str, str]:
    """Return the environment that a process has which a program under `run` starts."""
    environ = environment(*path, **extra)
    cover(environ)
    return environ


def python(
    *arguments: str, env: dict[str, str], cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def command(*arguments: str) -> list[str]:
    return ["-m", "toolpair_observe", "run", "--mode", "strict", *arguments]


def test_every_kind_of_new_process_is_strict_and_says_so():
    done = python(*command(FAMILY), env=environment())
    asked = re.findall(r"^(\w+) (\d+) (\d)$", done.stdout, re.MULTILINE)
    assert [(way, code) for way, _, code in asked] == [
        (way, "3") for way in ("spawn", "forkserver", "subprocess", "exec")
    ], done.stderr
    # The program starts as the process that ends as the last one.
    pids = [pid for _, pid, _ in asked]
    assert re.findall(ATTACHED, done.stderr, re.MULTILINE) == [pids[-1], *pids]
    assert done.returncode == 0


class Served:
    """A server under `run`, and what it has written so far."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self._url = f"http://127.0.0.1:{port}/"
        self.lines: list[str] = []

    def wait_for(self, pattern: str) -> str:
        """Read lines until there is one with this in it."""
        for line in iter(self._process.stderr.readline, ""):
            self.lines.append(line.rstrip())
            if re.search(pattern, line):
                return line
        raise AssertionError("\n".join(self.lines))

    def ask(self) -> tuple[str, str]:
        """Return the process that has answered, and what has come of it."""
        with urllib.request.urlopen(self._url, timeout=SECONDS) as answer:  # noqa: S310
            pid, code = answer.read().decode().split()
            return pid, code

    def attached(self) -> list[str]:
        """Return the processes that have said that they are attached."""
        return [match[1] for line in self.lines if (match := re.match(ATTACHED, line))]


@contextmanager
def served(server: str, *arguments: str, cwd: Path = ROOT) -> Iterator[Served]:
    """Run a server on a socket that listens already, so that a request can only be early."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd, port = listening.fileno(), listening.getsockname()[1]
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *command("-m", server, *(each.format(fd=fd) for each in arguments))],
            cwd=cwd,
            env=environment(),
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.alarm(2 * SECONDS)  # for a line that never comes
        try:
            yield Served(process, port)
        finally:
            signal.alarm(0)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS)


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}")


@needs("uvicorn")
def test_the_workers_of_uvicorn_are_strict_and_each_says_so():
    with served("uvicorn", "tests.attach.served:asgi", "--workers", "2", "--fd", "{fd}") as server:
        for _ in range(2):
            server.wait_for("Application startup complete")
        pid, code = server.ask()
        supervisor, *workers = server.attached()
        assert (len({supervisor, *workers}), pid in workers, code) == (3, True, "3")


@needs("uvicorn")
def test_what_uvicorn_reloads_is_strict_and_says_so(tmp_path):
    module = shutil.copy(Path(__file__).with_name("served.py"), tmp_path / "app.py")
    with served("uvicorn", "app:asgi", "--reload", "--fd", "{fd}", cwd=tmp_path) as server:
        server.wait_for("Application startup complete")
        before = server.ask()
        later = time.time() + 10
        os.utime(module, (later, later))
        server.wait_for("Application startup complete")
        after = server.ask()
        assert [before, after] == [(pid, "3") for pid in server.attached()[1:]]
        assert before != after


@needs("gunicorn")
def test_a_worker_of_gunicorn_is_strict_and_says_so_at_its_first_request():
    with served("gunicorn", "tests.attach.served:wsgi", "--bind", "fd://{fd}") as server:
        pid, code = server.ask()
        server.wait_for(f"attached: pid {pid}")
        assert (len({*server.attached()}), code) == (2, "3")


OTHERS = [e.name for e in entry_points(group="opentelemetry_instrumentor") if e.name != "toolpair"]


@pytest.mark.skipif(not (LOADER.exists() and is_installed()), reason="needs both installed")
@pytest.mark.parametrize("is_outside", [True, False], ids=["outside", "inside"])
def test_opentelemetry_instrument_and_run_stand_together(is_outside):
    """In either order; OpenTelemetry's loader attaches first, and the line is said aloud."""
    silent = {f"OTEL_{each}_EXPORTER": "none" for each in ("TRACES", "METRICS", "LOGS")}
    silent["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = ",".join(OTHERS)
    by_run = ["-m", "toolpair_observe", "run"]
    if is_outside:
        arguments = [str(LOADER), sys.executable, *by_run, PROGRAM]
    else:
        arguments = [*by_run, str(LOADER), sys.executable, PROGRAM]
    done = python(*arguments, env=environment(TOOLPAIR_MODE="strict", **silent))
    assert done.returncode == 3, done.stderr
    *_, by = re.findall(r"^toolpair_observe is attached: .* by (.*)$", done.stderr, re.MULTILINE)
    assert by == "opentelemetry-instrument"


# A package that stands in for langchain-core costs no second.
@pytest.fixture
def stand_in(tmp_path) -> Path:
    folder = tmp_path / "stand_in"
    models = folder / "langchain_core" / "language_models"
    models.mkdir(parents=True)
    for each in (models.parent, models):
        (each / "__init__.py").touch()
    (models / "chat_models.py").write_text("print('imported as', type(__loader__).__name__)\n")
    return folder


IMPORT = "import langchain_core.language_models.chat_models as it"


def test_a_process_without_chat_models_is_as_without_us():
    program = "import sys; print(*sys.modules)"
    plain, done = (python("-c", program, env=env) for env in (environment(), covered()))
    assert {*done.stdout.split()} - {*plain.stdout.split()} <= {"__future__"}
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_path_of_a_process_is_what_it_is_without_us():
    for options in ([], ["-P"], ["-s"]):
        program = [*options, "-c", "import sys; print(sys.path)"]
        plain, done = (python(*program, env=env) for env in (environment(), covered()))
        assert done.stdout == plain.stdout


@pytest.mark.parametrize(
    "own", ["print('own')", "raise ValueError('own')", "import no_such_module", "syntax error"]
)
def test_a_sitecustomize_that_is_there_already_does_what_it_does_without_us(
    own, tmp_path, stand_in
):
    (tmp_path / "sitecustomize.py").write_text(own)
    program = "import sys; print(getattr(sys.modules.get('sitecustomize'), '__file__', None)); "
    plain = python("-c", program, env=environment(tmp_path, stand_in))
    done = python("-c", program + IMPORT, env=covered(tmp_path, stand_in))
    assert done.stdout == f"{plain.stdout}imported as SourceFileLoader\n"
    assert done.stderr.startswith(plain.stderr)
    assert "toolpair_observe is not attached" in done.stderr


def test_what_keeps_it_from_attaching_is_one_line_and_the_program_goes_on(stand_in):
    program = f"import os, sys; {IMPORT}; print(vars(it.__loader__), os.getpid()); sys.exit(4)"
    plain, done = (python("-c", program, env=f(stand_in)) for f in (environment, covered))
    assert plain.returncode == done.returncode == 4
    pid = done.stdout.split()[-1]
    assert done.stdout.replace(pid, "") == plain.stdout.replace(plain.stdout.split()[-1], "")
    (line,) = done.stderr.splitlines()
    # What is missing depends on how langchain-core's release imports its parts.
    assert line.startswith(f"toolpair_observe is not attached: pid {pid}, ")
    assert "install toolpair-observe for " in line


def test_modules_of_a_zip_file_are_attached_to_once(stand_in, tmp_path):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for each in stand_in.rglob("*.py"):
            file.write(each, each.relative_to(stand_in))
    program = f"{IMPORT}; import importlib; importlib.invalidate_caches(); print('on')"
    done = python("-c", program, env=covered(archive))
    assert done.stdout == "imported as zipimporter\non\n"
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_option_in_a_new_process_is_one_line_and_its_request_goes_on():
    done = python(PROGRAM, env=covered(TOOLPAIR_MODE="stict"))
    assert done.stdout.splitlines()[-1] == "answered Fine."
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(
        r"toolpair_observe is not attached: pid \d+, environment variable TOOLPAIR_MODE is "
        r"'stict'; expected observe, strict or off",
        line,
    )


def test_a_quiet_process_says_nothing_and_is_strict_all_the_same():
    done = python(PROGRAM, env=covered(TOOLPAIR_MODE="strict", TOOLPAIR_ANNOUNCE="false"))
    assert done.returncode == 3
    assert "attached" not in done.stderr
