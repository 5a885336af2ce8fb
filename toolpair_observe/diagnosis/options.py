"""Every option with where its value comes from, and the variables that are none or are wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.arguments import described
from toolpair_observe.diagnosis.findings import Finding, ok, problem
from toolpair_observe.diagnosis.late import late, shown
from toolpair_observe.diagnosis.presentable import is_secret
from toolpair_observe.diagnosis.subject import wrong_variables
from toolpair_observe.settings import BY_DEFAULT, options, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.settings import Settings

AREA: Final = "options"


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the variables and the options."""
    yield from _variables()
    yield from late(subject)
    settings = subject.settings
    for option in options():
        yield ok(AREA, _described(option.name, settings))


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
    value = "set" if is_secret(name) else shown(getattr(settings, name))
    return f"{name} = {value} ({origin})"
