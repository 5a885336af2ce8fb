"""Model messages of Vercel's AI SDK, of release 4 and of later ones."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.ai_sdk import AI_SDK
from toolpair_observe.histories.dialects.table import dialect_of

USER = {"role": "user", "content": "Weather?"}
TEXT = {"type": "text", "text": "Sunny."}
CALL = {"type": "tool-call", "toolCallId": "a", "toolName": "f", "input": {"city": "x"}}
RESULT = {"type": "tool-result", "toolCallId": "a", "toolName": "f", "output": {"type": "json"}}
ASK = {"type": "tool-approval-request", "approvalId": "p", "toolCallId": "a"}
APPROVE = {"type": "tool-approval-response", "approvalId": "p", "approved": True}
HOSTED = {**CALL, "providerExecuted": True}


def ai(*parts):
    return {"role": "assistant", "content": list(parts)}


def tool(*parts):
    return {"role": "tool", "content": list(parts)}


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([USER, ai(CALL), tool(RESULT)], checked(1)),
        ([USER, ai(TEXT, CALL), tool(RESULT), ai(TEXT), USER], checked(1)),
        ([USER, ai(CALL), USER], checked(1, "missing_result")),
        ([USER, tool(RESULT)], checked(1, "orphan_result")),
        ([USER, ai(CALL), tool(RESULT, RESULT)], checked(1, "duplicate_result")),
        ([USER, ai(CALL), USER, tool(RESULT)], checked(1, "misplaced_result")),
        (
            [USER, ai({**CALL, "toolCallId": None}), tool({**RESULT, "toolCallId": "b"})],
            checked(1, "missing_id", "orphan_result"),
        ),
        # Release 4 has `args` and `result`.
        (
            [
                USER,
                ai({"type": "tool-call", "toolCallId": "a", "toolName": "f", "args": {"x": 1}}),
                tool({"type": "tool-result", "toolCallId": "a", "toolName": "f", "result": [1]}),
            ],
            checked(1),
        ),
    ],
)
def test_calls_and_results_pair_by_their_ids(messages, verdict):
    assert judge_list(AI_SDK, messages) == verdict


@pytest.mark.parametrize(
    "messages",
    [
        [USER, ai(HOSTED, RESULT, TEXT), USER],
        [USER, ai(HOSTED), USER],
        [USER, ai(CALL, RESULT), USER],
        [USER, ai(HOSTED, TEXT), tool(RESULT), USER],
    ],
)
def test_what_the_provider_ran_needs_no_result(messages):
    assert judge_list(AI_SDK, messages) == checked(1)


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        # Nobody is asked before a person has answered, and then the call runs first.
        ([USER, ai(CALL, ASK)], checked(1)),
        ([USER, ai(CALL, ASK), tool(APPROVE)], checked(1)),
        ([USER, ai(CALL, ASK), tool(APPROVE), tool(RESULT), ai(TEXT), USER], checked(1)),
        ([USER, ai(CALL, ASK), tool(APPROVE, RESULT), USER], checked(1)),
        # An answer is no result.
        ([USER, ai(CALL, ASK), USER], checked(1, "missing_result")),
        ([USER, ai(CALL, ASK), tool(APPROVE), USER], checked(1, "missing_result")),
        ([USER, ai(CALL, {**CALL, "toolCallId": "b"}, ASK)], checked(1, "missing_result")),
    ],
)
def test_an_approval_is_no_result_and_its_call_runs_later(messages, verdict):
    assert judge_list(AI_SDK, messages) == verdict


@pytest.mark.parametrize(
    "message",
    [
        ai(CALL, {"type": "tool-error", "toolCallId": "a"}),
        ai(CALL) | {"tool_calls": [{"id": "b"}]},
        tool(RESULT, {"type": "text", "text": "x"}),
        {"role": "tool", "content": "18"},
        {"role": "robot", "content": [CALL]},
        {"role": ["user"], "content": "x"},
        {"role": "user", "content": [CALL]},
        {"role": "user", "content": {"type": "text"}},
        {"role": "assistant", "content": [CALL, "x"]},
        None,
        [],
    ],
)
def test_what_is_not_known_is_refused(message):
    assert judge_list(AI_SDK, [USER, message, USER]) == UNREADABLE


@pytest.mark.parametrize(
    ("message", "claimed"),
    [
        (ai(CALL), True),
        (tool(RESULT), True),
        (tool(APPROVE), True),
        (ai({"type": "reasoning", "text": "x"}), True),
        ({"role": "user", "content": [{"type": "file", "mediaType": "image/png"}]}, True),
        (USER, False),
        (ai({"type": "tool_use", "id": "a"}), False),
        ({"role": "user", "content": [{"type": "image", "source": {}}]}, False),
        (7, False),
    ],
)
def test_a_message_is_claimed_by_what_no_other_form_has(message, claimed):
    assert AI_SDK.claims(message) is claimed


def test_pictures_and_thoughts_in_openais_form_stay_openais():
    """Both have such parts, and the calls beside them tell whose they are."""
    shown = {"role": "user", "content": [{"type": "image", "image": "https://x/a.png"}]}
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    thought = [{"type": "reasoning", "text": "x"}]
    asking = {"role": "assistant", "content": thought, "tool_calls": calls}
    answer = {"role": "tool", "tool_call_id": "a", "content": "18"}
    assert dialect_of([shown, asking, answer]).name == "openai-chat"
    assert dialect_of([shown, {"role": "assistant", "content": thought}]).name == "ai-sdk"
