"""Prints how tracers show a broken request that the provider refuses, and one that it answers.

A program of its own: an instrumentor stays in its process for good.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

from langchain_openai import ChatOpenAI
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import SecretStr

from tests.loopback.langsmith_server import LangSmithServer
from tests.reporters.langsmith_rig import Rig
from tests.strict.conversations import BROKEN
from toolpair_observe.demo.loopback.judge import judge
from toolpair_observe.demo.loopback.provider import LoopbackProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWERED, REFUSED = "ok", "error, with the provider's text"
TEXT = "must be followed by tool messages"


def ask(callbacks: list[Any], *, refuses: bool) -> None:
    """Send a broken history to a server that refuses it, or answers."""
    with LoopbackProvider(judge=judge if refuses else lambda _: None) as provider:
        model = ChatOpenAI(
            model="gpt-4o-mini", base_url=provider.base_url, api_key=SecretStr("none")
        )
        expected = contextlib.suppress(Exception) if refuses else contextlib.nullcontext()
        with expected:
            model.invoke(BROKEN, {"callbacks": callbacks})
        assert len(provider.requests) == 1


def said(error: str | None) -> str:
    """Return the words of the page for what a tracer shows as the error."""
    return (REFUSED if TEXT in error else "error") if error else ANSWERED


def by_langsmith(*, refuses: bool) -> str:
    with LangSmithServer() as server:
        rig = Rig(server)
        ask([rig.tracer()], refuses=refuses)
        rig.close()
        (run,) = server.ended_runs("llm")
        assert server.feedback_for(run.id) == []
        return said(run.error)


class Spans:
    """Spans in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)

    def of_model(self) -> str:
        (span,) = (each for each in self.exporter.get_finished_spans() if each.name == "ChatOpenAI")
        failed = span.status.status_code is StatusCode.ERROR
        self.exporter.clear()
        return said(f"{span.status.description}" if failed else None)


def by_openinference() -> Callable[..., str]:
    spans = Spans()
    spans.provider.add_span_processor(SimpleSpanProcessor(spans.exporter))
    LangChainInstrumentor().instrument(tracer_provider=spans.provider, skip_dep_check=True)

    def look(*, refuses: bool) -> str:
        ask([], refuses=refuses)
        return spans.of_model()

    return look


def by_langfuse() -> Callable[..., str]:
    spans = Spans()
    client = Langfuse(
        public_key="pk",
        secret_key="sk",
        base_url="http://127.0.0.1:9",
        tracer_provider=spans.provider,
        span_exporter=spans.exporter,
    )

    def look(*, refuses: bool) -> str:
        ask([CallbackHandler()], refuses=refuses)
        client.flush()
        return spans.of_model()

    return look


def looks() -> Iterator[tuple[str, Callable[..., str]]]:
    yield "LangSmith's tracer", by_langsmith
    yield "Langfuse", by_langfuse()
    # The last: it traces all that comes after.
    yield "OpenInference", by_openinference()


def main() -> None:
    """Print the words for each tracer: of a refused request, and of one that is answered."""
    logging.disable()
    found = {name: [look(refuses=True), look(refuses=False)] for name, look in looks()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
