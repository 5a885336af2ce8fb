"""Programs in separate processes that do not import langchain-openai again each time.

A server imports once what others wrote and is the same for every program, and forks for each one.
What the child imports, ours in the first place, and how its interpreter ends is as without a
server. How an interpreter starts is not: a test of that starts one.
"""

# ruff: noqa: T201 - printing is how the server answers

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.cli.process import ROOT, environment

IMPORTED = (
    "langchain.agents",
    "langchain_openai",
    "opentelemetry.sdk.trace",
    "pytest",
    "rich.table",
)
SECONDS = 120
# What the modules above might remember from the server's environment.
NOT_FOR_THE_SERVER = ("LANGCHAIN_", "LANGSMITH_", "OPENAI_", "OTEL_", "TOOLPAIR_")


class ForkServer:
    """A server that is there while its context lasts.

    Args:
        options: What `python` takes before the program, such as `-W error`.
    """

    def __init__(self, *options: str) -> None:
        kept = {k: v for k, v in environment().items() if not k.startswith(NOT_FOR_THE_SERVER)}
        self._server = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *options, "-m", "tests.fork_server"],
            cwd=ROOT,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=SECONDS)

    def run(
        self,
        *arguments: str,
        env: dict[str, str] | None = None,
        cwd: Path = ROOT,
        stdout: Path | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `python` with `arguments`, a script or `-m` and a module, to its end.

        Args:
            arguments: As for `python`.
            env: The program's environment.
            cwd: The folder that it runs in.
            stdout: A file to write to, instead of one whose text is returned.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = stdout or Path(folder, "out"), Path(folder, "err")
            program = {
                "arguments": arguments,
                "env": environment() if env is None else env,
                "cwd": str(cwd),
                "files": [os.devnull, str(out), str(err)],
            }
            print(json.dumps(program), file=self._server.stdin, flush=True)
            code = json.loads(self._server.stdout.readline())
            shown = out.read_bytes() if stdout is None else b""
            return subprocess.CompletedProcess(arguments, code, shown, err.read_bytes())


def main() -> None:
    """Fork for each line of the standard input; only the children return from here."""
    for module in IMPORTED:
        importlib.import_module(module)
    # What is there by now stays, so no child has to look at it when it collects or ends.
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            run_program(**json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run_program(arguments: list[str], env: dict[str, str], cwd: str, files: list[str]) -> None:
    """Do in this process what `python` does with these arguments."""
    # The parent waits for this process and for nothing else.
    signal.alarm(SECONDS)
    for descriptor, file in enumerate(files):
        opened = os.open(file, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = cwd
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
