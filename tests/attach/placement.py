"""A program that prints where the check of a model call stands, beside each instrumentor.

Instrumentors are part of a process for good, so each is attached in a forked child. The models are
real clients, and their server answers whatever it is asked.
"""

# ruff: noqa: T201 - the parent reads what it prints

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tracers.langchain import LangChainTracer
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler as LangfuseHandler
from langsmith import Client
from openinference.instrumentation.langchain import LangChainInstrumentor as OpenInference
from opentelemetry import trace
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor as GenAi
from opentelemetry.instrumentation.langchain import LangchainInstrumentor as Traceloop
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.attach.coexistence import WRAPPED_BY_PEERS
from tests.loopback.scripted_provider import DONE, async_client, scripted_model
from tests.strict.conversations import BROKEN
from toolpair_observe import InvalidToolResultsError, ToolPairHandler, foreign, semconv
from toolpair_observe.attach import seam
from toolpair_observe.demo.loopback.provider import LoopbackProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.observation import Observation

APPLICATION = "POST /chat"
MODELS = ("gpt-4o", "gpt-4o-mini")
# What a name is called that has moved, of each instrumentor.
MOVED = {
    "openinference": ("GET_SPAN",),
    "traceloop": ("TRACELOOP_SPANS", "TRACELOOP_SPAN"),
    "genai": ("GENAI_INVOCATIONS", "GENAI_INVOCATION", "GENAI_SPAN"),
    "langfuse": ("LANGFUSE_RUNS", "LANGFUSE_SPAN"),
    "langsmith": ("OTEL_EXPORTER", "LANGSMITH_SPANS", "LANGSMITH_SPAN"),
}


class Provider(LoopbackProvider):
    """Answers each request, as soon as `while_asked` has returned."""

    while_asked: Callable[[], object] = staticmethod(lambda: None)

    def complete(self, path: str, body: dict[str, Any]) -> Any:
        self.while_asked()
        return DONE


class SlowClient(Client):
    """Begins no span before it is flushed."""

    _kept: list[Any] | None = None

    def _put_tracing_queue(self, item: Any) -> None:
        self._kept = [*(self._kept or ()), item]

    def flush(self, *args: Any, **options: Any) -> None:
        kept, self._kept = self._kept or [], []
        for item in kept:
            super()._put_tracing_queue(item)
        super().flush(*args, **options)


class Process:
    """A process with one instrumentor, and everything that came out of it."""

    def __init__(self, set_up: str) -> None:
        self.exporter = InMemorySpanExporter()
        self.spans = TracerProvider(shutdown_on_exit=False)
        self.spans.add_span_processor(SimpleSpanProcessor(self.exporter))
        trace.set_tracer_provider(self.spans)
        self.events = InMemoryLogRecordExporter()
        self.logs = LoggerProvider(shutdown_on_exit=False)
        self.logs.add_log_record_processor(SimpleLogRecordProcessor(self.events))
        self.server = Provider().__enter__()
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.flush = lambda: None
        getattr(self, set_up.replace("-", "_"))()

    def none(self) -> None:
        """Attach nothing."""

    def openinference(self, **options: Any) -> None:
        OpenInference().instrument(tracer_provider=self.spans, skip_dep_check=True, **options)

    def separate_traces(self) -> None:
        self.openinference(separate_trace_from_runtime_context=True)

    def traceloop(self) -> None:
        Traceloop().instrument(tracer_provider=self.spans, skip_dep_check=True)

    def openinference_and_traceloop(self) -> None:
        self.traceloop()
        self.openinference()

    def genai(self) -> None:
        GenAi().instrument(tracer_provider=self.spans, skip_dep_check=True)

    def langfuse(self) -> None:
        nowhere = {"base_url": "http://127.0.0.1:9", "span_exporter": InMemorySpanExporter()}
        Langfuse(public_key="pk", secret_key="sk", tracer_provider=self.spans, **nowhere)
        self.before = [LangfuseHandler()]

    def langfuse_after_ours(self) -> None:
        self.langfuse()
        self.before, self.after = [], self.before

    def langsmith(self, kind: type[Client] = Client) -> None:
        client = kind(
            "http://127.0.0.1:9",
            api_key="none",
            tracing_mode="otel",
            otel_tracer_provider=self.spans,
        )
        self.after = [LangChainTracer(client=client)]
        # A run is written as a span by a thread of the client: a model needs some time to answer.
        self.server.while_asked = self.flush = client.flush

    def langsmith_at_once(self) -> None:
        """Have the model answer before the client has begun the span."""
        self.langsmith(SlowClient)
        self.server.while_asked = lambda: None

    def call(self, way: str, *, inside: bool, **options: Any) -> list[dict[str, Any]]:
        """Ask one or two models, and say where each check stands."""
        self.exporter.clear()
        self.events.clear()
        seen: list[Observation] = []
        handler = ToolPairHandler(
            profile="openai-chat",
            feedback="off",
            tracer_provider=self.spans,
            logger_provider=self.logs,
            meter_provider=NoOpMeterProvider(),
            evaluation_events=True,
            on_near_miss=seen.append,
            **options,
        )
        config = {"callbacks": [*self.before, handler, *self.after]}
        application = trace.get_tracer("application")
        around = application.start_as_current_span(APPLICATION) if inside else None
        with around or contextlib.nullcontext(), contextlib.suppress(InvalidToolResultsError):
            WAYS.get(way, cancelled)(self, config)
        self.flush()
        failures = handler._pipeline.counts.snapshot(semconv.INTERNAL_ERRORS)
        handler.close()
        told = {str(each.run_id): each for each in seen}
        return [
            {**self.described(span, told), "failures": sorted(failures)}
            for span in self.exporter.get_finished_spans()
            if span.name == semconv.SPAN_CHECK
        ]

    def described(self, check: Any, told: dict[str, Observation]) -> dict[str, Any]:
        spans = {span.context.span_id: span for span in self.exporter.get_finished_spans()}
        parent = spans.get(check.parent.span_id) if check.parent else None
        model = check.attributes[semconv.GEN_AI_REQUEST_MODEL]
        observation = told[check.attributes[semconv.LANGSMITH_RUN_ID]]
        place = check.parent and (
            trace.format_trace_id(check.parent.trace_id),
            trace.format_span_id(check.parent.span_id),
        )
        return {
            "parent": parent and parent.name,
            # Only the span of a model's call names the model.
            "is_own": parent is not None and model in parent.attributes.values(),
            "is_in_trace": parent is None or parent.context.trace_id == check.context.trace_id,
            "is_whole": (check.parent is None) == (parent is None),
            "is_told": (observation.trace_id, observation.span_id) == (place or (None, None)),
            "links": [spans[link.context.span_id].name for link in check.links],
            "events": sorted(
                (record.event_name, spans[record.span_id].name)
                for record in (each.log_record for each in self.events.get_finished_logs())
                if record.span_id in {check.context.span_id, check.parent and check.parent.span_id}
            ),
        }

    def chain(self, model: str) -> Any:
        made = scripted_model(
            "", base_url=self.server.base_url, http_async_client=async_client(), model=model
        )
        return RunnableLambda(lambda messages: messages) | made


def invoke(process: Process, config: Any) -> None:
    process.chain(MODELS[0]).invoke(BROKEN, config)


def ainvoke(process: Process, config: Any) -> None:
    asyncio.run(process.chain(MODELS[0]).ainvoke(BROKEN, config))


def stream(process: Process, config: Any) -> None:
    for _ in process.chain(MODELS[0]).stream(BROKEN, config):
        pass


def astream(process: Process, config: Any) -> None:
    async def read() -> None:
        async for _ in process.chain(MODELS[0]).astream(BROKEN, config):
            pass

    asyncio.run(read())


def parallel(process: Process, config: Any) -> None:
    RunnableParallel({each: process.chain(each) for each in MODELS}).invoke(BROKEN, config)


def cancelled(process: Process, config: Any) -> None:
    """Give a request up while the model is asked."""
    given_up = threading.Event()

    async def ask() -> None:
        asked, loop = asyncio.Event(), asyncio.get_running_loop()

        def wait() -> None:
            flush()
            loop.call_soon_threadsafe(asked.set)
            given_up.wait(5)

        process.server.while_asked = wait
        task = asyncio.create_task(process.chain(MODELS[0]).ainvoke(BROKEN, config))
        await asked.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    flush = process.server.while_asked
    try:
        asyncio.run(ask())
    finally:
        given_up.set()
        process.server.while_asked = flush


WAYS = {each.__name__: each for each in (invoke, ainvoke, stream, astream, parallel)}


def answers(set_up: str) -> Iterator[dict[str, Any]]:
    """Call in each way, with and without a span of the application, and with what may go wrong."""
    process = Process(set_up)
    for inside in (True, False):
        for way in WAYS:
            yield {"way": way, "inside": inside, "checks": process.call(way, inside=inside)}
        given_up = process.call("cancelled", inside=inside)
        yield {"way": "cancelled", "inside": inside, "checks": given_up}
        blocked = process.call("invoke", inside=inside, mode="strict")
        yield {"way": "blocked", "inside": inside, "checks": blocked}
        seam.uninstall()
        outside = process.call("invoke", inside=inside, wrap_callbacks=False)
        yield {"way": "no seam", "inside": inside, "checks": outside}
    for name in MOVED.get(set_up, ()):
        kept = getattr(foreign, name)
        setattr(foreign, name, kept._replace(name="_moved"))
        yield {"way": name, "inside": True, "checks": process.call("invoke", inside=True)}
        setattr(foreign, name, kept)


def main() -> None:
    """Print each answer for each of the set-ups that are named."""
    for module in WRAPPED_BY_PEERS:
        importlib.import_module(module)
    logging.disable()
    for set_up in sys.argv[1:]:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for answer in answers(set_up):
                    print(json.dumps({"set_up": set_up, **answer}), flush=True)
                code = 0
            except BaseException:  # noqa: BLE001 - the parent is told by the exit code
                traceback.print_exc()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{set_up} failed")


if __name__ == "__main__":
    main()
