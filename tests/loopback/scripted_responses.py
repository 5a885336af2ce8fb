"""OpenAI's Responses API for scripted conversations: calls and outputs pair in any position."""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from toolpair_observe.demo.loopback.responses import judge
from toolpair_observe.demo.loopback.server import JsonHandler, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.loopback.scripted_provider import Conversation
    from toolpair_observe.demo.loopback.provider import Reply


class ScriptedResponses(LoopbackServer):
    """A server for `ChatOpenAI(use_responses_api=True)`. Used as a context manager.

    Args:
        find: Returns the conversation of a URL's path, and its next reply.
    """

    def __init__(self, find: Callable[[str], tuple[Conversation, Callable[[], Reply]]]) -> None:
        super().__init__(partial(_Handler, find), "scripted-responses")


class _Handler(JsonHandler):
    def __init__(self, find: Any, *connection: Any) -> None:
        self._find = find
        super().__init__(*connection)

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        conversation, reply = self._find(self.path)
        items = body["input"]
        conversation.requests.append(items)
        if error := judge(items):
            conversation.refusals.append(error)
            self.send_json(HTTPStatus.BAD_REQUEST, error.body())
            return
        made = f"resp_{conversation.key}_{len(conversation.requests)}"
        self.send_json(HTTPStatus.OK, _response(made, body["model"], reply()))


def _response(identifier: str, model: str, reply: Reply) -> dict[str, Any]:
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{each.id}",
            "call_id": each.id,
            "name": each.name,
            "arguments": json.dumps(each.arguments),
            "status": "completed",
        }
        for each in reply.tool_calls
    ]
    text = {"type": "output_text", "text": reply.content, "annotations": []}
    said = {
        "type": "message",
        "id": identifier.replace("resp", "msg"),
        "status": "completed",
        "role": "assistant",
        "content": [text],
    }
    return {
        "id": identifier,
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": model,
        "output": [*([said] if reply.content else []), *calls],
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
