"""The commands of `toolpair-observe`, and what becomes of their failures."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Final

from toolpair_observe import __version__
from toolpair_observe.cli import check, demo, langsmith, run
from toolpair_observe.cli.subcommands import Subcommands
from toolpair_observe.console import Exit, show
from toolpair_observe.errors import ToolPairError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A new command is a module with `register`, and its line here.
COMMANDS: Final[tuple[Callable[[Subcommands], None], ...]] = (
    demo.register,
    check.register,
    run.register,
    langsmith.register,
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    parser = argparse.ArgumentParser(
        prog="toolpair-observe",
        description="See broken tool-call / tool-result pairs (INVALID_TOOL_RESULTS) in LangChain "
        "before the provider does.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = Subcommands(parser)
    for register in COMMANDS:
        register(commands)
    return parser


def dispatch(argv: Sequence[str] | None) -> int:
    """Run a command.

    Args:
        argv: The arguments, None for those of the process.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    _never_fail_to_encode()
    try:
        code = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
    except ToolPairError as error:
        show(f"toolpair-observe: {error}", sys.stderr)
        return Exit.BAD_INPUT
    except BrokenPipeError:
        # Whoever read the output has closed it.
        _let_go_of_output()
        return Exit.BROKEN_PIPE
    except OSError as error:
        _let_go_of_output()
        show(f"toolpair-observe: {error}", sys.stderr)
        return Exit.BAD_INPUT
    return code


def _never_fail_to_encode() -> None:
    """Let a terminal that lacks a character show its escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_output() -> None:
    """Keep the interpreter from complaining at its exit of an output that can't be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
