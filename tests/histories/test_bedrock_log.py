"""Bedrock's log of model invocations, and its batches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.histories.wire_rows import judged, one
from toolpair_observe.histories.unit import Recorded, Status

if TYPE_CHECKING:
    from pathlib import Path

CONVERSE = {
    "messages": [
        {"role": "user", "content": [{"text": "weather?"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "w"}}]},
        {"role": "user", "content": [{"text": "well?"}]},
    ]
}
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
    ],
}


def entry(operation: object = "Converse", body: object = CONVERSE, **more: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-01-01T00:00:00Z",
        "requestId": "req-1",
        "operation": operation,
        "modelId": "anthropic.claude-sonnet-4",
        "input": {"inputContentType": "application/json", "inputBodyJson": body},
        **more,
    }


@pytest.mark.parametrize(
    ("row", "api", "kinds"),
    [
        (entry(), "converse", ["missing_result"]),
        (entry("ConverseStream"), "converse", ["missing_result"]),
        (entry("InvokeModel", CLAUDE), "invoke", []),
        (entry("InvokeModelWithResponseStream", CLAUDE), "invoke", []),
        # Nova takes Converse's messages as a body of its own.
        (entry("InvokeModel", CONVERSE), "invoke", ["missing_result"]),
        (entry("InvokeModel", {"messages": [{"role": "user", "content": "x"}]}), "invoke", []),
        (entry(body=json.dumps(CONVERSE)), "converse", ["missing_result"]),
    ],
)
def test_a_request_is_read_in_its_own_form(
    tmp_path: Path, row: dict[str, Any], api: str, kinds: list[str]
) -> None:
    found = one(tmp_path, row)
    unit = found.unit
    assert (unit.status, unit.format) == (Status.CHECKED, "bedrock.log")
    assert [kind.value for kind in found.kinds] == kinds
    assert (unit.origin.provider, unit.origin.api) == ("bedrock", api)
    assert unit.origin.model == "anthropic.claude-sonnet-4"
    assert (unit.run_id, unit.at) == ("req-1", "2026-01-01T00:00:00Z")
    assert unit.row == "input.inputBodyJson.messages"


@pytest.mark.parametrize(
    ("more", "recorded"),
    [
        ({"output": {"outputBodyJson": {"output": {}}}}, Recorded.ACCEPTED),
        ({"output": {"outputBodyS3Path": "s3://x/y"}}, Recorded.ACCEPTED),
        ({"output": {}}, None),
        ({}, None),
        ({"errorCode": "ValidationException", "output": {"outputBodyJson": {}}}, Recorded.FAILED),
    ],
)
def test_a_code_alone_tells_no_more_than_that_it_failed(
    tmp_path: Path, more: dict[str, Any], recorded: Recorded | None
) -> None:
    assert one(tmp_path, entry(**more)).unit.recorded is recorded


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (entry("ApplyGuardrail"), "operation 'ApplyGuardrail'"),
        (entry("InvokeModel", {"prompt": "x"}), "text completion"),
        (entry("InvokeModel", {"inputText": "x"}, modelId="amazon.titan-embed-v2"), "embedding"),
        (entry("InvokeModel", {"query": "x"}, modelId="cohere.rerank-v3-5:0"), "reranking"),
        (entry("InvokeModel", {"taskType": "TEXT_IMAGE"}), "image generation"),
    ],
)
def test_other_invocations_are_no_requests(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    unit = one(tmp_path, row).unit
    assert (unit.status, unit.reason) == (Status.NOT_A_REQUEST, reason)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (entry(input={"inputBodyS3Path": "s3://secret/x"}), "inputBodyS3Path: give that file"),
        (entry(input={"inputContentType": "x"}), "an input with key 'inputContentType'"),
        (entry(input=None), "the log has no input, and no body"),
        (entry(body="not JSON"), "inputBodyJson: expected an object, got null"),
        (entry(body=[1]), "inputBodyJson: expected an object, got a list"),
        (entry("InvokeModel", {"turns": []}), "no known form of body: an object with key 'turns'"),
        (entry("Converse", {"messages": 7}), "expected a list, got a number"),
    ],
)
def test_what_has_no_readable_body_is_named(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    unit = one(tmp_path, row).unit
    assert unit.status is Status.UNREADABLE
    assert reason in unit.reason
    assert "secret" not in unit.reason


def test_the_log_is_read_as_cloudwatch_hands_it_out(tmp_path: Path) -> None:
    event = {"timestamp": 1, "message": json.dumps(entry())}
    alone, listed, other, broken = judged(
        tmp_path,
        event,
        {"events": [event, {"message": "START"}, {"message": '"ModelInvocationLog"'}]},
    )
    assert [kind.value for kind in alone.kinds] == ["missing_result"]
    assert listed.unit.row == "events[0].message.input.inputBodyJson.messages"
    assert other.unit.status is Status.NOT_A_REQUEST
    assert broken.unit.status is Status.UNREADABLE


@pytest.mark.parametrize(
    ("more", "recorded"),
    [
        ({}, None),
        ({"modelOutput": {"content": []}}, Recorded.ACCEPTED),
        ({"error": {"errorCode": 400, "errorMessage": "no"}}, Recorded.FAILED),
    ],
)
def test_rows_of_a_batch_are_read(
    tmp_path: Path, more: dict[str, Any], recorded: Recorded | None
) -> None:
    unit = one(tmp_path, {"recordId": "r1", "modelInput": CLAUDE, **more}).unit
    assert (unit.status, unit.format, unit.name) == (Status.CHECKED, "bedrock.batch", "r1")
    assert unit.recorded is recorded
