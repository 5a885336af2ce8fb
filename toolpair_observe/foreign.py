"""The names of other libraries that are read although they are not part of what those promise.

Private names are read through this list and nowhere else; those that only look public stand in it
as well. `tests/test_foreign.py` shows for each that the installed release has it and that it does
what is relied on, and `nox -s drift` shows that for pre-releases. What a name's absence costs at
run time stands above it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ForeignName(NamedTuple):
    """An attribute of another library's objects.

    Attributes:
        owner: The class that has it, as `module:Class`, or the module.
        name: The attribute.
    """

    owner: str
    name: str

    @property
    def module(self) -> str:
        """The module that has it, or its class."""
        return self.owner.partition(":")[0]

    def of(self, thing: object, default: Any = None) -> Any:  # noqa: ANN401 -- another library's
        """Return the attribute of `thing`, or `default` where it has none."""
        return getattr(thing, self.name, default)

    def first_among(self, things: Iterable[object]) -> Any:  # noqa: ANN401 -- another library's
        """Return the first of `things` that is an object of the owner, or None.

        Nothing is imported to find that out.
        """
        module, _, name = self.owner.partition(":")
        owner = getattr(sys.modules.get(module), name, None)
        if not isinstance(owner, type):
            return None
        return next((each for each in things if isinstance(each, owner)), None)


class ForeignKey(NamedTuple):
    """A key of another library's mappings.

    Attributes:
        constant: The constant that names it, as `module:NAME`.
        key: The key.
    """

    constant: str
    key: str

    def of(self, mapping: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- another library's
        """Return the value of the key, None where there is none."""
        return mapping.get(self.key)


_MODEL: Final = "langchain_core.language_models.chat_models:BaseChatModel"
_MANAGER: Final = "langchain_core.callbacks:CallbackManagerForLLMRun"
_TRACER: Final = "langchain_core.tracers.langchain:LangChainTracer"
_CLIENT: Final = "langsmith:Client"
_RUN: Final = "langsmith.run_trees:RunTree"
_METERS: Final = "opentelemetry.sdk.metrics:MeterProvider"
_SPANS: Final = "opentelemetry.sdk.trace"
_LOGS: Final = "opentelemetry.sdk._logs"
_LANGGRAPH: Final = "langgraph._internal._constants"
_OPENINFERENCE: Final = "openinference.instrumentation.langchain:LangChainInstrumentor"
_TRACELOOP: Final = "opentelemetry.instrumentation.langchain"
_GENAI: Final = "opentelemetry.instrumentation.genai.langchain"
_LANGSMITH_OTEL: Final = "langsmith._internal.otel._otel_exporter"

# Without them a guarded model is not identified, and is held to LangChain's contract.
SERIALIZED: Final = ForeignName(_MODEL, "_serialized")
INVOCATION_PARAMS: Final = ForeignName(_MODEL, "_get_invocation_params")
LS_PARAMS: Final = ForeignName(_MODEL, "_get_ls_params")
CONFIGURED_MODEL: Final = ForeignName("langchain.chat_models.base:_ConfigurableModel", "_model")

# Without the first no endpoint is probed: it is what a chat model is made of beneath its callbacks
# and its cache. Without the others a probed model retries by itself and follows redirects.
GENERATE: Final = ForeignName(_MODEL, "_generate")
CLIENT_BENEATH: Final = ForeignName("openai:OpenAI", "_client")
GOOGLE_API: Final = ForeignName("google.genai:Client", "_api_client")
GOOGLE_HTTP: Final = ForeignName("google.genai._api_client:BaseApiClient", "_httpx_client")
GOOGLE_MODELS: Final = ForeignName("google.genai:Client", "_models")
BOTO_ENDPOINT: Final = ForeignName("botocore.client:BaseClient", "_endpoint")
BOTO_RETRY: Final = ForeignName("botocore.endpoint:Endpoint", "_needs_retry")
BOTO_SEND: Final = ForeignName("botocore.endpoint:Endpoint", "_send")

# Without them instrumented clients write spans of what is probed.
NO_SPANS: Final = ForeignName("opentelemetry.context", "_SUPPRESS_INSTRUMENTATION_KEY")
NO_HTTP_SPANS: Final = ForeignName("opentelemetry.context", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")

# Without them the seam switches itself off, with a warning.
START_OF_MANAGER: Final = ForeignName(
    "langchain_core.callbacks:CallbackManager", "on_chat_model_start"
)
ASYNC_START_OF_MANAGER: Final = ForeignName(
    "langchain_core.callbacks:AsyncCallbackManager", "on_chat_model_start"
)
HANDLERS: Final = ForeignName(_MANAGER, "handlers")
RUN_ID: Final = ForeignName(_MANAGER, "run_id")

# Without them LangSmith gets no feedback.
RUN_MAP: Final = ForeignName(_TRACER, "run_map")
TRACER_CLIENT: Final = ForeignName(_TRACER, "client")
TRACE_ID: Final = ForeignName(_RUN, "trace_id")
SESSION_NAME: Final = ForeignName(_RUN, "session_name")
SESSION_ID: Final = ForeignName(_RUN, "session_id")
EXTRA: Final = ForeignName(_RUN, "extra")
TAGS: Final = ForeignName(_RUN, "tags")
# Without it feedback goes to the tracer's own client, also for a run that only replicas write.
REPLICAS: Final = ForeignName(_RUN, "replicas")

# Without them feedback is also sent for a run that the client does not write.
SHOULD_SAMPLE: Final = ForeignName(_CLIENT, "_should_sample")
FILTERED_POST_UUIDS: Final = ForeignName(_CLIENT, "_filtered_post_uuids")
TRACING_MODE: Final = ForeignName(_CLIENT, "tracing_mode")
# Without them feedback is refused by a server that wants to know them.
WORKSPACE_ID: Final = ForeignName(_CLIENT, "workspace_id")
CUSTOM_HEADERS: Final = ForeignName(_CLIENT, "headers")
PROFILE_AUTH: Final = ForeignName(_CLIENT, "_profile_auth")
PROFILE_HEADERS: Final = ForeignName(
    "langsmith._internal._profiles:ProfileAuth", "get_auth_headers"
)
SESSION: Final = ForeignName(_CLIENT, "session")

# Without them the telemetry of a check stands beside the span of its model call and not below it.
IS_INSTRUMENTED: Final = ForeignName(_OPENINFERENCE, "is_instrumented_by_opentelemetry")
GET_SPAN: Final = ForeignName(_OPENINFERENCE, "get_span")
TRACELOOP_SPANS: Final = ForeignName(
    f"{_TRACELOOP}.callback_handler:TraceloopCallbackHandler", "spans"
)
TRACELOOP_SPAN: Final = ForeignName(f"{_TRACELOOP}.span_utils:SpanHolder", "span")
GENAI_INVOCATIONS: Final = ForeignName(
    f"{_GENAI}.callback_handler:OpenTelemetryLangChainCallbackHandler", "_invocation_manager"
)
GENAI_INVOCATION: Final = ForeignName(
    f"{_GENAI}.invocation_manager:_InvocationManager", "get_invocation"
)
GENAI_SPAN: Final = ForeignName("opentelemetry.util.genai.invocation:InferenceInvocation", "span")
LANGFUSE_RUNS: Final = ForeignName(
    "langfuse.langchain.CallbackHandler:LangchainCallbackHandler", "_runs"
)
LANGFUSE_SPAN: Final = ForeignName("langfuse:LangfuseGeneration", "_otel_span")
# The same where LangSmith's client writes runs as spans; without them such a run gets no feedback.
OTEL_EXPORTER: Final = ForeignName(_CLIENT, "otel_exporter")
LANGSMITH_SPANS: Final = ForeignName(f"{_LANGSMITH_OTEL}:OTELExporter", "_span_info")
LANGSMITH_SPAN: Final = ForeignName(f"{_LANGSMITH_OTEL}:_SpanInfo", "span")

# Without them nothing says on which page of LangSmith a run is to be seen.
HOST_URL: Final = ForeignName(_CLIENT, "_host_url")
TENANT_ID: Final = ForeignName(_CLIENT, "_tenant_id")
# Without it LangSmith shows a span that it gets over OTLP beside the run and not below it.
DOTTED_ORDER: Final = ForeignName(_RUN, "dotted_order")

# Without them no near miss says that its stored thread is broken, too.
CURRENT_CONFIG: Final = ForeignName("langchain_core.runnables.config", "var_child_runnable_config")
READ_STATE: Final = ForeignKey(f"{_LANGGRAPH}:CONFIG_KEY_READ", "__pregel_read")
CHECKPOINTER: Final = ForeignKey(f"{_LANGGRAPH}:CONFIG_KEY_CHECKPOINTER", "__pregel_checkpointer")

KEYS: Final = tuple(each for each in list(globals().values()) if isinstance(each, ForeignKey))

# Without it each request asks `os.environ`, which raises and catches an error to say no.
VARIABLES: Final = ForeignName("os:_Environ", "_data")

# Without it the deployment environment is not found in the resource of a meter provider.
METERS_CONFIG: Final = ForeignName(_METERS, "_sdk_config")

# Without them `doctor` can't tell where a provider sends its records, and a run that LangSmith's
# client writes as a span gets no feedback.
SPAN_PROCESSOR: Final = ForeignName(f"{_SPANS}:TracerProvider", "_active_span_processor")
SPAN_PROCESSORS: Final = ForeignName(f"{_SPANS}:SynchronousMultiSpanProcessor", "_span_processors")
PROCESSOR_OF_SPAN: Final = ForeignName(f"{_SPANS}:Span", "_span_processor")
SPAN_EXPORTER: Final = ForeignName(f"{_SPANS}.export:SimpleSpanProcessor", "span_exporter")
METRIC_READERS: Final = ForeignName(_METERS, "_metric_readers")
READERS_OF_CONFIG: Final = ForeignName(_METERS, "metric_readers")  # of its config, before 1.43
LOG_PROCESSOR: Final = ForeignName(f"{_LOGS}:LoggerProvider", "_multi_log_record_processor")
LOG_PROCESSORS: Final = ForeignName(
    "opentelemetry.sdk._logs:SynchronousMultiLogRecordProcessor", "_log_record_processors"
)
BATCH_PROCESSOR: Final = ForeignName(f"{_SPANS}.export:BatchSpanProcessor", "_batch_processor")
EXPORTER: Final = ForeignName(
    "opentelemetry.sdk.metrics.export:PeriodicExportingMetricReader", "_exporter"
)

OTLP_ENDPOINT: Final = ForeignName(
    "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter", "_endpoint"
)

# Without them threads whose messages are stored as changes are unreadable.
DELTA_SNAPSHOT: Final = ForeignName("langgraph.checkpoint.serde.types", "_DeltaSnapshot")
MESSAGES_REDUCER: Final = ForeignName("langgraph.graph.message", "_messages_delta_reducer")

NAMES: Final = tuple(each for each in list(globals().values()) if isinstance(each, ForeignName))
