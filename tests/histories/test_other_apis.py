"""Requests to models that do not chat, and rows that are near to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.histories.wire_rows import one
from toolpair_observe.histories.unit import Status

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = {"parts": [{"text": "x"}]}
CALL = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"model": "m", "prompt": "Say x", "max_tokens": 5}, "text completion"),
        ({"model": "m", "prompt": ["[INST] x", "y"], "stream": False}, "text completion"),
        ({"model": "m", "prompt": [[1, 2], [3]], "echo": True}, "text completion"),
        ({"model": "m", "prompt": "a cat", "size": "1024x1024", "n": 1}, "image generation"),
        ({"prompt": "2 + 2", "completion": "4"}, "prompt and completion"),
        ({"model": "m", "texts": ["x"], "input_type": "search_query"}, "embedding"),
        ({"model": "m", "query": "x", "documents": ["y"]}, "rerank"),
        ({"model": "m", "content": CONTENT, "taskType": "RETRIEVAL_QUERY"}, "embedding"),
        ({"requests": [{"model": "m", "content": CONTENT}]}, "embedding"),
        ({"error": {"message": "no", "type": "invalid_request_error"}}, "response"),
        ({"id": "x", "model": "m", "results": [{"flagged": False}]}, "response"),
    ],
)
def test_models_that_do_not_chat_get_no_request(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    unit = one(tmp_path, row).unit
    assert (unit.status, unit.reason) == (Status.NOT_A_REQUEST, reason)


@pytest.mark.parametrize(
    "row",
    [
        {"model": "m", "prompt": json.dumps([CALL]), "stream": False},
        {"model": "m", "prompt": json.dumps({"messages": [CALL]}), "stream": False},
        {"model": "m", "prompt": "x", "stream": False, "context": [CALL]},
        {"model": "m", "prompt": {"x": 1}, "stream": False},
        {"prompt": "x", "completion": "y", "turns_before": [CALL]},
        {"error": {"message": "no"}, "sent": [CALL]},
        {"requests": [{"content": CONTENT}, {"x": 1}]},
    ],
)
def test_what_may_hold_messages_is_not_passed_over(tmp_path: Path, row: dict[str, Any]) -> None:
    assert one(tmp_path, row).unit.status is Status.UNREADABLE
