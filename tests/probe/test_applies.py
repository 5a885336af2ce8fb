"""A measured profile holds wherever a profile can be given, and for its own endpoint alone."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from dataclasses import replace

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from openai import OpenAIError

from tests.attach.conftest import _detached  # noqa: F401 - a fixture
from tests.cli.process import run_cli
from tests.handler.conftest import _clean_process, make_handler  # noqa: F401 - fixtures
from tests.plugin.conftest import PLUGIN
from tests.probe.samples import (
    ENDPOINT,
    HUMAN_AFTER,
    MODEL,
    SOUND,
    UNANSWERED,
    WORDS,
    host_of,
    measured_file,
    model_at,
)
from toolpair_observe import (
    InvalidToolResultsError,
    Settings,
    SettingsError,
    ToolPairHandler,
    check_messages,
    guard,
    instrument,
    once,
    repair_messages,
)
from toolpair_observe.attach.request import Request
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.cli.main import main
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.errors import MeasuredProfileError
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.units import read_units
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.models import told_of
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.measurement import Findings, Learned

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("_detached")
NAME = f"measured:localhost:8000/{MODEL}"


@pytest.fixture(autouse=True)
def said(monkeypatch, caplog):
    """Return what is logged, in a process that has said nothing yet."""
    monkeypatch.setattr(once, "_said", set())
    caplog.set_level(logging.WARNING, "toolpair_observe")
    return lambda: [each.getMessage() for each in caplog.records if each.name == "toolpair_observe"]


@pytest.fixture
def path(tmp_path):
    return measured_file(tmp_path)


@pytest.fixture
def server():
    with LoopbackProvider(judge=lambda _: None) as provider:
        yield provider


@pytest.fixture
def served(server, tmp_path):
    """The file of a profile that was measured of the server."""
    return measured_file(tmp_path, host_of(server.base_url))


# --- Where it can be given -----------------------------------------------------------------------


def test_a_file_can_be_given_where_a_profile_can(path):
    report = check_messages(HUMAN_AFTER, profile=path)

    assert report.effect == "reject"
    assert report.profile == NAME
    assert WORDS in report.violations[0].expected_error
    assert check_messages(SOUND, profile=path).ok
    assert check_messages(UNANSWERED, profile=path).effect == "accept"


def test_a_file_beside_the_program_is_found_from_there(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert check_messages(HUMAN_AFTER, profile=" ./toolpair-profile.toml ").profile == NAME


def test_a_repair_aims_at_what_was_measured(path):
    assert repair_messages(UNANSWERED, profile=path).after.effect == "accept"
    assert not repair_messages(UNANSWERED, profile=path).changed
    assert repair_messages(UNANSWERED, profile="openai-chat").changed


def test_the_environment_can_name_the_file(path, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_PROFILE", path)

    settings = Settings.resolve()

    assert settings.profile.name == NAME
    assert settings.profile.measured.path == path


def test_strict_mode_stops_what_the_endpoint_was_seen_to_refuse(served, server):
    handler = ToolPairHandler("strict", profile=served, feedback="off")
    model = model_at(server.base_url, callbacks=[handler])

    with pytest.raises(InvalidToolResultsError, match=WORDS):
        model.invoke(HUMAN_AFTER)
    assert model.invoke(UNANSWERED).content

    assert [len(each.messages) for each in server.requests] == [len(UNANSWERED)]
    handler.close()


def test_a_guard_takes_the_file(served, server):
    model = guard(model_at(server.base_url), profile=served, feedback="off")

    with pytest.raises(InvalidToolResultsError, match=WORDS):
        model.invoke(HUMAN_AFTER)

    assert not server.requests
    model.handler.close()


def test_instrument_takes_the_file(served, server):
    instrument(mode="strict", profile=served, feedback="off")

    with pytest.raises(InvalidToolResultsError, match=WORDS):
        model_at(server.base_url).invoke(HUMAN_AFTER)

    assert not server.requests


def test_the_middleware_takes_the_file(served, server):
    middleware = ToolPairMiddleware(mode="strict", profile=served, feedback="off")
    agent = create_agent(model_at(server.base_url), middleware=[middleware])

    with pytest.raises(InvalidToolResultsError, match=WORDS):
        agent.invoke({"messages": HUMAN_AFTER})

    assert not server.requests
    middleware.handler.close()


SUITE = """
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
    from langchain_openai import ChatOpenAI
    from openai import DefaultHttpxClient

    CALL = {{"name": "get_weather", "args": {{}}, "id": "call_oslo"}}

    def test_that_asks():
        with DefaultHttpxClient(trust_env=False) as client:
            ChatOpenAI(
                model="{model}", base_url="{url}", api_key="none", max_retries=0, http_client=client
            ).invoke([
                HumanMessage("Hi."),
                AIMessage("", tool_calls=[CALL]),
                ToolMessage("11", tool_call_id="call_oslo"),
                HumanMessage("And?"),
            ])
"""


@pytest.mark.parametrize("model", [MODEL, "another-model"])
def test_the_pytest_plugin_fails_what_the_endpoint_was_seen_to_refuse(
    served, server, model, pytester, monkeypatch
):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TOOLPAIR_PROFILE", served)
    pytester.makepyfile(SUITE.format(model=model, url=server.base_url))

    result = pytester.runpytest_inprocess(*PLUGIN, "--toolpair=fail")

    failed = model == MODEL
    result.assert_outcomes(passed=int(not failed), errors=0, failed=int(failed))


@pytest.fixture
def rows(tmp_path):
    """Write rows that tell the model and the host that was asked, as far as they are given."""

    def write(*told):
        messages = [
            {"role": "user", "content": "hush"},
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
            {"role": "tool", "content": "11", "tool_call_id": "call_oslo"},
            {"role": "user", "content": "hush"},
        ]
        file = tmp_path / "rows.jsonl"
        lines = [json.dumps({"messages": messages, **each}) for each in told]
        file.write_text("\n".join(lines), encoding="utf-8")
        return str(file)

    return write


WIRE_CALL = {
    "id": "call_oslo",
    "type": "function",
    "function": {"name": "get_weather", "arguments": "{}"},
}


@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_command_takes_the_file(command, path, rows, capsys):
    main([command, rows({}), "--profile", path])

    told = capsys.readouterr()
    assert NAME in told.out
    assert "reject" in told.out
    assert not told.err


def test_a_command_over_several_processes_takes_the_file(path, rows):
    done = run_cli("audit", rows({}, {}), "--profile", path, "--jobs", "2", "--json")

    told = json.loads(done.stdout)
    assert told["effects"]["reject"] == 2


def test_an_audit_compares_with_the_file(path):
    assert alternative(path).profile.name == NAME


BAD = {"missing.toml": None, "broken.toml": "this is = = no TOML"}


@pytest.fixture(params=BAD)
def bad(request, tmp_path, monkeypatch):
    """The name of a file that can't be used."""
    monkeypatch.chdir(tmp_path)
    if BAD[request.param] is not None:
        (tmp_path / request.param).write_text(BAD[request.param], encoding="utf-8")
    return request.param


@pytest.mark.parametrize("asks", [check_messages, repair_messages])
def test_a_function_says_in_one_line_why_a_file_can_not_be_used(asks, bad):
    with pytest.raises(MeasuredProfileError, match=bad) as caught:
        asks(SOUND, profile=bad)

    assert "\n" not in str(caught.value)


def test_an_option_says_in_one_line_why_a_file_can_not_be_used(bad, monkeypatch):
    with pytest.raises(SettingsError, match=f"argument profile is '{bad}'; .*{bad}") as caught:
        ToolPairHandler(profile=bad)
    assert "\n" not in str(caught.value)

    monkeypatch.setenv("TOOLPAIR_PROFILE", bad)
    with pytest.raises(SettingsError, match=f"TOOLPAIR_PROFILE is '{bad}'; .*{bad}"):
        Settings.resolve()


def test_the_pytest_plugin_says_in_one_line_why_a_file_can_not_be_used(bad, pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TOOLPAIR_PROFILE", str(pytester.path / bad))

    result = pytester.runpytest_inprocess(*PLUGIN, "--toolpair=fail")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if "TOOLPAIR_PROFILE" in line]) == 1


@pytest.mark.parametrize("command", ["check", "audit", "repair", "threads"])
def test_a_command_says_in_one_line_why_a_file_can_not_be_used(command, bad, rows, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, rows({}), "--profile", bad])

    assert caught.value.code == 2
    assert bad in capsys.readouterr().err.splitlines()[-1]


# --- For whom it holds ---------------------------------------------------------------------------


def test_a_model_of_another_name_is_judged_as_without_it(served, server, said):
    handler = ToolPairHandler("strict", profile=served, feedback="off")
    model = model_at(server.base_url, "another-model", callbacks=[handler])

    assert model.invoke(HUMAN_AFTER).content
    assert model.invoke(HUMAN_AFTER).content

    (line,) = said()
    assert served in line
    assert f"{MODEL} at {host_of(server.base_url)} by openai-chat" in line
    assert f"another-model at {host_of(server.base_url)} by openai-chat" in line
    handler.close()


def test_a_model_at_another_port_is_judged_as_without_it(path, server, said):
    handler = ToolPairHandler("strict", profile=path, feedback="off")

    assert model_at(server.base_url, callbacks=[handler]).invoke(HUMAN_AFTER).content

    (line,) = said()
    assert "localhost:8000" in line
    assert host_of(server.base_url) in line
    handler.close()


def test_a_model_of_another_class_is_judged_as_without_it(path, said):
    handler = ToolPairHandler("strict", profile=path, feedback="off")

    FakeListChatModel(responses=["Fine."], callbacks=[handler]).invoke(HUMAN_AFTER)

    assert len(said()) == 1
    handler.close()


def test_of_a_model_and_its_fallback_the_one_that_was_measured_is_judged_by_it(served, server):
    handler = ToolPairHandler("strict", profile=served, feedback="off")
    first, second = model_at(server.base_url), model_at(server.base_url, "another-model")
    model = first.with_fallbacks([second], exceptions_to_handle=(InvalidToolResultsError,))

    assert model.invoke(HUMAN_AFTER, {"callbacks": [handler]}).content

    assert [each.body["model"] for each in server.requests] == ["another-model"]
    handler.close()


def test_each_of_several_models_is_judged_by_its_own_as_often_as_it_is_asked(served, server):
    handler = ToolPairHandler("strict", profile=served, feedback="off")
    mine, other = model_at(server.base_url), model_at(server.base_url, "another-model")

    for _ in range(2):
        with pytest.raises(InvalidToolResultsError) as caught:
            mine.invoke(HUMAN_AFTER, {"callbacks": [handler]})
        assert caught.value.report.profile.startswith("measured:")
        assert other.invoke(HUMAN_AFTER, {"callbacks": [handler]}).content

    handler.close()


def test_whom_it_was_measured_of_is_identified(tmp_path, server):
    # A model of a maker that does not serve it there, so that a gateway hands it on to somebody.
    endpoint = replace(ENDPOINT, model="gpt-5")
    path = measured_file(tmp_path, host_of(server.base_url), endpoint=endpoint)
    handler = ToolPairHandler("observe", profile=path, feedback="off")

    measured, other = (
        handler.judge.identify(Request(SOUND, *told_of(model_at(server.base_url, model))))
        for model in ("gpt-5", "gpt-6")
    )

    assert measured.identified
    assert measured.profile is handler.settings.profile
    assert not other.identified
    assert other.profile.measured is None
    handler.close()


def test_no_secret_of_a_url_is_shown(path, said, server):
    handler = ToolPairHandler("strict", profile=path, feedback="off")
    url = server.base_url.replace("http://", "http://user:hunter2@")
    model = model_at(f"{url}?key=hunter3#")

    with pytest.raises(OpenAIError):
        model.invoke(SOUND, {"callbacks": [handler]})

    (line,) = said()
    assert "hunter" not in line
    handler.close()


def test_a_refusal_looks_as_the_client_of_the_integration_makes_it(tmp_path):
    findings = Findings({Case.MISSING_ALL: Learned(Effect.REJECT, WORDS, ("missing/all_human",))})
    endpoint = replace(ENDPOINT, integration="anthropic-chat", profile="anthropic")
    path = measured_file(tmp_path, endpoint=endpoint, findings=findings)

    with pytest.raises(InvalidToolResultsError) as caught:
        check_messages(UNANSWERED, profile=path).raise_for_violations()

    assert caught.value.body["error"]["message"] == WORDS
    assert pickle.loads(pickle.dumps(caught.value)).body == caught.value.body


URL = "http://localhost:8000/v1/chat/completions"
OF_ITS_OWN = [{}, {"model": MODEL}, {"model": MODEL, "url": URL}]
OF_ANOTHER = [{"model": "gpt-4o"}, {"model": MODEL, "url": URL.replace("8000", "8001")}]


@pytest.mark.parametrize("told", OF_ITS_OWN)
def test_a_row_that_tells_nobody_else_is_judged_by_it(told, path, rows):
    (unit,) = read_units(rows(told), DEFAULT_LIMITS)

    assert judge_unit(unit, DEFAULT_LIMITS, profile_named(path)).target.profile.name == NAME


def test_a_row_that_tells_another_model_is_judged_as_without_it(path, rows):
    (unit,) = read_units(rows(OF_ANOTHER[0]), DEFAULT_LIMITS)

    judged = judge_unit(unit, DEFAULT_LIMITS, profile_named(path))

    assert judged.target == judge_unit(unit, DEFAULT_LIMITS).target


@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_command_says_once_for_how_many_rows_it_does_not_hold(command, path, rows, capsys):
    other = OF_ANOTHER[0]

    main([command, rows({}, other, other), "--profile", path])

    (line,) = capsys.readouterr().err.splitlines()
    assert "2 requests were made to another host or model" in line
    assert path in line


# --- What carries it -----------------------------------------------------------------------------


@pytest.mark.parametrize("carry", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_does_without_the_file(carry, path, tmp_path):
    profile = profile_named(path)
    body = on_wire(profile)
    (tmp_path / "toolpair-profile.toml").unlink()

    carried = carry(profile)

    assert carried.measured == profile.measured
    assert check_messages(HUMAN_AFTER, carried).effect == "reject"
    assert carry(body).calls == body.calls
    assert carry(AuditOptions(profile=profile)).profile.name == NAME


def test_a_handler_that_carries_it_can_be_pickled(path):
    handler = ToolPairHandler("strict", profile=path, feedback="off")

    carried = pickle.loads(pickle.dumps(handler))

    assert carried.settings.profile.measured == handler.settings.profile.measured
    assert copy.deepcopy(handler) is handler
    handler.close()
    carried.close()
