"""The settings of a handler as they stand now: the deployment environment may still get its name.

An application may set its OpenTelemetry providers up after it has attached a handler. So where the
environment decides about the mode, each request looks for its name.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from toolpair_observe.attach.announce import PROCESS, described
from toolpair_observe.deployment import VARIABLE, Environment, find_environment
from toolpair_observe.once import warn_once
from toolpair_observe.pairing.shown import shown
from toolpair_observe.settings import MODE_KEY, in_environment, named_environment, variable_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.option_values import Mode
    from toolpair_observe.settings import Settings


class StandingSettings:
    """The settings of a handler, with the mode that holds where a request has none of its own.

    Args:
        settings: The settings as they were when the handler was made.
        *providers: The handler's own OpenTelemetry providers; None for each that it has not.

    Attributes:
        providers: The handler's own OpenTelemetry providers.
    """

    def __init__(self, settings: Settings, *providers: object) -> None:
        self._settings = settings
        self._follows_environment = settings.follows_environment
        self.providers = tuple(each for each in providers if each is not None)
        self._known_mode = self.now().mode
        self._default_of = ""

    def now(self) -> Settings:
        """Return the settings that hold now."""
        settings = self._settings
        if not self._follows_environment:
            return settings
        return in_environment(settings, self.environment())

    def mode_for(self, metadata: Mapping[str, Any] | None) -> Mode:
        """Return the mode of one request. See `Settings.mode_for`."""
        settings = self._settings
        if self._follows_environment or (settings.announce and PROCESS.is_due):
            settings = self.for_request()
        if metadata and MODE_KEY in metadata:
            return settings.mode_for(metadata)
        return settings.mode

    def for_request(self) -> Settings:
        """Return the settings that hold now, and say what an operator has to know of them.

        Where the environment decides and has no name, there is a warning.
        """
        settings = self._settings
        if self._follows_environment:
            environment = self.environment()
            if environment is None:
                _warn_of_no_name(settings)
            settings = in_environment(settings, environment)
        if settings.announce and (PROCESS.is_due or settings.mode != self._known_mode):
            self._announce(settings.mode)
        return settings

    def environment(self) -> Environment | None:
        """Return the deployment environment, or None where nothing names it."""
        return (
            named_environment(self._settings) or _named_late() or find_environment(self.providers)
        )

    def note_default_of(self, taker: str) -> None:
        """Note that nobody has chosen the mode: it is the default of what made the handler."""
        self._default_of = taker

    def reason(self) -> str:
        """Say where the mode comes from."""
        settings = self._settings
        if self._default_of:
            return f"default of {self._default_of}"
        if not settings.follows_environment:
            return settings.origins.get("mode", "the settings given")
        listed = f"{settings.origins['strict_environments']}: {_listed(settings)}"
        environment = self.environment()
        if environment is None:
            return f"{listed}; the environment has no name"
        return f"{listed}; the environment is {shown(environment.name)}, says {environment.source}"

    def _announce(self, mode: Mode) -> None:
        """Say it once in this process, and when a mode has changed since."""
        was_known, self._known_mode = mode == self._known_mode, mode
        if not PROCESS.check(self._describe) and not was_known:
            PROCESS.change_mode(self._describe)

    def _describe(self) -> str:
        return described(self.now().mode, self.reason())


def _named_late() -> Environment | None:
    """Return the environment that a variable names which was set after the handler was made."""
    variable = variable_of("environment")
    name = os.environ.get(variable, "").strip()
    return Environment(name, f"environment variable {variable}") if name else None


def _listed(settings: Settings) -> str:
    return shown(",".join(sorted(settings.strict_environments)))


def _warn_of_no_name(settings: Settings) -> None:
    warn_once(
        "no environment",
        "strict_environments is %s, and nothing names the environment of this process, so the mode "
        "is observe: set %s, or deployment.environment.name in %s or in the OpenTelemetry resource",
        _listed(settings),
        variable_of("environment"),
        VARIABLE,
    )
