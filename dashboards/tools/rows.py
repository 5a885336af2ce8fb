"""The rows of the dashboard, from the impact on users down to the health of the check itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.tools.check_rows import cost, health, predictions
from dashboards.tools.colors import Color
from dashboards.tools.masked_rows import masked_results
from dashboards.tools.now_row import FALSE_ALARM, SILENT_LOSS, are_users_hurt
from dashboards.tools.panels import (
    Column,
    Lines,
    Query,
    Text,
    bars,
    graph,
    grid,
    merge,
    organize,
    steps,
)
from dashboards.tools.promql import (
    BREACHES,
    CAUSE,
    CHANGE,
    CHECKS,
    EFFECT,
    KIND,
    MODEL,
    NEAR_MISSES,
    OUTCOME,
    OUTCOMES,
    PROVIDER,
    VIOLATIONS,
    equals,
    named,
    share,
)
from dashboards.tools.scope import (
    in_range,
    per_second,
)
from dashboards.tools.thread_rows import stored_threads
from dashboards.tools.trace_links import to_spans
from toolpair_observe import semconv
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.settings import Links, Objective

_EFFECT_COLORS: Final = {
    Effect.CLEAN.value: Color.GOOD,
    Effect.ACCEPT.value: Color.TOLERATED,
    Effect.UNKNOWN.value: Color.UNCLEAR,
    # That of its alert.
    Effect.SILENT_LOSS.value: Color.CRITICAL,
    Effect.REJECT.value: Color.WARNING,
    Effect.LOCAL_ERROR.value: Color.WARNING_TOO,
}


def rows(
    links: Links, objective: Objective
) -> Iterable[tuple[str, Sequence[Builder[models.Panel]]]]:
    """Yield each row: its title and its panels.

    Args:
        links: The addresses of the runbooks.
        objective: The objective, for the thresholds.
    """
    yield "Are users hurt now?", are_users_hurt(links, objective)
    yield "Affected providers and models", _affected(objective)
    yield "Near misses over time", _near_misses(objective)
    yield "Mended before the check", masked_results(links, objective)
    yield "Stored threads", stored_threads(links)
    yield "Predicted and actual", predictions(links)
    yield "Cost of the check", cost()
    yield "Delivery and internal health", health(links)


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
            Lines(
                stacked=True,
                colors=_EFFECT_COLORS,
                links=to_spans(semconv.EFFECT, f"${{__field.labels.{EFFECT}}}"),
            ),
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
            Lines(colors={"near misses": Color.NOTEWORTHY, "new": Color.WARNING}),
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
    warning = steps(Color.NEUTRAL, (1, Color.WARNING))
    columns = [
        Column(PROVIDER, "Provider"),
        Column(MODEL, "Model", links=to_spans(semconv.GEN_AI_REQUEST_MODEL, "${__value.raw}")),
        Column("Value #A", "Checked", "short"),
        Column("Value #B", "Near misses", "short", steps(Color.NEUTRAL, (1, Color.NOTEWORTHY))),
        Column(
            "Value #C",
            "Share",
            "percentunit",
            steps(Color.GOOD, (objective.near_miss_share, Color.WARNING)),
        ),
        Column("Value #D", "Silent losses", "short", steps(Color.NEUTRAL, (1, Color.CRITICAL))),
        Column("Value #E", "Rejected", "short", warning),
        Column("Value #F", "Blocked", "short", steps(Color.NEUTRAL, (1, Color.CRITICAL))),
        Column("Value #G", "Escaped", "short", warning),
        Column("Value #H", "False alarms", "short", warning),
    ]
    near_misses, checks = in_range(NEAR_MISSES, *labels), in_range(CHECKS, *labels)
    rejected, blocked, escaped = (
        OUTCOMES.where(equals(OUTCOME, outcome))
        for outcome in (Outcome.REJECTED, Outcome.BLOCKED, Outcome.ESCAPED)
    )
    queries = [
        Query(checks),
        Query(near_misses),
        Query(share(near_misses, checks)),
        *(
            Query(in_range(outcomes, *labels))
            for outcomes in (SILENT_LOSS, rejected, blocked, escaped, FALSE_ALARM)
        ),
    ]
    return [
        grid(
            Text(
                "Providers and models",
                "All requests of the time range. A model that is not identified has no provider. A "
                "click on a model leads to its requests.",
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
