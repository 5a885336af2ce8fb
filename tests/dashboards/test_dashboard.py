"""What a dashboard that others import has to obey (the rules of Grafana's dashboard-linter)."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.tools.colors import SEVERITY_COLORS, Color
from dashboards.tools.expressions import panel_queries, panels, selectors
from dashboards.tools.now_row import State
from dashboards.tools.settings import PRODUCTION
from tests.dashboards.conftest import DASHBOARDS

# Alerts have a job, but no instance: they are about all processes of a job. So has the record of
# the jobs that are not production. The job of stored threads is that of whoever counts them, which
# no choice of agents may hide.
WITHOUT_VARIABLES = {
    "ALERTS",
    "ALERTS_FOR_STATE",
    "job:toolpair_not_production:info",
    "toolpair_threads",
    "toolpair_threads_counted_timestamp_seconds",
}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.fixture(scope="module")
def by_title(dashboard):
    return {panel["title"]: panel for panel in panels(dashboard)}


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


def test_there_is_one_variable_for_the_metrics_and_one_for_the_traces(variables):
    sources = [one for one in variables.values() if one["type"] == "datasource"]
    assert [(one["name"], one["query"]) for one in sources] == [
        ("datasource", "prometheus"),
        ("tempo", "tempo"),
    ]


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
        for selector in selectors(query.filled_in(job="SOME", instance="ONE")):
            if selector.name in WITHOUT_VARIABLES:
                continue
            matchers = {(one.name, one.value) for one in selector.matchers.matchers}
            assert {("job", "SOME"), ("instance", "ONE")} <= matchers, query


def first_row(dashboard) -> set[str]:
    second = [panel["type"] for panel in dashboard["panels"]].index("row", 1)
    return {panel["title"] for panel in dashboard["panels"][1:second]}


def test_the_first_row_is_of_the_last_minutes_and_all_others_of_the_time_range(dashboard):
    now = first_row(dashboard)
    assert {"State", "Alerts that fire"} < now
    for query in panel_queries(dashboard):
        windows = set(re.findall(r"\[([^\]]+)\]", query.expression))
        own = {PRODUCTION.event} if query.panel in now else {"$__rate_interval", "$__range"}
        assert windows <= own, query


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


def steps_of(panel) -> list[str]:
    return [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def overridden(panel, name: str, property_: str):
    (value,) = (
        each["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == name
        for each in override["properties"]
        if each["id"] == property_
    )
    return value


@pytest.mark.parametrize(
    ("title", "alert"),
    [
        ("Silent losses", "ToolPairSilentLoss"),
        ("Blocked", "ToolPairBlockedInProduction"),
        ("Rejected", "ToolPairProviderRejections"),
        ("Escaped", "ToolPairEscaped"),
        ("False alarms", "ToolPairFalseAlarm"),
    ],
)
def test_a_number_has_the_color_of_its_alerts_severity(by_title, rules, title, alert):
    (rule,) = (rule for rule in rules if rule.get("alert") == alert)
    color = SEVERITY_COLORS[rule["labels"]["severity"]]
    assert steps_of(by_title[title]) == ["green", color]
    (link,) = by_title[title]["links"]
    assert link["url"] == rule["annotations"]["runbook_url"]


def test_severities_have_their_color_in_the_table_and_as_states(by_title):
    (mapping,) = overridden(by_title["Alerts that fire"], "Severity", "mappings")
    shown = {name: each["color"] for name, each in mapping["options"].items()}
    assert shown == {name: color.value for name, color in SEVERITY_COLORS.items()}
    (mapping,) = by_title["State"]["fieldConfig"]["defaults"]["mappings"]
    states = {State(int(value)): each["color"] for value, each in mapping["options"].items()}
    assert states == {
        State.FINE: "green",
        State.WARNING: shown["warning"],
        State.HURT: shown["critical"],
        State.BLIND: shown["critical"],
    }


def test_effects_and_outcomes_with_a_critical_alert_are_red_and_no_others(by_title):
    red = {
        override["matcher"]["options"]
        for title in ("Requests by predicted effect", "Requests by outcome", "Broken threads")
        for override in by_title[title]["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "color" and each["value"]["fixedColor"] == SEVERITY_COLORS["critical"]
    }
    assert red == {"silent_loss", "blocked", "poisoned"}


def test_the_alerts_say_what_happens_and_what_to_do_and_lead_to_the_runbook(by_title, rules):
    panel = by_title["Alerts that fire"]
    (query,) = (target["expr"] for target in panel["targets"])
    (what,) = overridden(panel, "What happens", "mappings")
    (first,) = overridden(panel, "Do first", "mappings")
    (link,) = overridden(panel, "Do first", "links")
    for rule in rules:
        if "alert" in rule:
            assert rule["alert"] in what["options"]
            ((runbook, names),) = (
                found
                for found in re.findall(r'"runbook", "([\w-]+)", "alertname", "([\w|]+)"', query)
                if rule["alert"] in found[1].split("|")
            )
            assert runbook in first["options"]
            assert (
                link["url"].replace("${__value.raw}", runbook)
                == (rule["annotations"]["runbook_url"])
            ), names


def test_numbers_lead_to_the_search_that_their_alert_names(by_title, rules):
    for title in ("Silent losses", "Rejected", "Escaped", "Blocked"):
        (links,) = (
            each["value"]
            for override in by_title[title]["fieldConfig"]["overrides"]
            for each in override["properties"]
            if each["id"] == "links"
        )
        panes = parse_qs(urlsplit(links[0]["url"]).query)["panes"][0]
        (query,) = json.loads(panes)["traces"]["queries"]
        assert query["datasource"]["uid"] == "${tempo}"
        runbook = by_title[title]["links"][0]["url"]
        assert any(
            query["query"] in rule["annotations"].get("requests", "")
            for rule in rules
            if "alert" in rule and rule["annotations"]["runbook_url"] == runbook
        )


def test_links_use_only_variables_that_there_are(dashboard, variables):
    known = {*variables, "__from", "__to", "__value.raw"}
    links = [
        link["url"]
        for panel in panels(dashboard)
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    used = {name for link in links for name in re.findall(r"\$\{([^}]+)\}", link)}
    assert {"tempo", "traces", "langsmith"} < used
    assert {name for name in used if not name.startswith("__field.labels.")} <= known


def test_graphs_of_histograms_ask_for_exemplars(dashboard):
    for panel in panels(dashboard):
        for target in panel["targets"]:
            is_quantile = "histogram_quantile" in target["expr"]
            assert target.get("exemplar", False) is is_quantile, panel["title"]


def test_providers_and_models_list_false_alarms(by_title):
    panel = by_title["Providers and models"]
    (organize,) = (one for one in panel["transformations"] if one["id"] == "organize")
    (field,) = (
        field
        for field, name in organize["options"]["renameByName"].items()
        if name == "False alarms"
    )
    (target,) = (one for one in panel["targets"] if f"Value #{one['refId']}" == field)
    assert 'toolpair_outcome="accepted", toolpair_effect=~"local_error|reject"' in target["expr"]


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
