"""The mode in force with who makes it so, and the environment that may decide about it."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.attach.instrument import instrumented_by
from toolpair_observe.deployment import VARIABLE
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.subject import wrong_variables
from toolpair_observe.settings import variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.deployment import Environment
    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.settings import Settings

AREA: Final = "mode"
_ENVIRONMENT: Final = "environment"


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the mode and the environment."""
    yield from _mode(subject)
    yield from _environment(subject)


def _mode(subject: Subject) -> Iterator[Finding]:
    wrong = wrong_variables(os.environ)
    if wrong and not subject.handlers:
        text = f"no handler can be made with the value of {' and '.join(wrong)}: nothing is checked"
        yield problem(AREA, text, "see the problems of options")
        return
    settings, reason = subject.ruling.now(), subject.ruling.reason()
    said = f"{settings.mode} ({reason}){_whose(subject)}"
    if settings.mode == "off":
        yield note(AREA, f"{said}: nothing is checked", "set mode to observe or strict")
    else:
        yield ok(AREA, said)
    if settings.strict_environments and not settings.follows_environment:
        fix = f"unset {variable_of('mode')}, or strict_environments"
        yield note(AREA, f"strict_environments has no effect: the mode is set ({reason})", fix)
    if settings.mode == "strict":
        yield from _strict(settings)


def _whose(subject: Subject) -> str:
    """Say who makes the mode so, where another handler than the first does."""
    if subject.ruler is None or subject.ruler is subject.handlers[0]:
        return ""
    who = "another handler of the model"
    if subject.ruler is subject.attached:
        who = f"the handler of this process, attached by {instrumented_by()}"
    return f" of {who}; the handler that reports has mode {subject.settings.mode}"


def _strict(settings: Settings) -> Iterator[Finding]:
    if not settings.block_on:
        yield problem(AREA, _unblocked(settings), "leave block_on out, or name what to block")
    if settings.request_mode == "any":
        text = "request_mode=any lets the metadata of any request switch strict mode off"
        yield note(AREA, text, "leave it out where callers are not trusted")


def _unblocked(settings: Settings) -> str:
    """Say what strict mode still stops where `block_on` is empty."""
    stopped = []
    if settings.block_unidentified:
        stopped.append("requests to models that are not identified (block_unidentified)")
    if settings.on_internal_error == "block":
        stopped.append("requests that can't be checked (on_internal_error)")
    rest = f" but {' and '.join(stopped)}" if stopped else ""
    return f"strict mode stops nothing{rest}, because block_on is empty"


def _environment(subject: Subject) -> Iterator[Finding]:
    environment, settings = subject.standing.environment(), subject.settings
    if environment is not None:
        yield _among(environment, settings)
    elif settings.follows_environment:
        names = ",".join(sorted(settings.strict_environments))
        fix = f"set {variable_of('environment')}, or deployment.environment.name in {VARIABLE}"
        text = f"strict_environments is {names}, and nothing names this environment: mode observe"
        yield problem(_ENVIRONMENT, text, fix)
    else:
        yield ok(_ENVIRONMENT, "has no name, and no option depends on it")


def _among(environment: Environment, settings: Settings) -> Finding:
    name, wanted = environment.name, settings.strict_environments
    said = f"{name}, says {environment.source}"
    if not settings.follows_environment or environment.is_among(wanted):
        return ok(_ENVIRONMENT, said)
    meant = _close_to(name, wanted)
    if not meant:
        return ok(_ENVIRONMENT, f"{said}; strict_environments does not name it")
    text = f"{said}; strict_environments names {meant}, which is another: mode observe"
    return note(_ENVIRONMENT, text, f"add {name} to strict_environments, if it is meant")


def _close_to(name: str, names: frozenset[str]) -> str:
    """Return the name that was probably meant, such as production for prod; `""` for none."""
    folded = {each.casefold(): each for each in sorted(names)}
    short = name.casefold()
    alike = [each for each in folded if each.startswith(short) or short.startswith(each)]
    alike = alike or difflib.get_close_matches(short, folded, n=1, cutoff=0.8)
    return folded[alike[0]] if alike else ""
