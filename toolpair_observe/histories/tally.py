"""The totals over judged units, and how predictions compare with the providers' answers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from toolpair_observe.histories.unit import Recorded, Status
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.pairing.words import ViolationKind

VERDICT_TITLES: Final[Mapping[Recorded, str]] = {
    Recorded.ACCEPTED: "accepted by the provider",
    Recorded.REJECTED: "rejected for their pairing",
}
"""The answers that say something about a prediction; any other failure says nothing of pairing."""

_ERRORS: Final = (Effect.REJECT, Effect.LOCAL_ERROR)
_NUMBER: Final = re.compile(r"\d+")
# Reasons name places, so that a hostile file could make as many as it likes.
_MOST_REASONS: Final = 1_000
_OTHER: Final = "other reasons"


class Agreement(StrEnum):
    """How a prediction compares with the provider's answer."""

    AGREES = "agrees"
    UNDECIDED = "undecided"
    DISAGREES = "disagrees"


def agreement(effect: Effect, recorded: Recorded) -> Agreement:
    """Return how a predicted effect compares with an answer of `VERDICT_TITLES`."""
    if effect is Effect.UNKNOWN:
        return Agreement.UNDECIDED
    predicts_error = effect in _ERRORS
    agrees = predicts_error == (recorded is Recorded.REJECTED)
    return Agreement.AGREES if agrees else Agreement.DISAGREES


@dataclass(slots=True)
class Tally:
    """The totals over any number of files.

    Attributes:
        conversations: Units that were checked; one can stand for many requests.
        requests: Requests checked.
        messages: Messages of the conversations.
        effects: Requests by predicted effect.
        profiles: Requests by the profile that judged.
        kinds: Requests by kind of violation and that violation's predicted effect.
        verdicts: Requests by the provider's answer and how the prediction compares.
        masked_requests: Requests with a result that other software made up.
        masked: Such results by who made them up and whether the model saw them for the first time.
        not_requests: Rows that never were a request to a chat model, by what they are.
        unreadable: Units that could not be read, by the reason, in which N stands for numbers.
    """

    conversations: int = 0
    requests: int = 0
    messages: int = 0
    effects: Counter[Effect] = field(default_factory=Counter)
    profiles: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[ViolationKind, Effect]] = field(default_factory=Counter)
    verdicts: Counter[tuple[Recorded, Agreement]] = field(default_factory=Counter)
    masked_requests: int = 0
    masked: Counter[tuple[str, bool]] = field(default_factory=Counter)
    not_requests: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def near_misses(self) -> int:
        """Requests whose predicted effect is neither clean nor accept."""
        return sum(count for effect, count in self.effects.items() if effect.is_near_miss)

    def add(self, judged: Judged) -> None:
        """Count one unit."""
        unit = judged.unit
        if unit.status is Status.NOT_A_REQUEST:
            self.not_requests[_bounded(unit.reason, self.not_requests)] += 1
        elif unit.status is Status.UNREADABLE:
            reason = _NUMBER.sub("N", unit.reason)
            self.unreadable[_bounded(reason, self.unreadable)] += 1
        else:
            self._add_checked(judged)

    def _add_checked(self, judged: Judged) -> None:
        self.conversations += 1
        self.requests += judged.requests
        self.messages += judged.messages
        self.effects.update(judged.effects)
        self.kinds.update(judged.breaches)
        self.masked_requests += judged.masked_requests
        self.masked.update((found.by, found.fresh) for found in judged.masked)
        if judged.target is not None:
            self.profiles[judged.target.profile.name] += judged.requests
        recorded = judged.unit.recorded
        if recorded is not None and recorded in VERDICT_TITLES:
            for effect, count in judged.effects.items():
                self.verdicts[recorded, agreement(effect, recorded)] += count


def _bounded(reason: str, seen: Counter[str]) -> str:
    return reason if reason in seen or len(seen) < _MOST_REASONS else _OTHER
