"""What the doctor looks at: the handler of this process, or what one made here would be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe.arguments import described
from toolpair_observe.attach.standing import StandingSettings
from toolpair_observe.errors import SettingsError
from toolpair_observe.settings import PREFIX, Settings, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.diagnosis.models import Judged


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        given: The handler that the caller asks about, or None.
        attached: The handler of every chat model of this process, or None.
        standing: The settings that hold, with the mode's reason.
        models: The models that the caller asks about.
        in_program: Whether the caller is an application, which has to be protected.
        online: Whether servers may be asked.
    """

    given: ToolPairHandler | None
    attached: ToolPairHandler | None
    standing: StandingSettings
    models: tuple[Judged, ...]
    in_program: bool
    online: bool

    @property
    def settings(self) -> Settings:
        """The settings that hold now."""
        return self.standing.now()

    @property
    def is_strict(self) -> bool:
        """Whether requests are to be stopped."""
        return self.settings.mode == "strict"


def standing_of(handler: ToolPairHandler | None) -> StandingSettings:
    """Return the settings of a handler; of None those that one made here would have."""
    if handler is not None:
        return handler.standing
    environ = dict(os.environ)
    ignored = {*wrong_variables(environ), *unknown_variables(environ)}
    usable = {name: value for name, value in environ.items() if name not in ignored}
    return StandingSettings(Settings.resolve(usable))


def wrong_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return each variable whose option can't have its value, with what is expected."""
    wrong: dict[str, str] = {}
    unknown = unknown_variables(environ)
    for name, value in environ.items():
        if name.startswith(PREFIX) and name not in unknown:
            try:
                Settings.resolve({name: value})
            except SettingsError as error:
                # The value stands before that, and may be a secret.
                wrong[name] = str(error).rpartition(f"{described(value)}; ")[2]
            except Exception as error:  # noqa: BLE001 -- a value that nothing was made for
                wrong[name] = f"unset it: it can't be read ({type(error).__name__})"
    return wrong
