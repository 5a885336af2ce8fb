"""The row about results that other software made up, which no near miss tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.tools.panels import Lines, Query, Text, bars, graph
from dashboards.tools.promql import MASKED, MASKED_BY, MASKED_KIND, NEAR_MISSES, share
from dashboards.tools.scope import in_range, per_second, runbook_link

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.settings import Links, Objective

_RUNBOOK: Final = "masked-results"


def masked_results(links: Links, objective: Objective) -> list[Builder[models.Panel]]:
    """Return the panels.

    Args:
        links: The addresses of the runbooks.
        objective: The objective, for the scale.
    """
    masked = per_second(MASKED)
    return [
        graph(
            Text(
                "Made-up results by who made them",
                "Results that other software put where the tool's own is missing, each counted "
                "when the model first sees it. The history pairs, so nothing fails; the model "
                "answers without what the tool found.",
            ),
            "cps",
            [Query(per_second(MASKED, MASKED_BY), f"{{{{{MASKED_BY}}}}}")],
            Lines(stacked=True, at_least=objective.masked_share),
        ).links([runbook_link(links, _RUNBOOK)]),
        graph(
            Text(
                "Breaches that a repair hides",
                "Made-up results as a share of those and the near misses. At 100 %, everything "
                "that breaks is mended before the check, and only this row shows it.",
            ),
            "percentunit",
            [Query(share(masked, f"(\n  {masked}\n  + {per_second(NEAR_MISSES)}\n)"), "hidden")],
        )
        .span(6)
        .links([runbook_link(links, _RUNBOOK)]),
        bars(
            Text(
                "Why results were made up",
                "Missing: the call had no result. Malformed: its arguments could not be read, so "
                "the tool never ran.",
            ),
            "short",
            Query(
                f"sort_desc({in_range(MASKED, MASKED_KIND, MASKED_BY)})",
                f"{{{{{MASKED_KIND}}}}}: {{{{{MASKED_BY}}}}}",
            ),
        ).span(6),
    ]
