"""`toolpair-observe langsmith apply`: set up charts, alerts and filters in a LangSmith project."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from toolpair_observe.cli.subcommands import Subcommands
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolpair_observe.reporters.langsmith.apply import AppliedStep

FAILED: Final = "fail"

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
    apply.add_argument(
        "--project", metavar="NAME", help="the tracing project; only a dry run does without it"
    )
    apply.add_argument(
        "--dry-run",
        action="store_true",
        help="only print what would be done, if need be without network, key and project",
    )
    apply.add_argument(
        "--webhook", type=_url, metavar="URL", help="target of the alerts; without it, no alerts"
    )
    apply.set_defaults(run=partial(run, complain=apply.error))


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        # No more of it is quoted: a webhook's URL is a secret.
        host = text.partition("/")[0].rpartition("@")[2]
        msg = f"the URL that begins with {quoted(host)} does not begin with http:// or https://"
        raise argparse.ArgumentTypeError(msg)
    return text


def run(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> int:
    """Apply the files and print each step."""
    # Imports the LangSmith client, which is slow; `--help` does not need it.
    from toolpair_observe.reporters.langsmith.apply import apply  # noqa: PLC0415
    from toolpair_observe.reporters.langsmith.connect import connect  # noqa: PLC0415
    from toolpair_observe.reporters.langsmith.dry_run import plan  # noqa: PLC0415

    if arguments.project is None and not arguments.dry_run:
        complain("the following arguments are required: --project")
    with connect() as workspace:
        where = workspace.server.shown
        if not arguments.dry_run:
            done = _show_line(apply(workspace, arguments.project, webhook=arguments.webhook))
            show_line(f"done at {where}: {_total(done)}")
        else:
            steps, why = plan(workspace, arguments.project, webhook=arguments.webhook)
            done = _show_line(steps)
            show_line(f"would be done at {where}: {_total(done)}")
            if why:
                show_line(f"not compared with what is there: {why}", sys.stderr)
    return ExitCode.FOUND if done[FAILED] else ExitCode.OK


def _show_line(steps: Iterable[AppliedStep]) -> Counter[str]:
    done: Counter[str] = Counter()
    for step in steps:
        done[step.action] += 1
        line = f"{step.action:6}  {step.what}" + (f": {step.detail}" if step.detail else "")
        show_line(line, sys.stderr if step.action == FAILED else None)
    return done


def _total(done: Counter[str]) -> str:
    return ", ".join(f"{count} {action}" for action, count in done.items())
