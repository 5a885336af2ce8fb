"""Every expression parses, and names nothing that the package does not emit."""

from __future__ import annotations

import pytest

from dashboards.tools import expressions
from dashboards.tools.expressions import filled_in, grouped_by, panel_queries, selectors
from toolpair_observe import semconv

FROM_PROMETHEUS = {"job", "instance"}
# What Prometheus and the OpenTelemetry exporters make themselves.
FOREIGN = {
    "ALERTS": {"alertname", "alertstate", "severity"},
    "ALERTS_FOR_STATE": {"alertname", "severity"},
    "target_info": {"job", "deployment_environment", "deployment_environment_name"},
}


def emitted() -> dict[str, set[str]]:
    """The series that the package emits, with their labels."""
    series = {}
    for metric in semconv.METRICS.values():
        labels = {semconv.prometheus_label(label) for label in metric.labels} | FROM_PROMETHEUS
        name = semconv.prometheus_name(metric)
        if metric.kind is semconv.MetricKind.HISTOGRAM:
            series |= {f"{name}_bucket": labels | {"le"}, f"{name}_count": labels}
        else:
            series[name] = labels
    return series


def check(expression: str, known: dict[str, set[str]]) -> None:
    found = selectors(expression)
    assert found
    labels = set()
    for selector in found:
        assert selector.name in known, f"{selector.name} is emitted by nobody: {expression}"
        allowed = known[selector.name]
        labels |= allowed
        used = {matcher.name for matcher in selector.matchers.matchers}
        assert used <= allowed, f"{selector.name} has no {used - allowed}"
    assert grouped_by(expression) <= labels, expression


def test_panels_ask_for_what_is_emitted(dashboard, rules):
    recorded = {rule["record"]: grouped_by(rule["expr"]) for rule in rules if "record" in rule}
    for query in panel_queries(dashboard):
        check(query.filled_in(), emitted() | FOREIGN | recorded)


def test_every_metric_of_the_package_is_on_the_dashboard(dashboard):
    shown = {
        selector.name
        for query in panel_queries(dashboard)
        for selector in selectors(query.filled_in())
    }
    missing = {
        metric.name
        for metric in semconv.METRICS.values()
        if not any(name.startswith(semconv.prometheus_name(metric)) for name in shown)
    }
    assert not missing


def test_choices_ask_for_what_is_emitted(dashboard):
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            query = filled_in(variable["query"])
            selector, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            check(f"count by ({label}) ({selector})", emitted())


def test_the_annotation_parses(dashboard):
    (annotation,) = dashboard["annotations"]["list"]
    check(annotation["expr"], FOREIGN)


@pytest.mark.parametrize("name", ["rules", "live_rules"])
def test_rules_ask_for_what_is_emitted_or_recorded(name, request):
    rules = request.getfixturevalue(name)
    known = emitted() | FOREIGN
    for rule in rules:
        if "record" in rule:
            check(rule["expr"], known)
            known[rule["record"]] = grouped_by(rule["expr"])
    for rule in rules:
        if "alert" in rule:
            check(rule["expr"], known)


@pytest.mark.parametrize("name", ["rules", "live_rules"])
def test_nothing_is_recorded_that_no_alert_reads(name, request):
    rules = request.getfixturevalue(name)
    read = {
        selector.name for rule in rules if "alert" in rule for selector in selectors(rule["expr"])
    }
    assert {rule["record"] for rule in rules if "record" in rule} <= read


def test_a_metric_that_nobody_emits_is_found():
    with pytest.raises(AssertionError, match="emitted by nobody"):
        check("rate(toolpair_check_total[5m])", emitted())


def test_a_label_that_the_metric_lacks_is_found():
    with pytest.raises(AssertionError, match="has no"):
        check('toolpair_runs_in_flight{toolpair_effect="reject"}', emitted())


def test_a_broken_expression_is_found():
    with pytest.raises(ValueError, match="parenthes"):
        expressions.parse("sum(rate(toolpair_checks_total[5m])")


def test_an_unknown_variable_is_found():
    with pytest.raises(KeyError, match="cluster"):
        filled_in('toolpair_checks_total{cluster=~"$cluster"}')
