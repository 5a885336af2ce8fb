"""`toolpair-observe run`: run a program with all of its chat models checked.

A Python program runs in this process. Anything else takes the place of this process, and is covered
as the new processes of a Python program are.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import runpy
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.children import BY_RUN, cover
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.settings import Settings, variable_of

if TYPE_CHECKING:
    from types import TracebackType

    from toolpair_observe.cli.subcommands import Subcommands

_DESCRIPTION: Final = """\
Run a program and check every chat-model request that it makes. The program is not changed.
Options come from the environment (TOOLPAIR_MODE=strict, ...), else from [tool.toolpair_observe] of
the nearest pyproject.toml; only the mode is also an argument.
Forked workers and new Python processes that the program starts are checked too, as far as Python
reads PYTHONPATH there (python -I, -E and -S do not). Each says in one line on standard error that
it is attached, in which mode and why, once it imports LangChain's chat models.

  toolpair-observe run app.py --port 8000
  toolpair-observe run --mode strict -m package.module
  toolpair-observe run uvicorn app:app --workers 2
  toolpair-observe run sh -c 'python prepare.py && python serve.py'

exit status: that of the program; 2 if an option is wrong or the program does not exist
"""
_PYTHON_SUFFIXES: Final = {".py", ".pyc", ".pyw", ".pyz"}
_HEAD: Final = 1024


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("run", "run a program with every chat model checked")
    parser.description = _DESCRIPTION
    parser.add_argument("--mode", help="observe, strict or off; overrides TOOLPAIR_MODE")
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="say nothing of what is attached; the same as TOOLPAIR_ANNOUNCE=false",
    )
    parser.add_argument(
        "-m", dest="is_module", action="store_true", help="PROGRAM is a module, as for python -m"
    )
    parser.add_argument(
        "program",
        nargs=argparse.PARSER,
        metavar="PROGRAM",
        help="a Python script or any other command, and its arguments",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Attach the handler and run the program."""
    # Some versions of argparse leave a leading "--" in place.
    name, *its_arguments = arguments.program[arguments.program[0] == "--" :]
    script = None if arguments.is_module else _find(name)
    _put_on_path(Path.cwd() if script is None else script.resolve().parent)
    if script is None and not (arguments.is_module and _is_module(name)):
        what = "module" if arguments.is_module else "program"
        show_line(f"toolpair-observe: there is no {what} {name}", sys.stderr)
        return ExitCode.BAD_INPUT
    Settings.resolve(mode=arguments.mode)  # a wrong option ends it here
    _cover_children(arguments)
    if script is not None and not _is_python(script):
        return _become(script, its_arguments)
    # Imports langchain-core, which is slow; `--help` does not need it.
    from toolpair_observe.attach.announce import PROCESS  # noqa: PLC0415
    from toolpair_observe.attach.instrument import attach  # noqa: PLC0415

    attach(BY_RUN, **({"mode": arguments.mode} if arguments.mode else {}))
    PROCESS.speak_up()
    sys.argv = [name if script is None else str(script), *its_arguments]
    try:
        if script is None:
            its_names = runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            its_names = runpy.run_path(str(script), run_name="__main__")
    except Exception as error:  # noqa: BLE001 -- the program's own failure, as Python reports it
        shown = error.with_traceback(_without_own_frames(error.__traceback__))
        sys.excepthook(type(shown), shown, shown.__traceback__)
        return ExitCode.FOUND
    # Threads of the program may still run, and pickle looks names up in the main module.
    vars(sys.modules["__main__"]).update(its_names)
    return ExitCode.OK


def _find(name: str) -> Path | None:
    """Return the script of that name in this folder, or else the one on the PATH."""
    here = Path(name)
    if here.is_file() or (here / "__main__.py").is_file():
        return here
    found = shutil.which(name)
    return None if found is None else Path(found)


def _cover_children(arguments: argparse.Namespace) -> None:
    """Set the environment of the processes that the program will start, and that of its own."""
    if arguments.mode:
        os.environ[variable_of("mode")] = arguments.mode
    if arguments.quiet:
        os.environ[variable_of("announce")] = "false"
    cover(os.environ)


def _is_python(script: Path) -> bool:
    """Whether it is a Python program, and not one for the system to run."""
    if script.is_dir() or zipfile.is_zipfile(script) or script.suffix in _PYTHON_SUFFIXES:
        return True
    if not os.access(script, os.R_OK):
        return False
    with script.open("rb") as file:
        head = file.read(_HEAD)
    interpreter, _, rest = head.partition(b"\n")
    if interpreter.startswith(b"#!"):
        # pip writes the second form where the interpreter's path is too long for the first.
        return b"python" in interpreter or b"pypy" in interpreter or rest.startswith(b"'''exec'")
    return b"\0" not in head


def _become(program: Path, its_arguments: list[str]) -> int:
    """Run the program in the place of this process; return only where that can't be done."""
    if "python" in program.name and _ignores_path(its_arguments):
        show_line(
            "toolpair-observe: python -I, -E and -S are not covered: nothing is checked", sys.stderr
        )
    try:
        os.execv(program, [str(program), *its_arguments])  # noqa: S606 -- what was asked for
    except OSError as error:
        show_line(f"toolpair-observe: {program} can't be run: {error.strerror}", sys.stderr)
    return ExitCode.BAD_INPUT


def _ignores_path(arguments: list[str]) -> bool:
    """Whether Python reads no PYTHONPATH, or imports no `sitecustomize`, with these arguments."""
    for argument in arguments:
        if not argument.startswith("-") or argument.startswith(("--", "-c", "-m")):
            return False
        if not argument.startswith(("-W", "-X")) and {*argument} & {*"EIS"}:
            return True
    return False


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        # Either a package of the name itself is missing, or something that the package imports.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return False
        raise


def _put_on_path(folder: Path) -> None:
    """Put `folder` first on the path, as Python does with the folder of a program."""
    if not sys.flags.safe_path:
        sys.path[0] = str(folder)


def _without_own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the leading frames of this module and of `runpy`."""
    own_files = (__file__, "<frozen runpy>", runpy.__file__)
    while traceback is not None and traceback.tb_frame.f_code.co_filename in own_files:
        traceback = traceback.tb_next
    return traceback
