"""The mode, the environment, and every option with where its value comes from."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.arguments import described
from toolpair_observe.deployment import VARIABLE
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.presentable import is_secret
from toolpair_observe.diagnosis.subject import wrong_variables
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.settings import BY_DEFAULT, options, unknown_variables, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.deployment import Environment
    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.settings import Settings

AREA: Final = "options"


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the mode, the environment, the variables and the options."""
    yield from _mode(subject)
    yield from _environment(subject)
    yield from _variables()
    settings = subject.settings
    for option in options():
        yield ok(AREA, _described(option.name, settings))


def _mode(subject: Subject) -> Iterator[Finding]:
    settings, reason = subject.settings, subject.standing.reason()
    said = f"{settings.mode} ({reason})"
    if settings.mode == "off":
        yield note("mode", f"{said}: nothing is checked", "set mode to observe or strict")
    else:
        yield ok("mode", said)
    if settings.strict_environments and not settings.follows_environment:
        fix = f"unset {variable_of('mode')}, or strict_environments"
        yield note("mode", f"strict_environments has no effect: the mode is set ({reason})", fix)
    if settings.mode == "strict":
        yield from _strict(settings)


def _strict(settings: Settings) -> Iterator[Finding]:
    if not settings.block_on:
        fix = "leave block_on out, or name what to block"
        yield problem("mode", "strict mode stops nothing, because block_on is empty", fix)
    if settings.request_mode == "any":
        text = "request_mode=any lets the metadata of any request switch strict mode off"
        yield note("mode", text, "leave it out where callers are not trusted")


def _environment(subject: Subject) -> Iterator[Finding]:
    environment, settings = subject.standing.environment(), subject.settings
    if environment is not None:
        yield _among(environment, settings)
    elif settings.follows_environment:
        names = ",".join(sorted(settings.strict_environments))
        fix = f"set {variable_of('environment')}, or deployment.environment.name in {VARIABLE}"
        text = f"strict_environments is {names}, and nothing names this environment: mode observe"
        yield problem("environment", text, fix)
    else:
        yield ok("environment", "has no name, and no option depends on it")


def _among(environment: Environment, settings: Settings) -> Finding:
    name, wanted = environment.name, settings.strict_environments
    said = f"{name}, says {environment.source}"
    if not settings.follows_environment or environment.is_among(wanted):
        return ok("environment", said)
    meant = _close_to(name, wanted)
    if not meant:
        return ok("environment", f"{said}; strict_environments does not name it")
    text = f"{said}; strict_environments names {meant}, which is another: mode observe"
    return note("environment", text, f"add {name} to strict_environments, if it is meant")


def _close_to(name: str, names: frozenset[str]) -> str:
    """Return the name that was probably meant, such as production for prod; `""` for none."""
    folded = {each.casefold(): each for each in sorted(names)}
    short = name.casefold()
    alike = [each for each in folded if each.startswith(short) or short.startswith(each)]
    alike = alike or difflib.get_close_matches(short, folded, n=1, cutoff=0.8)
    return folded[alike[0]] if alike else ""


def _variables() -> Iterator[Finding]:
    for variable, hint in unknown_variables(os.environ).items():
        text = f"environment variable {variable} is not an option, and is ignored"
        fix = hint.removeprefix("; ") or "unset it: docs/settings.md lists all options"
        yield problem(AREA, text, fix)
    for variable, wrong in wrong_variables(os.environ).items():
        told = f"environment variable {variable} is {described(wrong.shown)}"
        yield problem(AREA, told, wrong.expected)


def _described(name: str, settings: Settings) -> str:
    origin = settings.origins.get(name, BY_DEFAULT)
    # A mode that follows the environment is nobody's choice and not the default either.
    if name == "mode" and settings.follows_environment:
        origin = f"{settings.origins['strict_environments']} (strict_environments)"
    value = "set" if is_secret(name) else _shown(getattr(settings, name))
    return f"{name} = {value} ({origin})"


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Profile):
        return value.name
    if isinstance(value, frozenset):
        return ",".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
