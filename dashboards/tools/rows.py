"""The rows of the dashboard, from the impact on users down to the health of the check itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common

from dashboards.tools.check_rows import cost, health, predictions
from dashboards.tools.masked_rows import masked_results
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
)
from dashboards.tools.promql import (
    BREACHES,
    CAUSE,
    CHANGE,
    CHECKS,
    COMPONENT,
    DATABASE,
    EFFECT,
    ERROR_TYPE,
    IN_FLIGHT,
    KIND,
    MASKED_BY,
    MODEL,
    NEAR_MISSES,
    OUTCOME,
    OUTCOMES,
    PROVIDER,
    VIOLATIONS,
    Series,
    equals,
    named,
    one_of,
    share,
)
from dashboards.tools.scope import (
    NONE_IS_GOOD,
    count_outcomes,
    in_range,
    per_second,
    runbook_link,
    scoped,
)
from dashboards.tools.thread_rows import stored_threads
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.settings import Links, Objective

ALERTS: Final = Series("ALERTS", ("alertname",)).where('alertname=~"ToolPair.*"')

_EFFECT_COLORS: Final = {
    Effect.CLEAN.value: Color.GOOD,
    Effect.ACCEPT.value: Color.TOLERATED,
    Effect.UNKNOWN.value: Color.UNCLEAR,
    Effect.SILENT_LOSS.value: Color.BAD,
    Effect.REJECT.value: Color.WORSE,
    Effect.LOCAL_ERROR.value: Color.WORST,
}
_NONE_IS_BEST: Final = (Color.GOOD, (1, Color.NOTEWORTHY))


def rows(
    links: Links, objective: Objective
) -> Iterable[tuple[str, Sequence[Builder[models.Panel]]]]:
    """Yield each row: its title and its panels.

    Args:
        links: The addresses of the runbooks.
        objective: The objective, for the thresholds.
    """
    yield "Are users affected now?", _user_impact(links, objective)
    yield "Near misses", _near_misses(objective)
    yield "Mended before the check", masked_results(links, objective)
    yield "Affected providers and models", _affected(objective)
    yield "Stored threads", stored_threads(links)
    yield "Predicted and actual", predictions(links)
    yield "Cost of the check", cost()
    yield "Delivery and internal health", health(links)


def _user_impact(links: Links, objective: Objective) -> list[Builder[models.Panel]]:
    near_miss_share = share(per_second(NEAR_MISSES), per_second(CHECKS))
    budget = objective.near_miss_share
    alerts = [
        Column("alertname", "Alert"),
        Column("severity", "Severity"),
        Column("job", "Job"),
        Column(PROVIDER, "Provider"),
        Column(MODEL, "Model"),
        Column(DATABASE, "Database"),
        Column("alertstate", "State"),
    ]
    return [
        single(
            Text(
                "Requests checked",
                "Chat-model requests that were checked in the time range. A retry or a fallback "
                "is checked again.",
            ),
            "short",
            Query(in_range(CHECKS)),
            steps(Color.NEUTRAL),
        ),
        single(
            Text(
                "Near-miss share, now",
                "Share of requests whose tool calls and results do not pair, unless the provider "
                f"is known to accept them. Red above the objective of {budget:.3g}.",
            ),
            "percentunit",
            Query(near_miss_share),
            steps(Color.GOOD, (budget / 10, Color.NOTEWORTHY), (budget, Color.WORSE)),
        ).links([runbook_link(links, "near-miss-rate")]),
        single(
            Text(
                "Silent losses",
                "Requests that the integration changed on the way (results dropped, moved or "
                "swapped) and that the model answered: its answer is based on other data than "
                "the application sent.",
            ),
            "short",
            count_outcomes(equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS)),
            steps(*NONE_IS_GOOD),
        ).links([runbook_link(links, "silent-loss")]),
        single(
            Text(
                "Rejected",
                "Requests that the provider refused for their pairing, as predicted: users got "
                "an error instead of an answer.",
            ),
            "short",
            count_outcomes(equals(OUTCOME, Outcome.REJECTED)),
            steps(*NONE_IS_GOOD),
        ).links([runbook_link(links, "provider-rejections")]),
        single(
            Text(
                "Blocked",
                "Requests that strict mode stopped before they were sent. Intended in tests and "
                "staging; an error for users in production.",
            ),
            "short",
            count_outcomes(equals(OUTCOME, Outcome.BLOCKED)),
            steps(*_NONE_IS_BEST),
        ).links([runbook_link(links, "blocked-in-production")]),
        single(
            Text(
                "Escaped",
                "Requests that the check called clean and that the provider refused for their "
                "pairing: a mistake of the check.",
            ),
            "short",
            count_outcomes(equals(OUTCOME, Outcome.ESCAPED)),
            steps(*NONE_IS_GOOD),
        ).links([runbook_link(links, "escaped")]),
        single(
            Text(
                "False alarms",
                "Requests that were predicted to fail and that the provider answered. Strict mode "
                "would block them without need.",
            ),
            "short",
            count_outcomes(
                equals(OUTCOME, Outcome.ACCEPTED),
                one_of(EFFECT, (Effect.LOCAL_ERROR, Effect.REJECT)),
            ),
            steps(*NONE_IS_GOOD),
        ).links([runbook_link(links, "false-alarm")]),
        single(
            Text(
                "Processes reporting",
                "Processes whose handler reports metrics now. If there are none, no other panel "
                "can be trusted.",
            ),
            "short",
            Query(f"count({scoped(IN_FLIGHT)})"),
            steps(Color.WORSE, (1, Color.GOOD)),
        ).links([runbook_link(links, "telemetry-absent")]),
        grid(
            Text(
                "Alerts",
                "Alerts that are pending or firing now, for all jobs. Empty is good.",
            ),
            [Query(str(ALERTS))],
            alerts,
            [
                organize(
                    alerts, hidden=["Time", "Value", "__name__", COMPONENT, ERROR_TYPE, MASKED_BY]
                )
            ],
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
                "The predicted effect of each request at the provider, reached through its "
                "integration. Everything except clean and accept is a near miss.",
            ),
            "reqps",
            [Query(per_second(CHECKS, EFFECT), f"{{{{{EFFECT}}}}}")],
            Lines(stacked=True, colors=_EFFECT_COLORS),
        ),
        graph(
            Text(
                "Near-miss share by job",
                "The dashed line is the objective; the alerts fire on multiples of it.",
            ),
            "percentunit",
            [Query(share(per_second(NEAR_MISSES, "job"), per_second(CHECKS, "job")), "{{job}}")],
            Lines(line_at=objective.near_miss_share, at_least=2 * objective.near_miss_share),
        ),
        bars(
            Text(
                "What is wrong",
                "Breaches in the time range by kind. One request can have several.",
            ),
            "short",
            Query(
                f"sort_desc({in_range(VIOLATIONS, KIND)})",
                f"{{{{{KIND}}}}}",
            ),
        ),
        bars(
            Text(
                "Why it probably broke",
                "Breaches in the time range by likely cause, which points to the fault in the "
                "application.",
            ),
            "short",
            Query(
                f"sort_desc({in_range(VIOLATIONS, CAUSE)})",
                f"{{{{{CAUSE}}}}}",
            ),
        ),
        graph(
            Text(
                "Breaches by kind",
                "A kind that starts at a deploy points to what that deploy changed.",
            ),
            "cps",
            [Query(per_second(VIOLATIONS, KIND), f"{{{{{KIND}}}}}")],
        ),
        graph(
            Text(
                "Breaches by cause",
                "The causes are guesses from the shape of the history; the spans and logs of the "
                "same time contain hints.",
            ),
            "cps",
            [Query(per_second(VIOLATIONS, CAUSE), f"{{{{{CAUSE}}}}}")],
        ),
        graph(
            Text(
                "New breaches beside near misses",
                "A conversation that stays broken repeats its near miss at every turn. Only the "
                "first one is a new breach, where the conversation can be told.",
            ),
            "reqps",
            [Query(per_second(NEAR_MISSES), "near misses"), Query(per_second(BREACHES), "new")],
            Lines(colors={"near misses": Color.NOTEWORTHY, "new": Color.WORSE}),
        ),
        bars(
            Text(
                "What broke it",
                "New breaches in the time range by what a step did to the history. Spans and log "
                "lines name the step.",
            ),
            "short",
            Query(
                f"sort_desc({named(in_range(BREACHES, CHANGE), CHANGE)})",
                f"{{{{{CHANGE}}}}}",
            ),
        ),
    ]


def _affected(objective: Objective) -> list[Builder[models.Panel]]:
    labels = (PROVIDER, MODEL)
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
    near_misses, checks = in_range(NEAR_MISSES, *labels), in_range(CHECKS, *labels)
    lost = (equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS))
    queries = [
        Query(checks),
        Query(near_misses),
        Query(share(near_misses, checks)),
        Query(in_range(OUTCOMES.where(*lost), *labels)),
        *(
            Query(in_range(OUTCOMES.where(equals(OUTCOME, outcome)), *labels))
            for outcome in (Outcome.REJECTED, Outcome.BLOCKED, Outcome.ESCAPED)
        ),
    ]
    return [
        grid(
            Text(
                "Providers and models",
                "All requests of the time range. A model that is not identified has no provider.",
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
                        share(per_second(NEAR_MISSES, PROVIDER), per_second(CHECKS, PROVIDER)),
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
                "If only one model starts to have near misses: a new integration, or a history "
                "that another provider wrote.",
            ),
            "reqps",
            [Query(named(per_second(NEAR_MISSES, MODEL), MODEL), f"{{{{{MODEL}}}}}")],
            Lines(stacked=True),
        ),
    ]
