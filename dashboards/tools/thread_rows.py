"""The row about stored threads. Their numbers come from a cron job, not from the agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.tools.colors import Color
from dashboards.tools.panels import (
    Column,
    Lines,
    Query,
    Text,
    graph,
    grid,
    organize,
    steps,
    to_matrix,
)
from dashboards.tools.promql import (
    DATABASE,
    THREADS,
    THREADS_COUNTED,
    VERDICT,
    newest,
    one_of,
    total,
)
from dashboards.tools.scope import RANGE, runbook_link
from toolpair_observe.threads.diagnosis import ThreadVerdict

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models

    from dashboards.tools.settings import Links

_RUNBOOK: Final = "poisoned-threads"

_COLORS: Final = {
    ThreadVerdict.POISONED: Color.CRITICAL,
    ThreadVerdict.STALLED: Color.WARNING,
    ThreadVerdict.UNREADABLE: Color.UNCLEAR,
}


def stored_threads(links: Links) -> list[Builder[models.Panel]]:
    """Return the panels. Neither job nor instance of an agent selects what they show."""
    columns = [
        Column(f"{DATABASE}\\{VERDICT}", "Database"),
        *(
            Column(verdict.value, verdict.value, "short", _thresholds(verdict))
            for verdict in ThreadVerdict
        ),
    ]
    return [
        grid(
            Text(
                "Stored threads by verdict",
                "What the next turn of each stored conversation will meet, as toolpair-observe "
                "threads last counted them. Poisoned: every turn fails until it is mended. "
                "Stalled: the user's next message would break it.",
            ),
            [Query(total(newest(THREADS, RANGE), DATABASE, VERDICT))],
            columns,
            [to_matrix(DATABASE, VERDICT, "Value"), organize(columns, hidden=[])],
        ).links([runbook_link(links, _RUNBOOK)]),
        graph(
            Text(
                "Broken threads",
                "Threads that somebody has to look at. A step up is a crash, a deploy in the "
                "middle of runs, or code that breaks histories.",
            ),
            "short",
            [
                Query(
                    total(newest(THREADS.where(one_of(VERDICT, _COLORS)), RANGE), VERDICT),
                    f"{{{{{VERDICT}}}}}",
                )
            ],
            Lines(stacked=True, colors={name.value: color for name, color in _COLORS.items()}),
        )
        .span(6)
        .links([runbook_link(links, _RUNBOOK)]),
        graph(
            Text(
                "Age of these numbers",
                "How long ago the threads were counted. A line that only rises: the cron job no "
                "longer runs, or fails.",
            ),
            "s",
            [
                Query(
                    f"time() - max by ({DATABASE}) ({newest(THREADS_COUNTED, RANGE)})",
                    f"{{{{{DATABASE}}}}}",
                )
            ],
        ).span(6),
    ]


def _thresholds(verdict: ThreadVerdict) -> dashboard.ThresholdsConfig | None:
    color = _COLORS.get(verdict)
    return None if color is None else steps(Color.NEUTRAL, (1, color))
