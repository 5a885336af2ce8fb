"""Prompt files with few-shot examples."""

from __future__ import annotations

import pytest

from tests.histories.reading import (
    NO_REQUEST,
    checked,
    units_of,
    verdicts_of,
)

USER = {"role": "user", "content": "{{ question }}"}
END = {"role": "assistant", "content": "Sunny."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
}
BROKEN = [USER, CALL, USER]


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        ({"name": "x", "messages": BROKEN}, ["messages"]),
        ({"description": "x", "messages": BROKEN, "model": "m"}, ["messages"]),
        ({"name": "x", "messages": BROKEN, "examples": [BROKEN]}, ["messages", "examples[0]"]),
        ({"prompt": {"name": "x", "messages": BROKEN}}, ["prompt.messages"]),
        ({"prompt": BROKEN}, ["prompt"]),
        (
            {"prompts": [{"name": "x", "messages": BROKEN}, BROKEN]},
            ["prompts[0].messages", "prompts[1]"],
        ),
        (
            {"prompts": {"x": {"messages": BROKEN}, "y": BROKEN}},
            ["prompts.x.messages", "prompts.y"],
        ),
        ({"few_shot": BROKEN}, ["few_shot"]),
        ({"prefix": "x", "examples": [{"messages": BROKEN}]}, ["examples[0].messages"]),
    ],
)
def test_examples_are_judged_as_a_request(tmp_path, row, rows):
    assert [unit.row for unit in units_of(tmp_path, row)] == rows
    assert verdicts_of(tmp_path, row) == [checked(1, "missing_result")] * len(rows)


def test_the_last_answer_of_an_example_is_part_of_it(tmp_path):
    assert verdicts_of(tmp_path, {"name": "x", "messages": [USER, CALL]}) == [
        checked(1, "missing_result")
    ]


def test_templates_of_text_are_no_chat(tmp_path):
    row = {
        "_type": "few_shot",
        "input_variables": ["x"],
        "prefix": "Answer.",
        "examples": [{"input": "a", "output": "b"}],
        "suffix": "{x}",
    }

    assert verdicts_of(tmp_path, row) == [NO_REQUEST]


def test_a_template_in_place_of_messages_is_named(tmp_path):
    (unit,) = units_of(tmp_path, [USER, "{{ history }}", USER])
    (found,) = verdicts_of(tmp_path, [USER, "{{ history }}", USER])

    assert unit.format == "messages"
    assert found[0] == "unreadable"
