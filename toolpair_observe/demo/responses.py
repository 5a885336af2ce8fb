"""OpenAI's Responses API on the loopback interface, as far as tool pairing is concerned.

Calls and outputs are matched by id over the whole request, wherever they stand, so what the other
server refuses is fine here, and what an integration drops on the way is never missed.
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from toolpair_observe.demo.judge import WireError
from toolpair_observe.demo.provider import DEFAULT_REPLY, MAX_BODY_BYTES

_POLL_SECONDS: Final = 0.05


class ResponsesProvider:
    """A server for `ChatOpenAI(base_url=…, use_responses_api=True, api_key="none")`.

    Used as a context manager.
    """

    def __init__(self) -> None:
        """Bind a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name="loopback-responses",
            daemon=True,
        )

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def judge(items: list[dict[str, Any]]) -> WireError | None:
    """Return the provider's refusal of the input items, or None where it would answer."""
    calls = _ids(items, "function_call")
    outputs = _ids(items, "function_call_output")
    for call in calls:
        if call not in outputs:
            return WireError(f"No tool output found for function call {call}.", "input")
    for output in outputs:
        if output not in calls:
            return WireError(
                f"No tool call found for function call output with call_id {output}.", "input"
            )
    return None


def _ids(items: list[dict[str, Any]], kind: str) -> list[str]:
    return [str(item.get("call_id")) for item in items if item.get("type") == kind]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer must not wait for the acknowledgement of its own headers.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one request."""
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES)
        body = json.loads(self.rfile.read(length))
        error = judge([item for item in body.get("input") or () if isinstance(item, dict)])
        if error:
            self._send(HTTPStatus.BAD_REQUEST, error.body())
        else:
            self._send(HTTPStatus.OK, _response(str(body.get("model"))))

    def log_message(self, *_: object) -> None:
        """Keep the host's output quiet."""

    def _send(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _response(model: str) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "output_text", "text": DEFAULT_REPLY.content, "annotations": []}
    message = {
        "type": "message",
        "id": "msg_loopback",
        "status": "completed",
        "role": "assistant",
        "content": [text],
    }
    return {
        "id": "resp_loopback",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": model,
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "usage": {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2,
        },
    }
