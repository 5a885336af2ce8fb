"""An OpenAI-compatible server on the loopback interface that enforces the pairing rule.

It replaces the provider where a key or a network is not available: in the demo, the examples and
the tests. The module `judge` decides which requests it refuses; a script of `Reply`s contains its
answers.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from toolpair_observe.demo.loopback.judge import WireError, WireMessage, judge
from toolpair_observe.demo.loopback.server import MAX_BODY_BYTES, JsonHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MODEL = "gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the scripted model makes."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = "call_1"

    def wire(self) -> dict[str, Any]:
        """Return the call in the form of a response."""
        function = {"name": self.name, "arguments": json.dumps(self.arguments)}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Reply:
    """The scripted model's answer to one accepted request."""

    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def finish_reason(self) -> str:
        """The reason why the model stopped."""
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
    """One request as it arrived, with its answer.

    Attributes:
        path: The path of the URL.
        body: The decoded JSON body.
        status: The HTTP status of the answer.
        error: The refusal, or None if the request was answered.
    """

    path: str
    body: dict[str, Any]
    status: int
    error: WireError | None = None

    @property
    def messages(self) -> list[WireMessage]:
        """The messages of the request."""
        return list(self.body.get("messages") or ())


class LoopbackProvider(LoopbackServer):
    """A server for `ChatOpenAI(base_url=provider.base_url, api_key="none")`.

    Used as a context manager. The replies of the script are used in order; after the last one,
    every request gets `DEFAULT_REPLY`. A refused request uses no reply.

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
            script: The model's answers, one per accepted request.
            judge: Returns the refusal of a list of messages, or None.
        """
        super().__init__(partial(_ProviderHandler, self), "loopback-provider")
        self.requests: list[RecordedRequest] = []
        self._script = deque(script)
        self._judge = judge
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"{self.origin}/v1"

    def complete(self, path: str, body: dict[str, Any]) -> Reply | WireError:
        """Judge one request, record it, and return the answer."""
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


class _ProviderHandler(JsonHandler):
    def __init__(self, provider: LoopbackProvider, *connection: Any) -> None:  # noqa: ANN401 -- the base class's
        self._provider = provider
        super().__init__(*connection)

    def do_GET(self) -> None:  # noqa: N802 -- http.server looks for it
        if self.path.partition("?")[0] != "/v1/models":
            self.send_json(HTTPStatus.NOT_FOUND, _no_such_path("GET", self.path).body())
            return
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "loopback"}
        self.send_json(HTTPStatus.OK, {"object": "list", "data": [model]})

    def do_POST(self) -> None:  # noqa: N802 -- http.server looks for it
        body = self._read_body()
        if body is None:
            return
        if self.path.partition("?")[0] != "/v1/chat/completions":
            self.send_json(HTTPStatus.NOT_FOUND, _no_such_path("POST", self.path).body())
            return
        answer = self._provider.complete(self.path, body)
        if isinstance(answer, WireError):
            self.send_json(HTTPStatus.BAD_REQUEST, answer.body())
        elif body.get("stream"):
            self._send_events(_chunks(answer, body))
        else:
            self.send_json(HTTPStatus.OK, _completion(answer, body))

    def _read_body(self) -> dict[str, Any] | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self.send_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _unreadable().body())
            return None
        try:
            body = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        self.send_json(HTTPStatus.BAD_REQUEST, _unreadable().body())
        return None

    def _send_events(self, chunks: Iterator[dict[str, Any]]) -> None:
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        payload = "".join([*events, "data: [DONE]\n\n"]).encode()
        self.send_payload(HTTPStatus.OK, "text/event-stream", payload)


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
