"""The audit of a LangSmith project, with LangSmith's own client and the real tracer."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from langsmith import utils as ls_utils

from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer, Run
from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.langsmith import feedback as feedback_module
from toolpair_observe.audit.langsmith.feedback import AuditFeedback
from toolpair_observe.audit.langsmith.runs import FIELDS, Project, Query, langsmith_client
from toolpair_observe.audit.langsmith.source import Progress, Resume, audit_project
from toolpair_observe.audit.options import AuditOptions
from toolpair_observe.audit.told import tell
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.reporters.delivery import DeliveryLimits
from toolpair_observe.reporters.langsmith.feedback import KEY, feedback_id

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "checkout"
SECRET = "the launch code is 0000"
OPTIONS = AuditOptions(profile=PROFILES["openai-chat"])
QUICK = DeliveryLimits(first_delay=0.01, max_delay=0.05, max_attempts=4)
CALL = {"name": "look", "args": {"at": SECRET}, "id": "call_a"}
SOUND = [
    HumanMessage(SECRET),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage(SECRET, tool_call_id="call_a"),
]
BROKEN = [*SOUND[:2], HumanMessage(SECRET)]


class Refusing(FakeListChatModel):
    """A model whose provider refuses a call without a result."""

    def _generate(self, messages, *args, **kwargs):
        if messages[-1].type == "human" and len(messages) > 1:
            msg = (
                "Error code: 400 - {'error': {'message': \"An assistant message with 'tool_calls' "
                "must be followed by tool messages responding to each 'tool_call_id'. The "
                "following tool_call_ids did not have response messages: call_a\", 'type': "
                "'invalid_request_error'}}"
            )
            raise ValueError(msg)
        return super()._generate(messages, *args, **kwargs)


@pytest.fixture
def server(monkeypatch) -> Iterator[LangSmithServer]:
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        monkeypatch.delenv(name)
    with LangSmithServer() as server:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", server.api_key)
        ls_utils.get_env_var.cache_clear()
        server.ensure_project(PROJECT)
        yield server
        assert server.errors == []
    ls_utils.get_env_var.cache_clear()


@pytest.fixture
def trace(server):
    """A function that runs a model for each history, traced to the server."""
    client = Client(server.url, api_key=server.api_key, info=server.info)

    def run(*histories, model=None, **metadata):
        tracer = LangChainTracer(project_name=PROJECT, client=client)
        config = {"callbacks": [tracer], "metadata": metadata}
        before = len(server.runs)
        for history in histories:
            with contextlib.suppress(ValueError):
                (model or FakeListChatModel(responses=[SECRET])).invoke(history, config)
        client.flush()
        server.wait_for_runs_to_end(before + len(histories))

    yield run
    client.close()


@pytest.fixture
def project(server):
    with langsmith_client() as client:
        yield Project(client, PROJECT, sleep=lambda _: None)


def audited(project, options=OPTIONS, **query) -> Aggregate:
    progress = Progress(Query(project=PROJECT, **query), Aggregate(options))
    audit_project(project, progress)
    return progress.aggregate


def test_traced_runs_are_judged_with_what_came_of_them(trace, project):
    trace(SOUND, BROKEN, thread_id="thread-7")
    trace(BROKEN, model=Refusing(responses=[SECRET]))
    told = tell(audited(project))
    assert told["sentence"] == (
        "strict would have blocked 2 of 3 requests; 1 of them were refused anyway, 1 were answered "
        "(false blocks), 0 have no recorded answer."
    )
    assert told["formats"] == [{"format": "langsmith.run", "units": 3}]
    assert [each["thread_id"] for each in told["threads"]["worst"]] == ["thread-7"]
    assert [each["value"] for each in told["by"]["day"]["values"]] == [
        datetime.now(UTC).date().isoformat()
    ]
    assert {each["file"] for each in told["worst"]} == {f"langsmith:{PROJECT}"}
    assert all(each["row"].startswith("runs[") for each in told["worst"])
    assert SECRET not in json.dumps(told)


def test_only_what_is_needed_is_fetched(server, trace, project):
    trace(SOUND)
    audited(project, filter='eq(name, "x")')
    (request,) = server.requests("/runs/query")
    assert request.json["select"] == list(FIELDS)
    assert "outputs" not in request.json["select"]
    assert request.json["run_type"] == "llm"
    assert request.json["filter"] == 'eq(name, "x")'
    assert request.json["session"] == [project.id]


def put_runs(server, amount, history=BROKEN, **fields):
    """Store runs as the service has them, one a second."""
    messages = [json.loads(json.dumps(each.model_dump(), default=str)) for each in history]
    begin = datetime(2026, 11, 3, tzinfo=UTC)
    for number in range(amount):
        run_id = str(UUID(int=number + 1))
        at = (begin + timedelta(seconds=number)).isoformat()
        server.runs[run_id] = Run(
            run_id,
            data={
                "id": run_id,
                "trace_id": str(UUID(int=10**6 + number)),
                "session_name": PROJECT,
                "run_type": "llm",
                "start_time": at,
                "end_time": at,
                "inputs": {"messages": [messages]},
                "outputs": {},
                **fields,
            },
        )


def test_all_pages_are_read(server, project):
    put_runs(server, 250)
    assert audited(project).requests == 250
    assert [each.json["limit"] for each in server.requests("/runs/query")] == [100, 100, 100]


def test_a_limit_and_a_first_time(server, project):
    put_runs(server, 250)
    assert audited(project, limit=120).requests == 120
    assert [each.json["limit"] for each in server.requests("/runs/query")] == [100, 20]
    since = datetime(2026, 11, 3, 0, 4, tzinfo=UTC)
    assert audited(project, since=since).requests == 10


def test_a_busy_server_is_waited_for_as_long_as_it_asks(server):
    put_runs(server, 3)
    waits = []
    server.fail("/runs/query", Fault(429, retry_after="7"), times=1)
    server.fail("/runs/query", Fault(503), times=1)
    with langsmith_client() as client:
        assert audited(Project(client, PROJECT, sleep=waits.append)).requests == 3
    assert waits == [7.0, 2.0]


def test_a_server_that_asks_for_hours_is_not_waited_for_so_long(server):
    put_runs(server, 1)
    waits = []
    server.fail("/runs/query", Fault(429, retry_after="86400"), times=1)
    with langsmith_client() as client:
        audited(Project(client, PROJECT, sleep=waits.append))
    assert waits == [120.0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401), "refuses the key"),
        (Fault(403), "may not read this project"),
        (Fault(400), "check --filter"),
        (Fault(422), "check --filter"),
        (Fault(429, retry_after="0"), "too many requests"),
        (Fault(500), "status 500"),
        (Fault(302, location="http://127.0.0.1:9/login"), "the key never follows"),
        (Fault(200, body=["odd"]), "not those of LangSmith's API"),
        (Fault(200, body={"runs": {}}), "not those of LangSmith's API"),
        (Fault(200, body=None), "not those of LangSmith's API"),
        (Fault(kind="reset"), "is not reachable"),
    ],
)
def test_trouble_is_said_without_the_key(server, project, monkeypatch, fault, words):
    monkeypatch.setattr("langsmith.client.time.sleep", lambda _: None)
    server.fail("/runs/query", fault)
    with pytest.raises(AuditError, match=words) as caught:
        audited(project)
    assert server.api_key[:5] not in str(caught.value)
    assert server.api_key[-4:] not in str(caught.value)


def test_the_key_follows_no_redirect(server, project):
    with LangSmithServer() as elsewhere:
        server.fail("/runs/query", Fault(307, location=f"{elsewhere.url}/runs/query"))
        with pytest.raises(AuditError, match="never follows"):
            audited(project)
        assert elsewhere.requests() == []


def test_an_unknown_project(server):
    with langsmith_client() as client, pytest.raises(AuditError, match="no project 'chekcout'"):
        Project(client, "chekcout")


def test_runs_without_inputs_are_unreadable_and_not_clean(server, project):
    put_runs(server, 2, inputs={})
    told = tell(audited(project))
    assert told["units"]["unreadable"] == 2
    assert told["requests"] == 0


@pytest.mark.parametrize("row", [None, 7, "x", [], {}, {"run_type": "llm"}, {"id": []}])
def test_odd_rows_stop_nothing(server, project, row):
    put_runs(server, 1)
    page = {"runs": [row], "cursors": {"next": "next:0"}}
    server.fail("/runs/query", Fault(200, body=page), times=1)
    told = tell(audited(project))
    assert told["requests"] == 1
    assert sum(told["units"].values()) == 2


# Going on


def test_a_page_that_is_longer_than_was_asked_for_is_counted_whole(server, project):
    put_runs(server, 130)
    rows = [run.data | {"status": "success"} for run in server.runs.values()]
    page = {"runs": rows, "cursors": {"next": None}}
    server.fail("/runs/query", Fault(200, body=page), times=2)
    assert audited(project).requests == 130
    assert audited(project, limit=120).requests == 120


class BrokenOffError(Exception):
    pass


def test_an_audit_goes_on_where_it_was_broken_off(server, project, tmp_path):
    put_runs(server, 250)
    path = tmp_path / "resume.json"
    resume = Resume(path, {"project": PROJECT})
    pages = count(1)

    def save_and_break(progress):
        resume.save(progress)
        if next(pages) == 2:
            raise BrokenOffError

    query = Query(project=PROJECT, limit=240)
    with pytest.raises(BrokenOffError):
        audit_project(project, resume.load(query, OPTIONS), after_page=save_and_break)
    asked = len(server.requests("/runs/query"))
    progress = resume.load(query, OPTIONS)
    assert progress.runs == 200
    audit_project(project, progress, after_page=resume.save)
    assert [each.json["limit"] for each in server.requests("/runs/query")[asked:]] == [40]
    assert tell(progress.aggregate) == tell(audited(project, limit=240))
    done = resume.load(query, OPTIONS)
    assert done.is_done
    audit_project(project, done)
    assert tell(done.aggregate) == tell(progress.aggregate)
    assert server.api_key not in path.read_text()
    assert SECRET not in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_time_stays_that_of_the_first_command(project, tmp_path):
    resume = Resume(tmp_path / "resume.json", {})
    since = datetime(2026, 11, 3, tzinfo=UTC)
    resume.save(Progress(Query(project=PROJECT, since=since), Aggregate(OPTIONS)))
    later = Query(project=PROJECT, since=since + timedelta(days=1))
    assert resume.load(later, OPTIONS).query.since == since


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not of this command"),
        ("[]", "is not of this command"),
        ("[" * 100_000, "is not of this command"),
        ('{"version": 1}', "is not of this command"),
        ('{"version": 2, "asked": {}}', "is not of this command"),
        ('{"version": 1, "asked": {"limit": 7}}', "of an audit with other options"),
        ('{"version": 1, "asked": {}, "since": 7}', "is not of this command"),
        ('{"version": 1, "asked": {}, "since": null, "aggregate": {}}', "is not of this command"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, words):
    path = tmp_path / "resume.json"
    path.write_text(content)
    with pytest.raises(AuditError, match=words):
        Resume(path, {}).load(Query(project=PROJECT), OPTIONS)
    assert path.read_text() == content


# Feedback


def audit_with_feedback(project, client, *, sends):
    feedback = AuditFeedback(client, project, sends=sends, name_id=str, limits=QUICK)
    try:
        progress = Progress(Query(project=PROJECT), Aggregate(OPTIONS))
        audit_project(project, progress, feedback=feedback)
    finally:
        feedback.close()
    return dict(feedback.counts)


@pytest.fixture
def client(server):
    with langsmith_client() as client:
        yield client


def test_feedback_is_written_once(server, project, client):
    put_runs(server, 130)
    put_runs(server, 2, SOUND)
    server.require_known_run = True
    assert audit_with_feedback(project, client, sends=True) == {"there already": 0, "sent": 128}
    assert len(server.feedback) == 128
    body = server.feedback[feedback_id(UUID(int=7))]
    assert body["key"] == KEY
    assert body["score"] == 1
    assert body["value"] == "missing_result"
    assert body["run_id"] == str(UUID(int=7))
    assert body["trace_id"] == str(UUID(int=10**6 + 6))
    assert body["session_id"] == project.id
    assert body["start_time"] == "2026-11-03T00:00:06+00:00"
    assert body["extend_trace_retention"] is False
    assert body["feedback_source"]["metadata"]["mode"] == "audit"
    assert body["feedback_source"]["metadata"]["outcome"] == "accepted"
    assert SECRET not in json.dumps(body)
    sent = len(server.requests("/feedback", "POST"))
    assert audit_with_feedback(project, client, sends=True) == {"there already": 128}
    assert len(server.requests("/feedback", "POST")) == sent


def test_nothing_is_written_in_a_dry_run(server, project, client):
    put_runs(server, 5)
    assert audit_with_feedback(project, client, sends=False) == {
        "there already": 0,
        "would be sent": 5,
    }
    assert server.requests("/feedback", "POST") == []


def test_the_feedback_of_the_live_reporter_stays(server, project, client):
    put_runs(server, 2)
    live = {
        "id": feedback_id(UUID(int=1)),
        "run_id": str(UUID(int=1)),
        "key": KEY,
        "comment": "live",
    }
    server.feedback[live["id"]] = live
    counts = audit_with_feedback(project, client, sends=True)
    assert counts == {"there already": 1, "sent": 1}
    assert server.feedback[live["id"]] is live


def test_feedback_of_another_author_under_the_key_is_no_feedback_of_ours(server, project, client):
    put_runs(server, 1)
    other = {"id": str(UUID(int=99)), "run_id": str(UUID(int=1)), "key": KEY}
    server.feedback[other["id"]] = other
    assert audit_with_feedback(project, client, sends=True)["sent"] == 1
    assert len(server.feedback) == 2


def test_our_feedback_is_found_behind_that_of_others(server, project, client):
    put_runs(server, 1)
    run_id = str(UUID(int=1))
    for number in range(130):
        other = str(UUID(int=1000 + number))
        server.feedback[other] = {"id": other, "run_id": run_id, "key": KEY}
    ours = {"id": feedback_id(UUID(run_id)), "run_id": run_id, "key": KEY}
    server.feedback[ours["id"]] = ours
    assert audit_with_feedback(project, client, sends=True) == {"there already": 1}
    assert server.feedback[ours["id"]] is ours


@pytest.mark.parametrize("sends", [False, True])
def test_feedback_beside_odd_rows(server, project, client, sends):
    put_runs(server, 1)
    broken = {**server.runs[str(UUID(int=1))].data, "session_id": project.id, "status": "success"}
    page = {"runs": [None, 7, [], broken, {"id": []}], "cursors": {"next": None}}
    server.fail("/runs/query", Fault(200, body=page), times=1)
    counts = audit_with_feedback(project, client, sends=sends)
    assert counts == {"there already": 0, "sent" if sends else "would be sent": 1}


def test_feedback_is_counted_on_where_an_audit_was_broken_off(server, project, client, tmp_path):
    put_runs(server, 150)
    resume = Resume(tmp_path / "resume.json", {})

    def save_and_break(progress):
        resume.save(progress)
        raise BrokenOffError

    def go_on(after_page):
        feedback = AuditFeedback(client, project, sends=False, name_id=str, limits=QUICK)
        progress = resume.load(Query(project=PROJECT), OPTIONS)
        with contextlib.closing(feedback):
            audit_project(project, progress, feedback=feedback, after_page=after_page)
        return progress.feedback

    with pytest.raises(BrokenOffError):
        go_on(save_and_break)
    assert go_on(resume.save) == {"there already": 0, "would be sent": 150}
    assert go_on(resume.save)["would be sent"] == 150


def test_an_escape_gets_feedback_too(server, project, client, trace):
    put_runs(
        server,
        1,
        SOUND,
        error="Error code: 400 - messages with role 'tool' must be a response to a preceeding "
        "message with 'tool_calls'.",
    )
    assert audit_with_feedback(project, client, sends=True)["sent"] == 1
    (body,) = server.feedback.values()
    assert body["feedback_source"]["metadata"]["outcome"] == "escaped"
    assert body["value"] == "orphan_result"


def test_several_prompts_of_a_run_are_one_run(server, project, client):
    put_runs(server, 1)
    (run,) = server.runs.values()
    (messages,) = run.data["inputs"]["messages"]
    run.data["inputs"] = {"messages": [messages, messages[:1], messages]}
    assert audit_with_feedback(project, client, sends=True)["sent"] == 1


def test_what_could_not_be_sent_is_counted(server, project, client, monkeypatch):
    put_runs(server, 3)
    server.fail("/feedback", Fault(403), method="POST")
    assert audit_with_feedback(project, client, sends=True) == {
        "there already": 0,
        "failed (403)": 3,
    }
    assert server.feedback == {}


def test_the_mode_is_none_of_the_live_ones():
    assert feedback_module.MODE not in {"observe", "strict", "off"}
