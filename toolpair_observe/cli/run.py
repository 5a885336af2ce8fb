"""`toolpair-observe run`: run a Python program with all of its chat models checked."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.console import ExitCode, show_line

if TYPE_CHECKING:
    from types import TracebackType

    from toolpair_observe.cli.subcommands import Subcommands

_DESCRIPTION: Final = """\
Run a Python program and check every chat-model request that it makes. The program is not changed.
Options come from the environment (TOOLPAIR_MODE=strict, ...); only the mode is also an argument.
Forked workers are checked too; new processes that the program starts are not.

  toolpair-observe run app.py --port 8000
  toolpair-observe run --mode strict -m package.module
  toolpair-observe run gunicorn app:app

exit status: that of the program; 2 if an option is wrong or the program does not exist
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("run", "run a Python program with every chat model checked")
    parser.description = _DESCRIPTION
    parser.add_argument("--mode", help="observe, strict or off; overrides TOOLPAIR_MODE")
    parser.add_argument(
        "-m", dest="is_module", action="store_true", help="PROGRAM is a module, as for python -m"
    )
    parser.add_argument(
        "program",
        nargs=argparse.PARSER,
        metavar="PROGRAM",
        help="a script, or an installed command that is a Python script, and its arguments",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Attach the handler and run the program in this process."""
    # Some versions of argparse leave a leading "--" in place.
    name, *its_arguments = arguments.program[arguments.program[0] == "--" :]
    script = None if arguments.is_module else _find(name)
    _put_on_path(Path.cwd() if script is None else script.resolve().parent)
    if script is None and not (arguments.is_module and _is_module(name)):
        what = "module" if arguments.is_module else "script"
        show_line(f"toolpair-observe: there is no {what} {name}", sys.stderr)
        return ExitCode.BAD_INPUT
    # Imports langchain-core, which is slow; `--help` does not need it.
    from toolpair_observe.attach.instrument import attach  # noqa: PLC0415

    attach("toolpair-observe run", **({"mode": arguments.mode} if arguments.mode else {}))
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
