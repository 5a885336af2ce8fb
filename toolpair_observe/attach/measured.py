"""What the log says of a measured profile: for whom it does not hold, and that it may be old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.once import warn_once
from toolpair_observe.pairing.providers.measured import utc_today
from toolpair_observe.pairing.report import worst_of
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from toolpair_observe.fail_open import FailOpen
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.record import Record


def tell_elsewhere(profile: Profile | None, asked: str) -> None:
    """Log, once, that a measured profile does not hold for whoever is asked.

    Args:
        profile: The profile.
        asked: Who is asked instead of whom it was measured of.
    """
    if profile is None or profile.measured is None:
        return
    warn_once(
        f"elsewhere {_key(profile)}",
        "%s was measured of %s, and %s is asked: such requests are judged as if it were not set; "
        "to judge them by what they meet, give their model a handler with a profile of its own",
        _named(profile),
        profile.measured.subject,
        asked,
    )


class Currency:
    """Says, once for each reason and process, that a measured profile may hold no more.

    Args:
        profile: The profile.
        guard: Counts a failure to say so.
        today: Returns the day, UTC.
    """

    def __init__(
        self, profile: Profile, guard: FailOpen, today: Callable[[], date] = utc_today
    ) -> None:
        self._profile = profile
        self._guard = guard
        self._today = today

    def begin(self) -> None:
        """Say that it was measured long ago, where it was."""
        with self._guard:
            measured, today = self._profile.measured, self._today()
            if measured is not None and measured.is_old(today):
                self._tell("age", f"that is {measured.age(today)} days ago")

    def before(self, then: Callable[[Record], None]) -> Callable[[Record], None]:
        """Return what looks at each record that ends, and then does what `then` does."""

        def ended(record: Record) -> None:
            with self._guard:
                self._look(record)
            then(record)

        return ended

    def _look(self, record: Record) -> None:
        report = record.report
        if report.profile != self._profile.name:
            return
        if record.outcome is Outcome.ESCAPED:
            kind = record.rejected_kind or "a pair"
            self._tell("escaped", f"since then a history that it passes was refused for {kind}")
        elif record.outcome is Outcome.ACCEPTED and report.effect in (
            Effect.REJECT,
            Effect.LOCAL_ERROR,
        ):
            kind = worst_of(report.violations).kind
            self._tell("accepted", f"since then {kind}, which it says is refused, was accepted")

    def _tell(self, reason: str, seen: str) -> None:
        measured = self._profile.measured
        if measured is not None:
            warn_once(
                f"{reason} {_key(self._profile)}",
                "%s was measured on %s of %s, and may be out of date: %s; ask again with %s",
                _named(self._profile),
                measured.asked_on.isoformat(),
                measured.subject,
                seen,
                measured.command,
            )


def _named(profile: Profile) -> str:
    path = profile.measured.path if profile.measured is not None else ""
    return f"measured profile {path or profile.name}"


def _key(profile: Profile) -> str:
    path = profile.measured.path if profile.measured is not None else ""
    return f"{profile.name} {path}"
