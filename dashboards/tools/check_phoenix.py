"""Check how Phoenix shows the handler's span: `python -m dashboards.tools.check_phoenix`.

A real Phoenix server receives the spans of the real handler and of OpenInference over OTLP, and
returns them through its API. The handler's span has to be a guardrail and not a second LLM call,
below its LLM call whatever is around that, and it must not contain message content.

Needs the extra `test`, and Phoenix in a separate environment, because it needs 850 MB:
`python -m venv phoenix && phoenix/bin/pip install arize-phoenix==20.26.1`, then
`--phoenix phoenix/bin/phoenix`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import openai
from langchain_openai import ChatOpenAI
from langsmith import tracing_context
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic import SecretStr

from dashboards.tools.local import StackError
from toolpair_observe import InvalidToolResultsError, ToolPairHandler, semconv
from toolpair_observe.demo.live import damage
from toolpair_observe.demo.loopback.provider import LoopbackProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_START_SECONDS: Final = 120.0
_READ_SECONDS: Final = 30.0
_APPLICATION_SPAN: Final = "answer the user"
# Message content of the demo's broken histories.
_CONTENT: Final = ("clear, 18 degrees", "What is the weather")

Span = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code: 0 if Phoenix shows the spans correctly.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards.tools.check_phoenix")
    parser.add_argument("--phoenix", default="phoenix", help="the program (%(default)s)")
    parser.add_argument("--picture", type=Path, help="write a picture of a trace to this file")
    arguments = parser.parse_args(argv)
    # Keep the handler's log lines from the screen.
    logging.getLogger("toolpair_observe").addHandler(logging.NullHandler())
    try:
        with tempfile.TemporaryDirectory() as folder, _phoenix(arguments.phoenix, folder) as url:
            problems = _check(url)
            if arguments.picture:
                _take_picture(url, arguments.picture)
    except StackError as error:
        sys.stderr.write(f"check_phoenix: {error}\n")
        return 2
    for problem in problems:
        sys.stdout.write(f"FAIL {problem}\n")
    return 1 if problems else 0


def _check(url: str) -> list[str]:
    problems = []
    for name, run, judge in (
        ("with-openinference", _with_openinference, _beside_the_llm_call),
        ("strict", _strict, _beside_the_llm_call),
        ("application-span", _with_application_span, _inside_the_application),
        ("separate-traces", _with_separate_traces, _beside_the_llm_call),
        ("alone", _alone, _a_separate_trace),
        ("control", _without_kind, _control),
    ):
        spans = _recorded(url, name, run)
        kinds = Counter(span["span_kind"] for span in spans)
        sys.stdout.write(f"{name}: {dict(kinds)}\n")
        problems += [f"{name}: {problem}" for problem in judge(spans)]
    return problems


def _with_openinference(provider: TracerProvider, **options: bool) -> None:
    with _instrumented(provider, **options):
        _ask(ToolPairHandler(tracer_provider=provider, profile="openai-chat", feedback="off"))


def _strict(provider: TracerProvider) -> None:
    with _instrumented(provider):
        _ask(
            ToolPairHandler(
                "strict", tracer_provider=provider, profile="openai-chat", feedback="off"
            )
        )


def _with_application_span(provider: TracerProvider, **options: bool) -> None:
    with provider.get_tracer("application").start_as_current_span(_APPLICATION_SPAN):
        _with_openinference(provider, **options)


def _with_separate_traces(provider: TracerProvider) -> None:
    _with_application_span(provider, separate_trace_from_runtime_context=True)


def _alone(provider: TracerProvider) -> None:
    _ask(ToolPairHandler(tracer_provider=provider, profile="openai-chat", feedback="off"))


def _without_kind(provider: TracerProvider) -> None:
    """Send a span without `openinference.span.kind`."""
    attributes = {
        semconv.GEN_AI_PROVIDER_NAME: "openai",
        semconv.GEN_AI_REQUEST_MODEL: "gpt-4o-mini",
    }
    tracer = provider.get_tracer(semconv.SCOPE)
    tracer.start_span(semconv.SPAN_CHECK, attributes=attributes).end()


def _ask(handler: ToolPairHandler) -> None:
    with LoopbackProvider() as provider, tracing_context(enabled=False):
        model = ChatOpenAI(
            model="gpt-4o-mini",
            base_url=provider.base_url,
            api_key=SecretStr("none"),
            max_retries=0,
            callbacks=[handler],
        )
        with suppress(openai.APIStatusError, InvalidToolResultsError):
            model.invoke(damage.partly_run(2))
    handler.close()


@contextmanager
def _instrumented(provider: TracerProvider, **options: bool) -> Iterator[None]:
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider, **options)
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _beside_the_llm_call(spans: list[Span]) -> list[str]:
    problems = _as_a_guardrail(spans)
    calls = [span for span in spans if span["span_kind"] == "LLM"]
    if len(calls) != 1:
        problems.append(f"{len(calls)} LLM calls are counted, but one was made")
    elif not problems:
        (ours,) = _ours(spans)
        if ours["context"]["trace_id"] != calls[0]["context"]["trace_id"]:
            problems.append("our span is not in the trace of the LLM call")
        if ours["parent_id"] != calls[0]["context"]["span_id"]:
            problems.append("our span is not below the LLM call")
    return problems


def _inside_the_application(spans: list[Span]) -> list[str]:
    problems = _beside_the_llm_call(spans)
    if len({span["context"]["trace_id"] for span in spans}) != 1:
        problems.append("there is more than one trace")
    return problems


def _a_separate_trace(spans: list[Span]) -> list[str]:
    problems = _as_a_guardrail(spans)
    if len(spans) != 1 or spans[0]["parent_id"]:
        problems.append("our span is not a separate root")
    return problems


def _control(spans: list[Span]) -> list[str]:
    """Check that Phoenix shows a span without a kind as an LLM call, so that the check can fail."""
    return [] if [span["span_kind"] for span in spans] == ["LLM"] else ["it was not found"]


def _as_a_guardrail(spans: list[Span]) -> list[str]:
    ours = _ours(spans)
    if len(ours) != 1:
        return [f"there are {len(ours)} spans of ours, not one"]
    (span,) = ours
    problems = []
    if span["span_kind"] != "GUARDRAIL":
        problems.append(f"our span is shown as {span['span_kind']}")
    if span["status_code"] != "ERROR":
        problems.append(f"the status of our span is {span['status_code']}")
    text = json.dumps(span)
    problems += [f"our span contains {content!r}" for content in _CONTENT if content in text]
    expected = {semconv.EFFECT: "reject", semconv.VIOLATION_KINDS: ["missing_result"]}
    return problems + [
        f"{name} is {_attribute(span, name)!r}, not {value!r}"
        for name, value in expected.items()
        if _attribute(span, name) != value
    ]


def _ours(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span["name"] == semconv.SPAN_CHECK]


def _attribute(span: Span, name: str) -> object:
    return span["attributes"].get(name)


def _recorded(url: str, project: str, run: Callable[[TracerProvider], None]) -> list[Span]:
    """Run something, and return its spans as Phoenix has them."""
    resource = Resource.create(
        {"service.name": "check-phoenix", "openinference.project.name": project}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    run(provider)
    provider.shutdown()
    deadline = time.monotonic() + _READ_SECONDS
    seen = -1
    spans: list[Span] = []
    # Phoenix answers before it has stored the spans: read until two readings agree.
    while time.monotonic() < deadline and (not spans or len(spans) != seen):
        seen = len(spans)
        time.sleep(1.0)
        with suppress(OSError):
            spans = _get(f"{url}/v1/projects/{project}/spans?limit=100")["data"]
    return spans


@contextmanager
def _phoenix(program: str, folder: str) -> Iterator[str]:
    found = shutil.which(program)
    if found is None:
        msg = f"{program} not found; see python -m dashboards.tools.check_phoenix --help"
        raise StackError(msg)
    port, grpc_port = _free_port(), _free_port()
    environment = {
        **os.environ,
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_WORKING_DIR": folder,
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
        "PHOENIX_AGENTS_DISABLE_BASH": "true",
        "PHOENIX_ENABLE_MCP_SERVER": "false",
    }
    with (Path(folder) / "phoenix.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 -- named by the user
            [found, "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _await(f"http://127.0.0.1:{port}/healthz", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):  # noqa: S310 -- our own
            return
        time.sleep(0.5)
    msg = "Phoenix does not start"
    raise StackError(msg)


def _take_picture(url: str, picture: Path) -> None:
    """Draw the trace with our span selected, so that its attributes are on the picture."""
    spans = _get(f"{url}/v1/projects/application-span/spans?limit=10")["data"]
    (span,) = _ours(spans)
    page = f"{url}/redirects/spans/{span['context']['span_id']}"
    subprocess.run(  # noqa: S603 -- our own
        [  # noqa: S607 -- wherever the system keeps it
            "chromium",
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--window-size=1500,900", "--virtual-time-budget=15000"),
            *(f"--screenshot={picture.resolve()}", page),
        ],
        check=True,
        capture_output=True,
    )


def _get(url: str) -> Any:  # noqa: ANN401 -- whatever Phoenix answers
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 -- our own
        return json.load(response)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
