"""ShareGPT's messages: `from` and `value`."""

from __future__ import annotations

import json

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.sharegpt import SHAREGPT
from toolpair_observe.histories.unit import Extent

ONE = json.dumps({"name": "f", "arguments": {"x": 1}})
TWO = json.dumps([{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}])
TAG = f"Let me see.\n<tool_call>\n{ONE}\n</tool_call>"
TAGGED_RESULT = "<tool_response>\n18\n</tool_response>"
REACT = "Thought: look.\nAction: f\nAction Input: {}"


def talk(*pairs):
    return [{"from": speaker, "value": value} for speaker, value in pairs]


def verdict_of(*pairs):
    return judge_list(SHAREGPT, talk(*pairs), Extent.PREFIXES)


HUMAN, GPT = ("human", "Weather?"), ("gpt", "Sunny.")


@pytest.mark.parametrize(
    ("pairs", "requests"),
    [
        ([HUMAN, GPT], 1),
        ([("system", "x"), HUMAN, ("function_call", ONE), ("observation", "18"), GPT], 2),
        ([HUMAN, ("function_call", TWO), ("observation", "[18, 19]"), GPT, HUMAN, GPT], 3),
        ([HUMAN, ("function_call", TWO), ("observation", "18"), ("observation", "19"), GPT], 2),
        ([HUMAN, ("function_call", "{'name': 'f'}"), ("observation", "18"), GPT], 2),
        ([HUMAN, ("gpt", TAG), ("tool", TAGGED_RESULT), GPT], 2),
        ([HUMAN, ("gpt", TAG), ("human", TAGGED_RESULT), GPT], 2),
        ([HUMAN, ("gpt", TAG + TAG), ("tool", TAGGED_RESULT * 2), GPT], 2),
        ([("user", "x"), ("assistant", REACT), ("function", "18"), ("assistant", "x")], 2),
        ([HUMAN, ("function_call", ONE)], 1),
    ],
)
def test_a_sound_conversation_is_clean(pairs, requests):
    assert verdict_of(*pairs) == checked(requests)


@pytest.mark.parametrize(
    ("pairs", "kinds"),
    [
        ([HUMAN, ("function_call", ONE), HUMAN, GPT], ["missing_result"]),
        ([HUMAN, ("function_call", ONE), GPT, HUMAN, GPT], ["missing_result"]),
        ([HUMAN, ("observation", "18"), GPT, HUMAN, GPT], ["orphan_result"]),
        ([HUMAN, ("gpt", TAG + TAG), ("tool", TAGGED_RESULT), GPT], ["missing_result"]),
        ([HUMAN, ("gpt", TAG), HUMAN, GPT], ["missing_result"]),
        ([HUMAN, ("gpt", TAG), ("tool", TAGGED_RESULT * 2), GPT], ["orphan_result"]),
        ([HUMAN, ("function_call", ONE), HUMAN, ("observation", "18"), GPT], ["misplaced_result"]),
    ],
)
def test_what_does_not_pair_is_found(pairs, kinds):
    assert verdict_of(*pairs)[2] == kinds


@pytest.mark.parametrize(
    "message",
    [
        {"from": "robot", "value": "x"},
        {"from": ["gpt"], "value": "x"},
        {"from": "gpt", "value": ["x"]},
        {"from": "gpt", "value": "x", "calls": [1]},
        {"role": "user", "content": "x"},
        None,
    ],
)
def test_what_is_not_known_is_refused(message):
    assert judge_list(SHAREGPT, [*talk(HUMAN), message, *talk(GPT)], Extent.PREFIXES) == UNREADABLE
