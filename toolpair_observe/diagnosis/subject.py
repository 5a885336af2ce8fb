"""What the doctor looks at: the handler of this process, or what one made here would be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.arguments import described
from toolpair_observe.attach.standing import StandingSettings
from toolpair_observe.diagnosis.presentable import wrong_value
from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.settings import PREFIX, Settings, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.diagnosis.models import Judged


_WEAKEST_FIRST: Final = ("off", "observe", "strict")


class WrongValue(NamedTuple):
    """A value that an option can't have.

    Attributes:
        shown: The value as it may be seen.
        expected: What is expected.
    """

    shown: str
    expected: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        given: The handlers that the caller asks about: its own, and those of its model.
        attached: The handler of every chat model of this process, or None.
        models: The models that the caller asks about.
        in_program: Whether the caller is an application, which has to be protected.
        online: Whether servers may be asked.
    """

    given: tuple[ToolPairHandler, ...]
    attached: ToolPairHandler | None
    models: tuple[Judged, ...]
    in_program: bool
    online: bool

    @property
    def handlers(self) -> tuple[ToolPairHandler, ...]:
        """Every handler that stands in a run, the one that reports first."""
        attached = () if self.attached is None else (self.attached,)
        return tuple(dict.fromkeys((*self.given, *attached)))

    @property
    def standing(self) -> StandingSettings:
        """The settings of the handler that reports, or of one that would be made here."""
        return standing_of(self.handlers[0] if self.handlers else None)

    @property
    def settings(self) -> Settings:
        """The settings that hold now, of the handler that reports."""
        return self.standing.now()

    @property
    def providers(self) -> tuple[object, ...]:
        """The OpenTelemetry providers that the handler that reports was given."""
        return self.standing.providers if self.handlers else ()

    @property
    def ruler(self) -> ToolPairHandler | None:
        """The handler whose mode is in force, the strictest one; None where there is no handler."""
        return max(
            self.handlers, key=lambda each: _WEAKEST_FIRST.index(each.settings.mode), default=None
        )

    @property
    def ruling(self) -> StandingSettings:
        """The settings whose mode is in force."""
        return self.standing if self.ruler is None else standing_of(self.ruler)

    @property
    def is_strict(self) -> bool:
        """Whether requests are to be stopped."""
        return self.ruling.now().mode == "strict"


def standing_of(handler: ToolPairHandler | None) -> StandingSettings:
    """Return the settings of a handler; of None those that one made here would have."""
    if handler is not None:
        return handler.standing
    return StandingSettings(settings_here())


def settings_here() -> Settings:
    """Return the settings of a handler that is made here and now, as far as variables are right."""
    environ = dict(os.environ)
    ignored = {*wrong_variables(environ), *unknown_variables(environ)}
    return Settings.resolve({name: environ[name] for name in environ if name not in ignored})


def wrong_variables(environ: Mapping[str, str]) -> dict[str, WrongValue]:
    """Return each variable whose option can't have its value."""
    unknown = unknown_variables(environ)
    mine = {n: v for n, v in environ.items() if n.startswith(PREFIX) and n not in unknown}
    found = {name: _wrong(name, value) for name, value in mine.items()}
    return {name: wrong for name, wrong in found.items() if wrong is not None}


def _wrong(name: str, value: str) -> WrongValue | None:
    expected = _refusal(name, value)
    if expected is None:
        return None
    shown = wrong_value(name, value)
    # What is expected may quote the value, too: so it is asked again, with what may be seen.
    if shown != value:
        expected = _refusal(name, shown)
    return WrongValue(shown, expected or "unset it, or set it to what docs/settings.md lists")


def _refusal(name: str, value: str) -> str | None:
    """Return what is expected of a variable, or None where it can have the value."""
    try:
        Settings.resolve({name: value})
    except SettingsError as error:
        return str(error).rpartition(f"{described(value)}; ")[2]
    except Exception as error:  # noqa: BLE001 -- a value that nothing was made for
        return f"unset it: it can't be read ({type_name(error)})"
    return None
