"""The dashboard around its rows: variables, links, annotations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.tools.now_row import ALERTS
from dashboards.tools.panels import DATASOURCE
from dashboards.tools.promql import CHECKS, IN_FLIGHT, MODEL, PROVIDER
from dashboards.tools.rows import rows
from dashboards.tools.settings import DASHBOARD_UID
from dashboards.tools.trace_links import where_traces_are

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grafana_foundation_sdk.cog.builder import Builder

    from dashboards.tools.settings import Links, Objective

TITLE: Final = "Tool pairing (toolpair_observe)"


def overview(links: Links, objective: Objective) -> dict[str, Any]:
    """Return the dashboard in Grafana's classic JSON.

    Args:
        links: The addresses of the runbooks.
        objective: The objective, for the thresholds.
    """
    builder = (
        dashboard.Dashboard(TITLE)
        .uid(DASHBOARD_UID)
        .description(
            "Tool calls and tool results in chat-model requests: whether they pair, the "
            "predictions, and the outcomes."
        )
        .tags(["langchain", "llm", "toolpair"])
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .annotation(_firing())
        .link(_to_runbooks(links))
    )
    for variable in (*_variables(), *where_traces_are(links)):
        builder = builder.with_variable(variable)
    for title, panels in rows(links, objective):
        builder = builder.with_row(dashboard.Row(title))
        for panel in panels:
            builder = builder.with_panel(panel)
    return _plain(builder.build())


def _variables() -> Iterable[Builder[models.VariableModel]]:
    yield (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .multi(multi=False)
    )
    checks = CHECKS.name
    yield _choice("job", "Job", f"label_values({IN_FLIGHT.name}, job)", ".+")
    instances = f'label_values({IN_FLIGHT.name}{{job=~"$job"}}, instance)'
    yield _choice("instance", "Instance", instances, ".+")
    # `.*`, because a model that is not identified has no provider.
    where = 'job=~"$job", instance=~"$instance"'
    yield _choice("provider", "Provider", f"label_values({checks}{{{where}}}, {PROVIDER})", ".*")
    where += f', {PROVIDER}=~"$provider"'
    yield _choice("model", "Model", f"label_values({checks}{{{where}}}, {MODEL})", ".*")


def _choice(name: str, title: str, query: str, all_value: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(title)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(all_value)
        .current(models.VariableOption(text="All", value="$__all"))
    )


def _firing() -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name("Alerts")
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color("red")
        .expr(str(ALERTS))
    )


def _to_runbooks(links: Links) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Runbooks")
        .type(models.DashboardLinkType.LINK)
        .icon("doc")
        .tooltip("What to do about each alert")
        .url(links.runbook("README"))
        .target_blank(target_blank=True)
    )


# The form of Grafana 11. Newer servers move it up to theirs, and what those steps change is not in
# this dashboard, so the SDK writes the same under its own, newer number.
_SCHEMA: Final = 39
# Fields that the SDK writes and the schema of a query variable, or of Grafana 11, does not have.
_UNKNOWN_TO_GRAFANA: Final = ("auto", "auto_min", "auto_count")
# It would hide links in a menu.
_PLACEMENT: Final = "placement"


def _plain(built: models.Dashboard) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(built))
    for variable in content["templating"]["list"]:
        for name in _UNKNOWN_TO_GRAFANA:
            variable.pop(name, None)
    for number, panel in enumerate(content["panels"], start=1):
        panel["id"] = number
        for link in panel.get("links", ()):
            link.pop(_PLACEMENT, None)
    for listed in (*content["links"], *content["annotations"]["list"]):
        listed.pop(_PLACEMENT, None)
    content["schemaVersion"] = _SCHEMA
    annotation = content["annotations"]["list"][0]
    annotation.setdefault("titleFormat", "{{alertname}}")
    annotation.setdefault("textFormat", "{{job}} {{" + PROVIDER + "}} {{" + MODEL + "}}")
    return {"id": None, **content}
