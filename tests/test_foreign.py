"""What other libraries do not promise is as it is relied on, in the releases that are installed."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tomllib
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import langchain_core.runnables.config
import pytest
from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.config import ensure_config
from langchain_core.tracers.langchain import LangChainTracer
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langsmith import Client
from langsmith.run_trees import RunTree
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
)
from opentelemetry.trace import get_tracer

from toolpair_observe import foreign

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "toolpair_observe"
MODEL = FakeListChatModel(responses=["yes"])


@pytest.fixture
def client() -> Any:
    return Client(
        "http://127.0.0.1:1",
        api_key="k",
        auto_batch_tracing=False,
        info={},
        workspace_id="w",
        headers={"X-A": "b"},
        tracing_mode="langsmith",
        tracing_sampling_rate=0.5,
    )


@pytest.fixture
def tracer(client: Any) -> Any:
    return LangChainTracer(client=client, project_name="p")


@pytest.fixture
def started(tracer: Any) -> Any:
    """The manager of a run that a tracer knows."""
    (manager,) = CallbackManager([tracer]).on_chat_model_start({}, [[HumanMessage("hi")]])
    return manager


@pytest.fixture
def tree() -> RunTree:
    return RunTree(name="m", session_name="p", replicas=[{"project_name": "q"}])


def of_openinference(_: Any) -> None:
    module = pytest.importorskip("openinference.instrumentation.langchain")
    instrumentor = module.LangChainInstrumentor()
    assert foreign.IS_INSTRUMENTED.of(instrumentor) is False
    assert callable(foreign.GET_SPAN.of(instrumentor))


def of_traceloop(_: Any) -> None:
    handlers = pytest.importorskip("opentelemetry.instrumentation.langchain.callback_handler")
    handler = handlers.TraceloopCallbackHandler(get_tracer("t"), None, None)
    run_id = uuid.uuid4()
    handler._create_llm_span(run_id, None, "m", handlers.LLMRequestTypeValues.CHAT)
    span = foreign.TRACELOOP_SPAN.of(foreign.TRACELOOP_SPANS.of(handler)[run_id])
    assert foreign.TRACELOOP_SPANS.first_among([None, handler]) is handler
    assert callable(span.get_span_context)


def of_genai(_: Any) -> None:
    module = pytest.importorskip("opentelemetry.instrumentation.genai.langchain.callback_handler")
    from opentelemetry.instrumentation.genai.langchain.invocation_manager import _InvocationManager
    from opentelemetry.util.genai.handler import TelemetryHandler

    telemetry, manager = TelemetryHandler(), _InvocationManager()
    handler = module.OpenTelemetryLangChainCallbackHandler(
        telemetry_handler=telemetry, invocation_manager=manager
    )
    manager.add_invocation_state(run_id := uuid.uuid4(), None, telemetry.inference("openai"))
    assert foreign.GENAI_INVOCATIONS.first_among([None, handler]) is handler
    assert foreign.GENAI_INVOCATIONS.of(handler) is manager
    assert callable(foreign.GENAI_SPAN.of(foreign.GENAI_INVOCATION.of(manager)(run_id)).end)


def of_langfuse(_: Any) -> None:
    module = pytest.importorskip("langfuse.langchain")
    langfuse = pytest.importorskip("langfuse").Langfuse(tracing_enabled=False)
    handler = module.CallbackHandler()
    started = langfuse.start_observation(name="m", as_type="generation")
    assert foreign.LANGFUSE_RUNS.first_among([None, handler]) is handler
    assert foreign.LANGFUSE_RUNS.of(handler) == {}
    assert callable(foreign.LANGFUSE_SPAN.of(started).get_span_context)


def of_langsmith_spans(get: Any) -> None:
    """The client begins the span of a run on a thread of its own."""
    provider = TracerProvider(shutdown_on_exit=False)
    options: Any = {"tracing_mode": "otel", "otel_tracer_provider": provider}
    client = Client("http://127.0.0.1:1", api_key="k", info={}, **options)
    tracer = LangChainTracer(client=client)
    (manager,) = CallbackManager([tracer]).on_chat_model_start({}, [[HumanMessage("hi")]])
    client.flush()
    begun = foreign.LANGSMITH_SPANS.of(foreign.OTEL_EXPORTER.of(client)).get(manager.run_id)
    name = foreign.LANGSMITH_SPAN.name
    span = begun[name] if isinstance(begun, dict) else foreign.LANGSMITH_SPAN.of(begun)
    assert span.is_recording()
    client.cleanup()
    assert foreign.OTEL_EXPORTER.of(get("client"), "nothing of that name") is None


def of_a_page(get: Any) -> None:
    assert foreign.HOST_URL.of(get("client")) == "http://localhost"
    assert foreign.TENANT_ID.of(get("client"), "nothing of that name") is None


def of_an_endpoint(_: Any) -> None:
    otlp = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    exporter = otlp.OTLPSpanExporter("http://127.0.0.1:1/v1/traces")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("t").start_span("s")
    holder = foreign.PROCESSOR_OF_SPAN.of(span)
    assert foreign.SPAN_PROCESSORS.of(holder) == foreign.SPAN_PROCESSORS.of(
        foreign.SPAN_PROCESSOR.of(provider)
    )
    assert foreign.OTLP_ENDPOINT.of(exporter) == "http://127.0.0.1:1/v1/traces"


def of_spans(_: Any) -> None:
    exporter = ConsoleSpanExporter()
    simple, batch = SimpleSpanProcessor(exporter), BatchSpanProcessor(exporter)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(simple)
    provider.add_span_processor(batch)
    holder = foreign.SPAN_PROCESSOR.of(provider)
    assert foreign.SPAN_PROCESSORS.of(holder) == (simple, batch)
    assert foreign.SPAN_EXPORTER.of(simple) is exporter
    inner = foreign.BATCH_PROCESSOR.of(batch)
    assert exporter in {foreign.SPAN_EXPORTER.of(batch), foreign.EXPORTER.of(inner)}
    provider.shutdown()


def of_variables(_: Any) -> None:
    known = foreign.VARIABLES.of(os.environ)
    assert os.environ.encodekey("PATH") in known
    assert os.environ.encodekey("NO_SUCH_VARIABLE_OF_OURS") not in known


def of_meters(_: Any) -> None:
    exporter = ConsoleMetricExporter(out=StringIO())
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    resource = Resource({"deployment.environment.name": "ci"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    config = foreign.METERS_CONFIG.of(provider)
    assert config.resource is resource
    readers = [foreign.METRIC_READERS.of(provider), foreign.READERS_OF_CONFIG.of(config)]
    assert reader in (readers[0] or readers[1])
    assert foreign.EXPORTER.of(reader) is exporter
    provider.shutdown()


def of_logs(_: Any) -> None:
    processor = SimpleLogRecordProcessor(ConsoleLogRecordExporter())
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    holder = foreign.LOG_PROCESSOR.of(provider)
    assert processor in foreign.LOG_PROCESSORS.of(holder)
    provider.shutdown()


def of_a_configurable_model(_: Any) -> None:
    models = pytest.importorskip("langchain.chat_models")
    pytest.importorskip("langchain_openai")
    model = models.init_chat_model("gpt-4o", model_provider="openai", api_key="k", temperature=0)
    configurable = models.init_chat_model(
        model_provider="openai", api_key="k", configurable_fields=("model",)
    )
    config = {"configurable": {"model": "gpt-4o"}}
    assert isinstance(model, type(foreign.CONFIGURED_MODEL.of(configurable)(config)))


def of_a_profile(get: Any) -> None:
    """Who has signed in with `langsmith login` has a token and no key."""
    file = get("tmp_path") / "config.json"
    profile = {"oauth": {"access_token": "t", "expires_at": "2999-01-01T00:00:00Z"}}
    file.write_text(json.dumps({"current_profile": "me", "profiles": {"me": profile}}))
    get("monkeypatch").setenv("LANGSMITH_CONFIG_FILE", str(file))
    client = Client("http://127.0.0.1:1", auto_batch_tracing=False, info={})
    auth = foreign.PROFILE_AUTH.of(client)
    assert foreign.PROFILE_HEADERS.of(auth)() == {"Authorization": "Bearer t"}


def of_sampling(get: Any) -> None:
    """Newer clients decide by an id; older ones keep the ids of what they leave out."""
    client = get("client")
    by_id = foreign.SHOULD_SAMPLE.of(client).__code__.co_argcount > 1
    assert by_id or foreign.FILTERED_POST_UUIDS.of(client) == set()
    if by_id:
        decided = {foreign.SHOULD_SAMPLE.of(client)(uuid.uuid4()) for _ in range(200)}
        assert decided == {True, False}


def of_a_start(get: Any) -> None:
    (manager,) = foreign.START_OF_MANAGER.of(CallbackManager([get("tracer")]))(
        {}, [[HumanMessage("hi")]], run_id=(run_id := uuid.uuid4())
    )
    assert foreign.RUN_ID.of(manager) == run_id


def of_an_async_start(_: Any) -> None:
    import inspect

    assert inspect.iscoroutinefunction(foreign.ASYNC_START_OF_MANAGER.of(AsyncCallbackManager))


def of_handlers(get: Any) -> None:
    manager = get("started")
    manager.handlers = [*manager.handlers]
    assert foreign.HANDLERS.of(manager) == [get("tracer")]


def of_the_run_map(get: Any) -> None:
    run_id = foreign.RUN_ID.of(get("started"))
    (handler,) = get("started").handlers
    assert foreign.RUN_MAP.of(handler)[str(run_id)].id == run_id


def of_tags(get: Any) -> None:
    tree = get("tree")
    tree.tags = ["a"]
    tree.extra = {"metadata": {"b": 1}}
    assert (foreign.TAGS.of(tree), foreign.EXTRA.of(tree)["metadata"]) == (["a"], {"b": 1})


def of_a_snapshot(_: Any) -> None:
    pytest.importorskip("langgraph.channels.delta")
    from langgraph.checkpoint.serde import types

    assert foreign.DELTA_SNAPSHOT.of(types)([1]).value == [1]


def of_changes(_: Any) -> None:
    pytest.importorskip("langgraph.channels.delta")
    from langgraph.graph import message

    first, second = HumanMessage("a", id="1"), HumanMessage("b", id="2")
    reducer = foreign.MESSAGES_REDUCER.of(message)
    assert reducer([first], [second, [HumanMessage("c", id="1")]])[1:] == [second]


def is_method(name: foreign.ForeignName) -> Any:
    return lambda _: isinstance(name.of(MODEL)(stop=["x"]), dict) or pytest.fail(name.name)


def has(fixture: str, name: foreign.ForeignName, value: object) -> Any:
    def check(get: Any) -> None:
        assert name.of(get(fixture), "nothing of that name") == value

    return check


def same(fixture: str, name: foreign.ForeignName, of: Any) -> Any:
    def check(get: Any) -> None:
        assert name.of(get(fixture)) is of(get)

    return check


def of_a_model_beneath(_: Any) -> None:
    result = foreign.GENERATE.of(MODEL)([HumanMessage("hi")])
    assert result.generations[0].message.content == "yes"


def of_a_stainless_client(_: Any) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="k") as client:
        assert callable(foreign.CLIENT_BENEATH.of(client).send)
        assert foreign.CLIENT_BENEATH.of(client.chat.completions) is client


def of_a_google_client(_: Any) -> None:
    genai = pytest.importorskip("google.genai")
    client = genai.Client(api_key="k")
    api = foreign.GOOGLE_API.of(client)
    assert callable(foreign.GOOGLE_HTTP.of(api).send)
    assert foreign.GOOGLE_API.of(foreign.GOOGLE_MODELS.of(client)) is api
    assert client.models is foreign.GOOGLE_MODELS.of(client)
    client.close()


def of_a_boto_client(_: Any) -> None:
    session = pytest.importorskip("botocore.session").Session()
    client = session.create_client(
        "sts", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    endpoint = foreign.BOTO_ENDPOINT.of(client)
    assert callable(foreign.BOTO_RETRY.of(endpoint))
    assert callable(foreign.BOTO_SEND.of(endpoint))
    assert callable(endpoint.http_session.send)


def of_no_spans(_: Any) -> None:
    from opentelemetry import context

    names = (foreign.NO_SPANS, foreign.NO_HTTP_SPANS)
    assert len({name.of(context) for name in names} - {None}) == len(names)


def of_a_current_config(_: Any) -> None:
    """It is what `ensure_config` begins with, and its keys are the same."""
    seen = []

    def look(_: object) -> None:
        config = foreign.CURRENT_CONFIG.of(langchain_core.runnables.config).get()
        seen.append((config["configurable"], ensure_config()["configurable"]))

    assert foreign.CURRENT_CONFIG.of(langchain_core.runnables.config).get() is None
    RunnableLambda(look).invoke(None, {"configurable": {"thread_id": "1"}})
    assert seen == [({"thread_id": "1"}, {"thread_id": "1"})]


RELIED_ON: dict[foreign.ForeignName, Any] = {
    foreign.SERIALIZED: lambda _: foreign.SERIALIZED.of(MODEL)["id"][-1] == "FakeListChatModel",
    foreign.INVOCATION_PARAMS: is_method(foreign.INVOCATION_PARAMS),
    foreign.LS_PARAMS: is_method(foreign.LS_PARAMS),
    foreign.CONFIGURED_MODEL: of_a_configurable_model,
    foreign.GENERATE: of_a_model_beneath,
    foreign.CLIENT_BENEATH: of_a_stainless_client,
    foreign.GOOGLE_API: of_a_google_client,
    foreign.GOOGLE_HTTP: of_a_google_client,
    foreign.GOOGLE_MODELS: of_a_google_client,
    foreign.BOTO_ENDPOINT: of_a_boto_client,
    foreign.BOTO_RETRY: of_a_boto_client,
    foreign.BOTO_SEND: of_a_boto_client,
    foreign.NO_SPANS: of_no_spans,
    foreign.NO_HTTP_SPANS: of_no_spans,
    foreign.START_OF_MANAGER: of_a_start,
    foreign.ASYNC_START_OF_MANAGER: of_an_async_start,
    foreign.HANDLERS: of_handlers,
    foreign.RUN_ID: of_a_start,
    foreign.RUN_MAP: of_the_run_map,
    foreign.TRACER_CLIENT: same("tracer", foreign.TRACER_CLIENT, lambda get: get("client")),
    foreign.TRACE_ID: same("tree", foreign.TRACE_ID, lambda get: get("tree").id),
    foreign.SESSION_NAME: has("tree", foreign.SESSION_NAME, "p"),
    foreign.SESSION_ID: has("tree", foreign.SESSION_ID, None),
    foreign.EXTRA: of_tags,
    foreign.TAGS: of_tags,
    foreign.REPLICAS: has("tree", foreign.REPLICAS, [{"project_name": "q"}]),
    foreign.SHOULD_SAMPLE: of_sampling,
    foreign.FILTERED_POST_UUIDS: of_sampling,
    foreign.TRACING_MODE: has("client", foreign.TRACING_MODE, "langsmith"),
    foreign.WORKSPACE_ID: has("client", foreign.WORKSPACE_ID, "w"),
    foreign.CUSTOM_HEADERS: has("client", foreign.CUSTOM_HEADERS, {"X-A": "b"}),
    foreign.PROFILE_AUTH: of_a_profile,
    foreign.PROFILE_HEADERS: of_a_profile,
    foreign.SESSION: same("client", foreign.SESSION, lambda get: get("client").session),
    foreign.VARIABLES: of_variables,
    foreign.METERS_CONFIG: of_meters,
    foreign.SPAN_PROCESSOR: of_spans,
    foreign.SPAN_PROCESSORS: of_spans,
    foreign.SPAN_EXPORTER: of_spans,
    foreign.METRIC_READERS: of_meters,
    foreign.READERS_OF_CONFIG: of_meters,
    foreign.LOG_PROCESSOR: of_logs,
    foreign.LOG_PROCESSORS: of_logs,
    foreign.BATCH_PROCESSOR: of_spans,
    foreign.EXPORTER: of_meters,
    foreign.IS_INSTRUMENTED: of_openinference,
    foreign.GET_SPAN: of_openinference,
    foreign.TRACELOOP_SPANS: of_traceloop,
    foreign.TRACELOOP_SPAN: of_traceloop,
    foreign.GENAI_INVOCATIONS: of_genai,
    foreign.GENAI_INVOCATION: of_genai,
    foreign.GENAI_SPAN: of_genai,
    foreign.LANGFUSE_RUNS: of_langfuse,
    foreign.LANGFUSE_SPAN: of_langfuse,
    foreign.OTEL_EXPORTER: of_langsmith_spans,
    foreign.LANGSMITH_SPANS: of_langsmith_spans,
    foreign.LANGSMITH_SPAN: of_langsmith_spans,
    foreign.CURRENT_CONFIG: of_a_current_config,
    foreign.HOST_URL: of_a_page,
    foreign.TENANT_ID: of_a_page,
    foreign.DOTTED_ORDER: lambda get: get("tree").dotted_order.endswith(str(get("tree").id)),
    foreign.PROCESSOR_OF_SPAN: of_an_endpoint,
    foreign.OTLP_ENDPOINT: of_an_endpoint,
    foreign.DELTA_SNAPSHOT: of_a_snapshot,
    foreign.MESSAGES_REDUCER: of_changes,
}


@pytest.mark.parametrize("name", foreign.NAMES, ids=lambda name: f"{name.owner}.{name.name}")
def test_each_name_does_what_is_relied_on(name: foreign.ForeignName, request) -> None:
    assert RELIED_ON[name](request.getfixturevalue) is not False


def of_reading(where: Any) -> None:
    messages = foreign.READ_STATE.of(where)("messages")
    assert [each.text for each in messages] == ["hi"]


def of_a_checkpointer(where: Any) -> None:
    assert isinstance(foreign.CHECKPOINTER.of(where), BaseCheckpointSaver)


KEYS_RELIED_ON: dict[foreign.ForeignKey, Any] = {
    foreign.READ_STATE: of_reading,
    foreign.CHECKPOINTER: of_a_checkpointer,
}


@pytest.mark.parametrize("key", foreign.KEYS, ids=lambda key: key.key)
def test_each_key_does_what_is_relied_on(key: foreign.ForeignKey) -> None:
    """As a node of a real graph finds it in its own configuration."""

    def node(_: MessagesState) -> dict[str, Any]:
        KEYS_RELIED_ON[key](ensure_config()["configurable"])
        return {}

    graph = StateGraph(MessagesState).add_node(node).add_edge(START, "node")
    config: Any = {"configurable": {"thread_id": "1"}}
    graph.compile(InMemorySaver()).invoke({"messages": [HumanMessage("hi")]}, config)


def test_a_key_that_is_gone_is_none() -> None:
    assert foreign.ForeignKey("a:B", "nothing of that name").of({}) is None


def test_an_owner_that_was_never_imported_owns_nothing() -> None:
    assert foreign.ForeignName("nothing.of.that.name:B", "c").first_among([MODEL]) is None
    assert foreign.ForeignName("sys:nothing_of_that_name", "c").first_among([MODEL]) is None


def test_a_name_that_is_gone_is_none_or_the_default() -> None:
    gone = foreign.ForeignName("a:B", "_nothing_of_that_name")
    assert gone.of(MODEL) is None
    assert gone.of(MODEL, ()) == ()


# Everything else


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def private_reads(tree: ast.AST) -> set[str]:
    """The private names that are read of another object than `self` or `cls`."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {
        node.attr
        for node in attributes
        if node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) not in {"self", "cls"}
    }


def defined_here() -> set[str]:
    names = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def test_no_other_private_name_is_read() -> None:
    ours = defined_here()
    foreign_ones = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in sources()
        for name in private_reads(ast.parse(path.read_text(encoding="utf-8"))) - ours
    }
    # Named tuples promise the first one, and `sys` the other.
    assert {each for each in foreign_ones if each[1] not in {"_replace", "_getframe"}} == set()


# Whose import a failure of another package can't break: each is imported where it is used only.
# Pydantic is part of what langchain-core shows of itself.
OPTIONAL = {"certifi", "langchain", "litellm", "openinference", "pydantic", "shtab"}
ROOMS_OF_EXTRAS = (
    *("demo", "middleware", "otel_instrumentor", "progress", "pytest_plugin", "templates"),
    "threads",
)


def test_only_declared_packages_are_imported() -> None:
    """`requests` or `httpx` come with some releases of langsmith and not with others."""
    imported = set()
    for path in sources():
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in ROOMS_OF_EXTRAS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"toolpair_observe"} - OPTIONAL
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    assert {each.replace("_", "-") for each in third_party - {"opentelemetry"}} <= required
