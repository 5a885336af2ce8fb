"""The servers, tracers and detectors that the strict tests share."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import uuid
import warnings
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from langchain_core.tracers.langchain import LangChainTracer
from langchain_openai import ChatOpenAI
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler as LangfuseHandler
from langsmith import Client
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.loopback.counting_provider import CountingProvider
from tests.loopback.langsmith_server import LangSmithServer
from tests.strict.siblings import AsyncSibling, OpenSpans, held
from toolpair_observe.attach import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.messages import BaseMessage

    from tests.strict.ways import Way


SECONDS_TO_ARRIVE = 3.0
BY_THEMSELVES = {"LangChainTracer.order_map", "LangChainTracer.run_has_token_event_map"}
"""Maps that a tracer keeps until it is collected; the second one in old releases only."""


@dataclass(slots=True)
class Traces:
    """What a series of calls left behind.

    Attributes:
        left: Whatever is still open or held, by name. Empty when nothing is.
        errors: What each call raised.
        requests: How many requests reached the provider.
        runs: How many model runs LangSmith knows of.
        runs_without_error: How many of them ended, but not as failed.
    """

    left: Counter[str] = field(default_factory=Counter)
    errors: list[BaseException | None] = field(default_factory=list)
    requests: int = 0
    runs: int = 0
    runs_without_error: int = 0

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Keep what one call raises, or that it raised nothing."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the error is the result
            _let_frames_go(error)
            self.errors.append(error)
        else:
            self.errors.append(None)


@dataclass(frozen=True, slots=True)
class Attached:
    """The places of the handlers."""

    on_model: list[BaseCallbackHandler] = field(default_factory=list)
    in_config: list[BaseCallbackHandler] = field(default_factory=list)

    @property
    def all(self) -> list[BaseCallbackHandler]:
        """Each handler once."""
        return list({id(one): one for one in (*self.on_model, *self.in_config)}.values())


class Rig:
    """One set of loopback servers and process-wide instrumentors for the whole matrix."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        # Langfuse keeps one client for each key as long as the process lives.
        self._langfuse_key = f"pk-{uuid.uuid4()}"
        self.openinference_spans = OpenSpans()
        self.langfuse_spans = OpenSpans()
        self.our_spans = OpenSpans()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self.provider = enter(CountingProvider())
        self.langsmith = enter(LangSmithServer())
        self.runner = enter(asyncio.Runner())
        self.client = Client(api_url=self.langsmith.url, api_key=self.langsmith.api_key)
        self._stack.callback(self.client.cleanup)
        self._langfuse = self._start_langfuse()
        self._stack.callback(self._langfuse.shutdown)
        self.instrumentor = self._start_openinference()
        self._stack.callback(self.instrumentor.uninstrument)
        # What is there by now stays, so the many collections need not look at it again.
        gc.freeze()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start_openinference(self) -> LangChainInstrumentor:
        instrumentor = LangChainInstrumentor()
        instrumentor.instrument(tracer_provider=watched_by(self.openinference_spans))
        return instrumentor

    def _start_langfuse(self) -> Langfuse:
        return Langfuse(
            public_key=self._langfuse_key,
            secret_key="sk-test",
            base_url=self.provider.base_url,
            tracer_provider=watched_by(self.langfuse_spans),
            span_exporter=InMemorySpanExporter(),
        )

    def model(self, callbacks: list[BaseCallbackHandler] | None = None) -> ChatOpenAI:
        """The real client, pointed at the loopback provider."""
        return ChatOpenAI(
            model="gpt-test",
            base_url=self.provider.base_url,
            api_key="test",
            max_retries=0,
            callbacks=callbacks or None,
        )

    def tracers(self) -> list[BaseCallbackHandler]:
        """A new set of the siblings that everybody has."""
        langfuse = LangfuseHandler(public_key=self._langfuse_key)
        return [LangChainTracer(client=self.client), AsyncSibling(), langfuse]

    def watch(
        self, way: Way, attached: Attached, messages: list[BaseMessage], *, times: int
    ) -> Traces:
        """Call a model `times` times and return what was left behind."""
        traces = Traces()
        call = way.prepare(self.model(attached.on_model))
        config = {"callbacks": attached.in_config}

        async def aseries() -> None:
            for _ in range(times):
                with traces.catching():
                    await call(messages, dict(config))
            traces.left["current span"] += _current_span()

        def series() -> None:
            for _ in range(times):
                with traces.catching():
                    call(messages, dict(config))
            traces.left["current span"] += _current_span()

        with self.detecting(traces, attached.all):
            context = contextvars.copy_context()
            if inspect.iscoroutinefunction(call):
                self.runner.run(aseries(), context=context)
            else:
                context.run(series)
        return traces

    @contextmanager
    def detecting(self, traces: Traces, handlers: list[BaseCallbackHandler]) -> Iterator[None]:
        """Compare the open runs and live objects after the block with those before it."""
        before = self._open(handlers)
        self.provider.reset()
        with self.langsmith.changed:
            self.langsmith.runs.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
            self.runner.run(let_tasks_end())
            gc.collect()
        traces.left["coroutines never awaited"] += sum(
            "was never awaited" in str(warning.message) for warning in caught
        )
        self.client.flush()
        if any(isinstance(handler, LangChainTracer) for handler in handlers):
            # An older client may still send after that. What never comes, the test itself names.
            with suppress(AssertionError):
                self.langsmith.wait_for_runs_to_end(len(traces.errors), SECONDS_TO_ARRIVE)
        traces.requests = self.provider.count
        model_runs = [run for run in self.langsmith.runs.values() if run.run_type == "llm"]
        traces.runs = len(model_runs)
        traces.runs_without_error = sum(not run.error for run in model_runs)
        traces.left["pending LangSmith runs"] = len(self.langsmith.pending_runs())
        traces.left.update(self._open(handlers) - before)
        traces.left = +traces.left

    def _open(self, handlers: list[BaseCallbackHandler]) -> Counter[str]:
        counts: Counter[str] = Counter()
        counts["OpenInference's open spans"] = len(self.openinference_spans.open)
        counts["Langfuse's open spans"] = len(self.langfuse_spans.open)
        counts["our open spans"] = len(self.our_spans.open)
        counts["our requests in flight"] = len(runs._open)
        counts["our dropped requests"] = len(runs._dropped)
        for handler in (*handlers, self.instrumentor._tracer):
            counts.update(held(handler))
        return counts


def watched_by(spans: OpenSpans) -> TracerProvider:
    """Make a tracer provider of one's own, whose spans go nowhere but there."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(spans)
    return provider


async def let_tasks_end() -> None:
    """Wait for every other task of the loop."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.gather(*others, return_exceptions=True)


def _let_frames_go(error: BaseException | None) -> None:
    """Drop the tracebacks, which would keep every coroutine of the call alive."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _current_span() -> int:
    return int(trace.get_current_span().get_span_context().is_valid)
