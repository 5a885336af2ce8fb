"""A program that asks a real client under a real instrumentation and keeps what that writes.

Instrumentations are part of a process for good, so each is run in a process of its own:
`python -m tests.histories.recorders NAME FOLDER`.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.loopback.counting_provider import CountingProvider
from tests.loopback.server import LoopbackHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.callbacks import BaseCallbackHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider

NAMES = ("openinference", "traceloop", "genai", "langfuse")
THREAD = "thread-1"
REFUSAL = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_2"
)
CAPTURE = {
    "TRACELOOP_TRACE_CONTENT": "true",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
    "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true",
}


class _Refusing(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.read_body()
        error = {"message": REFUSAL, "type": "invalid_request_error", "param": "messages.[3].role"}
        body = json.dumps({"error": error}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _attach(
    name: str, tracers: TracerProvider, loggers: LoggerProvider
) -> list[BaseCallbackHandler]:
    if name == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor

        LangChainInstrumentor().instrument(tracer_provider=tracers)
    elif name == "traceloop":
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        LangchainInstrumentor().instrument(tracer_provider=tracers)
    elif name == "genai":
        from opentelemetry.instrumentation.genai.langchain import (
            LangChainInstrumentor as GenAi,
        )

        GenAi().instrument(tracer_provider=tracers, logger_provider=loggers)
    else:
        from langfuse import Langfuse
        from langfuse.langchain import CallbackHandler
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        Langfuse(
            public_key="pk",
            secret_key="sk",
            base_url="http://127.0.0.1:9",
            tracer_provider=tracers,
            span_exporter=InMemorySpanExporter(),
        )
        return [CallbackHandler(public_key="pk")]
    return []


def _converse(callbacks: list[BaseCallbackHandler]) -> None:
    """Ask four times: soundly, brokenly, with blocks, and brokenly where the provider refuses."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def get_weather(city: str) -> str:
        """Tell the weather."""
        return city

    asked = AIMessage(
        "",
        tool_calls=[
            {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_1"},
            {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_2"},
        ],
    )
    human = HumanMessage("What is the weather?")
    first = ToolMessage("18", tool_call_id="call_1")
    second = ToolMessage("19", tool_call_id="call_2", name="get_weather")
    broken = [human, asked, first, HumanMessage("And?")]
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    blocks = [
        HumanMessage([{"type": "text", "text": "Look."}, image]),
        asked,
        ToolMessage([{"type": "text", "text": "18"}], tool_call_id="call_1"),
        second,
    ]
    config: Any = {"metadata": {"thread_id": THREAD}, "callbacks": callbacks or None}

    def model(url: str) -> Any:
        client = ChatOpenAI(base_url=url, api_key="test", model="gpt-4o-mini", max_retries=0)
        return client.bind_tools([get_weather])

    with CountingProvider() as provider:
        for history in ([SystemMessage("Be nice."), human, asked, first, second], broken, blocks):
            model(provider.base_url).invoke(history, config)
    with LoopbackServer(_Refusing) as refusing, suppress(Exception):
        model(f"{refusing.url}/v1").invoke(broken, config)


def main(name: str, folder: str) -> None:
    """Write what the instrumentation exports, in each container, into the folder."""
    os.environ.update(CAPTURE)
    from google.protobuf.json_format import MessageToDict, MessageToJson
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import (
        ConsoleLogRecordExporter,
        InMemoryLogRecordExporter,
        SimpleLogRecordProcessor,
    )
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, records, console = InMemorySpanExporter(), InMemoryLogRecordExporter(), io.StringIO()
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter(console)))
    _converse(_attach(name, tracers, loggers))

    def write(container: str, text: str) -> None:
        Path(folder, container).write_text(text, encoding="utf-8")

    request = encode_spans(spans.get_finished_spans())
    write("base64.json", MessageToJson(request))
    numbers = MessageToDict(request, use_integers_for_enums=True)
    write("hex.jsonl", json.dumps(_with(numbers, _as_hex)) + "\n")
    write("snake.json", MessageToJson(request, preserving_proto_field_name=True))
    write("console.json", "\n".join(span.to_json() for span in spans.get_finished_spans()))
    if records.get_finished_logs():
        write("logs.json", MessageToJson(encode_logs(records.get_finished_logs())))
        write("console-logs.json", console.getvalue())


def _as_hex(key: str, value: Any) -> Any:
    is_id = key in ("traceId", "spanId", "parentSpanId")
    return base64.b64decode(value).hex() if is_id else _with(value, _as_hex)


def _with(data: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(data, dict):
        return {key: change(key, value) for key, value in data.items()}
    return [_with(each, change) for each in data] if isinstance(data, list) else data


if __name__ == "__main__":
    main(*sys.argv[1:])
