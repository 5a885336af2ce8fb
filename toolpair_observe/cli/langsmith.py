"""`toolpair-observe langsmith apply`: set up charts, alerts and filters in a LangSmith project."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Final

from toolpair_observe.cli.subcommands import Subcommands
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.pairing.shown import quoted

_DESCRIPTION: Final = """\
Create or update the objects that show near misses in a LangSmith project: the feedback config of
INVALID_TOOL_RESULTS, a section of charts, alert rules and saved filters. A second run changes
nothing, and objects that you added yourself stay as they are.

  toolpair-observe langsmith apply --project checkout --dry-run
  toolpair-observe langsmith apply --project checkout --webhook https://example.com/hook

LANGSMITH_API_KEY, LANGSMITH_ENDPOINT and LANGSMITH_WORKSPACE_ID select the workspace, as for any
LangSmith client.

exit status:
  0  everything is set up
  1  some of it could not be set up
  2  none of it could be set up
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("langsmith", "set up charts, alerts and filters in LangSmith")
    apply = Subcommands(parser).add("apply", "create or update them")
    apply.description = _DESCRIPTION
    apply.add_argument("--project", required=True, metavar="NAME", help="the tracing project")
    apply.add_argument("--dry-run", action="store_true", help="only print what would be done")
    apply.add_argument(
        "--webhook", type=_url, metavar="URL", help="target of the alerts; without it, no alerts"
    )
    apply.set_defaults(run=run)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        msg = f"{quoted(text)} does not begin with http:// or https://"
        raise argparse.ArgumentTypeError(msg)
    return text


def run(arguments: argparse.Namespace) -> int:
    """Apply the files and print each step."""
    # Imports the LangSmith client, which is slow; `--help` does not need it.
    from toolpair_observe.reporters.langsmith.apply import Action, apply, connect  # noqa: PLC0415

    done: Counter[Action] = Counter()
    with connect() as client:
        for step in apply(
            client, arguments.project, dry_run=arguments.dry_run, webhook=arguments.webhook
        ):
            done[step.action] += 1
            line = f"{step.action:6}  {step.what}" + (f": {step.detail}" if step.detail else "")
            show_line(line, sys.stderr if step.action is Action.FAIL else None)
    total = ", ".join(f"{count} {action}" for action, count in done.items())
    show_line(f"{'would be done' if arguments.dry_run else 'done'} at {client.api_url}: {total}")
    return ExitCode.FOUND if done[Action.FAIL] else ExitCode.OK
