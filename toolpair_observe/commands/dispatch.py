"""The command line: `toolpair-observe COMMAND …`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Final

from toolpair_observe import __version__
from toolpair_observe.commands import check, demo, langsmith, run
from toolpair_observe.commands.exit_codes import Exit
from toolpair_observe.commands.printing import show
from toolpair_observe.commands.subcommands import Subcommands
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments, those of the process by default.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    _never_fail_to_encode()
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except ToolPairError as error:
        show(f"toolpair-observe: {error}", sys.stderr)
        return Exit.BAD_INPUT
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has closed it; keep the interpreter from complaining at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    return code


def _never_fail_to_encode() -> None:
    """Let a terminal that lacks a character show its escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
