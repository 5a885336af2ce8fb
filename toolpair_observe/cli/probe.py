"""`toolpair-observe probe`: measure what an endpoint does with broken pairs."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from toolpair_observe.cli import numbers
from toolpair_observe.console import ExitCode, show, show_json, show_line
from toolpair_observe.errors import MeasuredProfileError, SettingsError
from toolpair_observe.imported import Named
from toolpair_observe.pairing.shown import quoted, shown, type_name
from toolpair_observe.progress import counting_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.cli.subcommands import Subcommands
    from toolpair_observe.probing.measurement import Measurement
    from toolpair_observe.probing.probe import ProbePlan, ProbeResult

    Model = Runnable[LanguageModelInput, AIMessage]

_DESCRIPTION: Final = """\
Ask a model's own endpoint what it does with tool calls and tool results that do not pair, and write
what was measured to a file by which requests to it are judged from then on.

  toolpair-observe probe my_app:model                                what would be sent, to whom
  toolpair-observe probe my_app:model --yes                          send it, and write the file
  toolpair-observe probe --explain toolpair-profile.toml             a page on what was measured
  toolpair-observe probe --check toolpair-profile.toml my_app:model --yes
                                                                     ask again: what has changed?

MODULE:MODEL is the chat model as the application makes it, or a function without arguments that
returns it, so that keys stay where they are; the module is looked for in the current folder first.
Nothing of the application's is sent: the histories and their tool are made up. Without --yes
nothing is sent at all. docs/probe.md says what it costs, and what it can't see.

exit status:
  0    done, or shown; with --check: the endpoint does what it did
  1    with --check: the endpoint does something else now
  2    the model, the file or an option is wrong, the endpoint can't be asked (nothing is written),
       or it no longer answers (what was learned by then is written)
  130  interrupted; what was learned by then is written
"""
FILE: Final = "toolpair-profile.toml"
# What is taken or not for what is asked of the command.
_NUMBERS: Final = ("repeat", "rate", "timeout")
_OF_MEASURING: Final = ("output", "force", "only")
_OF_ASKING: Final = (*_OF_MEASURING, *_NUMBERS, "yes", "json")


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("probe", "measure what an endpoint does with broken tool-call pairs")
    parser.description = _DESCRIPTION
    parser.add_argument("model", nargs="?", metavar="MODULE:MODEL", help="the chat model to ask")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--check", metavar="FILE", help="ask again, and say what changed since FILE"
    )
    either.add_argument(
        "--explain", metavar="FILE", help="print a page on what FILE holds, and end"
    )
    parser.add_argument("--yes", action="store_true", help="send the requests")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help=f"the file to write (default: {FILE}); one of the same endpoint is replaced",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the file, whatever was measured there"
    )
    parser.add_argument(
        "--only",
        metavar="GLOB",
        help="ask only with histories of these names, such as 'missing/*', beside the sound ones",
    )
    parser.add_argument(
        "--repeat",
        type=numbers.count,
        metavar="N",
        help="send each history N times (default: 2)",
    )
    parser.add_argument(
        "--rate",
        type=_above_zero,
        metavar="PER_MINUTE",
        help="send at most so many requests a minute",
    )
    parser.add_argument(
        "--timeout",
        type=_above_zero,
        metavar="SECONDS",
        help="how long a request may take (default: 60)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=partial(run, complain=parser.error))


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        msg = f"{quoted(text)}: expected a number above 0"
        raise argparse.ArgumentTypeError(msg)
    return number


def run(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> int:
    """Measure, ask again, or explain."""
    _refuse_odd(arguments, complain)
    if arguments.explain:
        return _explain(arguments.explain)
    model = _model(arguments.model)
    if arguments.check:
        return _Check(arguments, model).run()
    return _Measuring(arguments, model).run()


def _refuse_odd(arguments: argparse.Namespace, complain: Callable[[str], NoReturn]) -> None:
    """Refuse options that would not be minded."""
    what, unminded = ("--explain", _OF_ASKING) if arguments.explain else ("--check", _OF_MEASURING)
    if arguments.explain or arguments.check:
        for name in unminded:
            if getattr(arguments, name):
                complain(f"--{name}: not with {what}")
    if arguments.explain and arguments.model:
        complain(f"--explain: needs no {quoted(arguments.model)}, it reads the file alone")
    if not arguments.explain and not arguments.model:
        complain("name the chat model as MODULE:MODEL, as in toolpair-observe probe my_app:model")


def _explain(path: str) -> ExitCode:
    # Imports langchain-core, which is slow; `--help` does not need it.
    from toolpair_observe.probing.file import read_measurement  # noqa: PLC0415
    from toolpair_observe.probing.page import page_of  # noqa: PLC0415

    show(page_of(read_measurement(path)))
    return ExitCode.OK


def _model(spec: str) -> Model:
    from langchain_core.runnables import Runnable  # noqa: PLC0415 - slow, see above

    named = Named("model", spec, "a chat model", "toolpair-observe probe my_app:model")
    found = named.found()
    if not isinstance(found, Runnable) and callable(found):
        found = named.called(found)
    if not isinstance(found, Runnable):
        msg = f"{named} is no chat model, it is of type {type_name(found)}"
        raise SettingsError(msg)
    return found


def _sent(plan: ProbePlan) -> ProbeResult:
    with counting_bar("asking") as bar:
        return plan.send(bar)


def _numbers(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the numbers that were given; the others are as `probe` has them."""
    given = {name: getattr(arguments, name) for name in _NUMBERS}
    return {name: value for name, value in given.items() if value is not None}


def _how_to_send(arguments: argparse.Namespace) -> str:
    """Return the line that sends: the one that was given, and `--yes`."""
    words = ["toolpair-observe", "probe", arguments.model]
    for name in ("check", *_OF_MEASURING, *_NUMBERS):
        value = getattr(arguments, name)
        if value is True:
            words.append(f"--{name}")
        elif value:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, "--yes"])


class _Measuring:
    """Measures an endpoint, and writes the file."""

    def __init__(self, arguments: argparse.Namespace, model: Model) -> None:
        from toolpair_observe.probing.probe import probe  # noqa: PLC0415 - slow, see above

        self._arguments = arguments
        self._file = Path(arguments.output or FILE)
        self._plan = probe(model, only=arguments.only, **_numbers(arguments))

    def run(self) -> ExitCode:
        """Show the plan, or carry it out."""
        # Rather than after all the asking.
        self._require_file()
        if not self._arguments.yes:
            _show_plan(self._plan, self._arguments)
            return ExitCode.OK
        result = _sent(self._plan)
        written = self._written(result)
        if self._arguments.json:
            show_json({**result.to_dict(), "file": str(written)})
        else:
            show(f"{result}\n{_how_to_use(written)}")
        if not result.stopped:
            return ExitCode.OK
        return _stopped(result, f"{shown(str(written))} holds what was learned by then")

    def _require_file(self) -> None:
        """Refuse to replace what was measured elsewhere, or more of it."""
        folder = self._file.absolute().parent
        if not folder.is_dir():
            msg = f"--output {quoted(str(self._file))}: there is no folder {quoted(str(folder))}"
            raise MeasuredProfileError(msg)
        if self._arguments.force or not self._file.exists():
            return
        name = quoted(str(self._file))
        other = "--output FILE writes another file, --force replaces this one"
        before = self._before()
        if before is None:
            msg = f"{name} is there and is no measured profile: {other}"
            raise MeasuredProfileError(msg)
        then = before.endpoint
        if (then.host, then.model) != (self._plan.host, self._plan.model):
            from toolpair_observe.probing.told import whom  # noqa: PLC0415 - slow, see above

            msg = (
                f"{name} was measured at another endpoint ({whom(then.host, then.model)}): {other}"
            )
            raise MeasuredProfileError(msg)
        if self._arguments.only:
            msg = f"{name} is there, and --only would put a part in its place: {other}"
            raise MeasuredProfileError(msg)

    def _before(self) -> Measurement | None:
        from toolpair_observe.probing.file import read_measurement  # noqa: PLC0415 - slow, see above

        try:
            return read_measurement(self._file)
        except MeasuredProfileError:
            return None

    def _written(self, result: ProbeResult) -> Path:
        """Write the file; a part does not replace a whole one that is there."""
        path = self._file
        if result.stopped and path.exists() and not self._arguments.force:
            path = path.with_name(f"{path.stem}.partial{path.suffix}")
        result.write(path)
        return path


def _stopped(result: ProbeResult, what: str) -> ExitCode:
    show_line(f"toolpair-observe: not all was asked, since {result.stopped}; {what}", sys.stderr)
    return ExitCode.INTERRUPTED if result.is_interrupted else ExitCode.BAD_INPUT


def _how_to_use(path: Path) -> str:
    name = path.as_posix()
    given = name if path.is_absolute() or name.startswith("../") else f"./{name}"
    return (
        f"written to {shown(name)}\n"
        f'use it:  ToolPairHandler(profile="{shown(given)}")\n'
        f"         or TOOLPAIR_PROFILE={shown(shlex.quote(given))}\n"
        f"more:    toolpair-observe probe --explain {shown(shlex.quote(name))}"
    )


def _show_plan(plan: ProbePlan, arguments: argparse.Namespace) -> None:
    if arguments.json:
        show_json({"sent": False, **plan.to_dict()})
    else:
        show(f"{plan}\nNothing has been sent. This sends:\n  {_how_to_send(arguments)}")


@dataclass(frozen=True, slots=True)
class _Check:
    """Asks again what a file holds, and says what changed."""

    arguments: argparse.Namespace
    model: Model

    def run(self) -> ExitCode:
        """Show the plan, or carry it out."""
        from toolpair_observe.probing.file import read_measurement  # noqa: PLC0415 - slow, see above
        from toolpair_observe.probing.probe import plan_again  # noqa: PLC0415

        before = read_measurement(self.arguments.check)
        plan = plan_again(self.model, before, **_numbers(self.arguments))
        if not self.arguments.yes:
            _show_plan(plan, self.arguments)
            return ExitCode.OK
        return self._compared(before, _sent(plan))

    def _compared(self, before: Measurement, result: ProbeResult) -> ExitCode:
        from toolpair_observe.probing.compare import changes  # noqa: PLC0415 - slow, see above
        from toolpair_observe.probing.told import (  # noqa: PLC0415
            change_dict,
            change_lines,
            spent,
        )

        after = result.measurement
        found = changes(before, after, sees_losses=result.sees_losses)
        of_verdict = sum(each.is_of_verdict for each in found)
        lost = sum(each.is_lost for each in found)
        if self.arguments.json:
            show_json(
                {
                    "file": self.arguments.check,
                    "measured_on": before.asked_on.isoformat(),
                    "asked": len(after.answers),
                    "of": len(before.answers),
                    "stopped": result.stopped,
                    "requests": after.requests,
                    "input_tokens": after.input_tokens,
                    "changes": [change_dict(each) for each in found],
                }
            )
        else:
            total = (
                f"{of_verdict:,} of {len(after.answers):,} histories are answered otherwise than "
                f"on {before.asked_on.isoformat()}{f', {lost:,} are not told' if lost else ''}"
            )
            show("\n".join([*change_lines(found), total, spent(after)]))
        if result.stopped:
            return _stopped(result, "the rest was not asked")
        if of_verdict:
            return ExitCode.FOUND
        return ExitCode.BAD_INPUT if lost else ExitCode.OK
