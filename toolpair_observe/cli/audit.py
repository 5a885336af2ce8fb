"""`toolpair-observe audit`: what strict mode would have done to stored requests."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.findings import (
    github_commands,
    relative_paths,
    repository_of,
    sarif,
)
from toolpair_observe.audit.langsmith import SCHEME
from toolpair_observe.audit.options import Alternative, AuditOptions, alternative
from toolpair_observe.audit.page import page_of, require_page
from toolpair_observe.audit.spread import audit_alone, audit_spread
from toolpair_observe.audit.text import text_of
from toolpair_observe.audit.told import tell
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.cli import numbers
from toolpair_observe.cli.check import add_profile_option
from toolpair_observe.cli.measured import show_notes
from toolpair_observe.console import ExitCode, show, show_json, show_line
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.hashed import KEY_VARIABLE
from toolpair_observe.histories import STDIN
from toolpair_observe.histories.containers.opening import is_url
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.histories.given import given_files
from toolpair_observe.histories.judging import Judged
from toolpair_observe.histories.unit import Status
from toolpair_observe.histories.units import unread_part
from toolpair_observe.pairing.shown import line, quoted
from toolpair_observe.pairing.words import Effect
from toolpair_observe.progress import progress_bar
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolpair_observe.audit.langsmith.source import Progress
    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.pairing.providers.profile import Profile

_DESCRIPTION: Final = """\
Say how many stored requests strict mode would have blocked, which, why, and whether they failed
anyway.

SOURCE is a file, a folder, a glob or a URL of conversations, as for toolpair-observe check, - for
standard input, or langsmith:PROJECT for the model runs of a LangSmith project. LANGSMITH_API_KEY,
LANGSMITH_ENDPOINT and LANGSMITH_WORKSPACE_ID select the workspace, as for any LangSmith client.

  toolpair-observe audit langsmith:checkout --since 7d
  toolpair-observe audit export/*.jsonl --as openai-chat,anthropic --jobs 8
  toolpair-observe audit few_shots.jsonl --sarif audit.sarif --fail-on reject,silent_loss

Strict blocks what TOOLPAIR_BLOCK_ON and TOOLPAIR_BLOCK_UNIDENTIFIED say.

exit status:
  0  nothing of --fail-on was found
  1  something of it was found
  2  a source or a part of one could not be read (the rest was still audited)
"""
_NEVER: Final = "never"
_FAIL_ON: Final = tuple(effect.value for effect in Effect if effect.is_near_miss)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO: Final = re.compile(r"(\d{1,5})([mhdw])")
# What only a LangSmith project minds.
_OF_LANGSMITH: Final = ("since", "limit", "filter", "resume", "feedback")


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("audit", "say what strict would have done to stored requests")
    parser.description = _DESCRIPTION
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a file, a folder, a glob, a URL, or langsmith:PROJECT",
    )
    add_profile_option(parser)
    parser.add_argument(
        "--as",
        dest="alternatives",
        type=_alternatives,
        default=(),
        metavar="PROFILE[@VERSION][,…]",
        help="also judge the same traffic under these: what would break on a fallback to another "
        "provider, or an upgrade of an integration",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--html",
        metavar="FILE",
        help="also write a page for the browser that needs no network (needs the extra page)",
    )
    parser.add_argument(
        "--sarif", metavar="FILE", help="write the findings in files of this repository as SARIF"
    )
    parser.add_argument(
        "--annotations",
        choices=("github",),
        help="print the findings in files of this repository so that GitHub shows them there",
    )
    parser.add_argument(
        "--fail-on",
        type=_fail_on,
        default=frozenset(_FAIL_ON),
        metavar="EFFECT[,…]",
        help=f"end with 1 where a request has one of {', '.join(_FAIL_ON)} (default: any of them), "
        f"or {_NEVER}",
    )
    parser.add_argument(
        "--jobs",
        type=numbers.jobs,
        default=1,
        metavar="N",
        help="read files in N processes (default: 1)",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: read files on a Ray cluster, each where it lies (needs the extra ray)",
    )
    langsmith = parser.add_argument_group("the runs of a LangSmith project")
    langsmith.add_argument(
        "--since", type=_since, metavar="TIME", help="the first run: 7d, 12h, or 2026-11-03"
    )
    langsmith.add_argument("--limit", type=numbers.count, metavar="N", help="at most so many runs")
    langsmith.add_argument("--filter", metavar="EXPRESSION", help="a filter of LangSmith's own")
    langsmith.add_argument(
        "--resume", metavar="FILE", help="keep in FILE how far it has come, and go on from there"
    )
    langsmith.add_argument(
        "--feedback",
        action="store_true",
        help="write INVALID_TOOL_RESULTS feedback to the broken runs, once; without --yes only "
        "count them",
    )
    langsmith.add_argument("--yes", action="store_true", help="really write feedback")
    parser.set_defaults(run=partial(run, complain=parser.error))


def _alternatives(text: str) -> tuple[Alternative, ...]:
    try:
        return tuple(alternative(part) for part in text.split(",") if part.strip())
    except (ValueError, MissingExtraError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fail_on(text: str) -> frozenset[str]:
    words = frozenset(part.strip() for part in text.split(",") if part.strip())
    if words == {_NEVER}:
        return frozenset()
    unknown = sorted(words - set(_FAIL_ON))
    if unknown or not words:
        msg = f"{quoted(text)}: choose from {', '.join(_FAIL_ON)}, or {_NEVER}"
        raise argparse.ArgumentTypeError(msg)
    return words


def _since(text: str) -> datetime:
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        when = datetime.fromisoformat(text.strip())
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        msg = f"{quoted(text)}: expected a time such as 7d, 12h, 2026-11-03 or 2026-11-03T08:00"
        raise argparse.ArgumentTypeError(msg) from None


def run(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> int:
    """Audit the sources and print what is found."""
    projects = [each for each in arguments.sources if each.startswith(SCHEME)]
    given = [each for each in arguments.sources if not each.startswith(SCHEME)]
    _refuse_odd(arguments, given, projects, complain)
    if arguments.html:
        require_page()  # rather than after hours of reading
    found = given_files(given)
    files = _once(each for each in found.files if each not in found.faults)
    wants_findings = bool(arguments.sarif or arguments.annotations)
    paths = relative_paths(files, repository_of(Path.cwd())) if wants_findings else {}
    options = _options(arguments, wants_findings=wants_findings)
    aggregate = _of_files(files, options, arguments)
    for file in found.files:
        if file in found.faults:
            aggregate.add(Judged(unit=unread_part(found.faults[file])), file)
    for note in found.notes:
        show_line(f"toolpair-observe: {note}", sys.stderr)
    sent = {source: _of_project(source, options, arguments, aggregate) for source in projects}
    if options.profile is not None:
        show_notes(options.profile, aggregate.requests - aggregate.judged_under(options.profile))
    _show(arguments, aggregate, sent)
    _annotate(arguments, aggregate, paths)
    return _exit_code(aggregate, arguments.fail_on)


def _once(files: Iterable[str]) -> list[str]:
    """Return files without those that are there twice, by another spelling or a link."""
    known: dict[str, str] = {}
    for file in files:
        is_local = file != STDIN and not is_url(file)
        known.setdefault(os.path.realpath(file) if is_local else file, file)
    return list(known.values())


def _show(
    arguments: argparse.Namespace, aggregate: Aggregate, sent: dict[str, dict[str, int]]
) -> None:
    told = tell(aggregate)
    if arguments.feedback:
        told["feedback"] = {"is_sent": arguments.yes, "projects": sent}
    if arguments.json:
        show_json(told)
    else:
        show(text_of(told))
        if arguments.feedback:
            for source, counts in sent.items():
                show_line(_feedback_line(source, counts, is_sent=arguments.yes))
    if arguments.html:
        # Last: what has been found is shown even where this can't be written.
        Path(arguments.html).write_text(page_of(told), encoding="utf-8")


def _annotate(arguments: argparse.Namespace, aggregate: Aggregate, paths: dict[str, str]) -> None:
    findings = aggregate.findings.records()
    if arguments.sarif:
        log = json.dumps(sarif(findings, paths), indent=1)
        Path(arguments.sarif).write_text(f"{log}\n", encoding="utf-8")
    if arguments.annotations:
        for command in github_commands(findings, paths):
            # As it is: elsewhere such a line is made harmless, here it is what was asked for.
            sys.stdout.write(f"{command}\n")


def _refuse_odd(
    arguments: argparse.Namespace,
    files: list[str],
    projects: list[str],
    complain: Callable[[str], NoReturn],
) -> None:
    """Refuse options that would not be minded."""
    if not projects:
        for name in _OF_LANGSMITH:
            if getattr(arguments, name):
                complain(f"--{name}: only for a source langsmith:PROJECT")
    if arguments.yes and not arguments.feedback:
        complain("--yes: only with --feedback")
    if arguments.resume and (files or len(projects) > 1):
        complain("--resume: only for one source langsmith:PROJECT and nothing else")
    if (arguments.sarif or arguments.annotations) and (projects or STDIN in files):
        complain("--sarif and --annotations: only for files of the repository")
    if arguments.json and arguments.annotations:
        complain("--annotations: not with --json")
    if any(not source.removeprefix(SCHEME) for source in projects):
        complain("langsmith: is followed by the name of a project")
    if arguments.engine == "ray" and arguments.jobs != 1:
        complain("--jobs: not with --engine ray, which has its own workers")


def _options(arguments: argparse.Namespace, *, wants_findings: bool) -> AuditOptions:
    hash_ids = from_environment("hash_ids", os.environ)
    is_shared = arguments.jobs > 1 or arguments.engine == "ray"
    key = os.environ.get(KEY_VARIABLE, "") or secrets.token_hex(32)
    options = AuditOptions(
        profile=arguments.profile,
        alternatives=arguments.alternatives,
        block_on=from_environment("block_on", os.environ),
        block_unidentified=from_environment("block_unidentified", os.environ),
        hash_ids=hash_ids,
        hash_key=key if hash_ids and is_shared else "",
        wants_findings=wants_findings,
    )
    options.settle()
    return options


def _of_files(files: list[str], options: AuditOptions, arguments: argparse.Namespace) -> Aggregate:
    if arguments.engine == "ray":
        from toolpair_observe.audit.on_ray import on_ray, require_ray  # noqa: PLC0415 - of an extra

        require_ray()
        return audit_spread(files, options, on_ray)
    if arguments.jobs > 1:
        from toolpair_observe.audit.jobs import Processes  # noqa: PLC0415 - seldom needed

        return audit_spread(files, options, Processes(arguments.jobs))
    with progress_bar(files) as progress_of:
        return audit_alone(files, options, progress_of)


def _of_project(
    source: str, options: AuditOptions, arguments: argparse.Namespace, aggregate: Aggregate
) -> dict[str, int]:
    """Audit a project into `aggregate`, and return the counts of feedback.

    A project that can't be read to its end is unreadable as a file is: what was read counts.
    """
    # No other source needs them.
    from toolpair_observe.audit.langsmith.feedback import AuditFeedback  # noqa: PLC0415
    from toolpair_observe.audit.langsmith.runs import (  # noqa: PLC0415
        Project,
        Query,
        langsmith_client,
    )
    from toolpair_observe.audit.langsmith.source import Progress, Resume, audit_project  # noqa: PLC0415

    name = source.removeprefix(SCHEME)
    query = Query(
        project=name,
        since=arguments.since,
        filter=arguments.filter or "",
        limit=arguments.limit,
    )
    after_page: Callable[[Progress], None] = _no_page
    if arguments.resume:
        resume = Resume(Path(arguments.resume), _asked(name, arguments, options))
        progress = resume.load(query, options)
        after_page = resume.save
    else:
        progress = Progress(query, Aggregate(options))
    try:
        with ExitStack() as opened:
            client = opened.enter_context(langsmith_client())
            project = Project(client, name)
            feedback = None
            if arguments.feedback:
                feedback = AuditFeedback(
                    client, project, sends=arguments.yes, name_id=options.name_id
                )
                opened.callback(feedback.close)
            audit_project(project, progress, feedback=feedback, after_page=after_page)
    except AuditError as error:
        show_line(f"toolpair-observe: {error}", sys.stderr)
        reason = f"the project could not be read to its end: {error}"
        aggregate.add(Judged(unit=unread_part(Unreadable(source, None, reason))), source)
    aggregate.merge(progress.aggregate)
    return dict(progress.feedback)


def _no_page(_: Progress) -> None:
    """Keep nothing."""


def _asked(name: str, arguments: argparse.Namespace, options: AuditOptions) -> dict[str, Any]:
    """Return what decides about the counts of a project, to compare two commands by."""
    return {
        "project": name,
        "filter": arguments.filter or "",
        "limit": arguments.limit,
        "profile": _named(options.profile) if options.profile else "",
        "as": [each.label for each in options.alternatives],
        "block_on": sorted(options.block_on),
        "block_unidentified": options.block_unidentified,
        "hash_ids": options.hash_ids,
        "feedback": [arguments.feedback, arguments.yes],
    }


def _named(profile: Profile) -> str:
    """Name a profile, and the day of one that was measured, since each has the same name."""
    day = f" {profile.measured.asked_on}" if profile.measured else ""
    return f"{profile.name}{day}"


def _feedback_line(source: str, counts: dict[str, int], *, is_sent: bool) -> str:
    found = ", ".join(f"{what} {count:,}" for what, count in sorted(counts.items()))
    hint = "" if is_sent else "; --yes writes it"
    return line(f"INVALID_TOOL_RESULTS feedback at {source}: {found or 'none'}{hint}")


def _exit_code(aggregate: Aggregate, fail_on: frozenset[str]) -> int:
    if aggregate.units[Status.UNREADABLE]:
        return ExitCode.BAD_INPUT
    if any(aggregate.total(effect) for effect in fail_on):
        return ExitCode.FOUND
    return ExitCode.OK
