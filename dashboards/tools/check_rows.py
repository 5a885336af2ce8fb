"""The rows about the check itself: its predictions, its cost and its health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.tools.colors import Color
from dashboards.tools.now_row import FALSE_ALARM
from dashboards.tools.panels import (
    Column,
    Lines,
    Query,
    Text,
    graph,
    grid,
    organize,
    to_matrix,
)
from dashboards.tools.promql import (
    COMPONENT,
    DURATION_BUCKETS,
    EFFECT,
    ERROR_TYPE,
    FEEDBACK,
    IN_FLIGHT,
    INTERNAL_ERRORS,
    IS_NEAR_MISS,
    IS_SOUND,
    MESSAGES_BUCKETS,
    OUTCOME,
    OUTCOMES,
    RESULT,
    UNCHECKED,
    equals,
    quantile,
    total,
)
from dashboards.tools.scope import WINDOW, in_range, per_second, runbook_link, scoped
from dashboards.tools.trace_links import to_spans
from toolpair_observe import semconv
from toolpair_observe.pairing.words import Outcome
from toolpair_observe.semconv import CHECKS_PER_DURATION

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.settings import Links

_OUTCOME_COLORS: Final = {
    Outcome.ACCEPTED.value: Color.GOOD,
    # Those of their alerts.
    Outcome.BLOCKED.value: Color.CRITICAL,
    Outcome.REJECTED.value: Color.WARNING,
    Outcome.ESCAPED.value: Color.WARNING_TOO,
    Outcome.FAILED.value: Color.UNCLEAR,
    Outcome.CANCELLED.value: Color.NEUTRAL,
    Outcome.ABANDONED.value: Color.NOTEWORTHY,
}


def predictions(links: Links) -> list[Builder[models.Panel]]:
    """Return the panels that compare predictions with outcomes."""
    corner = f"{EFFECT}\\{OUTCOME}"
    columns = [
        Column(corner, "Predicted"),
        *(Column(outcome.value, outcome.value, "short") for outcome in Outcome),
    ]
    return [
        grid(
            Text(
                "Predicted effect against outcome",
                "Rows are predictions, columns are outcomes. Good: clean and accept accepted, "
                "reject and local_error rejected or blocked. Suspicious: clean escaped, reject "
                "accepted.",
            ),
            [Query(in_range(OUTCOMES, EFFECT, OUTCOME))],
            columns,
            [to_matrix(EFFECT, OUTCOME, "Value"), organize(columns, hidden=[])],
        ),
        graph(
            Text(
                "Requests by outcome",
                "The actual outcomes. Abandoned: the request did not end in time. Failed: an error "
                "that has nothing to do with pairing.",
            ),
            "reqps",
            [Query(per_second(OUTCOMES, OUTCOME), f"{{{{{OUTCOME}}}}}")],
            Lines(
                stacked=True,
                colors=_OUTCOME_COLORS,
                links=to_spans(semconv.OUTCOME, f"${{__field.labels.{OUTCOME}}}"),
            ),
        ),
        graph(
            Text(
                "Where the check was wrong",
                "Escaped: refused and not flagged. False alarm: flagged as failing and answered. "
                "Both should be flat at zero.",
            ),
            "reqps",
            [
                Query(per_second(OUTCOMES.where(equals(OUTCOME, Outcome.ESCAPED))), "escaped"),
                Query(per_second(FALSE_ALARM), "false alarm"),
            ],
            Lines(colors={"escaped": Color.WARNING_TOO, "false alarm": Color.WARNING}),
        )
        .span(24)
        .links([runbook_link(links, "escaped"), runbook_link(links, "false-alarm")]),
    ]


def cost() -> list[Builder[models.Panel]]:
    """Return the panels about the time and the size of the checks."""
    duration, messages = scoped(DURATION_BUCKETS), scoped(MESSAGES_BUCKETS)
    sound, broken = duration.where(IS_SOUND), duration.where(IS_NEAR_MISS)
    return [
        graph(
            Text(
                "Time of one check",
                "Added to each request before it leaves. Near misses are measured each, of sound "
                "requests and of those that meet the same breach again one in "
                f"{CHECKS_PER_DURATION}. The scale is logarithmic. "
                "Points are single measurements with their trace, where metrics are pushed over "
                "OTLP.",
            ),
            "s",
            [
                Query(quantile(0.5, sound, WINDOW), "sound, median", has_exemplars=True),
                Query(quantile(0.95, sound, WINDOW), "sound, 95 %", has_exemplars=True),
                Query(quantile(0.99, sound, WINDOW), "sound, 99 %", has_exemplars=True),
                Query(quantile(0.95, broken, WINDOW), "near miss, 95 %", has_exemplars=True),
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
                Query(quantile(0.5, messages, WINDOW), "median", has_exemplars=True),
                Query(quantile(0.95, messages, WINDOW), "95 %", has_exemplars=True),
            ],
            Lines(logarithmic=True),
        ),
    ]


def health(links: Links) -> list[Builder[models.Panel]]:
    """Return the panels about feedback, internal errors and open requests."""
    return [
        graph(
            Text(
                "LangSmith feedback",
                "Feedback that was sent, failed permanently, or was dropped before it could be "
                "sent. Lost feedback is missing in LangSmith, not in these metrics.",
            ),
            "cps",
            [
                Query(
                    per_second(FEEDBACK, RESULT, ERROR_TYPE),
                    f"{{{{{RESULT}}}}} {{{{{ERROR_TYPE}}}}}",
                )
            ],
        )
        .span(8)
        .links([runbook_link(links, "feedback-not-delivered")]),
        graph(
            Text(
                "Internal errors",
                "Errors of toolpair_observe itself and of the application's functions "
                "(on_near_miss, on_masked). They never reach the application. A request that was "
                "not checked passes, unless strict mode has on_internal_error=block.",
            ),
            "cps",
            [
                Query(
                    per_second(INTERNAL_ERRORS, COMPONENT, ERROR_TYPE),
                    f"{{{{{COMPONENT}}}}}: {{{{{ERROR_TYPE}}}}}",
                ),
                Query(
                    per_second(UNCHECKED, ERROR_TYPE),
                    f"request not checked: {{{{{ERROR_TYPE}}}}}",
                ),
            ],
        )
        .span(8)
        .links([runbook_link(links, "internal-errors")]),
        graph(
            Text(
                "Requests in flight",
                "Checked requests that have not ended. A line that only rises means that streams "
                "are never closed.",
            ),
            "short",
            [Query(total(str(scoped(IN_FLIGHT)), "job", "instance"), "{{job}} {{instance}}")],
        ).span(8),
    ]
