"""Alerts that an on-call engineer can trust."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import ssl
import subprocess
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dashboards.tools import generate
from dashboards.tools.settings import LIVE, PRODUCTION
from dashboards.tools.told import AT_ONCE, WHAT_HAPPENS
from tests.dashboards.conftest import DASHBOARDS
from tests.dashboards.test_expressions import check, emitted
from toolpair_observe import semconv
from toolpair_observe.pairing.words import Cause
from toolpair_observe.reporters import delivery
from toolpair_observe.reporters.langsmith import client as _langsmith_api
from toolpair_observe.reporters.langsmith import feedback as langsmith
from toolpair_observe.reporters.langsmith import route, transport

if TYPE_CHECKING:
    from pathlib import Path

RUNBOOK_PARTS = ["At once", "Symptom", "Meaning", "First look", "Causes", "Fix", "Verification"]
# About as many letters as a cell of the alerts' table shows on a screen of 1280 pixels.
LINE = 40
UNIT_TESTS = [
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((DASHBOARDS / "promtool").glob("*.test.yml"))
]
UNIT_TESTS_BY_ALERT = [
    pytest.param({**unit_tests, "tests": list(tests)}, id=alert)
    for unit_tests in UNIT_TESTS
    for alert, tests in groupby(unit_tests["tests"], key=lambda test: test["name"].split()[0])
]
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed: apt-get install prometheus",
)


@pytest.fixture(scope="session")
def alerts(rules):
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def runbook(alert) -> Path:
    return DASHBOARDS / "runbooks" / alert["annotations"]["runbook_url"].rsplit("/", 1)[1]


def test_every_alert_says_how_bad_what_where_and_what_to_do(alerts):
    for name, alert in alerts.items():
        assert name.startswith("ToolPair")
        assert alert["labels"] == {"severity": alert["labels"]["severity"]}
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) - {"requests"} == {
            "summary",
            "description",
            "runbook_url",
            "dashboard_url",
        }
        assert all(alert["annotations"].values())
        assert "\n" not in alert["annotations"]["summary"]


def test_an_alert_about_requests_says_where_to_see_them(alerts):
    """In traces and in LangSmith: a metric has no trace id that a link could have."""
    filters = json.loads((DASHBOARDS / "langsmith" / "filters.json").read_text(encoding="utf-8"))
    names = {each["display_name"] for each in filters}
    attributes = {value for value in vars(semconv).values() if isinstance(value, str)}
    told = {name: alert["annotations"].get("requests", "") for name, alert in alerts.items()}
    for name, text in told.items():
        if text:
            conditions, _, saved = text.partition("LangSmith: the saved filter ")
            # What is sound has no span.
            events = re.findall(r"^Events: (\S+)\. $", conditions)
            assert events == [semconv.EVENT_MASKED] or semconv.SPAN_CHECK in conditions, name
            assert set(re.findall(r"span\.([\w.]+)", conditions)) <= attributes, name
            assert saved.removesuffix(".") in names, name
    outcomes = [name for name, alert in alerts.items() if "_outcome_effect:" in alert["expr"]]
    assert {name for name, text in told.items() if "toolpair.outcome" in text} == set(outcomes)


def test_every_alert_has_a_runbook_with_all_its_parts(alerts):
    for name, alert in alerts.items():
        text = runbook(alert).read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == RUNBOOK_PARTS, name
        assert f"`{name}`" in text


def at_once(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("## At once\n")[2].partition("\n## ")[0]


def test_every_alert_has_its_texts_and_every_runbook_its_first_step(alerts):
    assert set(WHAT_HAPPENS) == set(alerts)
    assert set(AT_ONCE) == {runbook(alert).stem for alert in alerts.values()}
    for text in (*WHAT_HAPPENS.values(), *AT_ONCE.values()):
        assert len(text) <= LINE, f"no cell of the table shows all of {text!r}"


def test_a_runbook_says_at_once_what_the_dashboard_says_to_do_first(alerts):
    for alert in alerts.values():
        page = runbook(alert)
        assert at_once(page).startswith(f"\n1. {AT_ONCE[page.stem]}"), page.name


def test_what_to_do_at_once_is_short_and_shows_how(alerts):
    """Two to four steps, and a command, a link or the number to look at."""
    for alert in alerts.values():
        page = runbook(alert)
        text = at_once(page)
        steps = re.findall(r"^\d\. ", text, re.MULTILINE)
        assert 2 <= len(steps) <= 4, page.name
        assert "```sh" in text or "](" in text, page.name


def test_queries_in_runbooks_ask_for_what_is_emitted(alerts):
    queries = {
        query
        for alert in alerts.values()
        for query in re.findall(
            r"promtool query instant \S+ \\\n +'([^']+)'", runbook(alert).read_text("utf-8")
        )
    }
    assert len(queries) >= 4
    for query in queries:
        check(query, emitted())


def test_every_runbook_belongs_to_an_alert_and_stands_in_the_list(alerts):
    folder = DASHBOARDS / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert pages == {runbook(alert).name for alert in alerts.values()}
    rows = re.findall(r"^\| (`.*`) \| (\w+) \| \[.*\]\((.*)\) \|$", index, re.MULTILINE)
    listed = {
        (alert, severity, page)
        for names, severity, page in rows
        for alert in re.findall(r"`(\w+)`", names)
    }
    assert listed == {
        (name, alert["labels"]["severity"], runbook(alert).name) for name, alert in alerts.items()
    }


def test_runbooks_link_only_to_what_exists():
    for page in (DASHBOARDS / "runbooks").glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name} links to {link}"


def test_runbooks_name_only_panels_that_exist(dashboard):
    titles = {panel["title"] for panel in dashboard["panels"]}
    for page in (DASHBOARDS / "runbooks").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", text):
            shortened = {"by provider", "by model", "by cause", "No data", "At once"}
            assert name in titles | shortened, f"{page.name} names the panel {name}"


def test_the_runbook_of_the_near_miss_rate_knows_every_cause():
    page = (DASHBOARDS / "runbooks" / "near-miss-rate.md").read_text(encoding="utf-8")
    table = page.partition("## Causes")[2].partition("## Fix")[0]
    cells = re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", "".join(cells))) == set(Cause)


def test_the_runbook_of_feedback_knows_every_reason():
    page = (DASHBOARDS / "runbooks" / "feedback-not-delivered.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    modules = (delivery, _langsmith_api, transport)
    code = "".join(inspect.getsource(module) for module in modules)
    made = set(re.findall(r'(?:return| =|or) "([A-Z]\w+)"', code))
    of_delivery = {"Closed", "Expired", "NoProject", "NoThread", "QueueFull", "Redirected"}
    of_transport = {"AnswerTooLong", "ConnectionError", "ProxyError", "Timeout"}
    assert made == of_delivery | of_transport
    kinds = {*_below(route.BadUrlError), ssl.SSLError, ssl.SSLCertVerificationError}
    assert named >= made | {kind.__name__ for kind in kinds}
    assert named >= {str(status) for status in _langsmith_api._BUSY}
    assert named >= {reason for reason in langsmith._ADVICE if reason.isdigit()}


def _below(kind):
    return [kind, *(below for child in kind.__subclasses__() for below in _below(child))]


def test_runbooks_name_only_attributes_and_metrics_that_exist():
    names = {value for value in vars(semconv).values() if isinstance(value, str)}
    labels = {semconv.prometheus_label(name) for name in names}
    metrics = {semconv.prometheus_name(metric) for metric in semconv.METRICS.values()}
    for page in (DASHBOARDS / "runbooks").glob("*.md"):
        code = " ".join(re.findall(r"`([^`]*)`", page.read_text(encoding="utf-8")))
        for name in re.findall(r"\btoolpair\.[\w.]+", code):
            assert name in names | {*semconv.METRICS}, f"{page.name} names {name}"
        for name in re.findall(r"(?<![:\w])toolpair_\w+", code):
            known = labels | metrics | {"toolpair_observe", "toolpair_mode"}
            assert name in known, f"{page.name} names {name}"


def test_the_live_rules_are_the_same_alerts_with_other_windows(alerts, live_rules):
    live = {rule["alert"]: rule for rule in live_rules if "alert" in rule}
    assert list(live) == list(alerts)
    for name, alert in alerts.items():
        assert live[name]["labels"] == alert["labels"]
        assert live[name]["annotations"]["runbook_url"] == alert["annotations"]["runbook_url"]
    assert LIVE != PRODUCTION


def test_every_alert_has_a_unit_test_that_fires_and_one_that_does_not(alerts):
    names = [test["name"] for unit_tests in UNIT_TESTS for test in unit_tests["tests"]]
    for alert in alerts:
        assert any(name.startswith(f"{alert} fires: ") for name in names), alert
        assert any(name.startswith(f"{alert} stays quiet: ") for name in names), alert


@needs_promtool
@pytest.mark.parametrize("name", [generate.RULES, generate.LIVE_RULES])
def test_promtool_finds_no_fault_in_the_rules(name):
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(generate.GENERATED / name))


@needs_promtool
@pytest.mark.parametrize("unit_tests", UNIT_TESTS_BY_ALERT)
def test_every_alert_fires_where_it_should_and_only_there(unit_tests, tmp_path):
    run_unit_tests(tmp_path, unit_tests, rules_file())


@needs_promtool
def test_a_rule_that_never_fires_does_not_pass(tmp_path):
    unit_tests = next(one.values[0] for one in UNIT_TESTS_BY_ALERT if one.id == "ToolPairEscaped")
    renamed = rules_file().replace("toolpair_outcomes_total", "toolpair_outcome_total")
    with pytest.raises(AssertionError, match="ToolPairEscaped"):
        run_unit_tests(tmp_path, unit_tests, renamed)


def rules_file() -> str:
    return (generate.GENERATED / generate.RULES).read_text(encoding="utf-8")


def run_unit_tests(folder: Path, unit_tests: dict[str, Any], rules: str) -> None:
    """Let promtool run unit tests on the rules that they are about."""
    for series in (series for one in unit_tests["tests"] for series in one["input_series"]):
        assert isinstance(series["values"], str), f"YAML reads 0x40 as 64; quote it in {series}"
    (rules_path,) = unit_tests["rule_files"]
    tests_path = folder / "promtool" / "alerts.test.yml"
    for path, content in (
        (tests_path, unit_tests),
        (tests_path.parent / rules_path, what_is_looked_at(unit_tests, yaml.safe_load(rules))),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    promtool("test", "rules", str(tests_path))


def what_is_looked_at(unit_tests: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """Return the alerts that the tests name and the rules that those are computed from.

    A test that runs for a day computes every rule it is given every minute.
    """
    patterns = re.findall(r"alertname\W+([\w.*]+)", yaml.safe_dump(unit_tests))
    every_rule = [rule for group in rules["groups"] for rule in group["rules"]]
    needed = [
        rule
        for rule in every_rule
        if any(re.fullmatch(pattern, rule.get("alert", "")) for pattern in patterns)
    ]
    for rule in needed:
        needed += [
            other
            for other in every_rule
            if other not in needed and other.get("record") in re.findall(r"[\w:]+", rule["expr"])
        ]
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if rule in needed]}
        for group in rules["groups"]
    ]
    return {"groups": groups}


def promtool(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 -- our own arguments
        ["promtool", *arguments],  # noqa: S607 -- wherever the system keeps it
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
