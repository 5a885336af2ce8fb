"""The README lists the alerts, links and programs that exist."""

from __future__ import annotations

import re

import pytest

from tests.dashboards.conftest import DASHBOARDS


@pytest.fixture(scope="module")
def readme() -> str:
    return (DASHBOARDS / "README.md").read_text(encoding="utf-8")


def test_it_lists_the_alerts_that_there_are(readme, rules):
    listed = re.findall(r"^\| `(ToolPair\w+)` \| (\w+) \|", readme, re.MULTILINE)
    alerts = [(rule["alert"], rule["labels"]["severity"]) for rule in rules if "alert" in rule]
    assert sorted(listed) == sorted(alerts)


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
