"""Tell a Slack channel of each near miss: what is broken, and where to look at it.

Set SLACK_WEBHOOK_URL to an incoming webhook (else a server on this machine takes its place), and
TRACE_URL to a trace's address in your backend, with `{trace_id}` in it. Needs the extra demo.
"""

import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer

from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from openai import BadRequestError
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from toolpair_observe import Observation, ToolPairHandler
from toolpair_observe.demo.loopback.provider import LoopbackProvider

CALL = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
BROKEN = [HumanMessage("Weather?"), AIMessage("", tool_calls=[CALL]), HumanMessage("Hello?")]
TRACE_URL = os.environ.get("TRACE_URL", "http://localhost:3000/explore?trace={trace_id}")


def message_of(observation: Observation) -> str:
    """Return the message in Slack's markup: ids, names and counts, and no content."""
    # A model chooses the names of its calls, and <!channel> would call everybody.
    summary = escape(observation.report.summary(), quote=False)
    lines = [f":warning: {summary}; outcome {observation.outcome}"]
    if observation.langsmith_url:
        lines.append(f"<{observation.langsmith_url}|The run in LangSmith>")
    if observation.trace_id:
        lines.append(f"<{TRACE_URL.format(trace_id=observation.trace_id)}|The trace>")
    return "\n".join(lines)


@contextmanager
def webhook() -> Iterator[str]:
    """Yield the URL of the webhook: the one that is set, or one on this machine."""

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            print("the channel shows:", json.loads(body)["text"], sep="\n")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Channel) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield os.environ.get("SLACK_WEBHOOK_URL") or f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> None:
    """Send a broken history inside of a span, as a service would."""
    with webhook() as url, LoopbackProvider() as server:

        def tell_slack(observation: Observation) -> None:
            body = json.dumps({"text": message_of(observation)}).encode()
            urllib.request.urlopen(url, body, timeout=5).close()  # noqa: S310 - the operator's own

        handler = ToolPairHandler(profile="openai-chat", on_near_miss=tell_slack)
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
        tracer = TracerProvider().get_tracer("app")
        with tracer.start_as_current_span("POST /chat"), suppress(BadRequestError):
            model.invoke(BROKEN, config={"callbacks": [handler]})
        handler.flush()  # it is told on a thread of its own
    print("look at: the link, which opens the trace of the request in your backend")


if __name__ == "__main__":
    main()
