"""`toolpair-observe threads`: find stored threads that are broken for ever, and mend them."""

from __future__ import annotations

import argparse
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from toolpair_observe.cli import numbers
from toolpair_observe.cli.check import add_profile_option
from toolpair_observe.cli.threads_output import HOW_TO_MEND, JsonOutput, Output, TextOutput
from toolpair_observe.cli.threads_reading import Reading
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.hashed import id_namer
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.settings import from_environment
from toolpair_observe.threads.diagnosis import ThreadVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.tally import ThreadTally

_DESCRIPTION: Final = """\
Say of each thread that a LangGraph checkpointer has stored what its next turn will meet. Nothing is
written, and nothing that a row names is imported or run.

  sound       a new message and a resume both go on
  waiting     it waits for an answer, or paused before its tools: whoever resumes it goes on
  stalled     a run ended between a call and its result: a resume goes on, a new message fails
  poisoned    its stored history is broken: every turn fails until it is mended
  unreadable  it could not be read

  toolpair-observe threads sqlite:///app.db
  toolpair-observe threads postgresql://reader@db.example.com/app --json --only poisoned
  toolpair-observe threads sqlite:///app.db --mend --graph my_agent.agent:graph

--mend shows what would put the threads right, and --mend --apply does it, through the graph that
--graph names and its own checkpointer, which has to be of the same database: real results are
fetched back from the thread's checkpoints, and only calls without any get an error result. Nothing
is deleted, and each mend is printed with the line that rolls it back.

exit status:
  0  nothing is stalled or poisoned
  1  something is, or is left so after --mend
  2  bad input, or a thread that could not be read (the rest was still done)
"""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN: Final = re.compile(r"(\d{1,7})([smhd]?)")
_DEFAULT_IDLE: Final = "10m"
_OF_MENDS: Final = ("apply", "max", "drop_questions")
# What leaves threads out, so that the rest is no number to alert on.
_OF_SOME: Final = ("thread_ids", "namespace", "channel", "mend")
_TEXTFILE_END: Final = ".prom"  # what node_exporter reads
_OPTIONS: Final[Mapping[str, str]] = {"thread_ids": "thread"}


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("threads", "find stored threads that are broken for ever, and mend them")
    parser.description = _DESCRIPTION
    parser.add_argument("url", metavar="URL", help="sqlite:///FILE, FILE, or postgresql://…")
    add_profile_option(parser)
    _add_choice(parser)
    parser.add_argument(
        "--idle",
        type=_span,
        default=_span(_DEFAULT_IDLE),
        metavar="TIME",
        help="how long a run has to be silent to be taken for dead: 90s, 10m, 2h, 1d (default: "
        f"{_DEFAULT_IDLE})",
    )
    parser.add_argument(
        "--encryption",
        action="store_true",
        help="decrypt with the key in LANGGRAPH_AES_KEY, as LangGraph does",
    )
    parser.add_argument(
        "--jobs", type=numbers.jobs, default=1, metavar="N", help="read in N processes (default: 1)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--json", action="store_true", help="one object per thread and namespace, as JSON Lines"
    )
    how.add_argument(
        "--explain",
        action="store_true",
        help="show for each finding the timeline, what can be recovered, the step that broke it, "
        "and the lines of Python that mend it",
    )
    _add_mending(parser)
    _add_telemetry(parser)
    parser.set_defaults(run=partial(run, complain=parser.error))


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", metavar="NAME", help="look at this channel only (default: all with messages)"
    )
    parser.add_argument(
        "--thread",
        dest="thread_ids",
        action="append",
        metavar="ID",
        help="look at this thread only; may be repeated",
    )
    parser.add_argument(
        "--namespace", metavar="NS", help='show this checkpoint namespace only; "" for the root'
    )
    parser.add_argument(
        "--only",
        type=_verdicts,
        metavar="VERDICT[,…]",
        help=f"show these only: {', '.join(ThreadVerdict)} (default: stalled and poisoned, "
        "with --json all). The exit status is of all threads",
    )


def _add_mending(parser: argparse.ArgumentParser) -> None:
    mend = parser.add_argument_group("mending")
    mend.add_argument(
        "--mend",
        action="store_true",
        help="show what would mend each stalled and poisoned thread; without --apply nothing is "
        "written",
    )
    mend.add_argument("--apply", action="store_true", help="write the mends")
    mend.add_argument(
        "--graph",
        metavar="MODULE:ATTRIBUTE",
        help="the compiled graph, or a function without arguments that returns it; it is imported "
        "from the current folder, and its own checkpointer writes",
    )
    mend.add_argument("--max", type=numbers.count, metavar="N", help="mend at most N threads")
    mend.add_argument(
        "--drop-questions",
        action="store_true",
        help="also mend where a question waits for an answer, which can't be answered afterwards",
    )


def _add_telemetry(parser: argparse.ArgumentParser) -> None:
    telemetry = parser.add_argument_group("telemetry, for a cron job")
    telemetry.add_argument(
        "--otlp",
        action="store_true",
        help="send the number of threads of each verdict once over OTLP/HTTP; the variables "
        "OTEL_EXPORTER_OTLP_* say where to (needs the extra live)",
    )
    telemetry.add_argument(
        "--prometheus-textfile",
        type=_textfile,
        metavar="FILE.prom",
        help="write it to FILE.prom, for the textfile collector of node_exporter",
    )


def _verdicts(text: str) -> frozenset[ThreadVerdict]:
    words = [part.strip() for part in text.split(",") if part.strip()]
    try:
        found = frozenset(map(ThreadVerdict, words))
    except ValueError:
        found = frozenset()
    if not found:
        msg = f"{quoted(text)}: choose from {', '.join(ThreadVerdict)}"
        raise argparse.ArgumentTypeError(msg)
    return found


def _textfile(text: str) -> Path:
    path = Path(text)
    if path.suffix != _TEXTFILE_END:
        msg = f"{quoted(text)}: node_exporter reads only files that end in {_TEXTFILE_END}"
        raise argparse.ArgumentTypeError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"{quoted(text)}: there is no folder {quoted(str(path.parent))}"
        raise argparse.ArgumentTypeError(msg)
    return path


def _span(text: str) -> float:
    match = _SPAN.fullmatch(text.strip())
    if not match:
        msg = f"{quoted(text)}: expected a time such as 90 (seconds), 10m, 2h or 1d"
        raise argparse.ArgumentTypeError(msg)
    return float(int(match[1]) * _SECONDS[match[2] or "s"])


def run(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> int:
    """Diagnose the threads, and mend them where that is asked for."""
    _refuse_odd(arguments, complain)
    from toolpair_observe.threads.stores.opened import require_threads  # noqa: PLC0415 - of an extra

    require_threads()
    if arguments.otlp:
        from toolpair_observe.threads.gauge import require_otlp  # noqa: PLC0415 - of an extra

        require_otlp()  # rather than after all the reading
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    reading = Reading(arguments, name_id)
    if arguments.graph:
        from toolpair_observe.cli.threads_mending import run_mending  # noqa: PLC0415 - of an extra

        return run_mending(arguments, reading, name_id)
    _show(arguments, reading, name_id)
    if arguments.mend:
        show_line(f"toolpair-observe: --mend needs --graph; {HOW_TO_MEND}", sys.stderr)
    _send(arguments, reading.tally)
    if not reading.is_complete:
        return ExitCode.BAD_INPUT
    return ExitCode.FOUND if reading.tally.findings else ExitCode.OK


def _refuse_odd(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> None:
    """Refuse options that would not be minded, or would tell half of it."""
    if arguments.graph and not arguments.mend:
        complain("--graph: only with --mend")
    for name in _OF_MENDS:
        if getattr(arguments, name) and not (arguments.mend and arguments.graph):
            complain(f"--{name.replace('_', '-')}: only with --mend and --graph")
    if arguments.graph and arguments.explain:
        complain("--explain: not with --graph, since a plan tells it all")
    if arguments.otlp or arguments.prometheus_textfile:
        for name in _OF_SOME:
            if getattr(arguments, name) not in (None, False):
                option = _OPTIONS.get(name, name)
                complain(f"--{option}: not with --otlp or --prometheus-textfile, which tell of all")


def _show(arguments: argparse.Namespace, reading: Reading, name_id: ShowId) -> None:
    output: Output = (
        JsonOutput(name_id)
        if arguments.json
        else TextOutput(name_id, explains=arguments.explain, mends=arguments.mend)
    )
    everything = frozenset(ThreadVerdict)
    findings = frozenset(verdict for verdict in ThreadVerdict if verdict.is_finding)
    shown = arguments.only or (everything if arguments.json else findings)
    for diagnosis in reading.diagnoses():
        if diagnosis.verdict in shown:
            output.show(diagnosis)
    output.close(reading.tally)


def _send(arguments: argparse.Namespace, tally: ThreadTally) -> None:
    if not (arguments.otlp or arguments.prometheus_textfile):
        return
    from toolpair_observe.threads.gauge import (  # noqa: PLC0415 - seldom needed
        database_of,
        export,
        samples_of,
        write_textfile,
    )

    samples = samples_of(tally.verdicts, database_of(arguments.url))
    if arguments.prometheus_textfile:
        write_textfile(arguments.prometheus_textfile, samples)
    if arguments.otlp:
        export(samples)
