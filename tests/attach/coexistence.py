"""A program that attaches all peers in many orders, each in a forked child, and prints the results.

Instrumentors are part of a process for good, some of them even after they were uninstalled, so no
order may follow another one in the same process.
"""

# ruff: noqa: T201 - the parent reads what it prints

from __future__ import annotations

import importlib
import json
import os
import sys
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler as LangfuseHandler
from openinference.instrumentation.langchain import LangChainInstrumentor as OpenInference
from opentelemetry import trace
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor as GenAi
from opentelemetry.instrumentation.langchain import LangchainInstrumentor as Traceloop
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import semconv
from toolpair_observe.attach.instrument import instrumented_with
from toolpair_observe.otel_instrumentor import ToolPairInstrumentor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Names = tuple[str, ...]
PEERS = {"openinference": OpenInference, "traceloop": Traceloop, "genai": GenAi}
OURS = "toolpair"
# What Traceloop imports in order to wrap it: imported before the forks, no child does it again.
WRAPPED_BY_PEERS = ("langchain.agents", "langchain_openai")
CHILDREN_AT_ONCE = 2


class StubClient:
    """Stands for LangSmith's client: the tracer is the real one, the network is not here."""

    tracing_queue = None
    otel_exporter = None

    def __init__(self) -> None:
        self.created: set[str] = set()
        self.ended: set[str] = set()

    def create_run(self, *_: Any, **run: Any) -> None:
        self.created.add(str(run["id"]))

    def update_run(self, run_id: Any = None, **run: Any) -> None:
        if run.get("end_time"):
            self.ended.add(str(run_id))


class Process:
    """Everything that one order of attaching is seen by."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        trace.set_tracer_provider(self.provider)
        Langfuse(
            public_key="pk",
            secret_key="sk",
            base_url="http://127.0.0.1:9",
            tracer_provider=self.provider,
            span_exporter=InMemorySpanExporter(),
        )
        self.client = StubClient()

    def attach(self, name: str) -> None:
        if name == OURS:
            ToolPairInstrumentor().instrument(
                mode="strict",
                profile="openai-chat",
                feedback="off",
                tracer_provider=self.provider,
            )
        else:
            PEERS[name]().instrument(tracer_provider=self.provider, skip_dep_check=True)

    def detach(self, name: str) -> None:
        (ToolPairInstrumentor if name == OURS else PEERS[name])().uninstrument()

    def call(self, history: list[Any]) -> dict[str, Any]:
        """Ask a model inside a chain inside a span of the application."""
        self.exporter.clear()
        model = CountingModel()
        chain = RunnableLambda(lambda messages: messages) | model
        callbacks = [LangChainTracer(client=self.client), LangfuseHandler()]
        raised = ""
        with trace.get_tracer("app").start_as_current_span("app") as app:
            try:
                chain.invoke(history, {"callbacks": callbacks})
            except ValueError as error:
                raised = type(error).__name__
            kept = trace.get_current_span() is app
        spans = self.exporter.get_finished_spans()
        trace_id = app.get_span_context().trace_id
        return {
            "raised": raised,
            "requests": model.requests,
            "spans": Counter(span.instrumentation_scope.name for span in spans),
            "other traces": sum(span.context.trace_id != trace_id for span in spans),
            "context kept": kept,
            "open LangSmith runs": len(self.client.created - self.client.ended),
            "LangSmith runs": len(self.client.created),
        }


def scenario(order: Names, back: Names) -> dict[str, Any]:
    process = Process()
    for name in order:
        process.attach(name)
    told: dict[str, Any] = {"sound": process.call(SOUND), "broken": process.call(BROKEN)}
    handler = instrumented_with()
    if handler is not None:
        checks = handler._pipeline.counts.snapshot(semconv.CHECKS)
        told["checks"] = sum(checks.values())
    told["after"] = []
    for name in back:
        process.detach(name)
        told["after"].append([name, process.call(SOUND), process.call(BROKEN)])
    return told


class Child(NamedTuple):
    """A process that runs one scenario, and the pipe that its answer comes through."""

    pid: int
    pipe: int

    def answer(self) -> dict[str, Any]:
        """Wait for what it saw."""
        with os.fdopen(self.pipe) as pipe:
            answer = pipe.read()
        os.waitpid(self.pid, 0)
        return json.loads(answer)


def start(order: Names, back: Names) -> Child:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            answer = json.dumps(scenario(order, back))
        except BaseException as error:  # noqa: BLE001 - the parent reports it
            answer = json.dumps({"failed": repr(error)})
        with os.fdopen(writing, "w") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writing)
    return Child(pid, reading)


def in_children(cases: Iterable[tuple[Names, Names]]) -> Iterator[dict[str, Any]]:
    """Run each case in a separate child; return the answers in the order of the cases."""
    running: deque[Child] = deque()
    for order, back in cases:
        if len(running) == CHILDREN_AT_ONCE:
            yield running.popleft().answer()
        running.append(start(order, back))
    while running:
        yield running.popleft().answer()


def without_us(names: Names) -> Names:
    return tuple(name for name in names if name != OURS)


def main() -> None:
    """Attach ours in each place of each rotation of the others, and undo it in both directions."""
    for module in WRAPPED_BY_PEERS:
        importlib.import_module(module)
    names = tuple(PEERS)
    rotations = [names[turn:] + names[:turn] for turn in range(len(names))]
    with_us = [
        (*others[:place], OURS, *others[place:])
        for others in rotations
        for place in range(len(others) + 1)
    ]
    cases = [(order, back) for order in rotations + with_us for back in (order, order[::-1])]
    answers = dict(zip(cases, in_children(cases), strict=True))
    for (order, back), answer in answers.items():
        if OURS in order:
            alone = answers[without_us(order), without_us(back)]
            print(json.dumps({"order": order, **answer, "alone": alone}))


if __name__ == "__main__":
    sys.exit(main())
