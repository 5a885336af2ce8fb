"""The accuracy of the predictions: predicted effects against outcomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.shown import line, shown, told
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEADER: Final = ("provider", "model", "predicted", *(outcome.value for outcome in Outcome))
_FAILURES: Final = (Effect.LOCAL_ERROR, Effect.REJECT)


@dataclass(frozen=True, slots=True, repr=False)
class AccuracyRow:
    """The requests of one provider and model with one predicted effect.

    Attributes:
        provider: The provider's name in the OpenTelemetry conventions, `""` when unknown.
        model: The model as requested, `""` when unknown.
        effect: The predicted effect.
        outcomes: The number of requests for every outcome.
        server_faults: How many of the escaped ones a server broke: the history was sound, and a
            converter behind the wire lost a pair, or a template wants more than pairs.
    """

    provider: str
    model: str
    effect: Effect
    outcomes: Mapping[Outcome, int]
    server_faults: int = 0

    def __repr__(self) -> str:
        return told(self)

    @property
    def total(self) -> int:
        """The number of all requests of the row."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True, repr=False)
class Accuracy:
    """Predicted effects against outcomes, for each provider and model.

    `str()` returns the table as text.

    Attributes:
        rows: The rows, sorted by provider, model and effect, the worst effect first.
        scope: Whose requests they count, `""` when unknown.
    """

    rows: tuple[AccuracyRow, ...]
    scope: str = ""

    def __repr__(self) -> str:
        return told(self)

    @classmethod
    def of(cls, counts: Mapping[tuple[str, ...], int], scope: str = "") -> Accuracy:
        """Arrange the counts of `semconv.OUTCOMES`."""
        table: dict[tuple[str, str, Effect], dict[Outcome, int]] = {}
        server_faults: Counter[tuple[str, str, Effect]] = Counter()
        for (outcome, effect, provider, model, fault), count in counts.items():
            if count:
                key = provider, model, Effect(effect)
                row = table.setdefault(key, dict.fromkeys(Outcome, 0))
                row[Outcome(outcome)] += count
                if fault == Fault.SERVER:
                    server_faults[key] += count
        return cls(
            tuple(
                AccuracyRow(*key, outcomes=table[key], server_faults=server_faults[key])
                for key in sorted(table, key=lambda key: (key[0], key[1], key[2].rank))
            ),
            scope,
        )

    @property
    def false_alarms(self) -> int:
        """Requests that were predicted to fail and were accepted."""
        return self._sum(_FAILURES, Outcome.ACCEPTED)

    @property
    def hits(self) -> int:
        """Requests that were flagged and that the provider refused for their pairing."""
        return self._sum(Effect, Outcome.REJECTED)

    @property
    def misses(self) -> int:
        """Requests that were not flagged and that the provider refused for their pairing.

        Without those that a server broke: no rule of the check could have known.
        """
        return self._sum(Effect, Outcome.ESCAPED) - self.server_faults

    @property
    def server_faults(self) -> int:
        """Requests with a sound history that a gateway or a self-hosted server broke."""
        return sum(row.server_faults for row in self.rows)

    def _sum(self, effects: Iterable[Effect], outcome: Outcome) -> int:
        wanted = frozenset(effects)
        return sum(row.outcomes[outcome] for row in self.rows if row.effect in wanted)

    def to_dict(self) -> dict[str, Any]:
        """Return the totals and the rows as JSON-able data."""
        return {
            "scope": self.scope,
            "hits": self.hits,
            "misses": self.misses,
            "server_faults": self.server_faults,
            "false_alarms": self.false_alarms,
            "rows": [
                {
                    "provider": row.provider,
                    "model": row.model,
                    "effect": row.effect.value,
                    "outcomes": {key.value: count for key, count in row.outcomes.items() if count},
                }
                for row in self.rows
            ],
        }

    def __str__(self) -> str:
        cells = [_HEADER, *(_cells(row) for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADER))]
        lines = [line("  ".join(map(str.ljust, row, widths)).rstrip()) for row in cells]
        lines.append(
            f"refused as flagged: {self.hits}, refused and not flagged: {self.misses}, "
            f"predicted to fail and accepted: {self.false_alarms}, "
            f"sound and broken by a server: {self.server_faults}"
        )
        if self.scope:
            lines.append(f"counted: the requests of {self.scope}")
        return "\n".join(lines)


def _cells(row: AccuracyRow) -> tuple[str, ...]:
    counts = (str(count) if (count := row.outcomes[outcome]) else "." for outcome in Outcome)
    names = (shown(row.provider) or "?", shown(row.model) or "?")
    return (*names, row.effect.value, *counts)
