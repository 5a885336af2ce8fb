"""What a profile is called: a name of the table, or the file that a profile is made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.names import did_you_mean
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.profile import Profile

# How the names of files end that hold a chat template.
TEMPLATE_FILES: Final = (".jinja", ".jinja2", ".j2", ".json")
MEASURED_FILES: Final = ".toml"


def is_auto(name: str) -> bool:
    """Whether the name stands for the profile of whoever is asked."""
    return name.strip().lower() == "auto"


def profile_named(name: str) -> Profile:
    """Return the profile called `name`, or the one that is made of the file of that name.

    Blanks around the name do not count.

    Raises:
        ValueError: There is no such profile, and the message says which one was probably meant and
            lists the names; or the file holds no chat template that can be used
            (`ChatTemplateError`), or no measured profile (`MeasuredProfileError`).
        MissingExtraError: It is a chat template's file, and Jinja is not installed.
    """
    name = name.strip()
    if name.endswith(TEMPLATE_FILES):
        from toolpair_observe.templates.profile import (  # noqa: PLC0415 - of an extra
            profile_from_chat_template,
        )

        return profile_from_chat_template(Path(name))
    if name.endswith(MEASURED_FILES):
        return _measured(name)
    try:
        return PROFILES[name]
    except KeyError:
        meant = did_you_mean(name, PROFILES)
        msg = f"no profile is called {quoted(name)}; {meant}choose one of: {', '.join(PROFILES)}"
        raise ValueError(msg) from None


def _measured(path: str) -> Profile:
    # Few processes have one.
    from toolpair_observe.probing.file import read_measurement  # noqa: PLC0415 - see above
    from toolpair_observe.probing.profile import measured_profile  # noqa: PLC0415 - see above

    return measured_profile(read_measurement(path), path)
