"""Variables that were set after a handler had been made, which reads them only then.

A program that reads a `.env` file once it has attached does that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.diagnosis.findings import Finding, note, problem
from toolpair_observe.diagnosis.subject import settings_here
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.settings import BY_DEFAULT, is_set, options, variable_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.settings import Settings

AREA: Final = "options"
_READ_ANEW: Final = "environment"  # at each request that wants it
_AS_ATTACHED: Final = "set it before, or call uninstrument() and instrument() again"
_AS_GIVEN: Final = "set it before the handler is made"


def late(subject: Subject) -> Iterator[Finding]:
    """Yield each variable that has no effect on a handler because it came too late."""
    today = settings_here()
    for handler in subject.handlers:
        fix = _AS_ATTACHED if handler is subject.attached else _AS_GIVEN
        yield from _missed(handler, today, fix)


def _missed(handler: ToolPairHandler, today: Settings, fix: str) -> Iterator[Finding]:
    made = handler._settings  # noqa: SLF001 -- those of now may have another mode
    for name in (option.name for option in options()):
        if name != _READ_ANEW and _has_changed(name, made, today):
            yield _finding(name, handler, made, today, fix)


def _has_changed(name: str, made: Settings, today: Settings) -> bool:
    variable = f"environment variable {variable_of(name)}"
    origins = made.origins.get(name, BY_DEFAULT), today.origins[name]
    # What is an argument is meant to win. What is a default at both times may depend on others.
    if origins[0] not in {variable, BY_DEFAULT} or variable not in origins:
        return False
    return _plain(getattr(made, name)) != _plain(getattr(today, name))


def _plain(value: object) -> object:
    """Return what can be compared: a file that is read again makes another profile."""
    return (value.name, value.measured) if isinstance(value, Profile) else value


def _finding(
    name: str, handler: ToolPairHandler, made: Settings, today: Settings, fix: str
) -> Finding:
    variable, held = variable_of(name), shown(getattr(made, name))
    effect = f"after {handler!r} was made, and has no effect: {name} is {held}"
    if is_set(name, os.environ):
        text = f"{variable}={shown(getattr(today, name))} was set {effect}"
        return problem(AREA, text, fix)
    return note(AREA, f"{variable} was unset {effect}", f"un{fix}")


def shown(value: object) -> str:
    """Return the value of an option as people write it."""
    if value is None:
        return "not set"
    if isinstance(value, Profile):
        return value.name
    if isinstance(value, frozenset):
        return ",".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
