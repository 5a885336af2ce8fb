"""The rules about what lies behind near misses: results that somebody made up, and new breaches.

A conversation that stays broken repeats its near miss at every turn, and one that somebody mends
has none. So the near-miss share alone tells neither how much breaks nor how much is hidden.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dashboards.tools.alert import NEAR_MISS_REQUESTS, WARNING, Alert, Recording, Requests
from dashboards.tools.promql import (
    BREACHES,
    CHECKS,
    MASKED,
    MASKED_BY,
    events,
    rate,
    share,
    total,
)
from toolpair_observe import semconv

if TYPE_CHECKING:
    from dashboards.tools.settings import Objective, Windows

_SHARE: Final = "{{ $value | humanizePercentage }}"
_WHO: Final = (
    f'{{{{ if eq $labels.{MASKED_BY} "unknown" }}}}other software'
    f"{{{{ else }}}}{{{{ $labels.{MASKED_BY} }}}}{{{{ end }}}}"
)


def new_breaches(window: str) -> str:
    """Return the template of how many breaches of an alert's job are known to be new."""
    # The job comes in as the query's only argument, wherever it stands in the query.
    query = " ".join(total(events(BREACHES.where("job=%[1]q"), window)).split())
    return (
        f"{{{{ with printf `{query}` $labels.job | query }}}}"
        '{{ . | first | value | printf "%.0f" }}{{ else }}0{{ end }}'
    )


def _checks(window: str) -> str:
    return total(f"increase({CHECKS.over(window)})", "job")


class HindsightRules:
    """The recording rules and the alerts.

    Args:
        windows: The windows of the rules.
        objective: The objectives.
    """

    def __init__(self, windows: Windows, objective: Objective) -> None:
        self._windows = windows
        self._objective = objective

    def recordings(self) -> list[Recording]:
        """Return the recording rules."""
        return [
            self._masked_share(),
            self._masked_count(),
            self._breach_share(),
            self._usual_breach_share(),
            self._breach_count(),
        ]

    def alerts(self) -> list[Alert]:
        """Return the alerts."""
        return [self._breaches_up(), self._masked()]

    def _masked_share(self) -> Recording:
        window = self._windows.compared
        return Recording(
            f"job_by:toolpair_masked:ratio{window}",
            f"{total(events(MASKED, window), 'job', MASKED_BY)}\n"
            f"/ on (job) group_left () {_checks(window)}",
        )

    def _masked_count(self) -> Recording:
        window = self._windows.compared
        return Recording(
            f"job_by:toolpair_masked:increase{window}",
            total(events(MASKED, window), "job", MASKED_BY),
        )

    def _breach_share(self) -> Recording:
        now = self._windows.compared
        return Recording(
            f"job:toolpair_breaches:ratio{now}",
            share(total(events(BREACHES, now), "job"), _checks(now)),
        )

    def _usual_breach_share(self) -> Recording:
        usual, now = self._windows.usual, self._windows.compared
        return Recording(
            f"job:toolpair_breaches:ratio_rate{usual}_offset{now}",
            # A job without a breach so far has no series of them, and its usual share is 0.
            share(
                f"(\n  {total(rate(BREACHES, usual, now), 'job')}\n"
                f"  or 0 * {total(rate(CHECKS, usual, now), 'job')}\n)",
                total(rate(CHECKS, usual, now), "job"),
            ),
        )

    def _breach_count(self) -> Recording:
        window = self._windows.compared
        return Recording(
            f"job:toolpair_breaches:increase{window}", total(events(BREACHES, window), "job")
        )

    def _breaches_up(self) -> Alert:
        windows, objective = self._windows, self._objective
        now, usual = self._breach_share().name, self._usual_breach_share().name
        return Alert(
            "ToolPairBreachesUp",
            WARNING,
            "near-miss-rate",
            f"{now} > {objective.growth:g} * {usual}\n"
            f"and {now} > {objective.growth_floor:g}\n"
            f"and {self._breach_count().name} >= {max(objective.fewest, 10)}",
            f"{{{{ $labels.job }}}}: new breaches are {objective.growth:g} times as frequent as "
            "usual",
            f"{_SHARE} of the chat-model requests of job {{{{ $labels.job }}}} in the last "
            f"{windows.compared} were the first of a breach in their conversation, more than "
            f"{objective.growth:g} times the share of the {windows.usual} before. Conversations "
            "that were broken before and repeat their near miss are not among them: something "
            "breaks histories now that did not before. What broke it on the dashboard, and the "
            "steps on the spans, say what.",
            hold=windows.hold,
            requests=replace(NEAR_MISS_REQUESTS, spans=(f"span.{semconv.BREACH_FRESH} = true",)),
        )

    def _masked(self) -> Alert:
        windows, objective = self._windows, self._objective
        return Alert(
            "ToolPairMaskedResults",
            WARNING,
            "masked-results",
            f"{self._masked_share().name} > {objective.masked_share:g}\n"
            f"and {self._masked_count().name} >= {objective.fewest}",
            f"{{{{ $labels.job }}}}: {_WHO} makes up tool results",
            f"For {_SHARE} of the chat-model requests of job {{{{ $labels.job }}}} in the last "
            f"{windows.compared}, {_WHO} made up a result where the tool's own was missing. These "
            "requests pair, so nothing fails and no near miss is counted; the model answers "
            "without what the tool found. A repair that fires every turn points at a fault "
            "upstream.",
            hold=windows.hold,
            requests=Requests("Tool pairing: made-up results", event=semconv.EVENT_MASKED),
        )
