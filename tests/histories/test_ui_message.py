"""UI messages of Vercel's AI SDK: one message may hold several turns of the model."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.ui_message import UI_MESSAGE
from toolpair_observe.histories.unit import Extent

STEP = {"type": "step-start"}
SAID = {"type": "text", "text": "Sunny.", "state": "done"}
USER = {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Weather?"}]}


def ai(*parts):
    return {"id": "2", "role": "assistant", "parts": list(parts)}


def call(call_id="a", state="output-available", **more):
    return {"type": "tool-weather", "toolCallId": call_id, "state": state, "input": {}, **more}


def old_call(state="result", step=None, call_id="a"):
    inner = {"state": state, "toolCallId": call_id, "toolName": "weather", "args": {}}
    return inner if step is None else {**inner, "step": step}


def trajectory(*messages):
    return judge_list(UI_MESSAGE, list(messages), Extent.PREFIXES)


LAST = ai(STEP, SAID)


@pytest.mark.parametrize(
    ("messages", "requests"),
    [
        ([USER, LAST], 1),
        ([USER, ai(STEP, call(), STEP, SAID)], 2),
        ([USER, ai(STEP, call(), STEP, call("b"), STEP, SAID), USER, LAST], 4),
        ([USER, ai(STEP, call(), call("b"), STEP, SAID)], 2),
        # Text after a call in a step of its own was said before the result.
        ([USER, ai(STEP, call(), SAID)], 1),
        # Without marks text behind a result is the next turn.
        ([USER, ai(call(), SAID)], 2),
        ([USER, ai(STEP, call(providerExecuted=True), SAID)], 1),
        ([USER, ai(SAID, {"type": "data-chart", "data": {"x": []}}, call())], 1),
        ([USER, ai({**call(), "type": "dynamic-tool", "toolName": "x"}, SAID)], 2),
    ],
)
def test_each_step_of_a_message_was_a_request(messages, requests):
    assert trajectory(*messages) == checked(requests)


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        ("input-streaming", ["missing_result"]),
        ("input-available", ["missing_result"]),
        ("approval-requested", ["missing_result"]),
        ("approval-responded", ["missing_result"]),
        ("output-available", []),
        ("output-error", []),
        ("output-denied", []),
    ],
)
def test_the_state_tells_whether_there_is_a_result(state, kinds):
    assert trajectory(USER, ai(STEP, call(state=state)), USER, LAST) == checked(2, *kinds)


@pytest.mark.parametrize("state", ["input-available", "approval-requested", "approval-responded"])
def test_an_open_call_at_the_end_is_not_missed(state):
    assert trajectory(USER, ai(STEP, call(state=state))) == checked(1)


def test_the_call_that_a_person_has_approved_runs_before_the_request():
    answered = ai(STEP, call(state="approval-responded", approval={"id": "p", "approved": True}))

    assert judge_list(UI_MESSAGE, [USER, answered]) == checked(1)


@pytest.mark.parametrize(
    ("message", "requests", "kinds"),
    [
        ({"parts": [{"type": "tool-invocation", "toolInvocation": old_call()}, SAID]}, 4, []),
        (
            {"parts": [{"type": "tool-invocation", "toolInvocation": old_call("call")}, SAID]},
            3,
            ["missing_result"],
        ),
        ({"toolInvocations": [old_call()], "content": "Sunny."}, 4, []),
        ({"toolInvocations": [old_call()], "content": ""}, 3, []),
        ({"toolInvocations": [old_call("partial-call")], "content": ""}, 3, ["missing_result"]),
        (
            {"toolInvocations": [old_call(step=0), old_call(step=1, call_id="b")], "content": "S"},
            5,
            [],
        ),
        ({"toolInvocations": [old_call("call")], "parts": [SAID]}, 3, ["missing_result"]),
    ],
)
def test_release_4_has_calls_beside_the_parts_or_in_an_object_of_their_own(
    message, requests, kinds
):
    stored = {"id": "2", "role": "assistant", "content": "", **message}

    found = trajectory(USER, LAST, USER, stored, USER, LAST)

    assert found == checked(requests, *kinds)


@pytest.mark.parametrize(
    "message",
    [
        ai({"type": "weird"}),
        ai(call(state="done")),
        ai(call(), {"type": ["text"]}),
        ai(call()) | {"calls": [1]},
        ai(call()) | {"role": "tool"},
        {"id": "1", "role": "user", "parts": [call()]},
        {"id": "1", "role": "user", "parts": {"a": 1}},
        {"id": "1", "role": "assistant", "parts": [1]},
        {"id": "1", "role": "assistant", "content": [1]},
        {"id": "1", "role": "assistant", "toolInvocations": ["a"]},
        None,
    ],
)
def test_what_is_not_known_is_refused(message):
    assert trajectory(USER, message, USER, LAST) == UNREADABLE


@pytest.mark.parametrize(
    ("message", "claimed"),
    [
        (USER, True),
        (ai(call()), True),
        (ai(), True),
        ({"role": "assistant", "content": "", "toolInvocations": []}, True),
        ({"role": "user", "parts": [{"type": "text", "content": "x"}]}, False),
        ({"role": "user", "parts": [{"text": "x"}]}, False),
        ({"role": "user", "content": "x"}, False),
    ],
)
def test_a_message_is_claimed_by_its_parts(message, claimed):
    assert UI_MESSAGE.claims(message) is claimed
