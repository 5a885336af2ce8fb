"""The README lists the alerts, links and programs that exist."""

from __future__ import annotations

import re

import pytest

from dashboards.tools.now_row import STATES
from dashboards.tools.ports import Ports
from dashboards.tools.told import AT_ONCE, WHAT_HAPPENS
from tests.dashboards.conftest import DASHBOARDS


@pytest.fixture(scope="module")
def readme() -> str:
    return (DASHBOARDS / "README.md").read_text(encoding="utf-8")


def test_it_lists_the_alerts_that_there_are_in_the_words_of_the_dashboard(readme, rules):
    row = r"^\| `(ToolPair\w+)` \| (\w+) \| (.*) \| \[(.*)\]\(runbooks/([\w-]+)\.md#at-once\) \|$"
    listed = re.findall(row, readme, re.MULTILINE)
    alerts = [rule for rule in rules if "alert" in rule]
    runbooks = [
        rule["annotations"]["runbook_url"].rsplit("/", 1)[1].removesuffix(".md") for rule in alerts
    ]
    assert sorted(listed) == sorted(
        (
            rule["alert"],
            rule["labels"]["severity"],
            WHAT_HAPPENS[rule["alert"]],
            AT_ONCE[runbook],
            runbook,
        )
        for rule, runbook in zip(alerts, runbooks, strict=True)
    )


def test_it_explains_the_states_and_names_the_ports_that_there_are(readme):
    states = re.findall(r"^\| ([A-Z ]+) \|", readme, re.MULTILINE)
    assert states == [shown.text for shown in STATES.values()]
    assert f"Prometheus {Ports().prometheus} and Alertmanager {Ports().alertmanager}" in readme
    assert f"--runbooks {Ports().runbooks}:" in readme
    assert f"http://127.0.0.1:{Ports().runbooks}/silent-loss.md" in readme


def test_it_links_only_to_what_exists(readme):
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert links
    for link in links:
        assert (DASHBOARDS / link).exists(), link


def test_it_names_only_programs_that_exist(readme):
    programs = set(re.findall(r"python -m dashboards\.tools\.(\w+)", readme))
    assert len(programs) >= 5
    for program in programs:
        assert (DASHBOARDS / "tools" / f"{program}.py").is_file(), program
