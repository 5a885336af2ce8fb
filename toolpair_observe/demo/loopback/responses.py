"""OpenAI's Responses API on the loopback interface, as far as tool pairing is concerned.

Calls and outputs are matched by id over the whole request, in any position. So this server accepts
histories that the other one refuses, and does not notice data that an integration has dropped.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from toolpair_observe.demo.loopback.judge import WireError
from toolpair_observe.demo.loopback.provider import DEFAULT_REPLY
from toolpair_observe.demo.loopback.server import MAX_BODY_BYTES, JsonHandler, LoopbackServer


class ResponsesProvider(LoopbackServer):
    """A server for `ChatOpenAI(base_url=…, use_responses_api=True, api_key="none")`.

    Used as a context manager.
    """

    def __init__(self) -> None:
        """Bind a free port."""
        super().__init__(_ResponsesHandler, "loopback-responses")

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"{self.origin}/v1"


def judge(items: list[dict[str, Any]]) -> WireError | None:
    """Return the provider's refusal of the input items, or None if it would answer."""
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


class _ResponsesHandler(JsonHandler):
    def do_POST(self) -> None:  # noqa: N802 -- http.server looks for it
        """Answer one request."""
        length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES)
        body = json.loads(self.rfile.read(length))
        error = judge([item for item in body.get("input") or () if isinstance(item, dict)])
        if error:
            self.send_json(HTTPStatus.BAD_REQUEST, error.body())
        else:
            self.send_json(HTTPStatus.OK, _response(str(body.get("model"))))


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
