"""What the doctor says of LangSmith, and what it asks there."""

from __future__ import annotations

import socket
import threading

import pytest
from langsmith import Client, utils
from opentelemetry.sdk.trace import TracerProvider

from tests.diagnosis.conftest import forget_langsmith
from tests.diagnosis.looks import texts
from tests.loopback.faulty_http import Answer, Fault, FaultyServer
from toolpair_observe.diagnosis import reach
from toolpair_observe.diagnosis.doctor import diagnose

KEY = "lsv2_pt_hunter2"


class LangSmith(FaultyServer):
    """Answers everything."""

    def answer(self, _):
        return Answer(200, {})


@pytest.fixture
def server():
    with LangSmith() as server:
        yield server


@pytest.fixture
def env(monkeypatch):
    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        forget_langsmith()

    return set_all


def looked(*, online=False):
    return diagnose(None, handler=None, online=online, in_program=False)


def test_without_langsmith_there_is_a_note_and_no_problem():
    found = looked()

    (line,) = texts(found, "langsmith", "note")
    assert line.startswith("tracing is off")
    assert texts(found, "langsmith", "problem") == []


def test_tracing_without_a_key_is_a_problem(env):
    env(LANGSMITH_TRACING="true")

    (line,) = texts(looked(), "langsmith", "problem")

    assert line.startswith("tracing is on and no key is set: traces and feedback will be refused")


@pytest.mark.parametrize("key", ['""', "''", ' "" '])
def test_a_key_of_quotes_alone_is_none_as_for_the_client(env, key):
    env(LANGSMITH_TRACING="true", LANGSMITH_API_KEY=key)

    (line,) = texts(looked(), "langsmith", "problem")

    assert line.startswith("tracing is on and LANGSMITH_API_KEY holds no key: traces and feedback")


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"LANGSMITH_OTEL_ONLY": "true"}, "LANGSMITH_OTEL_ONLY"),
        ({"LANGCHAIN_OTEL_ONLY": "1"}, "LANGCHAIN_OTEL_ONLY"),
        ({"LANGSMITH_TRACING_MODE": "otel"}, "LANGSMITH_TRACING_MODE"),
        ({"LANGSMITH_TRACING_MODE": "hybrid", "LANGSMITH_OTEL_ONLY": "true"}, None),
        ({"LANGSMITH_OTEL_ENABLED": "true"}, None),
        ({"LANGSMITH_OTEL_ONLY": "true", "LANGSMITH_TRACING": "false"}, None),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Both LANGSMITH_TRACING_MODE")
def test_runs_that_are_written_as_spans_only_do_not_all_get_feedback(env, variables, named):
    env(**{"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": KEY} | variables)

    lines = [each for each in texts(looked(), "langsmith", "note") if "spans only" in each]

    assert len(lines) == (named is not None)
    assert all(f"({named}): feedback reaches those whose span goes to" in each for each in lines)
    # With a provider of its own: otherwise it would set the process's.
    provider = TracerProvider(shutdown_on_exit=False)
    client = Client(auto_batch_tracing=False, otel_tracer_provider=provider)
    is_traced = variables.get("LANGSMITH_TRACING") != "false"
    assert (client.tracing_mode == "otel" and is_traced) == (named is not None)


def test_without_feedback_there_is_nothing_to_note_of_spans(env):
    env(LANGSMITH_TRACING="true", LANGSMITH_OTEL_ONLY="true", TOOLPAIR_FEEDBACK="off")

    lines = [each for each in texts(looked(), "langsmith", "ok") if "spans only" in each]

    assert lines == ["runs are written as OpenTelemetry spans only (LANGSMITH_OTEL_ONLY)"]


@pytest.mark.parametrize("value", ['"true"', "True", "1"])
def test_a_switch_that_the_client_does_not_take_for_true_is_a_problem(env, value):
    env(LANGCHAIN_TRACING_V2=value, LANGSMITH_API_KEY=KEY)

    assert texts(looked(), "langsmith", "problem") == [
        "tracing is off: LANGCHAIN_TRACING_V2 is not true as the client writes it, without quotes "
        "-> set LANGCHAIN_TRACING_V2=true"
    ]


@pytest.mark.parametrize("value", ["true", "false", "", "0"])
def test_one_that_it_does_or_that_means_off_is_none(env, value):
    env(LANGSMITH_TRACING=value, LANGSMITH_API_KEY=KEY)

    assert texts(looked(), "langsmith", "problem") == []


def test_credentials_may_stand_in_a_profile(env, tmp_path):
    config = tmp_path / "config.json"
    config.write_text("{}")
    env(LANGSMITH_TRACING="true", LANGSMITH_CONFIG_FILE=str(config))

    found = looked()

    assert texts(found, "langsmith", "problem") == []
    assert any("profiles" in line for line in texts(found, "langsmith", "ok"))


def test_what_the_application_sets_afterwards_still_counts(monkeypatch):
    looked(online=True)

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_PROJECT", "checkout")

    assert utils.tracing_is_enabled()
    assert utils.get_tracer_project() == "checkout"


def test_everything_is_shown_with_its_source_and_the_key_is_not(env):
    env(
        LANGSMITH_TRACING="true",
        LANGCHAIN_API_KEY=KEY,
        LANGSMITH_ENDPOINT=f"https://user:{KEY}@eu.api.smith.langchain.com?key={KEY}",
        LANGSMITH_PROJECT="checkout\n\x1b[2J",
        LANGSMITH_WORKSPACE_ID="team",
        LANGSMITH_RUNS_ENDPOINTS=f'{{"https://x": "{KEY}"}}',
    )

    found = looked()

    lines = texts(found, "langsmith", "ok")
    assert (
        "endpoint https://eu.api.smith.langchain.com (environment variable LANGSMITH_ENDPOINT)"
        in lines
    )
    assert r"project checkout\n\x1b[2J (environment variable LANGSMITH_PROJECT)" in lines
    assert "workspace team (environment variable LANGSMITH_WORKSPACE_ID)" in lines
    assert "a key is set, in environment variable LANGCHAIN_API_KEY" in lines
    assert KEY not in str(found) + str(found.to_dict())


@pytest.mark.parametrize(
    "endpoint", ["smith.example", "file:///etc/passwd", "https://", "http://h:x"]
)
def test_an_endpoint_that_is_no_url_is_a_problem(env, endpoint):
    env(LANGSMITH_ENDPOINT=endpoint, LANGSMITH_API_KEY=KEY)

    found = looked(online=True)

    (line,) = texts(found, "langsmith", "problem")
    assert "is no http or https URL" in line


def test_a_key_that_goes_out_unencrypted_is_noted(env):
    env(LANGSMITH_ENDPOINT="http://smith.example", LANGSMITH_API_KEY=KEY)

    assert any("unencrypted" in line for line in texts(looked(), "langsmith", "note"))


# Online


def test_langsmith_is_asked_whether_it_is_there_and_takes_the_key(env, server):
    env(LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY=KEY, LANGSMITH_WORKSPACE_ID="team")

    lines = texts(looked(online=True), "langsmith", "ok")

    assert f"{server.url} is reached" in lines
    assert f"{server.url} takes the key" in lines
    (info,) = server.requests("/info")
    (sessions,) = server.requests("/sessions")
    assert "x-api-key" not in info.headers
    assert (sessions.headers["x-api-key"], sessions.headers["x-tenant-id"]) == (KEY, "team")


def test_it_is_not_asked_where_it_is_not_used(server):
    assert not any("reached" in line for line in texts(looked(online=True), "langsmith"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_a_problem(env, server, status):
    env(LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY=KEY)
    server.fail("/sessions", Fault(status, body={"detail": KEY}))

    found = looked(online=True)

    (line,) = texts(found, "langsmith", "problem")
    assert line.startswith(f"{server.url} refuses the key ({status})")
    assert KEY not in str(found)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(env, server, status):
    env(LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY=KEY)
    with LangSmith() as other:
        server.fail("*", Fault(status, location=f"{other.url}/login"))

        found = looked(online=True)

        assert other.requests() == []
    (line,) = texts(found, "langsmith", "problem")
    assert line.startswith(f"{server.url}/info answers {status}, which LangSmith does not")


def test_a_server_that_is_not_there_is_one_problem(env, server):
    env(LANGSMITH_ENDPOINT=server.url, LANGSMITH_API_KEY=KEY)
    server.stop()

    (line,) = texts(looked(online=True), "langsmith", "problem")

    assert line.startswith(f"{server.url} is not reached: it refuses connections")


def test_a_question_without_an_answer_ends_at_the_deadline():
    asked, release = threading.Event(), threading.Event()

    def hang():
        asked.set()
        release.wait()
        return reach.Answer()

    said = []
    question = reach.Question(hang, lambda answer: said.append(answer.failure))

    assert reach.ask_all([question], seconds=0.01) == []
    release.set()

    assert said == ["no answer within 0.01 seconds"]


def test_a_question_that_raises_has_the_name_of_the_error_only():
    def fail():
        raise RuntimeError(KEY)

    said = []
    reach.ask_all([reach.Question(fail, lambda answer: said.append(answer.failure))])

    assert said == ["RuntimeError"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(f"{KEY}"), "its name is not known here"),
        (TimeoutError(KEY), "no answer in time"),
        (ConnectionResetError(KEY), "ConnectionResetError"),
    ],
)
def test_a_failure_is_said_without_the_words_of_the_library(error, reason):
    assert reach._reason(error) == reason
