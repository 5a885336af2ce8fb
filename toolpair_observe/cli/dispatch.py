"""The parser of `toolpair-observe`, and the exit codes of failures."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from toolpair_observe._version import __version__
from toolpair_observe.cli import audit, check, demo, doctor, langsmith, probe, repair, run, threads
from toolpair_observe.cli.subcommands import Subcommands
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.errors import ToolPairError
from toolpair_observe.pairing.shown import line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A new command is a module with a function `register`, and a line here.
COMMANDS: Final[tuple[Callable[[Subcommands], None], ...]] = (
    demo.register,
    check.register,
    audit.register,
    repair.register,
    threads.register,
    run.register,
    probe.register,
    doctor.register,
    langsmith.register,
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, whatever the arguments are that they quote."""

    def error(self, message: str) -> NoReturn:
        super().error(line(message))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    parser = _Parser(
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
        argv: The arguments; None for those of the process.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    _escape_unencodable_characters()
    try:
        code = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
    except ToolPairError as error:
        show_line(f"toolpair-observe: {error}", sys.stderr)
        return ExitCode.BAD_INPUT
    except BrokenPipeError:
        # The reader of the output has closed it, as `head` does.
        _discard_output()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        _discard_output()
        show_line(f"toolpair-observe: {error}", sys.stderr)
        return ExitCode.BAD_INPUT
    return code


def _escape_unencodable_characters() -> None:
    """Print an escape for a character that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Discard output that can't be written, so that the interpreter exits without a complaint."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
