"""Hermes' tags in the text, and the blocks of LLaMA-Factory's own form."""

from __future__ import annotations

import json
import time

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list, verdicts_of
from toolpair_observe.histories.dialects import tags
from toolpair_observe.histories.dialects.tagged_text import TAGGED_TEXT, VALUE_BLOCKS
from toolpair_observe.histories.unit import Extent

CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
RESULT = "<tool_response>\n18\n</tool_response>"


def said(role, content):
    return {"role": role, "content": content}


USER, END = said("user", "Weather?"), said("assistant", "Sunny.")


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([USER, said("assistant", CALL), said("tool", RESULT), END], checked(2)),
        ([USER, said("assistant", CALL), said("user", RESULT), END], checked(2)),
        ([USER, said("assistant", CALL * 2), said("tool", RESULT * 2), END], checked(2)),
        ([USER, said("assistant", CALL * 2), *[said("tool", RESULT)] * 2, END], checked(2)),
        ([USER, said("assistant", CALL * 2), said("tool", "18 and 19"), END], checked(2)),
        ([said("system", f"Answer with {CALL}."), USER, END], checked(1)),
        ([USER, said("assistant", CALL), USER, END], checked(2, "missing_result")),
        (
            [USER, said("assistant", CALL * 2), said("tool", RESULT), END],
            checked(2, "missing_result"),
        ),
        ([USER, said("tool", RESULT), END], checked(1, "orphan_result")),
    ],
)
def test_tags_hold_calls_and_results(messages, verdict):
    assert judge_list(TAGGED_TEXT, messages, Extent.PREFIXES) == verdict


def block(kind, value):
    return {"type": kind, "value": value}


ONE = block("tool_call", json.dumps({"name": "f", "arguments": {}}))
TWO = block("tool_call", json.dumps([{"name": "f"}, {"name": "g"}]))
ASKED = said("user", [block("text", "Weather?")])
ANSWER = said("tool", [block("text", "18")])
ENDED = said("assistant", [block("reasoning", "x"), block("text", "Sunny.")])


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([ASKED, said("assistant", [block("reasoning", "x"), ONE]), ANSWER, ENDED], checked(2)),
        ([ASKED, said("assistant", [ONE, ONE]), ANSWER, ENDED], checked(2)),
        ([ASKED, said("assistant", [TWO]), ANSWER, ANSWER, ENDED], checked(2)),
        ([ASKED, said("assistant", [ONE]), ASKED, ENDED], checked(2, "missing_result")),
        ([ASKED, ANSWER, ENDED], checked(1, "orphan_result")),
    ],
)
def test_blocks_with_a_value_hold_calls(messages, verdict):
    assert judge_list(VALUE_BLOCKS, messages, Extent.PREFIXES) == verdict


@pytest.mark.parametrize(
    "message",
    [
        said("robot", "x"),
        said("assistant", {"a": 1}),
        said("assistant", [block("weird", "x")]),
        said("assistant", ["x"]),
        said("assistant", "x") | {"tool_calls": [{"id": "a"}]},
        7,
    ],
)
@pytest.mark.parametrize("dialect", [TAGGED_TEXT, VALUE_BLOCKS])
def test_what_is_not_known_is_refused(dialect, message):
    assert judge_list(dialect, [USER, message, USER]) == UNREADABLE


@pytest.mark.parametrize(
    ("message", "claimed"),
    [
        (said("assistant", CALL), True),
        (said("assistant", '<tool_call>{"name": "f"'), True),
        (said("assistant", "Write <tool_call></tool_call> around it."), False),
        (said("assistant", CALL) | {"tool_calls": [{"id": "a"}]}, False),
        (said("user", "What is <tool_response>?"), False),
        (said("tool", RESULT), True),
        (said("tool", RESULT) | {"tool_call_id": "a"}, False),
        (said("system", CALL), False),
        (said("assistant", None), False),
    ],
)
def test_talk_of_tags_is_no_call(message, claimed):
    assert TAGGED_TEXT.claims(message) is claimed


def test_beside_calls_of_another_form_tags_are_talk_of_tags(tmp_path):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    called = {"role": "assistant", "content": None, "tool_calls": [call]}
    answered = {"role": "tool", "content": "18", "tool_call_id": "a"}
    talk = [USER, said("assistant", f"One writes {CALL}."), USER, called]

    assert verdicts_of(tmp_path, [*talk, answered], [*talk, USER]) == [
        checked(1),
        checked(1, "missing_result"),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (CALL, ["f"]),
        ("<tool_call>{'name': 'f', 'arguments': {'x': 1}}</tool_call>", ["f"]),
        ("<tool_call>\n<function=f>\n<parameter=x>1</parameter></function></tool_call>", ["f"]),
        ("<tool_call>f\n<arg_key>x</arg_key></tool_call>", [None]),
        (
            '<tool_call>[{"name": "f"}, {"function": {"name": "g"}}, 3]</tool_call>',
            ["f", "g", None],
        ),
    ],
)
def test_a_call_is_found_in_each_spelling(text, names):
    assert tags.calls_in(text) == names


def test_tags_without_an_end_cost_no_more_than_the_text():
    text = "<tool_call>{" * 200_000
    start = time.process_time()
    tags.calls_in(text)
    tags.results_in(text.replace("call", "response"))

    assert time.process_time() - start < 2
