"""What can be told of a history that a server may mind: what a fit explains answers by."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.predict import arrival, predict
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.requests import messages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.transcript import Transcript


class Feature(NamedTuple):
    """A case of pairing, or a mechanism that is not met.

    Attributes:
        case: The case; None for a mechanism.
        mechanism: The mechanism's name; `""` for a case.
        value: The mechanism's number, 0 where it has none.
    """

    case: Case | None
    mechanism: str = ""
    value: int = 0


class Sight(NamedTuple):
    """What there is to see of a history on its way to a server.

    Attributes:
        features: What the server may mind of it.
        effect: What the integration alone makes of it: `LOCAL_ERROR`, `SILENT_LOSS`, or else.
    """

    features: frozenset[Feature]
    effect: Effect


# One less than each length that is asked with: the longest that may still be taken.
_VALUES: Final = {
    "id-length": (7, 9, 10, 24, 40, 64),
    "id-at-most": (9, 23, 39, 40, 63, 64),
}


def mechanism_features() -> Iterator[Feature]:
    """Yield each mechanism, with each number that histories are asked with."""
    for name, mechanism in MECHANISMS.items():
        values = [each for stem, each in _VALUES.items() if name.startswith(stem)]
        for value in values[0] if mechanism.takes_value else (0,):
            yield Feature(None, name, value)


@lru_cache(maxsize=4096)
def sight_of(history: str, base: Profile) -> Sight:
    """Return what there is to see of a history.

    Args:
        history: The history, in the short form of `requests`.
        base: What the integration does to it.
    """
    transcript = read_transcript(messages_of(history))
    _, _, wire, findings = arrival(transcript, base, NO_FACTS)
    turns = wire.turns
    unmet = {
        feature
        for feature in mechanism_features()
        if any(MECHANISMS[feature.mechanism].find(turns, feature.value))
    }
    cases = {Feature(finding.case) for finding in findings}
    return Sight(frozenset(unmet | cases), _effect_of(transcript, base))


def _effect_of(transcript: Transcript, base: Profile) -> Effect:
    return Effect.worst(*(each.effect for each in predict(transcript, base, NO_FACTS).breaches))
