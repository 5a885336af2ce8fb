"""`toolpair-observe doctor`: say whether a process is protected, how and why."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.console import ExitCode, show
from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.shown import shown
from toolpair_observe.project_options import project_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.diagnosis.findings import Finding
    from toolpair_observe.errors import ToolPairError
    from toolpair_observe.project_file import ProjectFile

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
    from toolpair_observe.diagnosis.findings import Diagnosis  # noqa: PLC0415 - see above

    found = diagnose(arguments.model, handler=None, online=arguments.online, in_program=False)
    told = _of_project(arguments.project_file, arguments.trouble)
    diagnosis = Diagnosis((*found.findings, *told))
    show(json.dumps(diagnosis.to_dict()) if arguments.json else str(diagnosis))
    return ExitCode.OK if diagnosis.ok else ExitCode.FOUND


def _of_project(project: ProjectFile | None, trouble: ToolPairError | None) -> Iterator[Finding]:
    """Say which pyproject.toml was read, who minds what it sets, and what is wrong with it."""
    from toolpair_observe.diagnosis.findings import ok, problem  # noqa: PLC0415 - see `run`

    trouble = trouble or _mistake_in(project)
    if trouble is not None:
        yield problem("project", str(trouble), "mend the file: other commands and pytest end here")
    if project is not None:
        names = ", ".join(map(shown, project.table)) or "nothing"
        who = "for the commands and pytest; an attached handler reads no file"
        yield ok("project", f"{project.path} sets {names}: {who}")


def _mistake_in(project: ProjectFile | None) -> ToolPairError | None:
    try:
        project_options(project, os.environ)
    except SettingsError as error:
        return error
    return None
