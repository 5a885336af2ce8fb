"""The first row: are users hurt now, by what, and what to do.

Its numbers are of the last minutes, whatever time range the dashboard shows, and of the same
window as the alerts about single requests, so that a number and its alert agree.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from grafana_foundation_sdk.builders import common

from dashboards.tools.alert import CRITICAL, WARNING
from dashboards.tools.colors import SEVERITY_COLORS, Color
from dashboards.tools.panels import (
    Column,
    Link,
    Query,
    Shown,
    Text,
    grid,
    organize,
    signal,
    single,
    steps,
)
from dashboards.tools.promql import (
    CHECKS,
    COMPONENT,
    DATABASE,
    EFFECT,
    ERROR_TYPE,
    IN_FLIGHT,
    MASKED_BY,
    MODEL,
    NEAR_MISSES,
    OUTCOME,
    OUTCOMES,
    PROVIDER,
    Series,
    equals,
    events,
    one_of,
    share,
    total,
)
from dashboards.tools.rules import NOT_PRODUCTION_JOBS, Rules
from dashboards.tools.scope import runbook_link, scoped
from dashboards.tools.settings import PRODUCTION
from dashboards.tools.told import AT_ONCE, WHAT_HAPPENS
from dashboards.tools.trace_links import to_requests
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.alert import Alert
    from dashboards.tools.settings import Links, Objective

_OURS: Final = 'alertname=~"ToolPair.*"'
ALERTS: Final = Series("ALERTS", ("alertname",)).where(_OURS, 'alertstate="firing"')
_ACTIVE_SINCE: Final = Series("ALERTS_FOR_STATE", ("alertname",)).where(_OURS)

_RULES: Final = Rules(PRODUCTION)
NOW: Final = PRODUCTION.event
_AGO: Final = f"in the last {NOW.removesuffix('m')} minutes"

SILENT_LOSS: Final = OUTCOMES.where(
    equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS)
)
# The labels of alerts that say where it happens, beside the job.
_WHERE: Final = (PROVIDER, MODEL, DATABASE, COMPONENT, ERROR_TYPE, MASKED_BY)

_REFUSED: Final = OUTCOMES.where(one_of(OUTCOME, (Outcome.REJECTED, Outcome.ESCAPED)))
FALSE_ALARM: Final = OUTCOMES.where(
    equals(OUTCOME, Outcome.ACCEPTED), one_of(EFFECT, (Effect.LOCAL_ERROR, Effect.REJECT))
)

STATE: Final = "State"


class State(IntEnum):
    """The values of the panel *State*."""

    FINE = 0
    WARNING = 1
    HURT = 2
    BLIND = 3


STATES: Final = {
    State.FINE: Shown("FINE", Color.GOOD),
    State.WARNING: Shown("WARNING", SEVERITY_COLORS[WARNING]),
    State.HURT: Shown("USERS HURT", SEVERITY_COLORS[CRITICAL]),
    State.BLIND: Shown("BLIND", SEVERITY_COLORS[CRITICAL]),
}


def are_users_hurt(links: Links, objective: Objective) -> list[Builder[models.Panel]]:
    """Return the panels.

    Args:
        links: The addresses of the runbooks.
        objective: The objective, for the thresholds.
    """
    return [_state(objective), _alerts(links), *_reasons(links, objective)]


def _recent(series: Series, *by: str) -> str:
    return total(events(scoped(series), NOW), *by)


def _blocked() -> str:
    blocked = OUTCOMES.where(equals(OUTCOME, Outcome.BLOCKED))
    return f"sum ({_recent(blocked, 'job')} unless on (job) {NOT_PRODUCTION_JOBS})"


def _firing(severity: str) -> str:
    return f"count ({ALERTS.where(equals('severity', severity))})"


def _state(objective: Objective) -> Builder[models.Panel]:
    refused, checked = _recent(_REFUSED), _recent(CHECKS)
    too_many = (
        f"({share(refused, checked)} > {objective.near_miss_share:g} "
        f"and {refused} >= {objective.fewest})"
    )
    hurt = _any(_recent(SILENT_LOSS), _blocked(), too_many, _firing(CRITICAL))
    warning = _any(_recent(NEAR_MISSES), refused, _firing(WARNING))
    level = f"clamp_max({State.HURT} * {hurt}\n+ {State.WARNING} * {warning}, {State.HURT})"
    panel = signal(
        Text(
            STATE,
            f"Of the last {NOW.removesuffix('m')} minutes before the end of the time range. "
            "Users hurt: an answer was based on other data than the application sent, strict "
            "mode stopped a request in production, providers refused more than "
            f"{objective.near_miss_share:.3g} of the requests for their pairing, or a critical "
            "alert fires. Warning: a single request failed, there are near misses, or another "
            "alert fires. Blind: no process reports, so nobody knows. Alerts count for all "
            "jobs.",
        ),
        Query(f"({level})\nand count({scoped(IN_FLIGHT)}) > 0\nor vector({State.BLIND})"),
        {str(state.value): shown for state, shown in STATES.items()},
    )
    return panel.span(24).height(4)


def _any(*conditions: str) -> str:
    """Return 1 if one of the expressions has a value above 0, else 0."""
    parts = "\n  + ".join(f"({condition} or vector(0))" for condition in conditions)
    return f"(\n  {parts}\n  > bool 0\n)"


def _alerts(links: Links) -> Builder[models.Panel]:
    severities = {severity: Shown(severity, color) for severity, color in SEVERITY_COLORS.items()}
    columns = [
        Column("severity", "Severity", shown=severities, width=80),
        Column("alertname", "Alert", width=230),
        Column(
            "what",
            "What happens",
            shown={name: Shown(_sentence(text)) for name, text in WHAT_HAPPENS.items()},
        ),
        Column(
            "runbook",
            "Do first",
            shown={name: Shown(text) for name, text in AT_ONCE.items()},
            links=(Link("The runbook", links.runbook("${__value.raw}")),),
        ),
        Column("Value", "Since", "dateTimeFromNow", width=130),
        Column("where", "Where", width=215),
    ]
    hidden = ["Time", "job", *_WHERE]
    return (
        grid(
            Text(
                "Alerts that fire",
                "Of all jobs, the worst first. Since: when the condition was first met. A click on "
                "what to do first opens the runbook. Empty is good.",
            ),
            [Query(_firing_since())],
            columns,
            [organize(columns, hidden=hidden)],
        )
        .sort_by([common.TableSortByFieldState().display_name("Severity")])
        .no_value("no alert fires")
        .span(24)
        .height(9)
    )


def _firing_since() -> str:
    """Return the alerts that fire: when they began in milliseconds, and the runbook's name."""
    began = f"1000 * {_ACTIVE_SINCE} and ignoring (alertstate) {ALERTS}"
    labels = ", ".join(f'"{label}"' for label in ("job", *_WHERE))
    named = f'label_join({began}, "what", "", "alertname")'
    named = f'label_join({named}, "where", " ", {labels})'
    for runbook, alerts in _by_runbook().items():
        named = f'label_replace({named}, "runbook", "{runbook}", "alertname", "{"|".join(alerts)}")'
    return named


def _by_runbook() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alert in _RULES.alerts():
        found.setdefault(alert.runbook, []).append(alert.name)
    return found


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


class _Reason(NamedTuple):
    """One number, and the alert that is about it: whose color, runbook and requests it has."""

    text: Text
    expression: str
    alert: str


def _reasons(links: Links, objective: Objective) -> list[Builder[models.Panel]]:
    return [
        *(_number(reason, links, "short", _by_severity(reason)) for reason in _counted()),
        *(_number(reason, links, "percentunit", levels) for reason, levels in _shares(objective)),
        single(
            Text(
                "Processes",
                "Processes whose handler reports metrics now. If there are none, no other panel "
                "can be trusted.",
            ),
            "short",
            Query(f"count({scoped(IN_FLIGHT)})"),
            steps(SEVERITY_COLORS[CRITICAL], (1, Color.GOOD)),
        ).links([runbook_link(links, "telemetry-absent")]),
    ]


def _counted() -> list[_Reason]:
    return [
        _Reason(
            Text(
                "Silent losses",
                f"Requests {_AGO} that the integration changed on the way (results dropped, moved "
                "or swapped) and that the model answered: its answer is based on other data than "
                "the application sent.",
            ),
            _recent(SILENT_LOSS),
            "ToolPairSilentLoss",
        ),
        _Reason(
            Text(
                "Blocked",
                f"Requests {_AGO} that strict mode stopped before they were sent, of jobs that are "
                "not marked as something else than production: an error for users.",
            ),
            _blocked(),
            "ToolPairBlockedInProduction",
        ),
        _Reason(
            Text(
                "Rejected",
                f"Requests {_AGO} that the provider refused for their pairing, as predicted: users "
                "got an error instead of an answer.",
            ),
            _recent(OUTCOMES.where(equals(OUTCOME, Outcome.REJECTED))),
            "ToolPairProviderRejections",
        ),
        _Reason(
            Text(
                "Escaped",
                f"Requests {_AGO} that the check called clean and that the provider refused for "
                "their pairing: a mistake of the check.",
            ),
            _recent(OUTCOMES.where(equals(OUTCOME, Outcome.ESCAPED))),
            "ToolPairEscaped",
        ),
        _Reason(
            Text(
                "False alarms",
                f"Requests {_AGO} that were predicted to fail and that the provider answered. "
                "Strict mode would block them without need.",
            ),
            _recent(FALSE_ALARM),
            "ToolPairFalseAlarm",
        ),
    ]


def _shares(objective: Objective) -> list[tuple[_Reason, dashboard.ThresholdsConfig]]:
    budget = objective.near_miss_share
    warning, critical = SEVERITY_COLORS[WARNING], SEVERITY_COLORS[CRITICAL]
    refused = Text(
        "Refused, share",
        f"Share of the requests {_AGO} that a provider refused for their pairing, flagged or not: "
        f"users got an error. Red above the objective of {budget:.3g}.",
    )
    near_misses = Text(
        "Near-miss share",
        f"Share of the requests {_AGO} whose tool calls and results do not pair, unless the "
        f"provider is known to accept them. Orange above the objective of {budget:.3g}, red from "
        f"{objective.fast_burn:g} times that on.",
    )
    burn = objective.fast_burn * budget
    return [
        (
            _Reason(
                refused, share(_recent(_REFUSED), _recent(CHECKS)), "ToolPairProviderRejections"
            ),
            steps(Color.GOOD, (budget / 1000, warning), (budget, critical)),
        ),
        (
            _Reason(
                near_misses,
                share(_recent(NEAR_MISSES), _recent(CHECKS)),
                "ToolPairNearMissBurnFast",
            ),
            steps(Color.GOOD, (budget / 10, Color.NOTEWORTHY), (budget, warning), (burn, critical)),
        ),
    ]


def _by_severity(reason: _Reason) -> dashboard.ThresholdsConfig:
    # A count is an extrapolation, so one request may be a little less than 1.
    return steps(Color.GOOD, (0.5, SEVERITY_COLORS[_alert(reason.alert).severity]))


def _number(
    reason: _Reason, links: Links, unit: str, levels: dashboard.ThresholdsConfig
) -> Builder[models.Panel]:
    alert = _alert(reason.alert)
    requests = to_requests(alert.requests) if alert.requests else []
    panel = single(reason.text, unit, Query(reason.expression), levels, requests)
    return panel.links([runbook_link(links, alert.runbook)])


def _alert(name: str) -> Alert:
    return next(alert for alert in _RULES.alerts() if alert.name == name)
