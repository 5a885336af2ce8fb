"""Handlers to compare ours with: each is switched on, makes a model, and is switched off again."""

from __future__ import annotations

import importlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI
from langgraph.pregel import Pregel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from toolpair_observe import ToolPairHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

# Where instrumentors leave a wrapper on, which would be measured with everything that follows: that
# of Traceloop on the first, the official one on the others, which double with each turn.
LEFT_WRAPPED = ((BaseCallbackManager, "__init__"), (Pregel, "stream"), (Pregel, "astream"))
CONTENT_FREE = ("OTel-genai, no content", "Traceloop, no content")


class MuteModel(ChatOpenAI):
    """The real client as far as the callbacks see it, with a fixed answer."""

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Fine."))])


class NoOpHandler(BaseCallbackHandler):
    """The least that a handler can cost."""

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        """Do nothing."""


class NoOpExporter(SpanExporter):
    """Spans end here."""

    def export(self, spans: Any) -> SpanExportResult:
        """Forget them."""
        return SpanExportResult.SUCCESS


class NoOpClient:
    """A LangSmith client that sends nothing; the tracer's own work is what remains."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def telemetry() -> dict[str, Any]:
    """Providers as an application has them, whose data nobody gets."""
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(BatchSpanProcessor(NoOpExporter()))
    meter_provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    return {"tracer_provider": tracer_provider, "meter_provider": meter_provider}


@contextmanager
def _nothing() -> Iterator[list[BaseCallbackHandler]]:
    yield []


@contextmanager
def _no_op() -> Iterator[list[BaseCallbackHandler]]:
    yield [NoOpHandler()]


def _ours(**options: Any) -> Callable[[], Any]:
    @contextmanager
    def ours() -> Iterator[list[BaseCallbackHandler]]:
        providers = telemetry()
        handler = ToolPairHandler(**{"mode": "observe", **providers, **options})
        yield [handler]
        handler.close()
        providers["tracer_provider"].shutdown()

    return ours


@contextmanager
def _langchain_tracer() -> Iterator[list[BaseCallbackHandler]]:
    from langchain_core.tracers.langchain import LangChainTracer

    yield [LangChainTracer(client=NoOpClient())]


@contextmanager
def _langfuse() -> Iterator[list[BaseCallbackHandler]]:
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler

    client = Langfuse(
        public_key="pk-bench",
        secret_key="sk-bench",
        base_url="http://127.0.0.1:9",
        tracer_provider=TracerProvider(shutdown_on_exit=False),
        span_exporter=NoOpExporter(),
    )
    yield [CallbackHandler(public_key="pk-bench")]
    client.shutdown()


def _instrumentor(module: str, name: str, **environment: str) -> Callable[[], Any]:
    @contextmanager
    def instrumented() -> Iterator[list[BaseCallbackHandler]]:
        os.environ.update(environment)
        before = [(owner, method, getattr(owner, method)) for owner, method in LEFT_WRAPPED]
        instrumentor = getattr(importlib.import_module(module), name)()
        providers = telemetry()
        instrumentor.instrument(skip_dep_check=True, **providers)
        yield []
        instrumentor.uninstrument()
        providers["tracer_provider"].shutdown()
        for owner, method, original in before:
            setattr(owner, method, original)

    return instrumented


VARIANTS: dict[str, Callable[[], Any]] = {
    "no handler": _nothing,
    "no-op handler": _no_op,
    "ours": _ours(feedback="off"),
    "ours, strict": _ours(mode="strict", feedback="off"),
    "ours, feedback": _ours(),
    "ours, spans for all": _ours(feedback="off", spans="all"),
    "LangChainTracer, no-op client": _langchain_tracer,
    "Langfuse, no-op exporter": _langfuse,
    "OTel-genai, no content": _instrumentor(
        "opentelemetry.instrumentation.genai.langchain", "LangChainInstrumentor"
    ),
    "Traceloop, no content": _instrumentor(
        "opentelemetry.instrumentation.langchain",
        "LangchainInstrumentor",
        TRACELOOP_TRACE_CONTENT="false",
    ),
}
