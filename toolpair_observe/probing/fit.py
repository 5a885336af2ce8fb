"""From answers to rules: what explains them, and what to ask next where that is open.

A rule for each case comes first, as built-in profiles have it. Where cases do not explain every
answer, the smallest set of mechanisms does that finds something in each refused history and nothing
in an accepted one. A set that explains the answers is one of several: as long as another one, or
one mechanism more, would say something else of a further history, that history is asked, too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.features import Feature, mechanism_features, sight_of
from toolpair_observe.probing.measurement import (
    EFFECTS,
    Answer,
    Findings,
    Learned,
    LearnedMechanism,
    Verdict,
)
from toolpair_observe.probing.requests import PROBES, Probe, further_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from toolpair_observe.pairing.providers.profile import Profile

LEAST_FURTHER: Final = 8
"""How many histories are asked beyond `PROBES`, to see whether what was learned holds."""

MOST_FURTHER: Final = 30
"""How many are asked at most, where several explanations have to be told apart."""

# As many blanks as a history has that is longer than those of `PROBES`.
_LONG: Final = 5
# With more mechanisms anything can be explained.
_MOST_MECHANISMS: Final = 9
_MOST_COVERS: Final = 64
_MOST_STEPS: Final = 20_000
# The worse hides the better: a request that is refused loses nothing.
_FITTED: Final = (Effect.LOCAL_ERROR, Effect.REJECT, Effect.SILENT_LOSS)

Explanation = frozenset[Feature]


def findings_of(answers: Sequence[Answer], base: Profile) -> Findings:
    """Return what explains the answers.

    Args:
        answers: What was answered.
        base: What the integration does to a history before it leaves.
    """
    told = {each.probe for each in answers if each.verdict in EFFECTS}
    is_whole = told.issuperset(each.name for each in PROBES)
    fits = [_Fit(answers, base, effect, is_whole=is_whole) for effect in _FITTED]
    unstable = {each.probe for each in answers if each.verdict is Verdict.UNSTABLE}
    unexplained = unstable.union(*(fit.unexplained for fit in fits))
    cases = {
        feature.case: learned
        for fit in reversed(fits)
        for feature, learned in fit.learned()
        if feature.case is not None
    }
    mechanisms = tuple(
        LearnedMechanism(
            feature.mechanism, learned.effect, feature.value or None, learned.text, learned.probes
        )
        for fit in fits
        for feature, learned in fit.learned()
        if feature.case is None
    )
    is_known = is_whole and not unexplained
    return Findings(
        cases, mechanisms, Effect.ACCEPT if is_known else Effect.UNKNOWN, tuple(sorted(unexplained))
    )


def explanations_of(answers: Sequence[Answer], base: Profile, effect: Effect) -> list[Explanation]:
    """Return all explanations of an effect that are as good as the best one, that one first.

    Args:
        answers: What was answered.
        base: What the integration does to a history before it leaves.
        effect: The effect.
    """
    return _Fit(answers, base, effect).explanations


def next_probe(answers: Sequence[Answer], base: Profile) -> Probe | None:
    """Return the history to ask next, or None where nothing more is to be learned.

    Args:
        answers: What was answered so far.
        base: What the integration does to a history before it leaves.
    """
    asked = {each.history for each in answers}
    standard = {each.history for each in PROBES}
    further = [each for each in answers if each.history not in standard]
    if len(further) >= MOST_FURTHER:
        return None
    pool = [each for each in further_probes() if each.history not in asked]
    fits = [_Fit(answers, base, effect) for effect in _FITTED[1:]]
    hidden: Explanation = frozenset()
    for fit in fits:
        found = fit.telling(pool, hidden)
        if found is not None:
            return found
        hidden |= fit.chosen
    is_explained = not any(fit.unexplained for fit in fits)
    if len(further) >= LEAST_FURTHER and is_explained:
        return None
    return _confirming(pool, base, frozenset().union(*(fit.chosen for fit in fits)), further)


def _confirming(
    pool: Sequence[Probe], base: Profile, minded: Explanation, further: Sequence[Answer]
) -> Probe | None:
    """Return a history to see whether what was learned holds for it.

    In turn one that has to be taken, and one in which a single thing is minded: that which was
    tried least.
    """
    tried = Counter(f for each in further for f in minded & sight_of(each.history, base).features)
    wanted = len(further) % 2
    found: dict[Feature | None, Probe] = {}
    for probe in pool:
        seen = minded & sight_of(probe.history, base).features
        if probe.history.count(" ") >= _LONG and len(seen) <= 1:
            found.setdefault(next(iter(seen), None), probe)
    least = min((f for f in found if f), key=lambda f: (tried[f], _order(f)), default=None)
    return found.get(least if wanted else None) or found.get(None if wanted else least)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What one answer shows of an effect.

    Attributes:
        answer: The answer.
        features: What there is to see of its history.
        has: Whether the endpoint had the effect; None where another one hid it.
    """

    answer: Answer
    features: frozenset[Feature]
    has: bool | None


class _Fit:
    """What explains one effect.

    Args:
        answers: What was answered.
        base: What the integration does.
        effect: The effect.
        is_whole: Whether all of `PROBES` was told. Where it was not, what could rule an explanation
            out may not have been asked, and only what all explanations share is taken.
    """

    def __init__(
        self, answers: Sequence[Answer], base: Profile, effect: Effect, *, is_whole: bool = True
    ) -> None:
        self.effect = effect
        self._base = base
        shown = [_shown(each, base, effect) for each in answers]
        self._had = [each for each in shown if each.has]
        spared = [each.features for each in shown if each.has is False]
        self._ruled_out: frozenset[Feature] = frozenset().union(*spared)
        self.explanations = self._explained()
        self.chosen: Explanation = self.explanations[0]
        if not is_whole:
            self.chosen = self.chosen.intersection(*self.explanations)
        self.unexplained = {
            each.answer.probe for each in self._had if self.chosen.isdisjoint(each.features)
        }

    def learned(self) -> Iterator[tuple[Feature, Learned]]:
        """Yield what was chosen with the answers that show it."""
        for feature in sorted(self.chosen, key=_order):
            mine = [each for each in self._had if feature in each.features]
            # What has the fewest other features says it in its own words.
            first = min(mine, key=lambda each: len(each.features & self.chosen))
            probes = tuple(each.answer.probe for each in mine)
            yield feature, Learned(self.effect, first.answer.text, probes)

    # --- What explains ---------------------------------------------------------------------------

    def _explained(self) -> list[Explanation]:
        """All explanations that are as good as the best one, the one to take first."""
        able = [each for each in self._had if each.features - self._ruled_out]
        by_mechanisms = _covers(self._needs(able, _is_mechanism))
        if len(able) < len(self._had):
            # A rule for each case would hide that the case is not what decides.
            return [self._borne_out(by_mechanisms[0] if by_mechanisms else frozenset())]
        found = [*self._by_cases(able), *by_mechanisms]
        return list(dict.fromkeys(found)) or [frozenset()]

    def _by_cases(self, able: Sequence[_Shown]) -> Iterator[Explanation]:
        """Explain what pairs by mechanisms, and the rest by cases."""
        paired = [each for each in able if not any(map(_is_case, each.features))]
        for cover in _covers(self._needs(paired, _is_mechanism)):
            rest = [each for each in able if cover.isdisjoint(each.features)]
            needs = self._needs(rest, _is_case)
            if all(needs):
                yield cover.union(*needs)
                return

    def _borne_out(self, chosen: Explanation) -> Explanation:
        """Return what the endpoint's words bear out of an explanation that leaves something open.

        Where it says the same of a history that is not explained, what was chosen is at best a part
        of what is asked, and would be wrong elsewhere.
        """
        while True:
            left = [each for each in self._had if chosen.isdisjoint(each.features)]
            open_words = set(map(_words, left))
            doubted = {f for each in self._had if _words(each) in open_words for f in each.features}
            if chosen.isdisjoint(doubted):
                return chosen
            chosen -= doubted

    def _needs(
        self, shown: Iterable[_Shown], takes: Callable[[Feature], bool]
    ) -> list[frozenset[Feature]]:
        """For each answer the features that can explain it."""
        return [
            frozenset(f for f in each.features if takes(f) and f not in self._ruled_out)
            for each in shown
        ]

    # --- What tells ------------------------------------------------------------------------------

    def telling(self, pool: Sequence[Probe], hidden: Explanation) -> Probe | None:
        """Return a history that tells explanations apart, or one mechanism more from none.

        Args:
            pool: The histories to choose from.
            hidden: What has a worse effect, which would hide this one.
        """
        sights = [
            (probe, features)
            for probe in pool
            if hidden.isdisjoint(features := sight_of(probe.history, self._base).features)
        ]
        if len(self.explanations) > 1:
            for probe, features in sights:
                says = {each.isdisjoint(features) for each in self.explanations}
                if len(says) > 1:
                    return probe
        open_ = _all_features() - self._ruled_out - self.chosen
        for probe, features in sights:
            if features & open_ and self.chosen.isdisjoint(features):
                return probe
        return None


def _words(shown: _Shown) -> str:
    """The endpoint's words but for positions, times and ids: whatever has a digit in it."""
    return re.sub(r"[\w.:+-]*\d[\w.:+-]*", "#", shown.answer.text)


def _is_case(feature: Feature) -> bool:
    return feature.case is not None


def _is_mechanism(feature: Feature) -> bool:
    return feature.case is None


@lru_cache(maxsize=1)
def _all_features() -> frozenset[Feature]:
    return frozenset(mechanism_features()) | {Feature(case) for case in Case}


@lru_cache(maxsize=1)
def _places() -> dict[Feature, int]:
    return {feature: place for place, feature in enumerate(mechanism_features())}


def _order(feature: Feature) -> int:
    """The simple before the particular, and the same each time."""
    if feature.case is not None:
        return list(type(feature.case)).index(feature.case)
    return _places()[feature]


def _shown(answer: Answer, base: Profile, effect: Effect) -> _Shown:
    sight = sight_of(answer.history, base)
    found = EFFECTS.get(answer.verdict)
    has: bool | None
    if found is None:
        # What is refused at random is not refused by a rule.
        has = False if answer.verdict is Verdict.UNSTABLE else None
    elif found is effect:
        has = None if sight.effect is effect else True  # the integration does it by itself
    else:
        has = None if found.rank < effect.rank else False
    return _Shown(answer, sight.features, has)


def _covers(needs: Sequence[frozenset[Feature]]) -> list[Explanation]:
    """The smallest sets that have something of each need."""
    if not all(needs):
        return []
    needs = sorted(set(needs), key=len)
    # Of supersets nothing more is asked than of what is in them.
    needs = [need for place, need in enumerate(needs) if not any(n < need for n in needs[:place])]
    forced = frozenset().union(*(need for need in needs if len(need) == 1))
    search = _Search([need for need in needs if forced.isdisjoint(need)])
    covers = [forced | cover for cover in search.smallest(_MOST_MECHANISMS - len(forced))]
    return sorted(covers, key=lambda cover: sorted(map(_order, cover)))


class _Search:
    """Looks for the smallest sets that have something of each need, for a bounded time."""

    def __init__(self, needs: list[frozenset[Feature]]) -> None:
        self._needs = needs
        self._found: dict[Explanation, None] = {}
        self._steps = 0

    def smallest(self, most: int) -> list[Explanation]:
        """Return the sets of the smallest size, which is no larger than `most`."""
        for size in range(most + 1):
            self._extend(frozenset(), size)
            if self._found:
                break
        return list(self._found)

    def _extend(self, chosen: Explanation, size: int) -> None:
        self._steps += 1
        left = [need for need in self._needs if chosen.isdisjoint(need)]
        if not left:
            self._found[chosen] = None
        elif len(chosen) < size and len(self._found) < _MOST_COVERS and self._steps < _MOST_STEPS:
            for feature in sorted(left[0], key=_order):
                self._extend(chosen | {feature}, size)
