"""Messages in the logs of SWE-agent and Inspect."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.agent_logs import INSPECT, SWE_AGENT

USER = {"role": "user", "content": "x"}
SWE_CALL = {
    "role": "assistant",
    "content": "x",
    "agent": "main",
    "message_type": "action",
    "thinking_blocks": [{"type": "thinking"}],
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
SWE_RESULT = {"role": "tool", "content": "x", "agent": "main", "tool_call_ids": ["a"]}
CALL = {
    "role": "assistant",
    "content": [{"type": "reasoning", "reasoning": "x"}, {"type": "text", "text": "x"}],
    "tool_calls": [{"id": "a", "function": "f", "arguments": {"x": 1}, "type": "function"}],
}
RESULT = {
    "role": "tool",
    "content": "x",
    "tool_call_id": "a",
    "function": "f",
    "error": {"type": "timeout", "message": "x"},
}
HOSTED = {"type": "tool_use", "tool_type": "web_search", "id": "s", "name": "x", "result": "y"}


@pytest.mark.parametrize(
    ("dialect", "messages", "kinds"),
    [
        (SWE_AGENT, [USER, SWE_CALL, SWE_RESULT], []),
        (SWE_AGENT, [USER, SWE_CALL, SWE_RESULT | {"tool_call_ids": ["b"]}], ["mismatched_result"]),
        (SWE_AGENT, [USER, SWE_CALL, USER], ["missing_result"]),
        (SWE_AGENT, [USER, SWE_RESULT], ["orphan_result"]),
        (SWE_AGENT, [USER, SWE_CALL, {"role": "tool", "content": "x", "tool_call_id": "a"}], []),
        (INSPECT, [USER, CALL, RESULT], []),
        (INSPECT, [USER, CALL, USER], ["missing_result"]),
        (INSPECT, [USER, RESULT], ["orphan_result"]),
        (INSPECT, [USER, {"role": "assistant", "content": [HOSTED]}, USER], []),
    ],
)
def test_the_ids_are_read_where_they_stand(dialect, messages, kinds):
    assert judge_list(dialect, messages) == checked(1, *kinds)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "tool", "content": "x", "tool_call_ids": "a"},
        {"role": "user", "content": "x", "tool_calls": [{"id": "a"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]},
        {"role": "assistant", "content": "x", "tool_calls": {"id": "a"}},
        {"role": "assistant", "content": 3},
        {"role": "assistant", "content": "x", "calls": ["a"]},
        {"role": None},
        None,
    ],
)
def test_what_is_not_known_is_refused(message):
    assert judge_list(SWE_AGENT, [USER, message, USER]) == UNREADABLE


@pytest.mark.parametrize(
    ("message", "dialect"),
    [
        (SWE_CALL, SWE_AGENT),
        (SWE_RESULT, SWE_AGENT),
        (CALL, INSPECT),
        (RESULT, INSPECT),
        (USER, None),
    ],
)
def test_each_claims_what_the_other_does_not_have(message, dialect):
    claiming = [each for each in (SWE_AGENT, INSPECT) if each.claims(message)]

    assert claiming == ([dialect] if dialect else [])
