"""The parser of `toolpair-observe`, and the exit codes of failures."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe._version import __version__
from toolpair_observe.cli import (
    audit,
    check,
    completion,
    demo,
    doctor,
    langsmith,
    probe,
    repair,
    run,
    threads,
)
from toolpair_observe.cli.configured import configure
from toolpair_observe.cli.subcommands import Parser, Subcommands
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.errors import ToolPairError
from toolpair_observe.project_file import COMMANDS as COMMANDS_WITH_TABLES
from toolpair_observe.project_file import find
from toolpair_observe.project_options import adopted, project_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from toolpair_observe.project_file import ProjectFile

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
    completion.register,
)


# The others judge nothing by an option, so a mistake in a file is no reason to refuse them.
READERS: Final = (*COMMANDS_WITH_TABLES, "run", "doctor", "demo")
"""The commands that read the file."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every command."""
    return _commands().parser


def _commands() -> Subcommands:
    parser = Parser(
        prog="toolpair-observe",
        description="See broken tool-call / tool-result pairs (INVALID_TOOL_RESULTS) in LangChain "
        "before the provider does.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = Subcommands(parser)
    for register in COMMANDS:
        register(commands)
    return commands


def _configured(commands: Subcommands, given: Sequence[str]) -> ProjectFile | None:
    """Return the pyproject.toml that holds here, once the defaults of the command are its own."""
    if not given or given[0] not in READERS:
        return None
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return None  # the folder has been removed, and every file in it
    project = find(here)
    if project is not None and given[0] in COMMANDS_WITH_TABLES:
        parser = commands.parser_of(given[0])
        if parser is not None:
            configure(parser, given[0], project)
    return project


def dispatch(argv: Sequence[str] | None) -> int:
    """Run a command.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if argv is None else argv
    commands = _commands()
    project, trouble = None, None
    try:
        project = _configured(commands, given)
    except ToolPairError as error:
        trouble = error  # `--help` and a wrong argument come first
    arguments = commands.parser.parse_args(given)
    if getattr(arguments, "histories", None) == []:
        project, trouble = None, None  # a demo of its own histories, with options of its own
    arguments.project_file, arguments.trouble = project, trouble
    _escape_unencodable_characters()
    try:
        # The doctor is asked what is wrong, and says this, too.
        if trouble is not None and arguments.run is not doctor.run:
            raise trouble
        code = _run(arguments)
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


def _run(arguments: argparse.Namespace) -> int:
    project: ProjectFile | None = arguments.project_file
    # The doctor speaks of what an attached handler sees, and that reads no file.
    is_doctor = arguments.run is doctor.run
    found = {} if is_doctor else project_options(project, os.environ)
    if arguments.run is run.run and arguments.mode:
        found.pop("mode", None)
    with adopted(found, os.environ):
        # Of a program that runs for weeks, it has to be known where its options came from.
        if found and arguments.run is run.run and not arguments.quiet:
            say = f"toolpair-observe: {', '.join(found)} as in {arguments.project_file.path}"
            show_line(say, sys.stderr)
        return int(arguments.run(arguments))


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
