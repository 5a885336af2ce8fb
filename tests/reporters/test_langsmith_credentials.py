"""LangSmith's credentials go to the endpoint that they belong to, and to no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langsmith import tracing_context
from requests import Session

from tests.handler.models import CountingModel
from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from tests.loopback.raw_server import RawServer
from tests.reporters.langsmith_rig import Rig, broken_history, counted, hurry
from toolpair_observe.attach import seam

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = ("lsv2_first", "gateway-secret", "c2Vzc2lvbjpzZWNyZXQ=", "first-workspace")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch) -> Iterator[None]:
    hurry(monkeypatch)
    yield
    seam.uninstall()


@pytest.fixture
def server() -> Iterator[LangSmithServer]:
    with LangSmithServer(api_key="lsv2_first") as server:
        server.ensure_project("checkout")
        yield server


@pytest.fixture
def other() -> Iterator[LangSmithServer]:
    with LangSmithServer(api_key="lsv2_other") as other:
        other.ensure_project("checkout")
        yield other


@pytest.fixture
def rig(server: LangSmithServer, other: LangSmithServer) -> Iterator[Rig]:
    # It depends on both, because a client that is closed waits long for a server that is gone.
    rig = Rig(server)
    yield rig
    rig.close()


def guarded_client(rig: Rig) -> Any:
    """A client with a key, headers, a workspace and a session that signs."""
    session = Session()
    session.auth = ("session", "secret")
    headers = {"X-Gateway": "gateway-secret"}
    return rig.client(session=session, headers=headers, workspace_id="first-workspace")


def heads(server: LangSmithServer, *paths: str) -> str:
    found = [request for path in paths or (None,) for request in server.requests(path)]
    return repr([(request.path, request.headers) for request in found])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/feedback", "/sessions"])
def test_a_redirect_takes_nothing_along_and_delivers_nothing(
    rig: Rig, server: LangSmithServer, other: LangSmithServer, path: str, status: int
) -> None:
    feedback_server = LangSmithServer(api_key="lsv2_first").start()
    feedback_server.ensure_project("checkout")
    feedback_server.fail(path, Fault(status, location=f"{other.url}{path}"))
    client = rig.client(feedback_server, headers={"X-Gateway": "gateway-secret"})
    handler = rig.handler(langsmith_client=client)
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    assert other.requests() == []
    assert counted(handler) == {("failed", "Redirected"): 1}
    feedback_server.stop()


@pytest.mark.parametrize("auth", ["key", "auth", "none"])
def test_a_replica_gets_its_own_credentials_and_nothing_of_the_client(
    rig: Rig, server: LangSmithServer, other: LangSmithServer, auth: str
) -> None:
    replica: Any = {"api_url": other.url}
    if auth == "key":
        replica |= {"api_key": "lsv2_other"}
    elif auth == "auth":
        replica |= {"auth": {"api_key": "lsv2_other", "tenant_id": "other-workspace"}}
    handler = rig.handler()
    client = guarded_client(rig)
    with tracing_context(replicas=[replica]):
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    handler.flush(10)
    ours = heads(other, "/feedback", "/sessions")
    assert not [secret for secret in SECRETS if secret in ours]
    assert ("lsv2_other" in ours) == (auth != "none")
    assert ("other-workspace" in ours) == (auth == "auth")
    assert counted(handler) == ({("failed", "401"): 1} if auth == "none" else {("sent", ""): 1})


def test_a_replica_at_the_clients_own_endpoint_is_written_to_as_the_client_writes(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    client = guarded_client(rig)
    with tracing_context(replicas=[{"api_url": server.url + "/"}]):
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    assert handler.flush(10)
    assert all(secret in heads(server, "/feedback") for secret in SECRETS)


def test_a_client_for_feedback_is_neither_sent_elsewhere_nor_given_others_keys(
    rig: Rig, server: LangSmithServer, other: LangSmithServer
) -> None:
    with LangSmithServer(api_key="lsv2_feedback") as own:
        own.ensure_project("checkout")
        handler = rig.handler(
            langsmith_client=rig.client(own, headers={"X-Gateway": "gateway-secret"})
        )
        replicas: Any = [{"api_url": other.url, "api_key": "lsv2_other"}]
        with tracing_context(replicas=replicas):
            CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
        assert handler.flush(10)
        assert len(own.feedback) == 1
        assert "lsv2_other" not in heads(own)
        assert "lsv2_first" not in heads(own)
        for server_of_others in (server, other):
            assert server_of_others.requests("/feedback") == []
            assert "gateway-secret" not in heads(server_of_others)


def test_two_sessions_that_sign_differently_do_not_share_a_connection(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    for name in ("one", "two"):
        session = Session()
        session.auth = (name, "x")
        client = rig.client(session=session)
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
        assert handler.flush(10)
    sent = [request.headers["authorization"] for request in server.requests("/feedback")]
    assert len(set(sent)) == 2


def test_an_endless_answer_holds_nobody_up(rig: Rig, server: LangSmithServer) -> None:
    def endless(_):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 100_000

    with RawServer(endless) as broken:
        client = rig.client(api_url=broken.url)
        handler = rig.handler(langsmith_client=client)
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
        handler.flush(10)
    assert counted(handler) == {("failed", "AnswerTooLong"): 1}


def test_a_password_in_the_endpoint_is_sent_and_never_shown(
    rig: Rig, server: LangSmithServer, caplog
) -> None:
    url = server.url.replace("http://", "http://us:hunter2-secret@")
    handler = rig.handler(langsmith_client=rig.client(api_url=url))
    server.fail("/feedback", Fault(403, body={"detail": "hunter2-secret"}))
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    assert counted(handler) == {("failed", "403"): 1}
    assert "authorization" in heads(server, "/feedback")
    ours = [each.getMessage() for each in caplog.records if each.name == "toolpair_observe"]
    assert ours
    assert "hunter2" not in repr((ours, handler._pipeline.__dict__))
