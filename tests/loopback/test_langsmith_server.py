"""The replacement server: it understands real clients, and its refusals and faults are right."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from urllib3 import Retry

from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import API_KEY, LangSmithServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {"x-api-key": API_KEY}


@pytest.fixture
def server() -> Iterator[LangSmithServer]:
    with LangSmithServer() as server:
        yield server
        assert server.errors == []


def feedback(**changes: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "run_id": str(uuid4()), "key": "K", "score": 1} | changes


def post(server: LangSmithServer, path: str, body: object) -> requests.Response:
    return requests.post(server.url + path, json=body, headers=HEADERS, timeout=5)


@pytest.mark.parametrize("compressed", [True, False])
def test_understands_a_real_tracer(server: LangSmithServer, *, compressed: bool) -> None:
    server.info["instance_flags"]["zstd_compression_enabled"] = compressed
    client = Client(api_url=server.url, api_key=server.api_key)
    tracer = LangChainTracer(client=client, project_name="checkout")
    config: Any = {"callbacks": [tracer], "tags": ["mine"], "metadata": {"thread_id": "t1"}}
    for count in (1, 2):
        FakeListChatModel(responses=["yes"]).invoke("hello", config=config)
        # The client only compresses once it has asked the server whether it may.
        server.wait_for_runs_to_end(count)
    client.cleanup()
    _, run = server.ended_runs("llm")
    assert run.tags == ["mine"]
    assert run.metadata["thread_id"] == "t1"
    assert (run.project, run.error) == ("checkout", None)
    assert run.data["outputs"]["generations"]
    assert server.pending_runs() == []
    *_, sent = server.requests("/runs/multipart")
    assert sent.headers.get("content-encoding") == ("zstd" if compressed else None)


def test_a_run_that_was_only_posted_is_pending(server: LangSmithServer) -> None:
    run_id = str(uuid4())
    assert post(server, "/runs", {"id": run_id, "name": "open"}).status_code == 202
    assert [run.id for run in server.pending_runs()] == [run_id]
    ended = {"end_time": "2026-01-01T00:00:00Z", "error": "boom", "tags": None}
    requests.patch(f"{server.url}/runs/{run_id}", json=ended, headers=HEADERS, timeout=5)
    assert server.pending_runs() == []
    assert server.runs[run_id].error == "boom"


def test_batches_are_ingested_and_make_their_project(server: LangSmithServer) -> None:
    run = {"id": str(uuid4()), "name": "one", "session_name": "p"}
    assert post(server, "/runs/batch", {"post": [run], "patch": []}).status_code == 202
    client = Client(api_url=server.url, api_key=server.api_key, auto_batch_tracing=False)
    assert str(client.read_project(project_name="p").id) == server.projects["p"]["id"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"score": 0.1234}, 200),
        ({"key": "k" * 180}, 200),
        ({"key": "k" * 181}, 422),
        ({"key": ""}, 422),
        ({"score": 0.12345}, 422),
        ({"score": "1"}, 422),
        ({"id": "no uuid"}, 422),
        ({"run_id": None}, 422),
        ({"session_id": str(uuid4())}, 404),
    ],
)
def test_feedback_is_validated(
    server: LangSmithServer, changes: dict[str, Any], status: int
) -> None:
    assert post(server, "/feedback", feedback(**changes)).status_code == status
    assert len(server.feedback) == (status == 200)


def test_a_repeated_feedback_changes_nothing(server: LangSmithServer) -> None:
    body = feedback()
    post(server, "/feedback", body)
    post(server, "/feedback", body)
    assert server.feedback_for(body["run_id"]) == [body]


def test_feedback_on_an_unknown_run_can_be_refused(server: LangSmithServer) -> None:
    server.require_known_run = True
    body = feedback()
    assert post(server, "/feedback", body).status_code == 404
    post(server, "/runs", {"id": body["run_id"]})
    assert post(server, "/feedback", body).status_code == 200


def test_a_smithdb_only_server_wants_the_project_id(server: LangSmithServer) -> None:
    server.info["instance_flags"] |= {"ch_query_enabled": False, "sdb_query_enabled": True}
    assert post(server, "/feedback", feedback()).status_code == 422
    session_id = server.ensure_project("p")["id"]
    assert post(server, "/feedback", feedback(session_id=session_id)).status_code == 200


def test_a_wrong_key_is_refused_and_the_info_is_public(server: LangSmithServer) -> None:
    wrong = {"x-api-key": "nope"}
    answer = requests.post(server.url + "/feedback", json=feedback(), headers=wrong, timeout=5)
    assert answer.status_code == 401
    assert requests.get(server.url + "/info", timeout=5).json() == server.info


def test_chunked_bodies_are_read(server: LangSmithServer) -> None:
    body = json.dumps(feedback()).encode()
    chunks = iter([body[:10], body[10:]])
    requests.post(server.url + "/feedback", data=chunks, headers=HEADERS, timeout=5)
    (seen,) = server.requests("/feedback")
    assert seen.headers["transfer-encoding"] == "chunked"
    assert seen.json == json.loads(body)


def test_a_multipart_body_cut_short_is_refused(server: LangSmithServer) -> None:
    run_id = str(uuid4())
    body = f'--b\r\nContent-Disposition: form-data; name="post.{run_id}"\r\n\r\n{{"id"'
    headers = HEADERS | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = requests.post(server.url + "/runs/multipart", body, headers=headers, timeout=5)
    assert answer.status_code >= 400
    server.errors.clear()
    assert server.runs == {}


def test_faults_play_in_order_and_then_stop(server: LangSmithServer) -> None:
    server.fail("/feedback", Fault(429, retry_after="7"), times=1)
    server.fail("/feedback", Fault(503), times=2)
    answers = [post(server, "/feedback", feedback()) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"


def test_an_answer_can_get_lost_after_the_work_is_done(server: LangSmithServer) -> None:
    server.fail("/feedback", Fault(kind="reset", after_commit=True), times=1)
    with pytest.raises(requests.ConnectionError):
        post(server, "/feedback", feedback())
    assert len(server.feedback) == 1


def test_a_reset_is_a_real_reset(server: LangSmithServer) -> None:
    server.fail("/info", Fault(kind="reset"))
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.request("GET", "/info")
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.close()


def test_a_hang_lasts_until_it_is_healed(server: LangSmithServer) -> None:
    server.fail("/feedback", Fault(kind="hang"))
    failures: list[BaseException] = []

    def call() -> None:
        try:
            post(server, "/feedback", feedback())
        except requests.RequestException as error:
            failures.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    server.wait_for(lambda: [r.status for r in server.requests("/feedback")] == ["hang"])
    assert caller.is_alive()
    server.heal()
    caller.join(5)
    assert len(failures) == 1
    assert post(server, "/feedback", feedback()).status_code == 200


def test_a_hang_does_not_hold_up_the_end() -> None:
    server = LangSmithServer().start()
    server.fail("*", Fault(kind="hang"))
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), 5) as client:
        client.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for(lambda: server.requests("/info"))
        server.stop()
        assert client.recv(1) == b""


def test_a_stopped_server_refuses_and_comes_back_on_its_port(server: LangSmithServer) -> None:
    url = server.url
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/info", timeout=5)
    server.start()
    assert requests.get(url + "/info", timeout=5).status_code == 200


@pytest.mark.skipif(
    not hasattr(Client, "create_feedback_config"), reason="this client knows no feedback configs"
)
def test_feedback_configs_follow_the_published_rules(server: LangSmithServer) -> None:
    client = Client(
        api_url=server.url, api_key=server.api_key, auto_batch_tracing=False, retry_config=Retry(0)
    )
    made = client.create_feedback_config("K", feedback_config={"type": "continuous", "max": 1.0})
    same = client.create_feedback_config("K", feedback_config={"type": "continuous", "max": 1.0})
    assert made == same
    with pytest.raises(Exception, match="already exists"):
        client.create_feedback_config("K", feedback_config={"type": "freeform"})
    client.update_feedback_config("K", is_lower_score_better=True)
    (listed,) = client.list_feedback_configs(feedback_key=["K"])
    assert listed.is_lower_score_better is True
