"""The shape of a profile: what one provider, reached through one integration, really requires.

The table of all profiles stands in `profiles`. The generic machinery (`check`, `pair`) reads this
shape and knows no provider by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.pair import Case
    from toolpair_observe.pairing.report import Effect
    from toolpair_observe.pairing.transcript import Carrier


class Grade(StrEnum):
    """How well a rule is known."""

    DOCUMENTED = "a"
    REPORTED = "b"
    EXECUTED = "c"
    INFERRED = "d"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a profile does about one case.

    Attributes:
        effect: The predicted effect.
        grade: How well that is known.
        source: Where it is known from.
        text: The provider's own words, with `{id}`, `{ids}`, `{position}`, `{result_position}` and
            `{length}` filled in from the breach; `""` where they are not known.
    """

    effect: Effect
    grade: Grade
    source: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What only a live call knows.

    Attributes:
        tools_bound: Whether the request carries tool definitions.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`).
        version: Version of the integration package; None stands for the newest.
        model: The model as requested.
    """

    tools_bound: bool = True
    server_state: bool = False
    version: str | None = None
    model: str | None = None


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider, reached through one integration.

    Attributes:
        name: The profile's name, as options and commands take it.
        title: What it is, for people.
        provider: The OpenTelemetry semantic conventions' `gen_ai.provider.name`, `""` if unknown.
        package: The integration's distribution name, `""` where there is no particular one.
        calls: What the integration sends as a tool call.
        results: What the integration sends as a tool result.
        rules: What happens in each case; a case without a rule is accepted.
        id_max: Longest id that the provider takes, or None.
        id_pattern: Pattern that the provider wants an id to match, or None.
    """

    name: str
    title: str
    provider: str
    package: str
    calls: frozenset[Carrier]
    results: frozenset[Carrier]
    rules: Mapping[Case, Rule] = field(repr=False)
    id_max: int | None = None
    id_pattern: str | None = None
