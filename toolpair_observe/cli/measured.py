"""What a command says of the measured profile that it was given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolpair_observe.console import show_line
from toolpair_observe.pairing.providers.measured import utc_today

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from toolpair_observe.pairing.providers.profile import Profile


def show_notes(profile: Profile | None, elsewhere: int) -> None:
    """Say on standard error for whom a measured profile does not hold, and that it is old.

    Args:
        profile: What was given as `--profile`.
        elsewhere: How many requests were judged by another profile.
    """
    for note in _notes(profile, elsewhere, utc_today()):
        show_line(f"toolpair-observe: {note}", sys.stderr)


def _notes(profile: Profile | None, elsewhere: int, today: date) -> Iterator[str]:
    if profile is None or profile.measured is None:
        return
    measured = profile.measured
    named = f"measured profile {measured.path or profile.name}"
    if elsewhere:
        requests = "1 request was" if elsewhere == 1 else f"{elsewhere:,} requests were"
        yield (
            f"{named} was measured of {measured.subject}: {requests} made to another host or "
            "model, and judged as without it"
        )
    if measured.is_old(today):
        yield (
            f"{named} was measured {measured.age(today)} days ago, on {measured.asked_on}: ask "
            f"again with {measured.command}"
        )
