"""A chat service: its traces show broken histories, and its errors explain what to fix.

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
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
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
    print("sound:", post("/chat", json=[QUESTION, ASKED, ANSWERED]).json())
    refused = post("/chat", json=[QUESTION, ASKED, QUESTION])
    print("broken:", refused.status_code, refused.json()["violations"][0]["kind"])


if __name__ == "__main__":
    provider = TracerProvider(resource=Resource.create({"service.name": "chat-service"}))
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    with LoopbackProvider() as server:
        local = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
        with TestClient(create_app(local, mode="strict", profile="openai-chat")) as client:
            show(client.post)
