"""The settings that an operator may want to change: addresses, windows and objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DASHBOARD_UID: Final = "toolpair-observe"


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses in alerts and panels. The defaults are those of docker-compose.yml.

    Attributes:
        grafana: The root of the Grafana server with the dashboard.
        runbooks: The root of the server with the runbooks.
        traces: The page with the traces, if they are not in Tempo.
        langsmith: The page of the LangSmith project.
    """

    grafana: str = "http://localhost:3000"
    runbooks: str = "http://localhost:8088"
    traces: str = "http://localhost:6006"
    langsmith: str = "https://smith.langchain.com"

    def runbook(self, name: str) -> str:
        """Return the address of the runbook `name`."""
        return f"{self.runbooks.rstrip('/')}/{name}.md"

    def dashboard(self) -> str:
        """Return the address of the dashboard."""
        return f"{self.grafana.rstrip('/')}/d/{DASHBOARD_UID}"


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of the rules, and how long a condition has to last.

    Attributes:
        event: The window in which an alert about a single event fires.
        fast: The short and the long window of the fast burn.
        slow: The short and the long window of the slow burn.
        compared: The window whose near-miss share is compared with the usual share, and in
            which made-up results are counted.
        usual: The window of the usual share.
        stopped: The window in which a busy job makes at least one check.
        week_ago: The offset at which the rules look whether the job is busy at this time.
        remembered: How long a job that has disappeared causes an alert.
        hold: How long a share has to be bad.
        absent: How long telemetry has to be absent.
        counted: How long a number of stored threads is taken as current. The cron job that brings
            them has to run more often.
    """

    event: str
    fast: tuple[str, str]
    slow: tuple[str, str]
    compared: str
    usual: str
    stopped: str
    week_ago: str
    remembered: str
    hold: str
    absent: str
    counted: str


PRODUCTION: Final = Windows(
    event="15m",
    fast=("5m", "1h"),
    slow=("30m", "6h"),
    compared="1h",
    usual="1d",
    stopped="30m",
    week_ago="1w",
    remembered="6h",
    hold="15m",
    absent="10m",
    counted="2h",
)
# The same rules for a demo of a few minutes, with a scrape every second.
LIVE: Final = Windows(
    event="20s",
    fast=("6s", "18s"),
    slow=("8s", "24s"),
    compared="10s",
    usual="20s",
    stopped="8s",
    week_ago="45s",
    remembered="3m",
    hold="3s",
    absent="6s",
    counted="30s",
)


@dataclass(frozen=True, slots=True)
class Objective:
    """The objectives, and the thresholds of the alerts.

    Attributes:
        near_miss_share: The share of requests that may be near misses: the error budget.
        fast_burn: The burn rate of the budget that pages. 14.4 for an hour uses 2 % of the budget
            of 30 days.
        slow_burn: The burn rate that warns. 6 for six hours uses 5 %.
        fewest: The fewest near misses for an alert about a share; one of three requests is not a
            trend.
        growth: The multiple of the usual share that warns.
        growth_floor: The smallest share of requests for an alert about growth.
        masked_share: The share of requests for which others may make a tool's result up.
        undelivered_share: The share of feedback that may fail.
        busy: The checks per second from which a job counts as busy.
    """

    near_miss_share: float = 0.01
    fast_burn: float = 14.4
    slow_burn: float = 6.0
    fewest: int = 3
    growth: float = 3.0
    growth_floor: float = 0.001
    masked_share: float = 0.01
    undelivered_share: float = 0.1
    busy: float = 0.05
