"""`toolpair-observe repair`: print stored conversations with their pairs mended."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final

from toolpair_observe.cli.check import add_profile_option
from toolpair_observe.console import ExitCode, show_line
from toolpair_observe.errors import HistoryFileError
from toolpair_observe.hashed import id_namer
from toolpair_observe.histories import DEFAULT_LIMITS
from toolpair_observe.histories.containers.whole import read_whole
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.mended import mend
from toolpair_observe.histories.places import place_of
from toolpair_observe.histories.unit import Row, Status, Unit
from toolpair_observe.histories.units import units_of_value
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    import argparse

    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.histories.containers.whole import Part

_DESCRIPTION: Final = """\
Print the conversations of FILE with their tool calls and tool results mended, in the form in which
they are written: lists of LangChain's and OpenAI's messages, Anthropic bodies, datasets, as JSON
or JSON Lines. What was done goes to standard error. FILE itself is not touched.

A late result is moved to its call, and a call without a result gets one that says so. Nothing is
dropped unless --drop-unpaired asks for it.

exit status:
  0  everything pairs now
  1  something could not be mended without loss, and was left as it is
  2  something could not be read or written back, and was left as it is
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("repair", "print stored conversations with their tool-call pairs mended")
    parser.description = _DESCRIPTION
    parser.add_argument(
        "file", metavar="FILE", help="a file of conversations; - for standard input"
    )
    parser.add_argument(
        "--drop-unpaired",
        action="store_true",
        help="also drop results that answer no call, which loses data",
    )
    add_profile_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Mend the file and print it."""
    path: str = arguments.file
    code = ExitCode.OK
    # Nothing is printed before all of it has been read.
    for part in read_whole(path, DEFAULT_LIMITS):
        before = json.dumps(part.data)
        for unit in units_of_value(Row(part.data, part.line)):
            done = _mend(path, unit, part.data, arguments)
            code = max(code, done)
        is_as_it_was = json.dumps(part.data) == before
        sys.stdout.write((part.text if is_as_it_was else _text(part)) + "\n")
    return code


def _text(part: Part) -> str:
    indent = 2 if "\n" in part.text else None
    return json.dumps(part.data, ensure_ascii=False, indent=indent)


def _mend(path: str, unit: Unit, data: object, arguments: argparse.Namespace) -> ExitCode:
    judged = judge_unit(unit, DEFAULT_LIMITS, arguments.profile)
    if judged.unit.status is Status.NOT_A_REQUEST:
        return ExitCode.OK
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    where = place_of(path, unit, name_id(unit.name) if unit.name else "")
    if judged.unit.status is Status.UNREADABLE or judged.target is None:
        show_line(f"toolpair-observe: {where}: {judged.unit.reason}", sys.stderr)
        return ExitCode.BAD_INPUT
    if not judged.effect.is_near_miss:
        return ExitCode.OK
    try:
        repairs = mend(
            judged.unit,
            judged.target,
            data,
            drop_unpaired=arguments.drop_unpaired,
            name_id=name_id,
        )
    except HistoryFileError as error:
        show_line(f"toolpair-observe: {where}: {error}", sys.stderr)
        return ExitCode.BAD_INPUT
    for repair in repairs:
        show_line(f"{where}: {repair.summary()}", sys.stderr)
    # The list as it is written now has the last word.
    after = judge_unit(unit, DEFAULT_LIMITS, arguments.profile)
    return ExitCode.FOUND if after.effect.is_near_miss else ExitCode.OK
