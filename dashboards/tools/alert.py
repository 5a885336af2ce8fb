"""What an alert and a recording rule are.

`critical` pages: users get errors, or answers from wrong data, now. `warning` can wait for working
hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboards.tools.promql import MODEL, PROVIDER, Series

if TYPE_CHECKING:
    from dashboards.tools.settings import Links

CRITICAL: Final = "critical"
WARNING: Final = "warning"
COUNT: Final = '{{ printf "%.0f" $value }}'
"""The value of an alert as a whole number."""

_VARIABLES: Final = {"job": "job", PROVIDER: "provider", MODEL: "model"}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: Its name.
        severity: `critical` or `warning`.
        runbook: File name of its runbook, without `.md`.
        expression: The condition for firing.
        summary: One line.
        description: The facts, with numbers, and the first thing to look at.
        hold: How long the expression has to be true; `""` for no time.
        by: The labels that the dashboard link passes on.
    """

    name: str
    severity: str
    runbook: str
    expression: str
    summary: str
    description: str
    hold: str = ""
    by: tuple[str, ...] = ("job",)

    def rule(self, links: Links) -> dict[str, Any]:
        """Return the rule in Prometheus's form."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expression}
        if self.hold:
            rule["for"] = self.hold
        rule["labels"] = {"severity": self.severity}
        rule["annotations"] = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": links.runbook(self.runbook),
            "dashboard_url": _dashboard(links, self.by),
        }
        return rule


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule.

    Attributes:
        name: The name of the recorded series.
        expression: The recorded expression.
    """

    name: str
    expression: str

    @property
    def series(self) -> Series:
        """The recorded series."""
        return Series(self.name)

    def rule(self) -> dict[str, Any]:
        """Return the rule in Prometheus's form."""
        return {"record": self.name, "expr": self.expression}


def _dashboard(links: Links, by: tuple[str, ...]) -> str:
    arguments = "&".join(
        f"var-{_VARIABLES[name]}={{{{ $labels.{name} | urlquery }}}}" for name in by
    )
    return links.dashboard() + (f"?{arguments}" if arguments else "")
