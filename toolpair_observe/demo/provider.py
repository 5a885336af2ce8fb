"""An OpenAI-compatible server on the loopback interface that enforces the pairing rule.

It stands in for the provider wherever a key or a network would be too much to ask: in the demo,
the examples and the tests. What it refuses is decided by `toolpair_observe.demo.judge`, what it
answers by a script of `Reply`s.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from toolpair_observe.demo.judge import WireError, WireMessage, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MODEL = "gpt-4o-mini"

MAX_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the scripted model makes."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = "call_1"

    def wire(self) -> dict[str, Any]:
        """Return the call as it stands in a response."""
        function = {"name": self.name, "arguments": json.dumps(self.arguments)}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted model says to one accepted request."""

    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def finish_reason(self) -> str:
        """Why the model stopped."""
        return "tool_calls" if self.tool_calls else "stop"

    def message(self) -> dict[str, Any]:
        """Return the assistant message of a plain response."""
        message: dict[str, Any] = {"role": "assistant", "content": self.content}
        if self.tool_calls:
            message["tool_calls"] = [call.wire() for call in self.tool_calls]
        return message

    def deltas(self) -> Iterator[dict[str, Any]]:
        """Yield the pieces of a streamed response."""
        yield {"role": "assistant", "content": "" if self.content is not None else None}
        for word in (self.content or "").splitlines(keepends=True):
            yield {"content": word}
        for index, call in enumerate(self.tool_calls):
            yield {"tool_calls": [{"index": index, **call.wire()}]}


DEFAULT_REPLY = Reply("Rome is clear at 18 degrees, Oslo has rain at 7 degrees.")


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it arrived, and what became of it.

    Attributes:
        path: The path that was asked for.
        body: The decoded JSON body.
        status: The HTTP status of the answer.
        error: The refusal, or None where the request was answered.
    """

    path: str
    body: dict[str, Any]
    status: int
    error: WireError | None = None

    @property
    def messages(self) -> list[WireMessage]:
        """The messages of the request."""
        return list(self.body.get("messages") or ())


class LoopbackProvider:
    """A server for `ChatOpenAI(base_url=provider.base_url, api_key="none")`.

    Used as a context manager. Replies of the script are used up in order; after the last one every
    request gets `DEFAULT_REPLY`. A refused request uses up no reply.

    Attributes:
        requests: Every request that arrived, in order.
    """

    def __init__(
        self,
        script: Iterable[Reply] = (),
        *,
        judge: Callable[[Sequence[WireMessage]], WireError | None] = judge,
    ) -> None:
        """Bind a free port.

        Args:
            script: What the model says, one reply per accepted request.
            judge: What decides whether the messages are refused.
        """
        self.requests: list[RecordedRequest] = []
        self._script = deque(script)
        self._judge = judge
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="loopback-provider",
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

    def complete(self, path: str, body: dict[str, Any]) -> Reply | WireError:
        """Judge one request, record it, and return what to answer."""
        error = _body_fault(body) or self._judge(body["messages"])
        status = HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK
        with self._lock:
            self.requests.append(RecordedRequest(path, body, status, error))
            if error:
                return error
            return self._script.popleft() if self._script else DEFAULT_REPLY


def _body_fault(body: dict[str, Any]) -> WireError | None:
    messages = body.get("messages")
    if "messages" not in body:
        return WireError(
            "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
        )
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return WireError(
            "Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type"
        )
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: LoopbackProvider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        # A small answer must not wait for the acknowledgement of its own headers.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/v1/models":
            self._send_json(HTTPStatus.NOT_FOUND, _no_such_path("GET", self.path).body())
            return
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "loopback"}
        self._send_json(HTTPStatus.OK, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        body = self._read_body()
        if body is None:
            return
        if self.path.partition("?")[0] != "/v1/chat/completions":
            self._send_json(HTTPStatus.NOT_FOUND, _no_such_path("POST", self.path).body())
            return
        answer = self.server.provider.complete(self.path, body)
        if isinstance(answer, WireError):
            self._send_json(HTTPStatus.BAD_REQUEST, answer.body())
        elif body.get("stream"):
            self._send_events(_chunks(answer, body))
        else:
            self._send_json(HTTPStatus.OK, _completion(answer, body))

    def log_message(self, *_: object) -> None:
        """Keep the host's output quiet."""

    def _read_body(self) -> dict[str, Any] | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._send_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _unreadable().body())
            return None
        try:
            body = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        self._send_json(HTTPStatus.BAD_REQUEST, _unreadable().body())
        return None

    def _send_json(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send_events(self, chunks: Iterator[dict[str, Any]]) -> None:
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        payload = "".join([*events, "data: [DONE]\n\n"]).encode()
        self._send(HTTPStatus.OK, "text/event-stream", payload)

    def _send(self, status: HTTPStatus, content_type: str, payload: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _unreadable() -> WireError:
    return WireError("We could not parse the JSON body of your request.", None)


def _no_such_path(method: str, path: str) -> WireError:
    return WireError(f"Invalid URL ({method} {path})", None)


def _completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": reply.message(), "finish_reason": reply.finish_reason}
    return {**_envelope("chat.completion", body), "choices": [choice], "usage": _USAGE}


def _chunks(reply: Reply, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    envelope = _envelope("chat.completion.chunk", body)
    for delta in reply.deltas():
        yield {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    last = {"index": 0, "delta": {}, "finish_reason": reply.finish_reason}
    yield {**envelope, "choices": [last]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**envelope, "choices": [], "usage": _USAGE}


_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def _envelope(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-loopback",
        "object": kind,
        "created": 0,
        "model": str(body.get("model") or MODEL),
    }
