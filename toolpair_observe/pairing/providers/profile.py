"""The shape of a profile: what one provider, reached through one integration, really requires.

The families' files fill it, `table` collects them. The generic machinery (`check`, `pair`) reads
this shape and knows no provider by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing import ids as id_form
from toolpair_observe.pairing.first_look import Plain, Trait
from toolpair_observe.pairing.shown import told
from toolpair_observe.pairing.words import HARM, Carrier, Case, Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.mechanisms.mechanism import Mechanism
    from toolpair_observe.pairing.providers.measured import Measured
    from toolpair_observe.pairing.providers.wire import Step
    from toolpair_observe.pairing.transcript import Call, Entry
    from toolpair_observe.pairing.turns import Finding, Turn


class Grade(StrEnum):
    """How well a rule is known, the best first; `MEASURED` by a user, on one endpoint."""

    DOCUMENTED = "a"
    REPORTED = "b"
    EXECUTED = "c"
    MEASURED = "m"
    INFERRED = "d"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a profile does about one case.

    Attributes:
        effect: The predicted effect.
        grade: How well that is known.
        source: Where it is known from.
        text: The provider's own words, with placeholders that `expected_error` fills in from the
            breach; `""` where they are not known.
    """

    effect: Effect
    grade: Grade
    source: str
    text: str = ""

    @property
    def is_told(self) -> bool:
        """Whether a sound history is reported for it: shown harm, or reports that disagree."""
        is_disputed = self.effect is Effect.UNKNOWN and self.grade is not Grade.INFERRED
        return self.effect in HARM or is_disputed


class Demand(NamedTuple):
    """What a server asks of the turns that reach it.

    Attributes:
        mechanism: What is asked.
        rule: What the server does where it is not met.
        value: The mechanism's number, 0 where it has none.
    """

    mechanism: Mechanism
    rule: Rule
    value: int = 0

    def find(self, turns: Sequence[Turn]) -> Iterator[Finding]:
        """Yield where it is not met."""
        return self.mechanism.find(turns, self.value)

    @property
    def says(self) -> str:
        """What is asked, as a sentence for people."""
        return self.mechanism.says.format(value=self.value)


@dataclass(frozen=True, slots=True)
class Row:
    """A profile that holds for some versions or models only.

    Attributes:
        profile: What holds.
        before: First version of the profile's `versioned` distribution for which it no longer
            holds; "" for all.
        models: Regular expression that the model's name has to match from its start; "" for all.
    """

    profile: Profile
    before: str = ""
    models: str = ""

    def holds(self, facts: Facts) -> bool:
        """Whether the live call is one of those."""
        if self.models and not (facts.model and _is_one_of(facts.model, self.models)):
            return False
        return not self.before or (
            facts.version is not None and release_of(facts.version) < release_of(self.before)
        )


@lru_cache(maxsize=1024)
def _is_one_of(model: str, models: str) -> bool:
    return re.match(models, model) is not None


@lru_cache(maxsize=1024)
def release_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at its end.

    What follows the numbers (rc1, dev0) does not change a rule.
    """
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found.group().split(".")] if found else []
    while numbers and numbers[-1] == 0:
        del numbers[-1]
    return tuple(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """What a provider itself makes of a request, whoever wrote it: what judges a captured body.

    `bodies.on_wire` makes a profile of it. What is not said here is as the profile has it.

    Attributes:
        steps: What the provider does to the turns that arrive, in order.
        rules: What it does where, before the integration, the integration raises or mends.
        id_max: Longest id that it takes, where the integration lets no longer one out.
        id_pattern: The characters that it takes in an id, where the integration lets no others out.
    """

    steps: tuple[Step, ...] = ()
    rules: Mapping[Case, Rule] = field(default_factory=dict)
    id_max: int | None = None
    id_pattern: str | None = None


NO_SERVER: Final = Server()


# What pairing alone does not ask, and a history that pairs can still have.
_TRAITS: Final[Mapping[Case, Trait]] = {
    Case.HUMAN_AFTER_TOOL: Trait.HUMAN_AFTER_RESULT,
    Case.SYSTEM_AFTER_TOOL: Trait.SYSTEM_AFTER_RESULT,
    Case.CALL_FIRST: Trait.NO_HUMAN_FIRST,
    Case.REUSED_CALL_ID: Trait.REUSED_ID,
    Case.RESULT_OF_OTHER_TOOL: Trait.OTHER_TOOL,
    Case.BAD_ARGUMENTS: Trait.BAD_ARGUMENTS,
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Profile:
    """One provider, reached through one integration.

    Attributes:
        name: The profile's name, as options and commands take it.
        title: What it is, for people.
        provider: The OpenTelemetry semantic conventions' `gen_ai.provider.name`, `""` if unknown.
        package: The integration's distribution name, `""` where there is no particular one.
        client: Distribution name of the provider's client beneath it, where the rows go by the
            client's version; `""` where they go by the integration's.
        calls: What the integration sends as a tool call.
        lets_async_wait: Whether a call marked as asynchronous may be answered in a later request.
        spare_calls: What it sends as one only of a message that has no call elsewhere: each place
            with the places that go before it.
        results: What the integration sends as a tool result.
        rules: What happens in each case; a case without a rule is accepted.
        demands: What else the server asks of the turns that reach it.
        steps: What the integration does to the history before it is sent, in order.
        pairs_anywhere: Whether ids are matched over the whole request, wherever a result stands.
        ids_matter: Whether a call or result without an id is refused as such.
        id_max: Longest id that the provider takes, or None.
        id_pattern: The characters that the provider takes in an id, as a regular expression's
            character class without brackets, or None.
        id_documented: The characters that its documentation names, where answers have shown more.
        rows: What holds instead for some versions or models; the first that fits is taken.
        server: What is left of it for a request that has left the integration.
        base: Name of the profile of the table whose steps it has, where it was measured; else `""`.
        measured: Whom it was measured of, and holds for alone; None of what holds for all of a
            provider.
        plain: What a history must not have that the first look may pass; None where it may pass
            none. Derived from the others, never given.
    """

    name: str
    title: str
    provider: str
    package: str
    calls: frozenset[Carrier]
    results: frozenset[Carrier]
    rules: Mapping[Case, Rule] = field(repr=False)
    steps: tuple[Step, ...] = ()
    demands: tuple[Demand, ...] = ()
    pairs_anywhere: bool = False
    ids_matter: bool = True
    id_max: int | None = None
    id_pattern: str | None = None
    id_documented: str | None = None
    lets_async_wait: bool = False
    spare_calls: Mapping[Carrier, frozenset[Carrier]] = field(default_factory=dict, repr=False)
    client: str = ""
    rows: tuple[Row, ...] = ()
    server: Server = field(default=NO_SERVER, repr=False)
    base: str = ""
    measured: Measured | None = None
    plain: Plain | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A frozen class sets what it derives in this one way.
        object.__setattr__(self, "plain", self._derived_plain())

    def __repr__(self) -> str:
        return told(self)

    def _derived_plain(self) -> Plain | None:
        if Carrier.TOOL_MESSAGE not in self.results:
            return None
        minds = {trait for step in self.steps for trait in step.minds}
        minds |= {trait for each in self.demands for trait in each.mechanism.minds}
        if Trait.ANYTHING in minds:
            return None
        minds |= {
            trait
            for case, trait in _TRAITS.items()
            if case in self.rules and self.rules[case].is_told
        }
        if self.pairs_anywhere:
            minds.add(Trait.REUSED_ID)
        if Carrier.INVALID_TOOL_CALL not in self.calls:
            minds.add(Trait.BAD_ARGUMENTS)
        if Carrier.TOOL_CALL not in self.calls:
            if Carrier.RAW_CALL not in self.calls:
                return None
            minds.add(Trait.NO_RAW_CALL)
        longest, characters = self._plain_ids()
        return Plain(minds, id_max=longest, id_pattern=characters)

    def _plain_ids(self) -> tuple[int | None, str | None]:
        """The longest id, and the characters of ids, that need no closer look."""
        longest = {each.value for each in self.demands if each.mechanism.is_longest}
        longest |= {self.id_max} if self.id_max else set()
        allowed = [self.id_documented or self.id_pattern]
        # What consists of the fewest is taken by all: of two classes one holds the other.
        allowed += [each.mechanism.characters for each in self.demands]
        return min(longest, default=None), min(filter(None, allowed), key=len, default=None)

    def calls_of(self, entry: Entry) -> list[Call]:
        """The calls that the integration sends of a message, whatever other copies it holds."""
        if not entry.calls:
            return entry.calls
        sent = [call for call in entry.calls if not self.calls.isdisjoint(call.carriers)]
        if len(sent) == len(entry.calls):
            return entry.calls
        for spare, before in self.spare_calls.items():
            if not any(call.carriers & before for call in entry.calls):
                done = set(sent)
                sent += [c for c in entry.calls if spare in c.carriers and c not in done]
        return sent

    def documents_ids(self, ids: Sequence[str]) -> bool:
        """Whether the documentation names all characters of these ids."""
        return id_form.suit(ids, None, self.id_documented)

    def takes_ids(self, ids: Sequence[str]) -> bool:
        """Whether the provider takes all of these ids for their length and characters."""
        return id_form.suit(ids, self.id_max, self.id_pattern)

    @property
    def versioned(self) -> str:
        """Name of the distribution whose version decides between the rows."""
        return self.client or self.package

    @property
    def reads_all(self) -> bool:
        """Whether what the server asks depends on the whole history."""
        return any(each.mechanism.is_of_all for each in self.demands)

    @property
    def sends_as_given(self) -> bool:
        """Whether the turns leave as they were given."""
        return all(step.only_notes for step in self.steps)

    def row(self, facts: Facts) -> Profile:
        """The profile for this version and model: the first row that holds, else this one."""
        for row in self.rows:
            if row.holds(facts):
                return row.profile.row(facts)
        return self
