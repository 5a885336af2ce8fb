"""Messages of pydantic-ai, as its adapter for JSON writes them."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.pydantic_ai import PYDANTIC_AI
from toolpair_observe.histories.unit import Extent


def request(*parts, **more):
    return {"kind": "request", "parts": list(parts), "instructions": None, **more}


def response(*parts, **more):
    usage = {"input_tokens": 1, "details": {"x": 1}}
    return {"kind": "response", "parts": list(parts), "usage": usage, **more}


ASKED = {"part_kind": "user-prompt", "content": "Weather?", "timestamp": "2026-01-01T00:00:00Z"}
SYSTEM = {"part_kind": "system-prompt", "content": "Be brief.", "dynamic_ref": None}
SAID = {"part_kind": "text", "content": "Sunny."}
CALL = {"part_kind": "tool-call", "tool_name": "f", "args": {"x": [1]}, "tool_call_id": "a"}
OTHER_CALL = {**CALL, "tool_call_id": "b"}
RESULT = {"part_kind": "tool-return", "tool_name": "f", "content": "18", "tool_call_id": "a"}
OTHER_RESULT = {**RESULT, "tool_call_id": "b"}
RETRY = {"part_kind": "retry-prompt", "content": [{"loc": []}], "tool_call_id": "a"}
HOSTED = {**CALL, "part_kind": "builtin-tool-call"}
HOSTED_RESULT = {**RESULT, "part_kind": "builtin-tool-return"}
END = response(SAID)


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([request(SYSTEM, ASKED), response(CALL), request(RESULT), END], checked(2)),
        (
            [request(ASKED), response(CALL, OTHER_CALL), request(RESULT, OTHER_RESULT), END],
            checked(2),
        ),
        ([request(ASKED), response(CALL), request(RESULT, ASKED), END], checked(2)),
        ([request(ASKED), response(SAID, CALL), request(RESULT), request(ASKED), END], checked(2)),
        ([request(ASKED), response(CALL), request(ASKED), END], checked(2, "missing_result")),
        (
            [request(ASKED), response(CALL), request(ASKED, RESULT), END],
            checked(2, "misplaced_result"),
        ),
        ([request(RESULT, ASKED), END], checked(1, "orphan_result")),
        (
            [request(ASKED), response(CALL), request(OTHER_RESULT), END],
            checked(2, "mismatched_result"),
        ),
        # The answer at the end is no request, and what it calls is not missed.
        ([request(ASKED), response(CALL)], checked(1)),
        ([request(ASKED), response(CALL), request(RESULT)], checked(1)),
    ],
)
def test_the_requests_are_what_stands_before_each_response(messages, verdict):
    assert judge_list(PYDANTIC_AI, messages, Extent.PREFIXES) == verdict


@pytest.mark.parametrize(
    ("retry", "kinds"),
    [
        ({**RETRY, "tool_name": "f"}, []),
        ({**RETRY, "tool_name": None}, ["missing_result"]),
        (RETRY, ["missing_result"]),
        ({"part_kind": "retry-feedback", "content": "Again.", "retry": {}}, ["missing_result"]),
    ],
)
def test_a_retry_is_a_result_only_where_it_names_the_tool(retry, kinds):
    messages = [request(ASKED), response(CALL), request(retry), END]

    assert judge_list(PYDANTIC_AI, messages, Extent.PREFIXES) == checked(2, *kinds)


@pytest.mark.parametrize("parts", [[HOSTED, HOSTED_RESULT, SAID], [HOSTED], [HOSTED_RESULT]])
def test_tools_of_the_provider_need_no_result(parts):
    messages = [request(ASKED), response(*parts), request(ASKED), END]

    assert judge_list(PYDANTIC_AI, messages, Extent.PREFIXES) == checked(2)


def test_notes_of_the_library_are_no_messages():
    note = {"part_kind": "instruction-delta", "content": "x"}
    messages = [request(ASKED), response(CALL), request(note), request(RESULT), END]

    assert judge_list(PYDANTIC_AI, messages, Extent.PREFIXES) == checked(2)


@pytest.mark.parametrize(
    "message",
    [
        request({"part_kind": "tool-output"}),
        request(SAID),
        response(RESULT),
        response({"part_kind": ["text"]}),
        response(CALL, None),
        response(SAID) | {"calls": [1]},
        {"kind": "request", "parts": None},
        {"kind": "stream", "parts": []},
        {"kind": ["request"], "parts": []},
        "x",
    ],
)
def test_what_is_not_known_is_refused(message):
    messages = [request(ASKED), message, request(ASKED), END]

    assert judge_list(PYDANTIC_AI, messages, Extent.PREFIXES) == UNREADABLE
