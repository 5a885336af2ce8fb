"""What a dashboard that others import has to obey (the rules of Grafana's dashboard-linter)."""

from __future__ import annotations

import re

import pytest

from dashboards.tools.expressions import panel_queries, panels, selectors
from dashboards.tools.panels import Color
from tests.dashboards.conftest import DASHBOARDS

# Alerts have a job, but no instance: they are about all processes of a job. The job of stored
# threads is that of whoever counts them, which no choice of agents may hide.
WITHOUT_VARIABLES = {
    "Alerts",
    "Stored threads by verdict",
    "Broken threads",
    "Age of these numbers",
}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture(scope="module")
def variables(dashboard):
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def test_it_is_the_classic_form_that_servers_of_several_generations_import(dashboard):
    assert dashboard["schemaVersion"] == 39
    assert dashboard["id"] is None
    assert dashboard["uid"] == "toolpair-observe"
    assert "__inputs" not in dashboard


def test_people_cannot_edit_what_the_code_would_overwrite(dashboard):
    assert dashboard["editable"] is False


def test_there_is_one_data_source_variable(variables):
    sources = [one for one in variables.values() if one["type"] == "datasource"]
    assert [(one["name"], one["query"]) for one in sources] == [("datasource", "prometheus")]


def test_everything_uses_that_data_source(dashboard, variables):
    users = [
        *panels(dashboard),
        *(target for panel in panels(dashboard) for target in panel["targets"]),
        *dashboard["annotations"]["list"],
        *(one for one in variables.values() if one["type"] == "query"),
    ]
    assert all(user["datasource"] == DATASOURCE for user in users)


@pytest.mark.parametrize(
    ("name", "everything"),
    [("job", ".+"), ("instance", ".+"), ("provider", ".*"), ("model", ".*")],
)
def test_a_choice_follows_the_time_range_and_takes_several_values(variables, name, everything):
    variable = variables[name]
    assert variable["multi"]
    assert variable["includeAll"]
    assert variable["allValue"] == everything
    assert variable["refresh"] == 2


def test_every_panel_says_what_it_shows_and_in_which_unit(dashboard):
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_no_two_panels_share_a_title_or_an_id(dashboard):
    titles = [panel["title"] for panel in dashboard["panels"]]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(titles) == len(set(titles))
    assert len(ids) == len(set(ids))


def test_panels_do_not_overlap_and_fill_their_rows(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(height)}


def test_every_query_obeys_job_and_instance(dashboard):
    for query in panel_queries(dashboard):
        if query.panel in WITHOUT_VARIABLES:
            continue
        for selector in selectors(query.filled_in(job="SOME", instance="ONE")):
            matchers = {(one.name, one.value) for one in selector.matchers.matchers}
            assert {("job", "SOME"), ("instance", "ONE")} <= matchers, query


def test_windows_are_grafanas_own(dashboard):
    for query in panel_queries(dashboard):
        windows = set(re.findall(r"\[([^\]]+)\]", query.expression))
        assert windows <= {"$__rate_interval", "$__range"}, query


def test_rates_are_over_the_interval_that_fits_the_scrape(dashboard):
    for query in panel_queries(dashboard):
        for window in re.findall(r"rate\([^\[]*\[([^\]]+)\]", query.expression):
            assert window == "$__rate_interval", query


def test_colors_are_the_same_everywhere(dashboard):
    meant = {}
    for panel in panels(dashboard):
        for override in panel["fieldConfig"]["overrides"]:
            for each in override["properties"]:
                if each["id"] == "color" and each["value"]["mode"] == "fixed":
                    name, color = override["matcher"]["options"], each["value"]["fixedColor"]
                    assert color in set(Color)
                    assert meant.setdefault((panel["title"], name), color) == color
    assert meant


def test_firing_alerts_are_marked_in_every_graph(dashboard):
    (annotation,) = dashboard["annotations"]["list"]
    assert annotation["enable"]
    assert annotation["expr"] == 'ALERTS{alertname=~"ToolPair.*", alertstate="firing"}'


def test_links_lead_to_runbooks_that_exist(dashboard):
    links = [
        *dashboard["links"],
        *(link for panel in panels(dashboard) for link in panel.get("links", ())),
    ]
    names = {link["url"].removeprefix("http://localhost:8088/") for link in links}
    assert len(names) > 5
    for name in names:
        assert (DASHBOARDS / "runbooks" / name).is_file(), name
