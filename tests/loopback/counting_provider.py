"""A chat-completions endpoint that answers everything and counts what it was asked.

It enforces no rule on purpose: what it is asked at all is the point. Being independent of the
demo's server, it cannot share a mistake with it.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from tests.loopback.server import LoopbackHandler, LoopbackServer

ANSWER = "It is sunny."


class CountingProvider(LoopbackServer):
    """A loopback endpoint for `ChatOpenAI(base_url=provider.base_url, api_key="test")`.

    Attributes:
        requests: The decoded request bodies, in order of arrival.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.url}/v1"

    @property
    def count(self) -> int:
        """How many requests have arrived since the last `reset`."""
        with self._lock:
            return len(self.requests)

    def reset(self) -> None:
        """Forget the requests seen so far."""
        with self._lock:
            self.requests.clear()

    def take(self, body: dict[str, Any]) -> None:
        """Count one request."""
        with self._lock:
            self.requests.append(body)


class _Handler(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = json.loads(self.read_body())
        self.server.owner.take(body)
        if body.get("stream"):
            self._answer("text/event-stream", _as_stream(body))
        else:
            self._answer("application/json", json.dumps(_completion(body)).encode())

    def _answer(self, content_type: str, body: bytes) -> None:
        self.send(200, body, {"Content-Type": content_type})


def _completion(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            },
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _as_stream(body: dict[str, Any]) -> bytes:
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        ({"content": ANSWER}, None),
        ({}, "stop"),
    ]
    chunks = [
        {
            "id": "chatcmpl-test",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        }
        for delta, finish_reason in deltas
    ]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()
