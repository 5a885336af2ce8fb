"""The rows of the dashboard, from the question "are users hurt now?" down to our own health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import dashboard as models

from dashboards.tools.panels import (
    Color,
    Column,
    Lines,
    Query,
    Text,
    bars,
    graph,
    grid,
    merge,
    organize,
    single,
    steps,
    to_matrix,
)
from dashboards.tools.promql import (
    CAUSE,
    CHECKS,
    COMPONENT,
    DURATION_BUCKETS,
    EFFECT,
    ERROR_TYPE,
    FEEDBACK,
    IN_FLIGHT,
    INTERNAL_ERRORS,
    KIND,
    MESSAGES_BUCKETS,
    MODEL,
    NEAR_MISSES,
    OUTCOME,
    OUTCOMES,
    PROVIDER,
    RESULT,
    VIOLATIONS,
    Series,
    equals,
    events,
    named,
    one_of,
    quantile,
    rate,
    share,
    total,
)
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grafana_foundation_sdk.cog.builder import Builder

    from dashboards.tools.settings import Links, Objective

ALERTS: Final = Series("ALERTS", ("alertname",)).where('alertname=~"ToolPair.*"')

_WINDOW: Final = "$__rate_interval"
_RANGE: Final = "$__range"

_EFFECT_COLORS: Final = {
    Effect.CLEAN.value: Color.GOOD,
    Effect.ACCEPT.value: Color.TOLERATED,
    Effect.UNKNOWN.value: Color.UNCLEAR,
    Effect.SILENT_LOSS.value: Color.BAD,
    Effect.REJECT.value: Color.WORSE,
    Effect.LOCAL_ERROR.value: Color.WORST,
}
_OUTCOME_COLORS: Final = {
    Outcome.ACCEPTED.value: Color.GOOD,
    Outcome.BLOCKED.value: Color.UNCLEAR,
    Outcome.REJECTED.value: Color.WORSE,
    Outcome.ESCAPED.value: Color.WORST,
    Outcome.FAILED.value: Color.BAD,
    Outcome.CANCELLED.value: Color.NEUTRAL,
    Outcome.ABANDONED.value: Color.NOTEWORTHY,
}
_NONE_IS_GOOD: Final = (Color.GOOD, (1, Color.WORSE))
_NONE_IS_BEST: Final = (Color.GOOD, (1, Color.NOTEWORTHY))


def scoped(series: Series) -> Series:
    """Return the series that the dashboard's variables leave of `series`."""
    matchers = ['job=~"$job"', 'instance=~"$instance"']
    if PROVIDER in series.labels:
        matchers.append(f'{PROVIDER}=~"$provider"')
    if MODEL in series.labels:
        matchers.append(f'{MODEL}=~"$model"')
    return series.where(*matchers)


def rows(
    links: Links, objective: Objective
) -> Iterable[tuple[str, Sequence[Builder[models.Panel]]]]:
    """Yield each row: its title and its panels.

    Args:
        links: Where the runbooks are.
        objective: What is good enough, for the thresholds.
    """
    yield "Are users hurt now?", _hurt(links, objective)
    yield "Near misses", _near_misses(objective)
    yield "Who is concerned", _concerned(objective)
    yield "Predicted and real", _predictions(links)
    yield "What the check costs", _cost()
    yield "Delivery and our own health", _health(links)


def _happened(series: Series, *by: str) -> str:
    """How often it happened in the dashboard's range."""
    return total(events(scoped(series), _RANGE), *by)


def _per_second(series: Series, *by: str) -> str:
    return total(rate(scoped(series), _WINDOW), *by)


def _outcome(*matchers: str) -> Query:
    return Query(_happened(OUTCOMES.where(*matchers)))


def _hurt(links: Links, objective: Objective) -> list[Builder[models.Panel]]:
    near_miss_share = share(_per_second(NEAR_MISSES), _per_second(CHECKS))
    budget = objective.near_miss_share
    alerts = [
        Column("alertname", "Alert"),
        Column("severity", "Severity"),
        Column("job", "Job"),
        Column(PROVIDER, "Provider"),
        Column(MODEL, "Model"),
        Column("alertstate", "State"),
    ]
    return [
        single(
            Text(
                "Requests checked",
                "Chat-model requests that were checked in the shown time. A retry or a fallback "
                "is checked again.",
            ),
            "short",
            Query(_happened(CHECKS)),
            steps(Color.NEUTRAL),
        ),
        single(
            Text(
                "Near-miss share, now",
                "Share of requests whose tool calls and results do not pair and that the provider "
                f"is not known to put up with. Red above the objective of {budget:.3g}.",
            ),
            "percentunit",
            Query(near_miss_share),
            steps(Color.GOOD, (budget / 10, Color.NOTEWORTHY), (budget, Color.WORSE)),
        ).links([_runbook(links, "near-miss-rate")]),
        single(
            Text(
                "Silent losses",
                "Requests that the integration changed on their way (results dropped, moved or "
                "swapped) and that the model answered: its answer rests on other data than the "
                "application sent.",
            ),
            "short",
            _outcome(equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS)),
            steps(*_NONE_IS_GOOD),
        ).links([_runbook(links, "silent-loss")]),
        single(
            Text(
                "Rejected",
                "Requests that the provider refused for their pairing, as predicted: somebody got "
                "an error instead of an answer.",
            ),
            "short",
            _outcome(equals(OUTCOME, Outcome.REJECTED)),
            steps(*_NONE_IS_GOOD),
        ).links([_runbook(links, "provider-rejections")]),
        single(
            Text(
                "Blocked",
                "Requests that strict mode stopped before they were sent. Wanted in tests and "
                "staging, an error for users in production.",
            ),
            "short",
            _outcome(equals(OUTCOME, Outcome.BLOCKED)),
            steps(*_NONE_IS_BEST),
        ).links([_runbook(links, "blocked-in-production")]),
        single(
            Text(
                "Escaped",
                "Requests that the check called clean and that the provider refused for their "
                "pairing: our miss.",
            ),
            "short",
            _outcome(equals(OUTCOME, Outcome.ESCAPED)),
            steps(*_NONE_IS_GOOD),
        ).links([_runbook(links, "escaped")]),
        single(
            Text(
                "False alarms",
                "Requests that were predicted to fail and that the provider answered. Strict mode "
                "would block them for nothing.",
            ),
            "short",
            _outcome(
                equals(OUTCOME, Outcome.ACCEPTED),
                one_of(EFFECT, (Effect.LOCAL_ERROR, Effect.REJECT)),
            ),
            steps(*_NONE_IS_GOOD),
        ).links([_runbook(links, "false-alarm")]),
        single(
            Text(
                "Processes reporting",
                "Processes whose handler reports metrics now. None at all means that nothing else "
                "on this page can be trusted.",
            ),
            "short",
            Query(f"count({scoped(IN_FLIGHT)})"),
            steps(Color.WORSE, (1, Color.GOOD)),
        ).links([_runbook(links, "telemetry-absent")]),
        grid(
            Text(
                "Alerts",
                "Pending and firing now, for all jobs. Empty is good.",
            ),
            [Query(str(ALERTS))],
            alerts,
            [organize(alerts, hidden=["Time", "Value", "__name__", COMPONENT, ERROR_TYPE])],
        )
        .sort_by([common.TableSortByFieldState().display_name("Severity")])
        .span(24)
        .height(8),
    ]


def _near_misses(objective: Objective) -> list[Builder[models.Panel]]:
    return [
        graph(
            Text(
                "Requests by predicted effect",
                "What the provider, reached through its integration, is predicted to do with each "
                "request. Everything but clean and accept is a near miss.",
            ),
            "reqps",
            [Query(_per_second(CHECKS, EFFECT), f"{{{{{EFFECT}}}}}")],
            Lines(stacked=True, colors=_EFFECT_COLORS),
        ),
        graph(
            Text(
                "Near-miss share by job",
                "The dashed line is the objective; the alerts look at how many times over it is "
                "used up.",
            ),
            "percentunit",
            [Query(share(_per_second(NEAR_MISSES, "job"), _per_second(CHECKS, "job")), "{{job}}")],
            Lines(line_at=objective.near_miss_share, at_least=2 * objective.near_miss_share),
        ),
        bars(
            Text(
                "What is wrong",
                "Breaches in the shown time by kind. One request can have several.",
            ),
            "short",
            Query(
                f"sort_desc({_happened(VIOLATIONS, KIND)})",
                f"{{{{{KIND}}}}}",
            ),
        ),
        bars(
            Text(
                "Why it probably broke",
                "Breaches in the shown time by likely cause: where in the application to look.",
            ),
            "short",
            Query(
                f"sort_desc({_happened(VIOLATIONS, CAUSE)})",
                f"{{{{{CAUSE}}}}}",
            ),
        ),
        graph(
            Text(
                "Breaches by kind",
                "A kind that starts at a deploy points to what that deploy changed.",
            ),
            "cps",
            [Query(_per_second(VIOLATIONS, KIND), f"{{{{{KIND}}}}}")],
        ),
        graph(
            Text(
                "Breaches by cause",
                "The causes are guesses from the shape of the history; see the hints in the spans "
                "and logs of the same time.",
            ),
            "cps",
            [Query(_per_second(VIOLATIONS, CAUSE), f"{{{{{CAUSE}}}}}")],
        ),
    ]


def _concerned(objective: Objective) -> list[Builder[models.Panel]]:
    who = (PROVIDER, MODEL)
    red = steps(Color.NEUTRAL, (1, Color.WORSE))
    columns = [
        Column(PROVIDER, "Provider"),
        Column(MODEL, "Model"),
        Column("Value #A", "Checked", "short"),
        Column("Value #B", "Near misses", "short", steps(Color.NEUTRAL, (1, Color.NOTEWORTHY))),
        Column(
            "Value #C",
            "Share",
            "percentunit",
            steps(Color.GOOD, (objective.near_miss_share, Color.WORSE)),
        ),
        Column("Value #D", "Silent losses", "short", red),
        Column("Value #E", "Rejected", "short", red),
        Column("Value #F", "Blocked", "short", steps(Color.NEUTRAL, (1, Color.UNCLEAR))),
        Column("Value #G", "Escaped", "short", red),
    ]
    near_misses, checks = _happened(NEAR_MISSES, *who), _happened(CHECKS, *who)
    lost = (equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS))
    queries = [
        Query(checks),
        Query(near_misses),
        Query(share(near_misses, checks)),
        Query(_happened(OUTCOMES.where(*lost), *who)),
        *(
            Query(_happened(OUTCOMES.where(equals(OUTCOME, outcome)), *who))
            for outcome in (Outcome.REJECTED, Outcome.BLOCKED, Outcome.ESCAPED)
        ),
    ]
    return [
        grid(
            Text(
                "Providers and models",
                "Everything that happened in the shown time. A model that is not identified has "
                "no provider.",
            ),
            queries,
            columns,
            [merge(), organize(columns, hidden=["Time"])],
        ).span(24),
        graph(
            Text("Near-miss share by provider", "The dashed line is the objective."),
            "percentunit",
            [
                Query(
                    named(
                        share(_per_second(NEAR_MISSES, PROVIDER), _per_second(CHECKS, PROVIDER)),
                        PROVIDER,
                    ),
                    f"{{{{{PROVIDER}}}}}",
                )
            ],
            Lines(line_at=objective.near_miss_share, at_least=2 * objective.near_miss_share),
        ),
        graph(
            Text(
                "Near misses by model",
                "A model that starts alone: a new integration, or a history that another provider "
                "wrote.",
            ),
            "reqps",
            [Query(named(_per_second(NEAR_MISSES, MODEL), MODEL), f"{{{{{MODEL}}}}}")],
            Lines(stacked=True),
        ),
    ]


def _predictions(links: Links) -> list[Builder[models.Panel]]:
    corner = f"{EFFECT}\\{OUTCOME}"
    columns = [
        Column(corner, "Predicted"),
        *(Column(outcome.value, outcome.value, "short") for outcome in Outcome),
    ]
    return [
        grid(
            Text(
                "Predicted effect against outcome",
                "Rows are predictions, columns what happened. Good: clean and accept accepted, "
                "reject and local_error rejected or blocked. Suspicious: clean escaped, reject "
                "accepted.",
            ),
            [Query(_happened(OUTCOMES, EFFECT, OUTCOME))],
            columns,
            [to_matrix(EFFECT, OUTCOME, "Value"), organize(columns, hidden=[])],
        ),
        graph(
            Text(
                "Requests by outcome",
                "What really happened. Abandoned: no end was seen in time. Failed: an error that "
                "has nothing to do with pairing.",
            ),
            "reqps",
            [Query(_per_second(OUTCOMES, OUTCOME), f"{{{{{OUTCOME}}}}}")],
            Lines(stacked=True, colors=_OUTCOME_COLORS),
        ),
        graph(
            Text(
                "Where the check was wrong",
                "Escaped: refused and not flagged. False alarm: flagged as failing and answered. "
                "Both should be flat at zero.",
            ),
            "reqps",
            [
                Query(_per_second(OUTCOMES.where(equals(OUTCOME, Outcome.ESCAPED))), "escaped"),
                Query(
                    _per_second(
                        OUTCOMES.where(
                            equals(OUTCOME, Outcome.ACCEPTED),
                            one_of(EFFECT, (Effect.LOCAL_ERROR, Effect.REJECT)),
                        )
                    ),
                    "false alarm",
                ),
            ],
            Lines(colors={"escaped": Color.WORST, "false alarm": Color.BAD}),
        )
        .span(24)
        .links([_runbook(links, "escaped"), _runbook(links, "false-alarm")]),
    ]


def _cost() -> list[Builder[models.Panel]]:
    duration, messages = scoped(DURATION_BUCKETS), scoped(MESSAGES_BUCKETS)
    return [
        graph(
            Text(
                "Time of one check",
                "Added to each request before it leaves. The scale is logarithmic.",
            ),
            "s",
            [
                Query(quantile(0.5, duration, _WINDOW), "median"),
                Query(quantile(0.95, duration, _WINDOW), "95 %"),
                Query(quantile(0.99, duration, _WINDOW), "99 %"),
            ],
            Lines(logarithmic=True),
        ),
        graph(
            Text(
                "Messages in the histories of near misses",
                "Breaks that come with long histories point to trimming and summarizing.",
            ),
            "short",
            [
                Query(quantile(0.5, messages, _WINDOW), "median"),
                Query(quantile(0.95, messages, _WINDOW), "95 %"),
            ],
            Lines(logarithmic=True),
        ),
    ]


def _health(links: Links) -> list[Builder[models.Panel]]:
    return [
        graph(
            Text(
                "LangSmith feedback",
                "Sent, failed for good, or dropped before it could be sent. What is lost here is "
                "missing in LangSmith, not in these metrics.",
            ),
            "cps",
            [
                Query(
                    _per_second(FEEDBACK, RESULT, ERROR_TYPE),
                    f"{{{{{RESULT}}}}} {{{{{ERROR_TYPE}}}}}",
                )
            ],
        )
        .span(8)
        .links([_runbook(links, "feedback-not-delivered")]),
        graph(
            Text(
                "Internal errors",
                "Errors of toolpair_observe itself and of the application's own on_near_miss "
                "function. They never reach the application.",
            ),
            "cps",
            [
                Query(
                    _per_second(INTERNAL_ERRORS, COMPONENT, ERROR_TYPE),
                    f"{{{{{COMPONENT}}}}}: {{{{{ERROR_TYPE}}}}}",
                )
            ],
        )
        .span(8)
        .links([_runbook(links, "internal-errors")]),
        graph(
            Text(
                "Requests in flight",
                "Checked requests whose end has not been seen. A line that only rises belongs to "
                "streams that nobody closes.",
            ),
            "short",
            [Query(total(str(scoped(IN_FLIGHT)), "job", "instance"), "{{job}} {{instance}}")],
        ).span(8),
    ]


def _runbook(links: Links, name: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(f"Runbook: {name}")
        .type(models.DashboardLinkType.LINK)
        .url(links.runbook(name))
        .target_blank(target_blank=True)
    )
