"""Feedback, tags and metadata in LangSmith, with the real client and tracer over loopback."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from langsmith import Client, run_trees, schemas, tracing_context
from langsmith import utils as ls_utils
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from tests.handler.models import CountingModel, RefusedError, fail, refuse_pairing
from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from tests.reporters.langsmith_rig import (
    CANARY,
    IMPATIENT,
    PATIENT,
    Connections,
    Rig,
    broken_history,
    clean_history,
    counted,
    has,
    hurry,
    internal_errors,
    stop,
)
from tests.reporters.samples import NOWHERE, near_miss, settings
from tests.strict.siblings import AsyncSibling
from toolpair_observe import InvalidToolResultsError, guard, repair_messages, semconv
from toolpair_observe._version import __version__
from toolpair_observe.attach import seam
from toolpair_observe.counts import Counts
from toolpair_observe.pairing.words import Effect, Outcome
from toolpair_observe.record import Trace, TraceLink
from toolpair_observe.reporters.delivery import DeliveryLimits, TryLater
from toolpair_observe.reporters.langsmith import client
from toolpair_observe.reporters.langsmith.address import Address, Destination, is_sampled
from toolpair_observe.reporters.langsmith.feedback import KEY, LangSmithReporter, body_of
from toolpair_observe.steps.blamed import Blame, BlameChange
from toolpair_observe.steps.told import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "missing_result"
TAGS = ["INVALID_TOOL_RESULTS", f"toolpair:{KIND}"]


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch) -> Iterator[None]:
    for variable in list(os.environ):
        if variable.startswith(("TOOLPAIR_", "LANGSMITH_", "LANGCHAIN_", "OTEL_")):
            monkeypatch.delenv(variable)
    hurry(monkeypatch)
    ls_utils.get_env_var.cache_clear()
    monkeypatch.setattr(run_trees, "_CLIENT", None)
    yield
    seam.uninstall()
    ls_utils.get_env_var.cache_clear()


@pytest.fixture
def server() -> Iterator[LangSmithServer]:
    with LangSmithServer() as server:
        yield server
        assert server.errors == []


@pytest.fixture
def rig(server: LangSmithServer) -> Iterator[Rig]:
    rig = Rig(server)
    yield rig
    rig.close()


def near_miss_feedback(server: LangSmithServer) -> dict[str, Any]:
    (feedback,) = server.feedback.values()
    return feedback


# What a feedback says


def test_a_near_miss_gets_one_feedback_on_its_run(rig: Rig, server: LangSmithServer) -> None:
    server.require_known_run = True
    handler = rig.handler()
    metadata = {"thread_id": "thread-7"}
    config: Any = {"callbacks": [rig.tracer(), handler], "metadata": metadata}
    CountingModel().invoke(broken_history(), config)
    assert handler.flush(10)
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    feedback = near_miss_feedback(server)
    assert feedback["id"] == str(uuid5(UUID(run.id), KEY))
    assert (feedback["run_id"], feedback["trace_id"]) == (run.id, run.trace_id)
    assert feedback["session_id"] == server.projects["checkout"]["id"]
    assert (feedback["key"], feedback["score"], feedback["value"]) == (KEY, 1, KIND)
    assert feedback["extend_trace_retention"] is False
    assert "\n" not in feedback["comment"]
    assert "message 1: call call_a of tool search has no result" in feedback["comment"]
    assert feedback["comment"].endswith("; outcome accepted")
    info = feedback["feedback_source"]["metadata"]
    assert info["version"] == __version__
    assert (info["effect"], info["outcome"]) == ("reject", "accepted")
    assert info["causes"] == ["abandoned_turn"]
    assert (info["tool_call_ids"], info["conversation_id"]) == (["call_a"], "thread-7")
    assert counted(handler) == {("sent", ""): 1}
    assert internal_errors(handler) == {}


@pytest.mark.skipif(
    "extend_trace_retention" not in inspect.signature(Client.create_feedback).parameters,
    reason="this client cannot leave the retention alone",
)
def test_it_is_the_request_that_the_real_client_makes(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    ours = near_miss_feedback(server)
    rig.client().create_feedback(
        run_id=ours["run_id"],
        trace_id=ours["trace_id"],
        key=ours["key"],
        score=ours["score"],
        value=ours["value"],
        comment=ours["comment"],
        source_info=ours["feedback_source"]["metadata"],
        feedback_id=ours["id"],
        session_id=ours["session_id"],
        start_time=datetime.fromisoformat(ours["start_time"]),
        extend_trace_retention=False,
    )
    own, theirs = server.requests("/feedback")
    when = {"created_at": None, "modified_at": None}
    assert own.json | when == theirs.json | when
    assert {*own.headers} == {*theirs.headers}
    schemas.FeedbackCreate.model_validate(own.json)


def test_the_run_gets_tags_and_metadata_beside_what_is_there(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    tags, metadata = ["mine"], {"team": "blue"}
    config: Any = {"callbacks": [handler, rig.tracer()], "tags": tags, "metadata": metadata}
    CountingModel().invoke(broken_history(), config)
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    assert run.tags == ["mine", *TAGS]
    assert run.metadata["team"] == "blue"
    assert run.metadata["toolpair_effect"] == "reject"
    assert run.metadata["toolpair_outcome"] == "accepted"
    # The application's own objects are not ours to change.
    assert (tags, metadata) == (["mine"], {"team": "blue"})


def test_tags_and_metadata_come_in_the_tracers_own_patch(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler()
    posted = threading.Event()

    def wait_for_the_post(_: object) -> None:
        server.wait_for(lambda: server.runs)
        posted.set()

    model = CountingModel(before=wait_for_the_post)
    model.invoke(broken_history(), {"callbacks": [handler, rig.tracer()]})
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    assert posted.is_set()
    (post,), (patch,) = run.posts, run.patches
    assert not post["tags"]
    assert patch["tags"] == TAGS
    assert patch["extra"]["metadata"]["toolpair_outcome"] == "accepted"


def test_a_run_inside_of_a_chain_names_the_chains_trace(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler()
    chain = RunnableLambda(lambda _: CountingModel().invoke(broken_history()))
    chain.invoke("go", {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    server.wait_for_runs_to_end(2)
    (run,) = server.ended_runs("llm")
    (root,) = server.ended_runs("chain")
    feedback = near_miss_feedback(server)
    assert (feedback["run_id"], feedback["trace_id"]) == (run.id, root.id)
    assert root.tags == []


@pytest.mark.parametrize("feedback", ["near_miss", "all", "off"])
def test_clean_requests_get_feedback_only_where_all_is_asked_for(
    rig: Rig, server: LangSmithServer, feedback: str
) -> None:
    handler = rig.handler(feedback=feedback)
    CountingModel().invoke(clean_history(), {"callbacks": [rig.tracer(), handler]})
    assert handler.flush(10)
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    assert run.tags == []
    assert "toolpair_outcome" not in run.metadata
    said = [(each["score"], each["value"]) for each in server.feedback.values()]
    assert said == ([(0, "clean")] if feedback == "all" else [])


def test_a_made_up_result_marks_the_run_and_gives_no_feedback(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    config: Any = {"callbacks": [rig.tracer(), handler], "tags": ["mine"]}
    repaired = repair_messages(broken_history()).messages
    for history in (repaired, [*repaired, AIMessage("?"), HumanMessage("!")]):
        CountingModel().invoke(history, config)
    assert handler.flush(10)
    server.wait_for_runs_to_end(2)

    assert sorted(run.tags for run in server.ended_runs("llm")) == [
        ["mine"],
        ["mine", "toolpair:masked"],
    ]
    (run,) = [each for each in server.ended_runs("llm") if "toolpair:masked" in each.tags]
    told = {name: value for name, value in run.metadata.items() if name.startswith("toolpair")}
    assert told == {"toolpair_masked": 1, "toolpair_masked_by": "toolpair_observe"}
    assert not server.feedback
    assert not counted(handler)


def test_near_misses_get_none_where_feedback_is_off(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler(feedback="off")
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    server.wait_for_runs_to_end(1)
    assert server.feedback == {}


def test_an_escape_gets_feedback_that_names_what_the_provider_says(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    model = CountingModel(before=refuse_pairing)
    with pytest.raises(RefusedError):
        model.invoke(clean_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    server.wait_for_runs_to_end(1)
    feedback = near_miss_feedback(server)
    assert (feedback["score"], feedback["value"]) == (1, KIND)
    assert "refused a history that the check called clean" in feedback["comment"]
    (run,) = server.ended_runs("llm")
    assert run.tags == TAGS
    assert run.metadata["toolpair_outcome"] == "escaped"


def test_a_provider_rejection_and_another_failure_are_told_apart(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    for before, error in ((refuse_pairing, RefusedError), (fail, RuntimeError)):
        with pytest.raises(error):
            CountingModel(before=before).invoke(
                broken_history(), {"callbacks": [rig.tracer(), handler]}
            )
    handler.flush(10)
    outcomes = [each["feedback_source"]["metadata"]["outcome"] for each in server.feedback.values()]
    assert sorted(outcomes) == ["failed", "rejected"]


@pytest.mark.parametrize("where", ["model", "config", "environment"])
def test_a_blocked_request_is_a_failed_run_with_feedback(
    rig: Rig, server: LangSmithServer, monkeypatch, where: str
) -> None:
    handler = rig.handler("strict")
    model, config = CountingModel(), {}
    if where == "environment":
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", server.api_key)
        model.callbacks = [handler]
    elif where == "model":
        model.callbacks = [handler, rig.tracer()]
    else:
        config = {"callbacks": [rig.tracer(), handler]}
    with pytest.raises(InvalidToolResultsError):
        model.invoke(broken_history(), config)
    handler.flush(10)
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    assert model.requests == 0
    assert "INVALID_TOOL_RESULTS" in (run.error or "")
    assert run.tags == TAGS
    assert run.metadata["toolpair_outcome"] == "blocked"
    feedback = near_miss_feedback(server)
    assert feedback["run_id"] == run.id
    assert feedback["feedback_source"]["metadata"]["outcome"] == "blocked"
    assert feedback["session_id"] == server.projects[run.project or ""]["id"]
    if where == "environment":
        stop(run_trees.get_cached_client())


@pytest.mark.parametrize("attached", ["guard", "guard in a chain", "middleware"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_what_never_starts_is_a_failed_run_with_feedback_too(
    rig: Rig, server: LangSmithServer, attached: str, *, is_async: bool
) -> None:
    handler, model = rig.handler("strict"), CountingModel()
    app: Any = guard(model, handler)
    given: Any = broken_history()
    if attached == "middleware":
        agents = pytest.importorskip("langchain.agents")
        middleware = pytest.importorskip("toolpair_observe.middleware")
        app = agents.create_agent(model, [], middleware=[middleware.ToolPairMiddleware(handler)])
        given = {"messages": broken_history()}
    elif attached == "guard in a chain":
        app = RunnableLambda(lambda messages: messages) | app
    sibling = AsyncSibling()
    config: Any = {
        "callbacks": [rig.tracer(), sibling],
        "tags": ["mine"],
        "metadata": {"thread_id": "t1"},
    }
    with pytest.raises(InvalidToolResultsError):
        asyncio.run(app.ainvoke(given, config)) if is_async else app.invoke(given, config)
    assert handler.flush(10)
    server.wait_for_runs_to_end(1)
    (run,) = server.ended_runs("llm")
    assert (model.requests, sibling.started) == (0, 0)
    assert "INVALID_TOOL_RESULTS" in (run.error or "")
    assert set(run.tags) >= {"mine", *TAGS}
    assert run.metadata["toolpair_outcome"] == "blocked"
    assert (run.parent_run_id is None) == (attached == "guard")
    feedback = near_miss_feedback(server)
    assert (feedback["run_id"], feedback["trace_id"]) == (run.id, run.trace_id)
    assert feedback["feedback_source"]["metadata"]["conversation_id"] == "t1"
    assert counted(handler) == {("sent", ""): 1}
    assert not internal_errors(handler)


def test_a_guarded_request_that_nobody_traces_is_only_counted(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler("strict")
    with tracing_context(enabled=False), pytest.raises(InvalidToolResultsError):
        guard(CountingModel(), handler).invoke(broken_history())
    assert handler.flush(10)
    assert handler.accuracy().rows[0].outcomes[Outcome.BLOCKED] == 1
    assert server.requests() == []


@pytest.mark.parametrize("strict", [False, True])
async def test_each_way_of_calling_gives_one_feedback(
    rig: Rig, server: LangSmithServer, *, strict: bool
) -> None:
    handler, tracer = rig.handler("strict" if strict else "observe"), rig.tracer()
    model = CountingModel().with_config(callbacks=[tracer, handler])

    async def drain(stream: Any) -> None:
        async for _ in stream:
            pass

    ways = [
        lambda: model.invoke(broken_history()),
        # Else the first one's error may keep the second from being started at all.
        lambda: model.batch([broken_history(), broken_history()], return_exceptions=True),
        lambda: list(model.stream(broken_history())),
    ]
    async_ways = [
        lambda: model.ainvoke(broken_history()),
        lambda: model.abatch([broken_history(), broken_history()], return_exceptions=True),
        lambda: drain(model.astream(broken_history())),
        lambda: drain(model.astream_events(broken_history(), version="v2")),
    ]
    for way in ways:
        await _whatever_comes(asyncio.to_thread(way))
    for way in async_ways:
        await _whatever_comes(way())
    assert await asyncio.to_thread(handler.flush, 10)
    server.wait_for_runs_to_end(9)
    assert len(server.ended_runs("llm")) == 9
    assert {each["run_id"] for each in server.feedback.values()} == set(server.runs)
    assert len(server.requests("/feedback")) == 9
    assert counted(handler) == {("sent", ""): 9}


async def _whatever_comes(call: Any) -> None:
    try:
        await call
    except InvalidToolResultsError:
        return


def test_several_handlers_give_one_feedback(rig: Rig, server: LangSmithServer) -> None:
    handlers = [rig.handler(), rig.handler(feedback="all")]
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), *handlers]})
    assert all(handler.flush(10) for handler in handlers)
    assert len(server.requests("/feedback")) == 1


def test_the_innocent_prompts_of_a_blocked_call_get_none(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler("strict", feedback="all")
    prompts = [clean_history(), broken_history(), clean_history()]
    with pytest.raises(InvalidToolResultsError):
        CountingModel().generate(prompts, callbacks=[rig.tracer(), handler])
    assert handler.flush(10)
    server.wait_for_runs_to_end(3)
    assert near_miss_feedback(server)["feedback_source"]["metadata"]["outcome"] == "blocked"


def test_a_real_integration(rig: Rig, server: LangSmithServer, counting_provider) -> None:
    handler = rig.handler("strict")
    model = ChatOpenAI(
        model="gpt-4o", base_url=counting_provider.base_url, api_key="test", max_retries=0
    )
    with pytest.raises(InvalidToolResultsError):
        model.invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    model.invoke(clean_history(), {"callbacks": [rig.tracer(), handler]})
    handler.flush(10)
    assert counting_provider.count == 1
    info = near_miss_feedback(server)["feedback_source"]["metadata"]
    assert (info["provider"], info["model"]) == ("openai", "gpt-4o")


# Where nothing is sent


def test_without_a_tracer_nothing_is_sent_and_no_worker_starts(rig: Rig, monkeypatch) -> None:
    connections = Connections(monkeypatch)
    handler = rig.handler("observe", feedback="all", langsmith_client=rig.client())
    CountingModel().invoke(broken_history(), {"callbacks": [handler]})
    assert handler.flush(10)
    assert counted(handler) == {}
    assert connections.by_workers() == 0


def test_disabled_tracing_means_no_feedback(rig: Rig, server: LangSmithServer) -> None:
    handler, client = rig.handler(), rig.client()
    with tracing_context(enabled=False):
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    assert handler.flush(10)
    client.flush()
    assert server.requests("/feedback") == []
    assert server.runs == {}
    assert counted(handler) == {}


def test_a_sampled_out_run_gets_no_feedback(rig: Rig, server: LangSmithServer) -> None:
    handler, client = rig.handler(), rig.client(tracing_sampling_rate=0.5)
    tracer = rig.tracer(client)
    for _ in range(40):
        CountingModel().invoke(broken_history(), {"callbacks": [tracer, handler]})
    assert handler.flush(10)
    client.flush()
    server.wait_for_runs_to_end(1)
    assert 0 < len(server.runs) < 40
    assert {each["run_id"] for each in server.feedback.values()} == set(server.runs)


def test_sampling_of_older_clients_is_understood() -> None:
    class OldClient:
        def __init__(self) -> None:
            self._filtered_post_uuids = {left_out}

        def _should_sample(self) -> bool:
            raise AssertionError

    left_out = uuid4()
    assert not is_sampled(OldClient(), left_out)
    assert is_sampled(OldClient(), uuid4())


@pytest.mark.skipif(not has("tracing_mode"), reason="this client has no tracing modes")
def test_a_run_that_goes_out_as_a_span_only_has_no_id_to_give_feedback_on(
    rig: Rig, server: LangSmithServer
) -> None:
    client = rig.client(tracing_mode="otel", otel_tracer_provider=TracerProvider())
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    assert handler.flush(10)
    assert server.requests("/feedback") == []
    assert counted(handler) == {}


# Settings of the host


@pytest.mark.skipif(not has("tracing_mode"), reason="this client has no tracing modes")
def test_opentelemetry_mode_changes_nothing(rig: Rig, server: LangSmithServer, monkeypatch) -> None:
    client = rig.client(tracing_mode="hybrid", otel_tracer_provider=TracerProvider())
    monkeypatch.setenv("LANGSMITH_OTEL_ENABLED", "true")
    ls_utils.get_env_var.cache_clear()
    provider = trace.get_tracer_provider()
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    assert handler.flush(10)
    assert near_miss_feedback(server)["value"] == KIND
    assert trace.get_tracer_provider() is provider


def test_hidden_inputs_stay_hidden(rig: Rig, server: LangSmithServer, monkeypatch) -> None:
    monkeypatch.setenv("LANGSMITH_HIDE_INPUTS", "true")
    monkeypatch.setenv("LANGSMITH_HIDE_OUTPUTS", "true")
    ls_utils.get_env_var.cache_clear()
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    assert handler.flush(10)
    server.wait_for_runs_to_end(1)
    assert CANARY not in json.dumps([run.data for run in server.runs.values()])
    assert near_miss_feedback(server)["value"] == KIND


def test_no_content_and_no_key_gets_out(rig: Rig, server: LangSmithServer, caplog) -> None:
    caplog.set_level(logging.DEBUG, "toolpair_observe")
    handler = rig.handler("strict")
    server.fail("/feedback", Fault(401, body={"detail": f"no, {CANARY}"}), times=1)
    for _ in range(2):
        with pytest.raises(InvalidToolResultsError):
            CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
        handler.flush(10)
    assert counted(handler) == {("sent", ""): 1, ("failed", "401"): 1}
    sent = b"".join(request.body for request in server.requests("/feedback"))
    logged = "".join(
        record.getMessage() for record in caplog.records if record.name == "toolpair_observe"
    )
    assert "check the API key" in logged
    for secret in (CANARY, server.api_key, server.api_key[:8]):
        assert secret not in logged
        assert secret.encode() not in sent
    assert server.api_key not in repr(handler._pipeline.__dict__)


def test_ids_can_be_hashed(rig: Rig, server: LangSmithServer) -> None:
    handler = rig.handler(hash_ids=True)
    config: Any = {"callbacks": [rig.tracer(), handler], "metadata": {"thread_id": "thread-7"}}
    CountingModel().invoke(broken_history(), config)
    handler.flush(10)
    text = json.dumps(near_miss_feedback(server))
    assert "call_a" not in text
    assert "thread-7" not in text
    assert "hmac:" in text


def test_a_client_of_its_own_says_where_feedback_goes(rig: Rig, server: LangSmithServer) -> None:
    with LangSmithServer(api_key="lsv2_other_key") as other:
        other.ensure_project("checkout")
        handler = rig.handler(langsmith_client=rig.client(other))
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
        assert handler.flush(10)
        assert len(other.feedback) == 1
        assert server.feedback == {}
        server.wait_for_runs_to_end(1)


def test_feedback_follows_the_run_to_its_replica(rig: Rig, server: LangSmithServer) -> None:
    with LangSmithServer(api_key="lsv2_replica_key") as replica:
        replicas: Any = [
            {"api_url": server.url, "api_key": server.api_key, "project_name": "copy"},
            {"api_url": replica.url, "api_key": replica.api_key},
        ]
        handler, client = rig.handler(), rig.client()
        with tracing_context(replicas=replicas):
            CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
        assert handler.flush(10)
        replica.wait_for_runs_to_end(1)
        (run,) = replica.ended_runs("llm")
        assert [each["run_id"] for each in replica.feedback.values()] == [run.id]
        # There the run has another id, which only the tracer knows.
        assert server.feedback == {}


def test_a_run_that_is_only_copied_under_new_ids_gets_no_feedback(
    rig: Rig, server: LangSmithServer
) -> None:
    handler = rig.handler()
    with tracing_context(replicas=[{"project_name": "copy", "updates": None}]):
        CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    assert handler.flush(10)
    assert server.requests("/feedback") == []


@pytest.mark.skipif(not has("headers"), reason="this client takes no headers")
def test_the_workspace_and_headers_of_the_tracers_client_are_used(
    rig: Rig, server: LangSmithServer
) -> None:
    client = rig.client(workspace_id="ws-1", headers={"X-Gateway": "yes"})
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(client), handler]})
    handler.flush(10)
    (request,) = server.requests("/feedback")
    assert (request.headers["x-tenant-id"], request.headers["x-gateway"]) == ("ws-1", "yes")


# Faults


FAULTS = {
    "500": Fault(500),
    "503": Fault(503, retry_after="3600"),
    "429": Fault(429, retry_after="0"),
    "408": Fault(408),
    "401": Fault(401),
    "403": Fault(403),
    "404": Fault(404),
    "422": Fault(422),
    "hang": Fault(kind="hang"),
    "reset": Fault(kind="reset"),
    "refuse": None,
}
FINAL = {"401", "403", "422"}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("path", ["/feedback", "/sessions"])
def test_a_fault_costs_the_caller_nothing_and_delivery_resumes(
    rig: Rig, server: LangSmithServer, monkeypatch, name: str, path: str
) -> None:
    connections = Connections(monkeypatch)
    fault = FAULTS[name]
    if name == "hang":
        hurry(monkeypatch, IMPATIENT)
    elsewhere = LangSmithServer().start()
    elsewhere.ensure_project("checkout")
    handler = rig.handler(langsmith_client=rig.client(elsewhere))
    if fault is None:
        elsewhere.stop()
    else:
        elsewhere.fail(path, fault)
    config: Any = {"callbacks": [rig.tracer(), handler]}
    answers = [CountingModel().invoke(broken_history(), config).content for _ in range(3)]
    assert answers == ["All is well."] * 3
    connections.wait_for_a_worker()
    if name in FINAL:
        handler.flush(10)
        assert counted(handler) == {("failed", name): 3}
    if fault is None:
        elsewhere.start()
    elsewhere.heal()
    CountingModel().invoke(broken_history(), config)
    assert handler.flush(10)
    assert counted(handler)[("sent", "")] == (1 if name in FINAL else 4)
    assert len(elsewhere.feedback) == counted(handler)[("sent", "")]
    for url in (server.url, elsewhere.url):
        assert connections.by(threading.current_thread(), url) == 0
    assert internal_errors(handler) == {}
    handler.close()
    elsewhere.stop()


@pytest.mark.parametrize("kind", ["reset", "status"])
def test_a_lost_answer_gives_no_second_feedback(
    rig: Rig, server: LangSmithServer, kind: Any
) -> None:
    server.fail("/feedback", Fault(500, kind=kind, after_commit=True), times=2)
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    assert handler.flush(10)
    assert len(server.requests("/feedback")) == 3
    assert len({request.json["id"] for request in server.requests("/feedback")}) == 1
    assert len(server.feedback) == 1
    assert counted(handler) == {("sent", ""): 1}


@pytest.mark.parametrize("location", [None, "/login"])
def test_the_page_of_a_proxy_is_no_delivery(
    rig: Rig, server: LangSmithServer, location: str | None
) -> None:
    server.ensure_project("checkout")
    server.fail("/feedback", Fault(302, location=location), times=1)
    server.fail("/login", Fault(200), times=1)
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    assert not handler.flush(10)
    assert counted(handler) == {("failed", "Redirected"): 1}


def test_feedback_that_is_there_already_counts_as_sent(rig: Rig, server: LangSmithServer) -> None:
    server.fail("/feedback", Fault(409), times=1)
    handler = rig.handler()
    CountingModel().invoke(broken_history(), {"callbacks": [rig.tracer(), handler]})
    assert handler.flush(10)
    assert counted(handler) == {("sent", ""): 1}


def test_the_project_is_asked_for_once(rig: Rig, server: LangSmithServer) -> None:
    server.ensure_project("checkout")
    handler, tracer = rig.handler(), rig.tracer()
    for _ in range(5):
        CountingModel().invoke(broken_history(), {"callbacks": [tracer, handler]})
    assert handler.flush(10)
    assert len(server.requests("/sessions")) == 1
    assert len(server.requests("/feedback")) == 5
    # All feedback comes from the handler's client, which asks for no facts and starts no thread.
    agents = {request.headers["user-agent"] for request in server.requests("/feedback")}
    assert len(agents) == 1


def test_connections_and_projects_kept_are_bounded(rig: Rig, server: LangSmithServer) -> None:
    sender = client.FeedbackApi()
    clients = set()
    for number in range(20):
        server.ensure_project(f"p{number}")
        headers = (("X-Number", str(number)),)
        destination = Destination(server.url, server.api_key, headers=headers)
        where = Address(destination, f"p{number}")
        body = {"id": str(uuid4()), "run_id": str(uuid4()), "key": "K"}
        sender.send(client.Submission(where, body))
        clients.add(id(sender._workspaces[destination]))
    assert len(server.feedback) == 20
    assert len(sender._workspaces) == client._MAX_WORKSPACES
    sender.close()
    assert not sender._workspaces


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [("7", 7, 7), ("0", 0, 0), ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0), ("soon", None, None)],
)
def test_retry_after_is_understood(
    rig: Rig, server: LangSmithServer, value: str, least: float | None, most: float | None
) -> None:
    server.fail("/feedback", Fault(429, retry_after=value))
    where = Address(
        Destination(server.url, server.api_key), None, UUID(server.ensure_project("p")["id"])
    )
    body = {"id": str(uuid4()), "run_id": str(uuid4()), "key": "K"}
    sender = client.FeedbackApi()
    with pytest.raises(TryLater) as caught:
        sender.send(client.Submission(where, body))
    sender.close()
    assert caught.value.pause
    if least is None or most is None:
        assert caught.value.after is None
    else:
        assert least <= caught.value.after <= most
    assert server.api_key not in repr(caught.value)
    # The error of an HTTP library may quote the request; a traceback must not show it.
    assert caught.value.__context__ is None


def test_ten_thousand_near_misses_while_the_server_is_down() -> None:
    counts = Counts()
    reporter = LangSmithReporter(
        settings(),
        counts=counts,
        limits=DeliveryLimits(max_items=500, first_delay=0.01),
        timeout=PATIENT,
    )
    server = LangSmithServer().start()
    project = server.ensure_project("checkout")
    server.stop()
    client = Rig(server).client(auto_batch_tracing=False)
    for _ in range(10_000):
        observation = near_miss(outcome=Outcome.ACCEPTED)
        tree = run_trees.RunTree(
            name="m", id=observation.run_id, session_name="checkout", ls_client=client
        )
        link = TraceLink(tree.trace_id, "checkout", client, tree)
        reporter.finished(observation, Trace(NOWHERE, link))
        assert len(reporter._delivery._waiting) <= 500
    totals = counts.snapshot(semconv.FEEDBACK_SUBMISSIONS)
    assert totals[("dropped", "QueueFull")] >= 10_000 - 501 - totals.get(("failed", ""), 0)
    server.start()
    assert not reporter.flush(20) or server.feedback
    reporter.flush(20)
    totals = counts.snapshot(semconv.FEEDBACK_SUBMISSIONS)
    assert sum(totals.values()) == 10_000
    assert totals[("sent", "")] == len(server.feedback) >= 400
    assert {each["session_id"] for each in server.feedback.values()} == {project["id"]}
    reporter.close()
    stop(client)
    server.stop()


SCRIPT = """
import sys
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langsmith import Client
from toolpair_observe import ToolPairHandler
client = Client(api_url=sys.argv[1], api_key=sys.argv[2])
handler = ToolPairHandler(profile="openai-chat")
model = FakeListChatModel(responses=["yes"])
calls = [{"name": "search", "args": {}, "id": "call_a"}]
history = [HumanMessage("hi"), AIMessage("", tool_calls=calls), HumanMessage("and?")]
model.invoke(history, {"callbacks": [LangChainTracer(client=client), handler]})
"""


DROPPED = """
import gc, weakref
alive = weakref.ref(handler)
del handler
gc.collect()
assert alive() is None
"""


@pytest.mark.parametrize("ending", ["", DROPPED], ids=["kept", "dropped"])
def test_a_process_that_just_ends_has_delivered(server: LangSmithServer, ending: str) -> None:
    server.require_known_run = True
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SCRIPT + ending, server.url, server.api_key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert [each["value"] for each in server.feedback.values()] == [KIND]
    assert server.pending_runs() == []


def test_a_process_ends_with_a_dead_server_without_an_error() -> None:
    server = LangSmithServer().start()
    server.stop()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SCRIPT, server.url, server.api_key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_the_comment_says_that_the_thread_is_stored_broken() -> None:
    told = near_miss(poisoned_thread_id="thread-7", outcome=Outcome.REJECTED)
    comment = body_of(told, "t", "")["comment"]
    assert comment == (
        f"{told.report.summary()}; thread thread-7 is stored with a breach, so every later turn "
        "fails until it is mended: toolpair-observe threads DATABASE_URL --thread thread-7; "
        "outcome rejected"
    )


def test_feedback_says_what_broke_the_history_and_since_when() -> None:
    since = uuid4()
    blame = Blame("Trim.before_model", BlameChange.REMOVED, since_run_id=since, requests_ago=2)
    told = near_miss(blame=blame, is_fresh=False, outcome=Outcome.REJECTED)
    body = body_of(told, "t", "")
    assert body["comment"] == (
        f"{told.report.summary()}; again, since 2 requests ago (run {since}); "
        f"{tell(blame, told.report)}; outcome rejected"
    )
    names = ("fresh", "blame_step", "blame_change", "requests_ago", "since_run_id")
    info = body["feedback_source"]["metadata"]
    assert [info[name] for name in names] == [
        False,
        "Trim.before_model",
        "removed",
        2,
        str(since),
    ]


@pytest.mark.parametrize(("is_fresh", "said"), [(True, {"fresh": True}), (None, {})])
def test_feedback_says_nothing_of_what_is_not_known(is_fresh, said) -> None:
    info = body_of(near_miss(is_fresh=is_fresh), "t", "")["feedback_source"]["metadata"]
    names = {"fresh", "blame_step", "blame_change", "requests_ago", "since_run_id"}
    assert {name: info[name] for name in names & {*info}} == said


def test_the_comment_of_a_hostile_history_is_one_line_of_utf8() -> None:
    observation = near_miss(outcome=Outcome.BLOCKED)
    violation = observation.report.violations[0]
    object.__setattr__(violation, "tool_call_id", "a\nb\ud800" + "x" * 100_000)
    tree = run_trees.RunTree(name="m", start_time=datetime.now(UTC))
    link = TraceLink(tree.trace_id, "p", None, tree)
    from toolpair_observe.reporters.langsmith.feedback import feedback_body

    body = feedback_body(link, observation)
    assert body["comment"].isprintable()
    assert len(json.dumps(body, ensure_ascii=False).encode()) < 8_000
    assert observation.report.effect is Effect.REJECT
