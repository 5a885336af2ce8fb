"""What an alert and a recording rule are.

`critical` pages: users get errors, or answers from wrong data, now. `warning` can wait for working
hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboards.tools.promql import MODEL, PROVIDER, Series
from toolpair_observe.semconv import SPAN_CHECK

if TYPE_CHECKING:
    from dashboards.tools.settings import Links

CRITICAL: Final = "critical"
WARNING: Final = "warning"
COUNT: Final = '{{ printf "%.0f" $value }}'
"""The value of an alert as a whole number."""

_VARIABLES: Final = {"job": "job", PROVIDER: "provider", MODEL: "model"}


@dataclass(frozen=True, slots=True)
class Requests:
    """How to find the requests behind an alert: a number has no trace id to link to.

    Attributes:
        langsmith: The saved filter of a LangSmith project, by its name.
        spans: The spans of those requests, as the conditions of a TraceQL query; none for all.
        event: The name of their events, where sound ones have no span; else `""`.
    """

    langsmith: str
    spans: tuple[str, ...] = ()
    event: str = ""

    @property
    def text(self) -> str:
        """The annotation."""
        where = f"Events: {self.event}" if self.event else f"Traces: {search(*self.spans)}"
        return f"{where}. LangSmith: the saved filter {self.langsmith}."


NEAR_MISS_REQUESTS: Final = Requests("Tool pairing: near misses")


def on_span(attribute: str, *values: str) -> str:
    """Return the TraceQL condition that an attribute of a span has one of these values."""
    either = " || ".join(f'span.{attribute} = "{value}"' for value in values)
    return f"({either})" if len(values) > 1 else either


def search(*conditions: str) -> str:
    """Return the TraceQL query for the spans of the check that meet these conditions."""
    both = " && ".join((f'name = "{SPAN_CHECK}"', *conditions))
    return f"{{ {both} }}"


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
        requests: Where the requests are to be seen; None for an alert that is about none.
    """

    name: str
    severity: str
    runbook: str
    expression: str
    summary: str
    description: str
    hold: str = ""
    by: tuple[str, ...] = ("job",)
    requests: Requests | None = None

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
        if self.requests is not None:
            rule["annotations"]["requests"] = self.requests.text
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
