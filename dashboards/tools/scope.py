"""The parts that all rows of the dashboard share: scoped expressions and links to runbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from dashboards.tools.promql import MODEL, PROVIDER, Series, events, rate, total

if TYPE_CHECKING:
    from dashboards.tools.settings import Links

WINDOW: Final = "$__rate_interval"
RANGE: Final = "$__range"


def scoped(series: Series) -> Series:
    """Return the part of `series` that the dashboard's variables select."""
    matchers = ['job=~"$job"', 'instance=~"$instance"']
    if PROVIDER in series.labels:
        matchers.append(f'{PROVIDER}=~"$provider"')
    if MODEL in series.labels:
        matchers.append(f'{MODEL}=~"$model"')
    return series.where(*matchers)


def in_range(series: Series, *by: str) -> str:
    """Return the number of events in the dashboard's time range."""
    return total(events(scoped(series), RANGE), *by)


def per_second(series: Series, *by: str) -> str:
    """Return the number of events per second."""
    return total(rate(scoped(series), WINDOW), *by)


def runbook_link(links: Links, name: str) -> dashboard.DashboardLink:
    """Return the link from a panel to its runbook."""
    return (
        dashboard.DashboardLink(f"Runbook: {name}")
        .type(models.DashboardLinkType.LINK)
        .url(links.runbook(name))
        .target_blank(target_blank=True)
    )
