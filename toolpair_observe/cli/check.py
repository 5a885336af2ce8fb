"""`toolpair-observe check`: find near misses in stored conversations."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from toolpair_observe.cli.measured import show_notes
from toolpair_observe.complaints import Complaints
from toolpair_observe.console import ExitCode, show, show_json, show_line, show_report
from toolpair_observe.errors import ChatTemplateError, MissingExtraError
from toolpair_observe.hashed import id_namer
from toolpair_observe.histories import DEFAULT_LIMITS
from toolpair_observe.histories.given import given_files
from toolpair_observe.histories.judging import Judged, judge_unit, to_dict
from toolpair_observe.histories.places import place_of
from toolpair_observe.histories.tally import VERDICT_TITLES, Agreement, Tally
from toolpair_observe.histories.unit import Status
from toolpair_observe.pairing.providers.by_name import is_auto, profile_named
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.report import describe, describe_masked
from toolpair_observe.pairing.shown import line
from toolpair_observe.pairing.words import Effect
from toolpair_observe.progress import progress_bar
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport

# Past so many sorts of breaches, what comes again is explained again.
_MOST_REMEMBERED: Final = 10_000

_DESCRIPTION: Final = """\
Check the tool calls and tool results of stored conversations.

FILE is a file, a folder, a glob or a URL of fsspec; - is standard input. What it holds is found
out from its structure, and read as data only. docs/formats.md describes every form:

  LangSmith       runs (JSON, JSON Lines, bulk export), dataset examples
  LangGraph       states, histories, searches, streams
  LangChain       dumps, prompt templates, message stores, lists of messages
  traces          Langfuse; OpenInference and Phoenix; Traceloop; GenAI conventions; OTLP, console
  bodies          OpenAI (chat, Responses, batch, fine-tuning), Anthropic, Gemini, Bedrock
                  (Converse, invocation logs), Cohere, Mistral, Ollama, LiteLLM; VCR cassettes
  libraries       AI SDK, pydantic-ai, OpenAI Agents
  datasets        ShareGPT, Hermes, LLaMA-Factory, agentevals, promptfoo, few-shot files
  containers      JSON, JSON Lines, concatenated JSON, YAML, server-sent events, Parquet; gzip, zstd

What is not understood is never passed over: it is named, and the exit status is 2.

exit status:
  0  no near misses
  1  near misses were found
  2  something could not be read (the rest was still checked)
"""


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("check", "find broken tool-call pairs in stored conversations")
    parser.description = _DESCRIPTION
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, a folder, a glob, a URL")
    add_profile_option(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one object per unit, as JSON Lines")
    how.add_argument(
        "--explain", action="store_true", help="show a timeline and hints for each near miss"
    )
    parser.add_argument(
        "--masked",
        action="store_true",
        help="also list the results that other software made up where the tool's own is missing",
    )
    parser.set_defaults(run=run)


def add_profile_option(parser: argparse.ArgumentParser) -> None:
    """Add `--profile NAME`, and `--chat-template FILE` in its place."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--profile",
        type=_profile_named,
        metavar="NAME",
        help="check against this profile instead of that of whoever each row says was asked "
        f"(the contract if it names nobody): {', '.join(PROFILES)}, or a chat template's or "
        "measured profile's file (.jinja, .toml); a measured one holds for the host and model that "
        "it was measured of",
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
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    output: _Output = (
        _JsonOutput(name_id)
        if arguments.json
        else _TextOutput(name_id, explain=arguments.explain, masked=arguments.masked)
    )
    tally, complaints = Tally(), Complaints()
    given = given_files(arguments.files)
    for note in given.notes:
        show_line(f"toolpair-observe: {note}", sys.stderr)
    with progress_bar(given.files) as progress_of:
        for path in given.files:
            for unit in given.units(path, progress_of(path)):
                judged = judge_unit(unit, DEFAULT_LIMITS, arguments.profile, name_id)
                tally.add(judged)
                if judged.unit.status is Status.UNREADABLE:
                    complaints.add(path, judged.unit)
                output.show(path, judged)
    complaints.close()
    profile: Profile | None = arguments.profile
    held = tally.profiles[profile.name] if profile is not None else 0
    show_notes(profile, tally.requests - held)
    output.close(tally, len(given.files))
    if complaints.count:
        return ExitCode.BAD_INPUT
    return ExitCode.FOUND if tally.near_misses else ExitCode.OK


class _Output(Protocol):
    def show(self, path: str, judged: Judged) -> None: ...
    def close(self, tally: Tally, files: int) -> None: ...


class _JsonOutput:
    def __init__(self, name_id: Callable[[str], str]) -> None:
        self._name_id = name_id

    def show(self, path: str, judged: Judged) -> None:
        show_json(to_dict(judged, path, self._name_id))

    def close(self, tally: Tally, files: int) -> None:
        """Print nothing: one object is one unit."""


class _Repeated:
    """How often the same breaches came again, such as in each later turn of a conversation."""

    def __init__(self, first: str) -> None:
        self._first = self._last = first
        self.times = 0

    def add(self, where: str) -> None:
        self._last = where
        self.times += 1

    def __str__(self) -> str:
        more = f"{self.times:,} more, the last one {self._last}" if self.times > 1 else self._last
        return f"the same as {self._first}: {more}"


class _TextOutput:
    def __init__(self, name_id: Callable[[str], str], *, explain: bool, masked: bool) -> None:
        self._name_id = name_id
        self._explain = explain
        self._masked = masked
        self._told: dict[int, _Repeated] = {}

    def show(self, path: str, judged: Judged) -> None:
        report = judged.worst if judged.effect.is_near_miss else None
        if report is None and not judged.masked:
            return
        name = judged.unit.name
        where = place_of(path, judged.unit, self._name_id(name) if name else "")
        if self._explain:
            shown = report or judged.masked_report
            if shown is not None:
                self._explained(shown, line(where))
            return
        if report is not None:
            for violation in judged.violations:
                show_line(f"{where}: {violation.effect}: {describe(violation)}")
        if self._masked:
            for masked in judged.masked:
                show_line(f"{where}: masked: {describe_masked(masked)}")

    def _explained(self, report: PairingReport, where: str) -> None:
        """Explain a report, or count it where one with the same breaches has been explained."""
        key = hash((report.profile, report.violations, report.masked))
        repeated = self._told.get(key)
        if repeated is not None:
            repeated.add(where)
            return
        if len(self._told) < _MOST_REMEMBERED:
            self._told[key] = _Repeated(where)
        show_line(where)
        show_report(report)
        show("")

    def close(self, tally: Tally, files: int) -> None:
        for each in self._told.values():
            if each.times:
                show_line(str(each))
        show("\n".join(summary_lines(tally, files)))


def summary_lines(tally: Tally, files: int) -> list[str]:
    """Return the totals as lines of text."""
    unreadable = tally.unreadable.total()
    lines = [
        f"checked {_count(tally.requests, 'request')} in "
        f"{_count(tally.conversations, 'conversation')} of {_count(files, 'file')}: "
        f"{_count(tally.near_misses, 'near miss', 'near misses')}"
        + (f", {unreadable:,} unreadable" if unreadable else "")
    ]
    effects = [f"{effect} {tally.effects[effect]:,}" for effect in Effect if tally.effects[effect]]
    if effects:
        lines.append(f"  judged under: {_listed(tally.profiles)}")
        lines.append(f"  predicted: {', '.join(effects)}")
    lines += [
        f"  {kind}, {effect}: {_count(count, 'request')}"
        for (kind, effect), count in tally.kinds.most_common()
    ]
    for recorded, title in VERDICT_TITLES.items():
        counts = [tally.verdicts[recorded, each] for each in Agreement]
        if any(counts):
            agrees, undecided, disagrees = counts
            lines.append(
                f"  {title}: {agrees:,} as predicted, {undecided:,} undecided, "
                f"{disagrees:,} not as predicted"
            )
    if tally.masked:
        lines.append(f"  {_masked_line(tally)}")
    if others := tally.not_requests:
        lines.append(f"  not a request: {others.total():,} ({_listed(others)})")
    lines += [
        f"  unreadable: {count:,} x {reason}" for reason, count in tally.unreadable.most_common(10)
    ]
    return lines


def _masked_line(tally: Tally) -> str:
    by: Counter[str] = Counter()
    for (who, _), count in tally.masked.items():
        by[who] += count
    fresh = sum(count for (_, is_fresh), count in tally.masked.items() if is_fresh)
    return (
        f"masked: {_count(by.total(), 'result')} that other software made up ({_listed(by)}), "
        f"{fresh:,} of them new, in {_count(tally.masked_requests, 'request')}"
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
