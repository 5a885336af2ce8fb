"""`toolpair-observe langsmith apply` against a loopback LangSmith."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from langsmith import utils as ls_utils

from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from toolpair_observe.cli.main import main
from toolpair_observe.reporters.langsmith.apply import load

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "checkout"
WEBHOOK = "https://hooks.example.com/toolpair"
WRITES = ("POST", "PATCH", "PUT", "DELETE")


@pytest.fixture
def server(monkeypatch) -> Iterator[LangSmithServer]:
    for variable in list(os.environ):
        if variable.startswith(("LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(variable)
    with LangSmithServer() as server:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", server.api_key)
        ls_utils.get_env_var.cache_clear()
        server.ensure_project(PROJECT)
        yield server
        assert server.errors == []
    ls_utils.get_env_var.cache_clear()


def apply(*more: str) -> int:
    return main(["langsmith", "apply", "--project", PROJECT, *more])


def state(server: LangSmithServer) -> list[Any]:
    return [
        server.feedback_configs,
        server.sections,
        server.charts,
        server.alerts,
        server.filters,
    ]


def writes(server: LangSmithServer) -> list[str]:
    """Requests that change something; reading a section's charts is a POST, too."""
    return [
        request.path
        for request in server.requests()
        if request.method in WRITES and not request.path.startswith("/charts/section/")
    ]


def actions(text: str) -> Counter[str]:
    return Counter(line.split()[0] for line in text.splitlines() if "  " in line)


def test_a_dry_run_says_everything_and_writes_nothing(server: LangSmithServer, capsys) -> None:
    assert apply("--dry-run", "--webhook", WEBHOOK) == 0
    assert writes(server) == []
    assert not any(state(server))
    out = capsys.readouterr().out
    assert actions(out) == {"create": 2 + 7 + 5 + 6}
    assert "chart 'Near misses by kind'" in out
    assert f"would be done at {server.url}" in out


def test_it_creates_everything_for_the_project(server: LangSmithServer) -> None:
    assert apply("--webhook", WEBHOOK) == 0
    project_id = server.projects[PROJECT]["id"]
    (config,) = server.feedback_configs.values()
    assert config["is_lower_score_better"] is True
    (section,) = server.sections.values()
    assert section["title"] == f"Tool pairing: {PROJECT}"
    assert {chart["section_id"] for chart in server.charts.values()} == {section["id"]}
    assert len(server.charts) == len(load("charts.json")["charts"])
    for chart in server.charts.values():
        for series in chart["series"]:
            assert project_id in str(series)
    assert {each["rule"]["session_id"] for each in server.alerts.values()} == {project_id}
    targets = [each["actions"] for each in server.alerts.values()]
    assert targets == [[{"target": "webhook", "config": {"url": WEBHOOK}}]] * 5
    assert {view["session_id"] for view in server.filters.values()} == {project_id}
    assert "$PROJECT" not in str(state(server))


def test_the_second_time_changes_nothing(server: LangSmithServer, capsys) -> None:
    apply("--webhook", WEBHOOK)
    done = len(writes(server))
    capsys.readouterr()
    assert apply("--webhook", WEBHOOK) == 0
    assert len(writes(server)) == done
    assert set(actions(capsys.readouterr().out)) == {"keep"}


def test_what_differs_is_brought_back_and_what_is_not_ours_is_left(
    server: LangSmithServer, capsys
) -> None:
    apply("--webhook", WEBHOOK)
    chart = next(iter(server.charts.values()))
    series = chart["series"]
    chart["chart_type"], chart["metadata"] = "line", {"mine": True}
    alert = next(iter(server.alerts.values()))
    alert["rule"]["threshold"] = 99
    server.feedback_configs["INVALID_TOOL_RESULTS"]["is_lower_score_better"] = False
    next(iter(server.filters.values()))["filter_string"] = 'eq(run_type, "tool")'
    capsys.readouterr()
    assert apply("--webhook", WEBHOOK) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("update")]
    assert [line.rsplit(": ", 1)[1] for line in lines] == [
        "is_lower_score_better",
        "chart_type",
        "rule",
        "filter_string",
    ]
    changed = next(iter(server.charts.values()))
    assert changed["chart_type"] == "bar"
    assert changed["metadata"] == {"mine": True}
    assert [each["name"] for each in changed["series"]] == [each["name"] for each in series]
    assert alert["rule"]["threshold"] == load("alerts.json")[0]["threshold"]
    assert len(server.charts) == 7


def test_another_projects_alert_of_the_same_name_is_not_touched(server: LangSmithServer) -> None:
    apply("--webhook", WEBHOOK)
    server.ensure_project("billing")
    main(["langsmith", "apply", "--project", "billing", "--webhook", WEBHOOK])
    assert len(server.alerts) == 10
    assert len(server.sections) == 2


def test_many_alerts_are_read_page_by_page(server: LangSmithServer) -> None:
    apply("--webhook", WEBHOOK)
    ours = dict(server.alerts)
    others = {
        str(number): {"rule": {"id": str(number), "name": "theirs"}, "actions": []}
        for number in range(150)
    }
    server.alerts = others | ours
    done = len(writes(server))
    apply("--webhook", WEBHOOK)
    assert len(writes(server)) == done


def test_without_a_webhook_there_are_no_alerts(server: LangSmithServer, capsys) -> None:
    assert apply() == 0
    assert server.alerts == {}
    assert len(server.charts) == 7
    assert actions(capsys.readouterr().out)["skip"] == 5


def test_a_self_hosted_endpoint_has_its_platform_below_its_version(
    server: LangSmithServer, monkeypatch
) -> None:
    monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url + "/api/v1")
    ls_utils.get_env_var.cache_clear()
    assert apply("--webhook", WEBHOOK) == 0
    assert len(server.alerts) == 5


# Failures, each with its own text


def test_no_key(server: LangSmithServer, monkeypatch, capsys) -> None:
    monkeypatch.delenv("LANGSMITH_API_KEY")
    monkeypatch.setenv("LANGSMITH_CONFIG_FILE", os.devnull)
    ls_utils.get_env_var.cache_clear()
    assert apply() == 2
    assert "set LANGSMITH_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key(server: LangSmithServer, monkeypatch, capsys, status: int) -> None:
    if status == 403:
        # The hosted service says so of some keys.
        server.fail("/sessions", Fault(403, body={"error": "Forbidden"}))
    key = "lsv2_pt_wrong_key_1234"
    monkeypatch.setenv("LANGSMITH_API_KEY", key)
    ls_utils.get_env_var.cache_clear()
    assert apply() == 2
    err = capsys.readouterr().err
    assert "API key" in err
    assert "wrong" in err or "does not know" in err
    assert key not in err
    assert not any(state(server))


def test_no_permission_for_one_thing_leaves_the_rest(server: LangSmithServer, capsys) -> None:
    server.fail("/charts/section", Fault(403, body={"detail": "Forbidden"}), method="POST")
    assert apply("--webhook", WEBHOOK) == 1
    caught = capsys.readouterr()
    assert "may not do this" in caught.err
    assert actions(caught.out)["skip"] == 7
    assert len(server.alerts) == 5
    assert len(server.filters) == 6
    assert server.charts == {}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, body={"error": "Alert Rule Limit Reached"}),
        Fault(402, body={"detail": "Payment required"}),
        Fault(403, body={"detail": "Alerts are not available on your plan"}),
    ],
)
def test_a_plan_limit(server: LangSmithServer, capsys, fault: Fault) -> None:
    project_id = server.projects[PROJECT]["id"]
    server.fail(f"/platform/alerts/{project_id}", fault)
    assert apply("--webhook", WEBHOOK) == 1
    err = capsys.readouterr().err
    assert err.count("the LangSmith plan does not allow this") == 5
    assert len(server.charts) == 7
    assert len(server.filters) == 6


def test_a_list_that_may_not_be_read_is_told_once_for_each(server: LangSmithServer, capsys) -> None:
    for path in ("/feedback-configs", "/charts/section", "/platform/alerts"):
        server.fail(path, Fault(403), method="GET")
    server.fail(f"/sessions/{server.projects[PROJECT]['id']}/views", Fault(404), method="GET")
    assert apply("--webhook", WEBHOOK) == 1
    assert actions(capsys.readouterr().err) == {"fail": 1 + 1 + 5 + 1}
    assert not any(state(server))


@pytest.mark.parametrize("fault", [None, Fault(kind="reset")])
def test_unreachable(server: LangSmithServer, capsys, fault: Fault | None) -> None:
    if fault is None:
        server.stop()
    else:
        server.fail("*", fault)
    assert apply() == 2
    err = capsys.readouterr().err
    assert "is not reachable" in err
    assert "LANGSMITH_ENDPOINT" in err
    assert "Traceback" not in err


def test_an_endpoint_that_is_no_url_is_named(server: LangSmithServer, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "smith.example.com")
    ls_utils.get_env_var.cache_clear()
    assert apply() == 2
    assert "LANGSMITH_ENDPOINT is 'smith.example.com'" in capsys.readouterr().err


def test_a_webhook_that_is_no_url_is_refused_before_anything_is_done(
    server: LangSmithServer, capsys
) -> None:
    with pytest.raises(SystemExit) as caught:
        apply("--webhook", "hooks.example.com")
    assert caught.value.code == 2
    assert "'hooks.example.com'" in capsys.readouterr().err
    assert server.requests() == []


def test_a_busy_server(server: LangSmithServer, capsys) -> None:
    server.fail("/charts/create", Fault(503))
    assert apply() == 2
    assert "try again later" in capsys.readouterr().err
    # What was done is done; the next try goes on from there.
    server.heal()
    assert apply() == 0
    assert len(server.sections) == 1
    assert len(server.charts) == 7


def test_an_unknown_project(server: LangSmithServer, capsys) -> None:
    assert main(["langsmith", "apply", "--project", "chekcout"]) == 2
    assert "no project 'chekcout'" in capsys.readouterr().err


def test_an_answer_that_is_not_json(server: LangSmithServer, capsys) -> None:
    server.fail("/charts/section", Fault(200, body=None), method="GET")
    assert apply() == 1
    assert "is not understood" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/sessions", "/feedback-configs", "/charts/section"])
@pytest.mark.parametrize("body", ["<html>", [{}], {"detail": "ok"}], ids=str)
def test_an_answer_of_some_other_server(server: LangSmithServer, capsys, path: str, body) -> None:
    server.fail(path, Fault(200, body=body), method="GET")
    assert apply() == 2
    assert "are not those of LangSmith's API" in capsys.readouterr().err


# What a dry run can do without


@pytest.mark.parametrize("missing", ["network", "key", "project", "name", "everything"])
def test_a_dry_run_needs_neither_network_nor_key_nor_project(
    server: LangSmithServer, monkeypatch, capsys, missing: str
) -> None:
    monkeypatch.setenv("LANGSMITH_CONFIG_FILE", os.devnull)
    if missing in {"network", "everything"}:
        server.stop()
    if missing in {"key", "everything"}:
        monkeypatch.delenv("LANGSMITH_API_KEY")
    ls_utils.get_env_var.cache_clear()
    name = {"project": ["--project", "chekcout"], "name": [], "everything": []}
    named = name.get(missing, ["--project", PROJECT])
    assert main(["langsmith", "apply", *named, "--dry-run", "--webhook", WEBHOOK]) == 0
    caught = capsys.readouterr()
    assert actions(caught.out) == {"create": 2 + 7 + 5 + 6}
    (line,) = caught.err.splitlines()
    assert line.startswith("not compared with what is there: ")
    assert writes(server) == []


def test_without_a_dry_run_the_project_is_needed(server: LangSmithServer, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["langsmith", "apply"])
    assert caught.value.code == 2
    assert "--project" in capsys.readouterr().err
    assert server.requests() == []


# What is secret


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_a_redirect_is_not_followed(
    server: LangSmithServer, capsys, status: int, dry_run: list[str]
) -> None:
    with LangSmithServer() as elsewhere:
        server.fail("*", Fault(status, location=f"{elsewhere.url}/sessions"))
        assert apply(*dry_run) == 2
        assert elsewhere.requests() == []
    assert "the key never follows" in capsys.readouterr().err
    assert len(server.requests()) == 1


PASSWORD = "hunter2%40secret"
SHOWN = ("hunter2", "aHVudGVyM", "dXM6aHVudGVyMkBzZWNyZXQ")


@pytest.mark.parametrize(
    "trouble", ["none", "dry", "reset", "stopped", "echo", "401", "302", "html", "port"]
)
@pytest.mark.parametrize("where", ["endpoint", "proxy"])
def test_no_password_is_printed(
    server: LangSmithServer, monkeypatch, capsys, trouble: str, where: str
) -> None:
    url = server.url.replace("http://", f"http://us:{PASSWORD}@")
    url = url.rpartition(":")[0] + ":port" if trouble == "port" else url
    if where == "endpoint":
        monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
    else:
        # What is forwarded to a server is a request to it, as far as this one is concerned.
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://langsmith.test")
    ls_utils.get_env_var.cache_clear()
    said = f"hunter2@secret {PASSWORD} Basic dXM6aHVudGVyMkBzZWNyZXQ= {server.api_key}"
    fault = {
        "reset": Fault(kind="reset"),
        "echo": Fault(400, body={"detail": "x" * 290 + said}),
        "401": Fault(401, body={"detail": said}),
        "302": Fault(302, location=url),
        "html": Fault(200, body=said),
    }.get(trouble)
    if fault is not None:
        server.fail("*", fault)
    if trouble == "stopped":
        server.stop()
    code = apply("--dry-run") if trouble == "dry" else apply()
    assert code == (0 if trouble in {"none", "dry"} else 2)
    caught = capsys.readouterr()
    assert not [secret for secret in (*SHOWN, server.api_key) if secret in caught.out + caught.err]


def test_a_webhook_is_not_printed(server: LangSmithServer, capsys) -> None:
    hook = "https://us:hunter2@hooks.example.com/T0/B0/hunter2"
    assert apply("--webhook", hook) == 0
    with pytest.raises(SystemExit):
        apply("--webhook", hook.removeprefix("https://"))
    caught = capsys.readouterr()
    assert "hunter2" not in caught.out + caught.err
