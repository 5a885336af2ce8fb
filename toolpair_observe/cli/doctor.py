"""`toolpair-observe doctor`: say whether a process is protected, how and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from toolpair_observe.console import ExitCode, show

if TYPE_CHECKING:
    import argparse

    from toolpair_observe.cli.subcommands import Subcommands

_DESCRIPTION: Final = """\
Say whether chat models are checked, in which mode and why, and what is wrong: versions,
integrations, every option with its source, the seam, other instrumentation, OpenTelemetry,
LangSmith. Alone it looks at its own environment; behind `run` at that of a program.

  toolpair-observe doctor
  toolpair-observe doctor --model anthropic:claude-sonnet-5
  toolpair-observe run --mode strict toolpair-observe doctor --online

exit status:
  0  nothing is wrong; there may be notes
  1  something is wrong
  2  an argument is wrong
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("doctor", "say whether chat models are checked, and what is wrong")
    parser.description = _DESCRIPTION
    parser.add_argument(
        "--model", metavar="PROVIDER:NAME", help="say under which profile this model is judged"
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="also ask LangSmith and the exporters' servers, for 5 seconds at most",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what was found."""
    # Imports langchain-core, which is slow; `--help` does not need it.
    from toolpair_observe.diagnosis.doctor import diagnose  # noqa: PLC0415

    diagnosis = diagnose(arguments.model, handler=None, online=arguments.online, in_program=False)
    show(json.dumps(diagnosis.to_dict()) if arguments.json else str(diagnosis))
    return ExitCode.OK if diagnosis.ok else ExitCode.FOUND
