"""`toolpair-observe demo`: see it work, without a key and without a network."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from toolpair_observe.commands.check import add_profile_option
from toolpair_observe.commands.exit_codes import Exit
from toolpair_observe.commands.printing import Complaints
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.pairing.profiles import profile_named

if TYPE_CHECKING:
    from toolpair_observe.commands.subcommands import Subcommands

_DESCRIPTION: Final = """\
Send the four cases of LangChain's INVALID_TOOL_RESULTS page through the real ChatOpenAI to a
server on this machine that enforces OpenAI's pairing rule: what is predicted, what the provider
answers, what strict mode does. Needs no key and no network.

exit status:
  0  everything happened as predicted
  1  the provider did something else than predicted
  2  a file of --histories, or a part of one, could not be read (the rest was checked all the same)
"""
_MODULES: Final = {"rich": "rich", "langchain_openai": "langchain-openai"}
_LEAST_WIDTH: Final = 60


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
    parser.add_argument("--no-color", action="store_true", help="print without colours")
    parser.add_argument(
        "--width", type=_width, metavar="N", help="columns, instead of those of the terminal"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    _require_extra()
    # Both need the extra.
    from toolpair_observe.demo.histories_view import check_files  # noqa: PLC0415
    from toolpair_observe.demo.render import DemoPrinter, new_console  # noqa: PLC0415
    from toolpair_observe.demo.show import show_cases  # noqa: PLC0415

    console = new_console(color=not arguments.no_color, width=arguments.width)
    printer = DemoPrinter(console)
    agrees = show_cases(printer)
    complaints = Complaints()
    if arguments.histories:
        profile = profile_named(arguments.profile) if arguments.profile else None
        printer.section("Real conversations")
        check_files(console, arguments.histories, profile, complaints)
    console.print()
    if complaints.count:
        return Exit.BAD_INPUT
    return Exit.OK if agrees else Exit.FOUND


def _require_extra() -> None:
    missing = [name for module, name in _MODULES.items() if find_spec(module) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        msg = (
            f"the demo needs {' and '.join(missing)}, which {verb} not installed: "
            'pip install "toolpair-observe[demo]"'
        )
        raise MissingExtraError(msg)


def _width(text: str) -> int:
    if not text.isdecimal():
        msg = f"{text!r} is no number of columns"
        raise argparse.ArgumentTypeError(msg)
    if int(text) < _LEAST_WIDTH:
        msg = f"{text} columns are too few, {_LEAST_WIDTH} are needed"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
