"""LangSmith and OpenTelemetry together, with the real client and the real exporter.

The loopback server makes runs of spans as LangSmith's documentation and its client say.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from langchain_core.runnables import RunnableLambda
from langsmith import utils as ls_utils
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.handler.models import CountingModel
from tests.loopback.langsmith_server import TENANT_ID, LangSmithServer
from tests.reporters.langsmith_rig import Rig, broken_history, counted, hurry, internal_errors
from tests.reporters.samples import RUN_ID
from toolpair_observe import InvalidToolResultsError, semconv
from toolpair_observe.attach import seam
from toolpair_observe.record import TraceLink
from toolpair_observe.reporters.langsmith import nesting, pages, spans
from toolpair_observe.reporters.langsmith.address import Address, address_of
from toolpair_observe.reporters.langsmith.feedback import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch) -> Iterator[None]:
    for variable in list(os.environ):
        if variable.startswith(("TOOLPAIR_", "LANGSMITH_", "LANGCHAIN_", "OTEL_")):
            monkeypatch.delenv(variable)
    hurry(monkeypatch)
    ls_utils.get_env_var.cache_clear()
    pages._learned.clear()
    yield
    seam.uninstall()
    ls_utils.get_env_var.cache_clear()


@pytest.fixture
def server() -> Iterator[LangSmithServer]:
    with LangSmithServer() as server:
        server.ensure_project("checkout")
        yield server
        assert server.errors == []


@pytest.fixture
def rig(server: LangSmithServer) -> Iterator[Rig]:
    rig = Rig(server)
    yield rig
    rig.close()


@pytest.fixture
def sent_to(server: LangSmithServer) -> Iterator[Callable[..., TracerProvider]]:
    """Make the application's provider, whose spans are sent to a server."""
    providers = []

    def sent_to(url: str = server.url, processor: Any = SimpleSpanProcessor) -> TracerProvider:
        exporter = OTLPSpanExporter(f"{url}/otel/v1/traces", headers={"x-api-key": server.api_key})
        providers.append(TracerProvider(shutdown_on_exit=False))
        providers[-1].add_span_processor(processor(exporter))
        return providers[-1]

    yield sent_to
    for provider in providers:
        provider.shutdown()


class Asked:
    """One near miss of a handler beside a tracer of a client."""

    def __init__(
        self, rig: Rig, provider: TracerProvider, mode: Any = "otel", **options: Any
    ) -> None:
        self.provider = provider
        if mode != "langsmith":
            options["otel_tracer_provider"] = provider
        self.client = rig.client(tracing_mode=mode, **options)
        self.tracer = rig.tracer(self.client)
        self.told: list[Any] = []
        self.rig = rig
        self.handler: Any = None

    def __call__(self, mode: Any = "observe", *, after: bool = True, **options: Any) -> Asked:
        """Ask a model that answers after the client has begun the span, or before."""
        self.handler = self.rig.handler(
            mode, tracer_provider=self.provider, on_near_miss=self.told.append, **options
        )
        model = CountingModel(before=(lambda _: self.client.flush()) if after else None)
        chain = RunnableLambda(lambda messages: messages) | model
        chain.invoke(broken_history(), {"callbacks": [self.tracer, self.handler]})
        assert self.handler.flush(10)
        self.client.flush()
        self.provider.force_flush()
        return self


# Runs that are written as spans only


@pytest.mark.parametrize(
    "processor",
    [SimpleSpanProcessor, functools.partial(BatchSpanProcessor, schedule_delay_millis=20)],
    ids=["simple", "batch"],
)
def test_feedback_goes_to_the_run_that_langsmith_makes_of_the_span(
    rig: Rig, server: LangSmithServer, sent_to, processor
) -> None:
    server.require_known_run = True
    asked = Asked(rig, sent_to(processor=processor))()

    (run,) = [each for each in server.runs.values() if each.name == "CountingModel"]
    (root,) = [each for each in server.runs.values() if each.parent_run_id is None]
    (feedback,) = server.feedback.values()
    assert (feedback["run_id"], feedback["trace_id"]) == (run.id, root.id)
    assert feedback["id"] == str(uuid5(asked.told[0].run_id, KEY))
    assert feedback["session_id"] == server.projects["checkout"]["id"]
    assert "toolpair:missing_result" in run.tags
    (check,) = [each for each in server.runs.values() if each.name == semconv.SPAN_CHECK]
    assert check.parent_run_id == run.id
    assert counted(asked.handler) == {("sent", ""): 1}
    assert not internal_errors(asked.handler)


def test_below_a_span_of_the_application_the_root_run_is_not_known(
    rig: Rig, server: LangSmithServer, sent_to
) -> None:
    provider = sent_to()
    with provider.get_tracer("application").start_as_current_span("POST /chat"):
        Asked(rig, provider)()

    (feedback,) = server.feedback.values()
    assert "trace_id" not in feedback
    assert server.runs[feedback["run_id"]].name == "CountingModel"


@pytest.mark.parametrize("why", ["elsewhere", "no exporter", "too early", "no key", "sampled out"])
def test_nothing_is_sent_where_it_could_not_be_right(
    rig: Rig, server: LangSmithServer, sent_to, monkeypatch, why
) -> None:
    with LangSmithServer() as other:
        provider = sent_to(other.url if why == "elsewhere" else server.url)
        if why == "no exporter":
            provider = TracerProvider(shutdown_on_exit=False)
        asked = Asked(rig, provider, tracing_sampling_rate=0.0 if why == "sampled out" else None)
        if why == "no key":
            monkeypatch.setattr(type(asked.client), "api_key", None)
        if why == "too early":
            # Blocked before the client's own thread could begin anything.
            monkeypatch.setattr(type(asked.client), "_put_tracing_queue", lambda *_: None)
            with pytest.raises(InvalidToolResultsError):
                asked("strict")
        else:
            asked(after=True)

    assert server.feedback == {}
    assert not counted(asked.handler)
    assert not internal_errors(asked.handler)


def test_the_rule_is_the_one_that_the_client_publishes(sent_to) -> None:
    published = pytest.importorskip("langsmith.integrations.otel")
    if not hasattr(published, "langsmith_run_id_from_otel_span_id"):
        pytest.skip("an older client publishes no rule")
    span = sent_to().get_tracer("t").start_span("chat")
    span_id = span.get_span_context().span_id
    assert spans._id_of(span) == published.langsmith_run_id_from_otel_span_id(span_id)


def test_an_id_that_the_span_itself_says_holds(sent_to) -> None:
    span = sent_to().get_tracer("t").start_span("chat")
    span.set_attribute("langsmith.span.id", str(RUN_ID))
    assert spans._id_of(span) == RUN_ID


# Runs that LangSmith's tracer writes, and spans that are sent to LangSmith besides


@pytest.mark.parametrize("mode", ["langsmith", "hybrid"])
def test_langsmith_nests_the_check_below_the_run(
    rig: Rig, server: LangSmithServer, sent_to, mode
) -> None:
    Asked(rig, sent_to(), mode)()
    server.wait_for(lambda: any(not run.is_pending for run in server.runs.values()), 10)

    (check,) = [each for each in server.runs.values() if each.name == semconv.SPAN_CHECK]
    (model,) = [
        each
        for each in server.runs.values()
        if each.name == "CountingModel" and each.data.get("trace_id")
    ]
    assert check.parent_run_id == model.id
    assert check.trace_id == model.trace_id
    assert check.project == model.project == "checkout"
    assert check.run_type == "chain"
    order = check.data["dotted_order"]
    assert order.startswith(f"{model.data['dotted_order']}.")
    started, _, own = order.rpartition(".")[2].partition("Z")
    assert own == check.id
    assert datetime.strptime(f"{started}Z", "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def test_a_check_that_is_sent_twice_has_one_id(rig: Rig, server: LangSmithServer, sent_to) -> None:
    told = Asked(rig, sent_to(), "langsmith")().told
    (check,) = [each for each in server.runs.values() if each.name == semconv.SPAN_CHECK]
    assert check.id == str(uuid5(told[0].run_id, semconv.SPAN_CHECK))


@pytest.mark.parametrize("why", ["otel", "sampled out"])
def test_a_parent_that_does_not_exist_is_not_named(rig: Rig, why) -> None:
    provider, kept = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    mode, rate = ("otel", None) if why == "otel" else ("langsmith", 0.0)
    Asked(rig, provider, mode, tracing_sampling_rate=rate)()

    (check,) = [each for each in kept.get_finished_spans() if each.name == semconv.SPAN_CHECK]
    assert not [name for name in check.attributes if name.startswith("langsmith.")]


def test_what_cannot_be_read_costs_the_nesting_and_not_the_span(rig: Rig, monkeypatch) -> None:
    def fail(*_: Any) -> None:
        raise LookupError

    provider, kept = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(nesting, "copy_of", fail)
    asked = Asked(rig, provider, "langsmith")()

    assert [each.name for each in kept.get_finished_spans()] == [semconv.SPAN_CHECK]
    assert internal_errors(asked.handler) == {("LookupError", "langsmith"): 1}


# The page of a run


def test_the_page_of_a_run_is_known_once_feedback_was_delivered(
    rig: Rig, server: LangSmithServer, sent_to
) -> None:
    """Its workspace and its project have ids that only the server can tell."""
    asked = Asked(rig, sent_to(), "langsmith")
    asked()
    asked()
    pages_told = [each.langsmith_url for each in asked.told]
    assert pages_told[0] is None
    tree: Any = type("Tree", (), {"id": asked.told[1].run_id, "session_name": "checkout"})
    # The name in older releases, where it is not deprecated.
    build = getattr(asked.client, "_construct_run_url", None) or asked.client.get_run_url
    assert pages_told[1] == build(run=tree)
    assert f"/o/{TENANT_ID}/projects/p/" in pages_told[1]


def test_the_page_of_a_run_that_is_written_as_a_span_has_the_ids_of_the_span(
    rig: Rig, server: LangSmithServer, sent_to
) -> None:
    asked = Asked(rig, sent_to())()()
    (last, *_) = [each for each in asked.told if each.langsmith_url]
    page = str(last.langsmith_url)
    run = server.runs[page.rpartition("/r/")[2].removesuffix("?poll=true")]
    assert run.name == "CountingModel"


def test_who_was_told_the_workspace_and_the_project_asks_nobody(rig: Rig) -> None:
    link = _link(rig.client(workspace_id="w-1"), session_id=UUID(int=7))
    assert pages.page_of(link, RUN_ID) == (
        f"http://localhost/o/w-1/projects/p/{UUID(int=7)}/r/{RUN_ID}?poll=true"
    )


def test_the_page_of_a_copy_elsewhere_is_not_that_of_the_client(rig: Rig) -> None:
    link = _link(rig.client(workspace_id="w-1"), session_id=UUID(int=7))
    other: Any = link.run_tree
    other.replicas = [{"api_url": "https://other.example.com", "primary": True, "api_key": "k"}]
    address = address_of(link, None)
    assert address is not None
    pages.learn(address, pages.Project("t", "p"))
    assert pages.page_of(link, RUN_ID) is None


def test_a_page_shows_no_password(rig: Rig) -> None:
    client = rig.client(workspace_id="w-1", api_url="https://me:secret@ls.example.com/api/v1")
    page = pages.page_of(_link(client, session_id=UUID(int=7)), RUN_ID)
    assert page == (f"https://ls.example.com/o/w-1/projects/p/{UUID(int=7)}/r/{RUN_ID}?poll=true")


@pytest.mark.parametrize("unknown", ["workspace", "project", "run", "host"])
def test_there_is_no_page_without_each_of_its_parts(rig: Rig, monkeypatch, unknown) -> None:
    client = rig.client(
        workspace_id=None if unknown == "workspace" else "w-1",
        tracing_sampling_rate=0.0 if unknown == "run" else None,
    )
    if unknown == "run":  # older clients remember what they leave out
        getattr(client, "_filtered_post_uuids", set()).add(RUN_ID)
    if unknown == "host":
        monkeypatch.setattr(type(client), "_host_url", None)
    link = _link(client, session_id=None if unknown == "project" else UUID(int=7))
    assert pages.page_of(link, RUN_ID) is None


def test_only_so_many_projects_are_remembered(rig: Rig) -> None:
    address = address_of(_link(rig.client(), session_id=None), None)
    for number in range(pages._MAX_PROJECTS + 5):
        name = f"project {number}"
        pages.learn(Address(address.destination, name), pages.Project("t", "p"))
    assert len(pages._learned) == pages._MAX_PROJECTS


def _link(client: Any, *, session_id: UUID | None) -> TraceLink:
    tree = type("Tree", (), {"replicas": None, "session_id": session_id})
    return TraceLink(RUN_ID, "checkout", client, tree)
