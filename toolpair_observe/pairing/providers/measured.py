"""What a profile was measured of: whom it holds for, since when, and which file says so."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from datetime import date

# Providers change their rules without a word.
OLD_AFTER_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Measured:
    """Who was asked, and when.

    Attributes:
        host: The host that was asked, as `shown_host.host_shown` returns it of a call; `""` where
            the integration went to its own default.
        model: The model as requested.
        integration: `_type` of the invocation parameters.
        asked_on: The day, UTC.
        path: The file that the profile was read from, as it was given; `""` where it was read from
            none.
    """

    host: str
    model: str
    integration: str
    asked_on: date
    path: str = ""

    @property
    def subject(self) -> str:
        """Who was asked, for people."""
        return asked(self.integration, self.host, self.model)

    @property
    def command(self) -> str:
        """What asks the same endpoint again."""
        file = shlex.quote(self.path) if self.path else "FILE"
        return f"toolpair-observe probe --check {file} MODULE:MODEL --yes"

    def is_old(self, today: date) -> bool:
        """Whether it was measured too long ago to be relied on."""
        return self.age(today) > OLD_AFTER_DAYS

    def age(self, today: date) -> int:
        """How many days ago it was measured."""
        return (today - self.asked_on).days


def utc_today() -> date:
    """Return the day, UTC."""
    return datetime.now(UTC).date()


def asked(integration: str, host: str, model: str) -> str:
    """Say who is asked, for people."""
    place = f"at {shown(host)}" if host else "at its own default host"
    return f"{shown(model) or 'no model'} {place} by {shown(integration) or 'no integration'}"
