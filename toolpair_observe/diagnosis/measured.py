"""The measured profile that is set: of whom, how old, and whether its file still says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.errors import MeasuredProfileError
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.measured import utc_today

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.pairing.providers.measured import Measured

AREA: Final = "profile"


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the measured profile, where one is set."""
    settings = subject.settings
    profile = settings.profile
    if profile is None or profile.measured is None:
        return
    yield _age(f"{profile.name} ({settings.origins['profile']})", profile.measured)
    if profile.measured.path:
        yield from _file(profile.measured)


def _age(named: str, measured: Measured) -> Finding:
    today = utc_today()
    days = measured.age(today)
    # The clock of who measured it may be ahead.
    ago = "today" if days <= 0 else "1 day ago" if days == 1 else f"{days} days ago"
    file = f" in {measured.path}" if measured.path else ""
    said = f"{named}{file} was measured of {measured.subject} on {measured.asked_on}, {ago}"
    if measured.is_old(today):
        return note(AREA, f"{said}: providers change their rules", f"run {measured.command}")
    return ok(AREA, said)


def _file(measured: Measured) -> Iterator[Finding]:
    try:
        now = profile_named(measured.path).measured
    except MeasuredProfileError as error:
        yield problem(AREA, str(error), "a handler that is made from now on will fail")
        return
    if now != measured:
        text = f"{measured.path} has changed since the handler read it"
        yield note(AREA, text, "restart the process to judge by what it says now")
