"""All expressions of the dashboard, and the series that they select."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Values for Grafana's variables; the window is long enough for any scrape interval.
EVERYTHING: Final = {
    "job": ".+",
    "instance": ".+",
    "provider": ".*",
    "model": ".*",
    "__rate_interval": "5m",
    "__range": "1h",
}
_VARIABLE: Final = re.compile(r"\$(\w+)|\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of the dashboard.

    Attributes:
        panel: The panel's title.
        ref_id: The letter of the query.
        expression: The PromQL, with Grafana's variables.
    """

    panel: str
    ref_id: str
    expression: str

    def filled_in(self, **values: str) -> str:
        """Return the PromQL that Prometheus receives."""
        return filled_in(self.expression, **values)


def filled_in(expression: str, **values: str) -> str:
    """Return an expression with `values` for Grafana's variables, and `EVERYTHING` for the rest.

    Raises:
        KeyError: The expression uses a variable that the dashboard does not have.
    """
    known = {**EVERYTHING, **values}
    return _VARIABLE.sub(lambda found: known[found[1] or found[2]], expression)


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels of a dashboard, without its rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panels(panel)
        else:
            yield panel


def panel_queries(dashboard: Mapping[str, Any]) -> Iterator[PanelQuery]:
    """Yield every query of every panel."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield PanelQuery(panel["title"], target["refId"], target["expr"])


def parse(expression: str) -> promql_parser.Expr:
    """Parse PromQL without Grafana's variables.

    Raises:
        ValueError: It is not PromQL.
    """
    return promql_parser.parse(expression)


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Return every selector of an expression, those of ranges included."""
    return [
        node for node in _nodes(parse(expression)) if isinstance(node, promql_parser.VectorSelector)
    ]


def grouped_by(expression: str) -> set[str]:
    """Return the labels that an expression sums by or matches on."""
    return {
        label
        for node in _nodes(parse(expression))
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None
        for label in node.modifier.labels
    }


def _nodes(node: promql_parser.Expr) -> Iterator[promql_parser.Expr]:
    yield node
    children: list[promql_parser.Expr] = []
    match node:
        case promql_parser.BinaryExpr():
            children = [node.lhs, node.rhs]
        case promql_parser.Call():
            children = list(node.args)
        case promql_parser.MatrixSelector():
            children = [node.vector_selector]
        case (
            promql_parser.AggregateExpr()
            | promql_parser.ParenExpr()
            | promql_parser.UnaryExpr()
            | promql_parser.SubqueryExpr()
        ):
            children = [node.expr]
    for child in children:
        yield from _nodes(child)
