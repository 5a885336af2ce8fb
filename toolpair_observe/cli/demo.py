"""`toolpair-observe demo`: see it work, without a key and without a network."""

from __future__ import annotations

import argparse
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from toolpair_observe.cli.check import add_profile_option
from toolpair_observe.complaints import Complaints
from toolpair_observe.console import ExitCode, show
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.cli.subcommands import Subcommands

_DESCRIPTION: Final = """\
Send the four cases of LangChain's INVALID_TOOL_RESULTS page through the real ChatOpenAI to a
server on this machine that enforces OpenAI's pairing rule. Show the prediction, the provider's
answer and the effect of strict mode. Needs no key and no network.

With --live: run seven agents, with an incident in the middle, and serve their metrics on this
machine for Prometheus (see dashboards/README.md). Needs the extra live.

exit status:
  0  everything happened as predicted
  1  the provider did not do what was predicted
  2  a file of --histories, or a part of one, could not be read (the rest was still checked)
"""
_MODULES: Final = {"rich": "rich", "langchain_openai": "langchain-openai"}
_LIVE_MODULES: Final = {
    "langchain_openai": "langchain-openai",
    "opentelemetry.exporter.prometheus": "opentelemetry-exporter-prometheus",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
}
_MIN_WIDTH: Final = 60
_MAX_WIDTH: Final = 1000
_MAX_MINUTES: Final = 24 * 60
_MAX_PORT: Final = 65535
_MINUTES: Final = 6.0
_PORT: Final = 9464
# What only one of the two demos minds.
_OF_LIVE: Final = {"minutes": "--minutes", "port": "--port"}
_OF_CASES: Final = {
    "histories": "--histories",
    "profile": "--profile and --chat-template",
    "metrics": "--metrics",
    "no_color": "--no-color",
    "width": "--width",
}


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("demo", "see it work on this machine, without a key")
    parser.description = _DESCRIPTION
    parser.add_argument(
        "--histories",
        nargs="+",
        metavar="FILE",
        default=[],
        help="also check these conversations (see toolpair-observe check --help)",
    )
    add_profile_option(parser)
    parser.add_argument(
        "--metrics", action="store_true", help="also print the metrics after the last case"
    )
    parser.add_argument("--no-color", action="store_true", help="print without colors")
    parser.add_argument(
        "--width", type=_width, metavar="N", help="columns (default: those of the terminal)"
    )
    live = parser.add_argument_group("the live demo")
    live.add_argument("--live", action="store_true", help="run agents and serve their metrics")
    live.add_argument(
        "--minutes", type=_minutes, metavar="N", help=f"duration (default: {_MINUTES:g})"
    )
    live.add_argument(
        "--port", type=_port, metavar="N", help=f"port of the metrics (default: {_PORT})"
    )
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """Run the demo."""
    _refuse_unused(parser, arguments)
    if arguments.live:
        return _run_live(arguments)
    _require_extra()
    # These need the extra.
    from toolpair_observe.demo.cases.histories_view import check_files  # noqa: PLC0415
    from toolpair_observe.demo.cases.render import DemoPrinter, new_console  # noqa: PLC0415
    from toolpair_observe.demo.cases.show import show_cases  # noqa: PLC0415

    console = new_console(color=not arguments.no_color, width=arguments.width)
    printer = DemoPrinter(console)
    agrees = show_cases(printer, metrics=arguments.metrics)
    complaints = Complaints()
    if arguments.histories:
        printer.print_section("Your conversations")
        check_files(console, arguments.histories, arguments.profile, complaints)
    printer.print_next()
    console.print()
    if complaints.count:
        return ExitCode.BAD_INPUT
    return ExitCode.OK if agrees else ExitCode.FOUND


def _refuse_unused(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    unused = _OF_CASES if arguments.live else _OF_LIVE
    for name, option in unused.items():
        if getattr(arguments, name):
            parser.error(f"{option}: not used {'with' if arguments.live else 'without'} --live")


def _run_live(arguments: argparse.Namespace) -> int:
    _require_extra(_LIVE_MODULES, "live")
    # Needs the extra.
    from toolpair_observe.demo.live.show import Schedule, run_live  # noqa: PLC0415

    schedule = Schedule.of_minutes(arguments.minutes or _MINUTES)
    accuracy = run_live(schedule, arguments.port or _PORT, say=show)
    show(f"\n{accuracy}")
    return ExitCode.OK


def _require_extra(modules: Mapping[str, str] = _MODULES, extra: str = "demo") -> None:
    missing = [name for module, name in modules.items() if not _is_installed(module)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        msg = (
            f"the demo needs {' and '.join(missing)}, which {verb} not installed: "
            f"{install_line(extra)}"
        )
        raise MissingExtraError(msg)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes <= _MAX_MINUTES:
        msg = f"{quoted(text)}: minutes must be more than 0 and at most {_MAX_MINUTES}"
        raise argparse.ArgumentTypeError(msg)
    return minutes


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= _MAX_PORT):
        msg = f"{quoted(text)}: a port is a whole number from 1 to {_MAX_PORT}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _width(text: str) -> int:
    if not text.isdecimal():
        msg = f"{quoted(text)} is not a number of columns"
        raise argparse.ArgumentTypeError(msg)
    columns = int(text[: len(str(_MAX_WIDTH)) + 1])
    if columns < _MIN_WIDTH:
        msg = f"{columns} columns are too few; the demo needs at least {_MIN_WIDTH}"
        raise argparse.ArgumentTypeError(msg)
    if columns > _MAX_WIDTH:
        msg = f"{quoted(text)} columns are too many; the demo takes at most {_MAX_WIDTH}"
        raise argparse.ArgumentTypeError(msg)
    return columns
