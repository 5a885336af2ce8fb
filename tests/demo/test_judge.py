"""The judge says what the provider says, word for word, and nothing where it would answer."""

from __future__ import annotations

import ast
import inspect

import pytest

from toolpair_observe.demo.loopback import judge as judge_module
from toolpair_observe.demo.loopback.judge import judge

USER = {"role": "user", "content": "Weather?"}
TEXT = {"role": "assistant", "content": "Sunny."}


def calls(*ids: str) -> dict:
    function = {"name": "f", "arguments": "{}"}
    wire = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": wire}


def result(call_id: str | None) -> dict:
    message = {"role": "tool", "content": "18"}
    return message if call_id is None else {**message, "tool_call_id": call_id}


def unanswered(*ids: str) -> str:
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(ids)
    )


ORPHAN = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'."
)
NO_ID = "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'."
LONG = "c" * 41


@pytest.mark.parametrize(
    ("messages", "text", "param"),
    [
        ([USER, calls("a", "b"), result("a")], unanswered("b"), "messages"),
        ([USER, calls("a", "b")], unanswered("a", "b"), "messages"),
        ([USER, calls("a"), USER], unanswered("a"), "messages.[2].role"),
        ([USER, calls("a"), TEXT, result("a")], unanswered("a"), "messages.[2].role"),
        (
            [USER, calls("a"), calls("b"), result("a"), result("b")],
            unanswered("a"),
            "messages.[2].role",
        ),
        ([result("a")], ORPHAN, "messages.[0].role"),
        ([USER, calls("a"), result("a"), USER, result("a")], ORPHAN, "messages.[4].role"),
        (
            [USER, calls("a", "b"), result("a"), result("b"), result("b")],
            (
                "Invalid parameter: Duplicate value for 'tool_call_id' of 'b', in messages[3] and "
                "messages[4]."
            ),
            "messages.[4].tool_call_id",
        ),
        (
            [USER, calls("a"), result("x")],
            (
                "Invalid parameter: 'tool_call_id' of 'x' not found in 'tool_calls' of previous "
                "message."
            ),
            "messages.[2].tool_call_id",
        ),
        ([USER, calls("a"), result(None)], NO_ID, "messages.[2].tool_call_id"),
        ([USER, calls("a"), result("")], NO_ID, "messages.[2].tool_call_id"),
        ([USER, result(None)], NO_ID, "messages.[1].tool_call_id"),
        (
            [USER, calls(LONG), result(LONG)],
            (
                "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with "
                "maximum length 40, but got a string with length 41 instead."
            ),
            "messages[1].tool_calls[0].id",
        ),
        (
            [USER, calls("a"), result(LONG)],
            (
                "Invalid 'messages[2].tool_call_id': string too long. Expected a string with "
                "maximum length 40, but got a string with length 41 instead."
            ),
            "messages[2].tool_call_id",
        ),
    ],
)
def test_a_broken_history_is_refused_in_the_providers_words(messages, text, param):
    error = judge(messages)

    assert error is not None
    assert (error.message, error.param) == (text, param)


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [USER, calls("a", "b"), result("a"), result("b")],
        [USER, calls("a", "b"), result("b"), result("a"), TEXT, USER],
        # The same id in a later turn is a new call.
        [USER, calls("a"), result("a"), TEXT, USER, calls("a"), result("a")],
        [USER, calls("c" * 40), result("c" * 40)],
        [USER, {**TEXT, "tool_calls": []}, USER],
    ],
)
def test_a_sound_history_is_not_refused(messages):
    assert judge(messages) is None


def test_a_reused_id_whose_second_call_is_unanswered_is_refused():
    history = [USER, calls("a"), result("a"), TEXT, USER, calls("a"), USER]

    error = judge(history)

    assert error is not None
    assert error.message == unanswered("a")


def test_the_judge_shares_no_code_with_the_checker_it_judges():
    tree = ast.parse(inspect.getsource(judge_module))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name
    }

    assert not [name for name in imported if name.startswith(("toolpair_observe", "langchain"))]
