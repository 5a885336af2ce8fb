"""A chat service: traces and metrics show broken histories, and its errors explain what to fix.

Needs `pip install '.[demo]' fastapi httpx` in the project's folder. Run `python app.py` to see it
work on this machine, or `uvicorn app:from_environment --factory` for a real model.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from toolpair_observe import InvalidToolResultsError, instrument, uninstrument
from toolpair_observe.demo.loopback.provider import LoopbackProvider

tracer = trace.get_tracer("chat-service")


def create_app(model: BaseChatModel, **options: Any) -> FastAPI:  # noqa: ANN401 -- instrument's
    """Return the service. Every chat model of the process is checked while it runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        instrument(**options)
        yield
        uninstrument()  # delivers the queues

    app = FastAPI(lifespan=lifespan)

    @app.post("/chat")
    async def chat(messages: list[dict[str, Any]]) -> dict[str, str]:
        with tracer.start_as_current_span("chat"):
            answer = await model.ainvoke(messages)
        return {"answer": str(answer.text)}

    @app.exception_handler(InvalidToolResultsError)
    async def refuse(_: Request, error: InvalidToolResultsError) -> JSONResponse:
        return JSONResponse(error.report.to_dict(), status_code=422)

    return app


def from_environment() -> FastAPI:
    """Return the service with a real model; with TOOLPAIR_MODE=strict it refuses bad requests."""
    return create_app(ChatOpenAI(model="gpt-4o-mini"))


QUESTION = {"role": "user", "content": "What is the weather in Rome?"}
CALL = {"id": "call_rome", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
ASKED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "call_rome", "content": "clear"}


def show(post: Callable[..., Any]) -> None:
    """Send a sound history and one whose tool call was never answered."""
    sound = post("/chat", json=[QUESTION, ASKED, ANSWERED])
    print("sound: ", sound.status_code, sound.json()["answer"])
    broken = post("/chat", json=[QUESTION, ASKED, QUESTION])
    violation = broken.json()["violations"][0]
    print(
        "broken:", broken.status_code, violation["kind"], "at message", violation["message_index"]
    )
    print("to do: ", violation["hint"].partition(";")[0])


def show_telemetry(spans: InMemorySpanExporter, reader: InMemoryMetricReader) -> None:
    """Print what a tracing backend and Prometheus would get of it; in yours, look there."""
    for span in spans.get_finished_spans():
        if span.name in ("chat", "check tool_pairing"):
            outcome = (span.attributes or {}).get("toolpair.outcome", "")
            print(f"trace:  {span.status.status_code.name:5} {span.name} {outcome}")
    data = reader.get_metrics_data()
    scopes = (
        [scope for each in data.resource_metrics for scope in each.scope_metrics] if data else ()
    )
    for metric in (metric for scope in scopes for metric in scope.metrics):
        for point in metric.data.data_points if metric.name == "toolpair.checks" else ():
            if number := getattr(point, "value", 0):
                effect = (point.attributes or {}).get("toolpair.effect")
                print(f"metric: toolpair.checks, predicted effect {effect}: {number}")


if __name__ == "__main__":
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    resource = Resource.create({"service.name": "chat-service"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))
    with LoopbackProvider() as server:
        local = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
        with TestClient(create_app(local, mode="strict", profile="openai-chat")) as client:
            show(client.post)
            show_telemetry(spans, reader)
    print("look at: the 422, which says what to do, and the span check tool_pairing below chat")
