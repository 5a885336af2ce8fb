"""`toolpair-observe check`: find near misses in recorded histories."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolpair_observe.console import Complaints, ExitCode, show, show_json, show_line
from toolpair_observe.errors import ChatTemplateError, MissingExtraError
from toolpair_observe.hashed import id_namer
from toolpair_observe.histories import Unreadable, name_of, read_histories
from toolpair_observe.histories.tally import (
    VERDICT_TITLES,
    Agreement,
    Checked,
    NewViolations,
    ProviderVerdict,
    Tally,
    tally_histories,
)
from toolpair_observe.pairing.providers.table import PROFILES, is_auto, profile_named
from toolpair_observe.pairing.report import describe
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.words import Effect
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import Violation

_DESCRIPTION: Final = """\
Check the tool calls and tool results of recorded conversations.

FILE holds histories as JSON or JSON Lines, plain or gzip: lists of OpenAI messages, objects with
such a list under "messages", LangChain's messages_to_dict output, or rows with "langchain".
- is standard input. Files are read as data only.

exit status:
  0  no near misses
  1  near misses were found
  2  a file or a part of one could not be read (the rest was still checked)
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("check", "find broken tool-call pairs in recorded conversations")
    parser.description = _DESCRIPTION
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file of histories")
    add_profile_option(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: one object per line"
    )
    parser.add_argument(
        "--explain", action="store_true", help="show a timeline and hints for each near miss"
    )
    parser.set_defaults(run=run)


def add_profile_option(parser: argparse.ArgumentParser) -> None:
    """Add `--profile NAME`, and `--chat-template FILE` in its place."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--profile",
        type=_profile_named,
        metavar="NAME",
        help="check against this profile instead of that of the provider that each row names "
        f"(the contract if it names none): {', '.join(PROFILES)}",
    )
    either.add_argument(
        "--chat-template",
        dest="profile",
        type=_profile_of_template,
        metavar="FILE",
        help="check against a server that renders this chat template (vLLM, llama.cpp): a file "
        "with the template, a tokenizer_config.json, or the model's folder",
    )


def _profile_named(name: str) -> Profile | None:
    try:
        return None if is_auto(name) else profile_named(name)
    except (ValueError, MissingExtraError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _profile_of_template(path: str) -> Profile:
    from toolpair_observe.templates.profile import (  # noqa: PLC0415 - of an extra
        profile_from_chat_template,
    )

    try:
        return profile_from_chat_template(Path(path))
    except (ChatTemplateError, MissingExtraError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Check the files and print the findings."""
    output: _Output = (
        _JsonOutput() if arguments.format == "json" else _TextOutput(explain=arguments.explain)
    )
    tally, complaints, new_violations = Tally(), Complaints(), NewViolations()
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    for path in arguments.files:
        for found in tally_histories(read_histories(path), tally, arguments.profile, name_id):
            if isinstance(found, Unreadable):
                complaints.add(found)
                output.show_unreadable(found)
            elif new := new_violations.of(found):
                output.show_near_miss(found, new)
    complaints.close()
    output.show_summary(tally, len(arguments.files))
    if complaints.count:
        return ExitCode.BAD_INPUT
    return ExitCode.FOUND if tally.near_misses else ExitCode.OK


class _Output(Protocol):
    def show_near_miss(self, checked: Checked, new: list[Violation]) -> None: ...
    def show_unreadable(self, found: Unreadable) -> None: ...
    def show_summary(self, tally: Tally, files: int) -> None: ...


class _JsonOutput:
    def show_near_miss(self, checked: Checked, new: list[Violation]) -> None:
        del new
        history = checked.history
        self._show_line(
            type="near_miss",
            file=history.path,
            line=history.line,
            position=history.position,
            id=history.name,
            report=checked.report.to_dict(),
        )

    def show_unreadable(self, found: Unreadable) -> None:
        self._show_line(type="unreadable", file=found.path, line=found.line, reason=found.reason)

    def show_summary(self, tally: Tally, files: int) -> None:
        self._show_line(type="summary", files=files, **tally.to_dict())

    def _show_line(self, **fields: Any) -> None:  # noqa: ANN401 - JSON
        show_json(fields)


class _TextOutput:
    def __init__(self, *, explain: bool) -> None:
        self._explain = explain

    def show_near_miss(self, checked: Checked, new: list[Violation]) -> None:
        where = place(checked)
        if self._explain:
            show(f"{line(where)}\n{checked.report.explain()}\n")
            return
        for violation in new:
            show_line(f"{where}: {violation.effect}: {describe(violation)}")

    def show_unreadable(self, found: Unreadable) -> None:
        """Print nothing: `Complaints` prints it on standard error."""

    def show_summary(self, tally: Tally, files: int) -> None:
        show("\n".join(summary_lines(tally, files)))


def place(checked: Checked) -> str:
    """Return the file, the line and, where known, the position and the id of the history."""
    history = checked.history
    number = "" if history.position is None else f"history {history.position}"
    which = ", ".join(filter(None, (number, shown(history.name))))
    return f"{shown(name_of(history.path))}:{history.line}" + (f" ({which})" if which else "")


def summary_lines(tally: Tally, files: int) -> list[str]:
    """Return the totals as lines of text."""
    lines = [
        f"checked {_count(tally.requests, 'request')} in "
        f"{_count(tally.histories, 'history', 'histories')} of {_count(files, 'file')}: "
        f"{_count(tally.near_misses, 'near miss', 'near misses')}"
        + (f", {_count(tally.unreadable, 'unreadable part')}" if tally.unreadable else "")
    ]
    effects = [f"{effect} {tally.effects[effect]:,}" for effect in Effect if tally.effects[effect]]
    if effects:
        profiles = [f"{name} {count:,}" for name, count in tally.profiles.most_common()]
        lines.append(f"  judged under: {', '.join(profiles)}")
        lines.append(f"  predicted: {', '.join(effects)}")
    lines += [
        f"  {kind}, {effect}: {_count(count, 'request')}"
        for (kind, effect), count in tally.kinds.most_common()
    ]
    for verdict in ProviderVerdict:
        counts = [tally.verdicts[verdict, agreement] for agreement in Agreement]
        if any(counts):
            agrees, undecided, disagrees = counts
            lines.append(
                f"  {VERDICT_TITLES[verdict]}: {agrees:,} as predicted, {undecided:,} undecided, "
                f"{disagrees:,} not as predicted"
            )
    return lines


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
