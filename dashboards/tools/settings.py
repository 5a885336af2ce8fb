"""What an operator may want to change: where things are served, and what is good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DASHBOARD_UID: Final = "toolpair-observe"


@dataclass(frozen=True, slots=True)
class Links:
    """Where the people who are woken up find more. The defaults are the ones of docker-compose.yml.

    Attributes:
        grafana: Root of the Grafana that has the dashboard.
        runbooks: The place where the runbooks are served.
    """

    grafana: str = "http://localhost:3000"
    runbooks: str = "http://localhost:8088"

    def runbook(self, name: str) -> str:
        """Return where the runbook `name` is."""
        return f"{self.runbooks.rstrip('/')}/{name}.md"

    def dashboard(self) -> str:
        """Return where the dashboard is."""
        return f"{self.grafana.rstrip('/')}/d/{DASHBOARD_UID}"


@dataclass(frozen=True, slots=True)
class Windows:
    """How far the rules look back, and how long something has to last.

    Attributes:
        event: In which an event that must never happen still counts as news.
        fast: Short and long window of the fast burn.
        slow: Short and long window of the slow burn.
        compared: In which the near-miss share is compared with what was usual.
        usual: What was usual.
        stopped: In which at least one check is expected of a busy job.
        week_ago: Where to look for whether the job is busy at this time.
        remembered: How long a job that has disappeared is missed.
        hold: For how long a share has to be bad.
        absent: For how long telemetry has to be absent.
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
)


@dataclass(frozen=True, slots=True)
class Objective:
    """What is good enough.

    Attributes:
        near_miss_share: The share of requests that may be near misses: the error budget.
        fast_burn: How many times the budget burns when somebody has to be woken up. 14.4 for an
            hour uses up 2 % of the budget of 30 days.
        slow_burn: The same for a ticket. 6 for six hours uses up 5 %.
        fewest: Near misses below which no share is looked at: one of three requests is no trend.
        growth: How many times the usual share is worth a look.
        growth_floor: Share of requests below which growth is not looked at.
        undelivered_share: The share of feedback that may fail.
        busy: Checks per second from which a job is expected to go on checking.
    """

    near_miss_share: float = 0.01
    fast_burn: float = 14.4
    slow_burn: float = 6.0
    fewest: int = 3
    growth: float = 3.0
    growth_floor: float = 0.001
    undelivered_share: float = 0.1
    busy: float = 0.05
