"""How the command line ends where a person, a pipe or a disk ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment, run_cli, run_python
from toolpair_observe.cli import check
from toolpair_observe.cli import main as cli

HISTORY = [{"role": "user", "content": "hi"}]
FULL = Path("/dev/full")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(HISTORY))
    return str(path)


def run_shell(command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", command], env=environment(), capture_output=True, check=False, timeout=120
    )


def test_an_interrupt_is_one_line_and_130(path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "given_files", interrupted)

    assert cli.main(["check", path]) == 130
    assert capsys.readouterr() == ("", "toolpair-observe: interrupted\n")


@pytest.mark.parametrize("command", ["check", "demo"])
def test_so_is_one_that_comes_before_everything_is_imported(command):
    program = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'langchain_core.messages': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from toolpair_observe.cli.main import main\n"
        f"sys.exit(main([{command!r}, '-']))"
    )

    done = run_python("-c", program, stdin=subprocess.DEVNULL)

    assert (done.returncode, done.stderr) == (130, b"toolpair-observe: interrupted\n")


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("command", ["check", "demo"])
def test_an_output_that_can_not_be_written_is_one_line_and_2(command, path, fork_server):
    files = [path] if command == "check" else []
    done = fork_server.run("-m", "toolpair_observe", command, *files, stdout=FULL)

    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("toolpair-observe: ")
    assert os.strerror(28) in line


@pytest.mark.parametrize("command", ["check", "demo"])
def test_without_an_output_the_exit_code_is_what_counts(command, path):
    file = path if command == "check" else ""
    done = run_shell(f"{sys.executable} -m toolpair_observe {command} {file} >&-")

    assert (done.returncode, done.stderr) == (0, b"")


def test_without_an_input_there_is_nothing_to_read():
    done = run_shell(f"{sys.executable} -m toolpair_observe check - <&-")

    assert done.returncode == 2
    assert done.stderr == b"toolpair-observe: standard input: it is closed\n"


def test_the_demo_ends_quietly_where_nobody_reads_on():
    done = run_shell(
        f"{{ {sys.executable} -m toolpair_observe demo; echo $? >&2; }} | true",
    )

    assert done.stderr == b"141\n"


def test_a_broken_pipe_of_the_program_is_its_own(tmp_path):
    program = tmp_path / "app.py"
    program.write_text("raise BrokenPipeError(32, 'the peer is gone')")

    done = run_cli("run", str(program))

    assert done.returncode == 1
    assert b"the peer is gone" in done.stderr
