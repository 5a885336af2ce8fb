"""Rows of datasets and benchmarks."""

from __future__ import annotations

import json

import pytest

from tests.histories.reading import (
    NO_REQUEST,
    UNREADABLE,
    checked,
    units_of,
    verdicts_of,
)

USER = {"role": "user", "content": "Weather?"}
END = {"role": "assistant", "content": "Sunny."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "content": "18", "tool_call_id": "a"}
HUMAN, GPT = {"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}


@pytest.mark.parametrize(
    "key",
    ["conversations", "conversation", "traj", "history", "trajectory", "dialog", "turns"],
)
def test_a_request_stands_before_each_answer(tmp_path, key):
    rows = [
        {key: [USER, CALL, RESULT, END, USER], "task_id": 1, "info": {"reward": 1}},
        {key: [USER, CALL, USER, END], "tools": [{"name": "f"}]},
        {key: json.dumps([USER, CALL, RESULT, END])},
        {key: [{"action": "x", "observation": "y"}]},
        {key: [USER, "x", END]},
    ]

    assert verdicts_of(tmp_path, *rows) == [
        checked(2),
        checked(2, "missing_result"),
        checked(2),
        UNREADABLE,
        UNREADABLE,
    ]
    assert units_of(tmp_path, rows[0])[0].row == key


def test_the_steps_beside_a_history_are_no_messages(tmp_path):
    row = {
        "environment": "x",
        "trajectory": [{"action": "x"}],
        "history": [USER, CALL, RESULT, END],
    }

    assert verdicts_of(tmp_path, row) == [checked(2)]


def test_two_lists_of_messages_in_a_row_are_both_read(tmp_path):
    row = {"history": [USER, END], "traj": [USER, CALL, USER, END]}

    assert verdicts_of(tmp_path, row) == [checked(2, "missing_result"), checked(1)]


def test_a_run_of_mini_swe_agent_is_a_trajectory(tmp_path):
    run = {"info": {}, "trajectory_format": "mini-swe-agent-1"}
    assert verdicts_of(tmp_path, run | {"messages": [USER, CALL, RESULT, CALL]}) == [checked(2)]


def test_a_list_under_a_key_that_nobody_knows_is_not_passed_over(tmp_path):
    row = {"traj": [USER, END], "info": {"task": {"actions": [{"name": "f", "arguments": {}}]}}}
    assert verdicts_of(tmp_path, row) == [checked(1)]
    assert verdicts_of(tmp_path, row | {"before": [USER, CALL, USER]}) == [UNREADABLE]


def test_messages_in_a_string_are_read_once_more(tmp_path):
    empty = {"role": "tool", "content": "18", "tool_call_id": None}
    nameless = {**CALL, "tool_calls": [{**CALL["tool_calls"][0], "id": None}]}
    rows = [
        {"messages": json.dumps([USER, CALL, RESULT, END])},
        {"messages": json.dumps([USER, nameless, empty, END])},
        {"messages": json.dumps([USER, nameless, USER, END])},
        {"messages": "not a list"},
        {"messages": "[1"},
    ]

    assert verdicts_of(tmp_path, *rows) == [
        checked(2),
        checked(2),
        checked(2, "missing_result"),
        UNREADABLE,
        UNREADABLE,
    ]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (
            {"prompt": [USER, CALL, USER], "chosen": [END], "rejected": [END]},
            checked(1, "missing_result"),
        ),
        ({"chosen": [USER, END], "rejected": [USER, END | {"content": "x"}]}, checked(1)),
        (
            {
                "chosen": [USER, END, USER, END],
                "rejected": [USER, END, {"role": "user", "content": "y"}, END],
            },
            checked(3),
        ),
        ({"chosen_messages": [USER, END], "rejected_messages": [USER, END]}, checked(1)),
        ({"conversations": [HUMAN], "chosen": GPT, "rejected": GPT}, checked(1)),
        ({"prompt": "x", "chosen": "a", "rejected": "b"}, NO_REQUEST),
        ({"prompt": "x", "chosen": [1], "rejected": 3}, UNREADABLE),
        ({"chosen": [USER, END], "rejected": None}, UNREADABLE),
    ],
)
def test_of_two_answers_neither_is_part_of_the_request(tmp_path, row, verdict):
    assert verdicts_of(tmp_path, row) == [verdict]


def test_what_a_trainer_gets_ends_with_its_target(tmp_path):
    rows = [
        {"messages": [USER, CALL, RESULT, END], "images": ["x.png"]},
        {"messages": [USER, CALL], "label": True},
        {"messages": [USER, CALL, USER, END], "label": False},
    ]

    assert verdicts_of(tmp_path, *rows) == [checked(2), checked(1), checked(2, "missing_result")]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"instruction": "x", "input": "", "output": "y"}, NO_REQUEST),
        ({"instruction": "x", "output": "y", "history": [["a", "b"]], "system": "z"}, NO_REQUEST),
        ({"instruction": "x", "output": 3}, UNREADABLE),
    ],
)
def test_an_instruction_and_its_answer_are_no_chat(tmp_path, row, verdict):
    assert verdicts_of(tmp_path, row) == [verdict]


def test_a_tree_of_toolbench_is_read_by_the_lists_in_it(tmp_path):
    answer = {"train_messages": [[USER, END], [USER, CALL, RESULT, END], [3]]}
    rows = [{"tree": {}, "answer_generation": answer}, {"answer_generation": {"chain": []}}]

    assert verdicts_of(tmp_path, *rows) == [checked(1), checked(1), UNREADABLE, UNREADABLE]
