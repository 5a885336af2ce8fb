"""`toolpair-observe run`: a Python program with every chat model of it checked."""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.commands.exit_codes import Exit
from toolpair_observe.commands.printing import show
from toolpair_observe.errors import ToolPairError

if TYPE_CHECKING:
    from toolpair_observe.commands.subcommands import Subcommands

_DESCRIPTION: Final = """\
Run a Python program and check every chat-model request that it makes. The program is not changed.
Options come from the environment (TOOLPAIR_MODE=strict, ...); --mode is the one that is also an
argument. Forked workers are checked too, processes that are started anew are not.

  toolpair-observe run app.py --port 8000
  toolpair-observe run --mode strict -m package.module
  toolpair-observe run gunicorn app:app

exit status: that of the program; 2 where an option is wrong or there is no such program
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("run", "run a Python program with every chat model checked")
    parser.description = _DESCRIPTION
    parser.add_argument("--mode", help="observe, strict or off; wins over TOOLPAIR_MODE")
    parser.add_argument(
        "-m", dest="is_module", action="store_true", help="PROGRAM is a module, as for python -m"
    )
    parser.add_argument("program", metavar="PROGRAM", help="a script, or a command made of one")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Attach, and run the program in this process."""
    script = None if arguments.is_module else _find(arguments.program)
    if script is None and not arguments.is_module:
        show(f"toolpair-observe: there is no script {arguments.program}", sys.stderr)
        return Exit.BAD_INPUT
    # Imports langchain-core, which nobody should wait for in vain.
    from toolpair_observe.instrumentation import instrument  # noqa: PLC0415

    instrument(**({"mode": arguments.mode} if arguments.mode else {}))
    sys.argv = [str(script or arguments.program), *arguments.arguments]
    try:
        if script is None:
            sys.path[0] = str(Path.cwd())
            runpy.run_module(arguments.program, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(script.resolve().parent)
            runpy.run_path(str(script), run_name="__main__")
    except ToolPairError:
        # The program's own failure and not the command's.
        traceback.print_exc()
        return Exit.FOUND
    return Exit.OK


def _find(program: str) -> Path | None:
    """Return the script of that name here, or else the one on the PATH."""
    found = program if Path(program).exists() else shutil.which(program)
    return None if found is None else Path(found)
