"""Rows of evaluations: agentevals, promptfoo, Inspect."""

from __future__ import annotations

import json

import pytest

from tests.histories.reading import (
    NO_REQUEST,
    UNREADABLE,
    checked,
    judged,
    told,
    units_of,
    verdicts_of,
)
from toolpair_observe.histories.envelopes.message_lists import as_stored

USER = {"role": "user", "content": "Weather?"}
END = {"role": "assistant", "content": "Sunny."}
CALL = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
TWO = {"role": "assistant", "tool_calls": CALL["tool_calls"] * 2}
RESULT = {"role": "tool", "content": "18"}
SOUND = [USER, CALL, RESULT, END]


def with_id(call_id, result_id):
    call = {"role": "assistant", "tool_calls": [{**CALL["tool_calls"][0], "id": call_id}]}
    return [USER, call, RESULT | {"tool_call_id": result_id}, END]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"outputs": SOUND, "reference_outputs": SOUND}, checked(2)),
        ({"outputs": {"messages": SOUND}, "reference_outputs": {"messages": SOUND}}, checked(2)),
        (
            {"outputs": [USER, TWO, RESULT, END], "reference_outputs": SOUND},
            checked(2, "missing_result"),
        ),
        ({"outputs": [USER, TWO, RESULT, RESULT, END], "reference_outputs": []}, checked(2)),
        (
            {"outputs": [USER, CALL, USER, END], "reference_outputs": []},
            checked(2, "missing_result"),
        ),
        ({"outputs": [USER, RESULT, END], "reference_outputs": []}, checked(1, "orphan_result")),
        ({"outputs": with_id("", ""), "reference_outputs": []}, checked(2, "missing_id")),
        ({"outputs": with_id(None, None), "reference_outputs": []}, checked(2)),
        ({"outputs": with_id("a", "a"), "reference_outputs": []}, checked(2)),
        ({"outputs": with_id("a", "b"), "reference_outputs": []}, checked(2, "mismatched_result")),
    ],
)
def test_trajectories_pair_by_order_where_there_are_no_ids(tmp_path, row, verdict):
    assert verdicts_of(tmp_path, row) == [verdict]


def test_a_log_of_agentdojo_is_a_trajectory(tmp_path):
    call = {"role": "assistant", "tool_calls": [{"id": "", "function": "f", "args": {}}]}
    answer = RESULT | {"tool_call_id": "", "tool_call": call["tool_calls"][0], "error": None}
    log = {"suite_name": "s", "pipeline_name": "p", "injections": {}, "error": None}
    assert verdicts_of(tmp_path, {**log, "messages": [USER, call, answer, call]}) == [checked(2)]
    messages = [USER, call, USER, END]
    assert verdicts_of(tmp_path, {**log, "messages": messages}) == [checked(2, "missing_result")]


SHORT = [{"user": "Who?"}, {"assistant": "I."}, {"user": "More?"}]


def config(*tests, **more):
    return {"prompts": ["file://prompt.json"], "providers": ["openai:chat:gpt-5"], **more} | {
        "tests": list(tests)
    }


def test_each_test_of_promptfoo_is_a_request(tmp_path):
    row = config(
        {"vars": {"messages": [*with_id("a", "a")[:2], USER]}, "assert": [{"type": "equals"}]},
        {"vars": {"messages": SHORT}},
        {"vars": {"messages": json.dumps([USER])}},
        {"vars": {"messages": "{{ messages | dump }}"}},
        {"vars": {"messages": "file://other.json"}},
        {"vars": {"question": "Who?"}},
    )
    units = units_of(tmp_path, row)

    assert [unit.row for unit in units] == [
        *(f"tests[{place}].vars.messages" for place in range(5)),
        "tests[5]",
    ]
    assert {(unit.origin.provider, unit.origin.model) for unit in units} == {("openai", "gpt-5")}
    assert "template" in units[3].reason
    assert "another file" in units[4].reason
    assert verdicts_of(tmp_path, row) == [
        checked(1, "missing_result"),
        checked(1),
        checked(1),
        UNREADABLE,
        UNREADABLE,
        NO_REQUEST,
    ]


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        (config(prompts=[[USER]]), ["prompts[0]"]),
        (config(prompts=[{"raw": json.dumps([USER]), "label": "x"}]), ["prompts[0].raw"]),
        (config(defaultTest={"vars": {"history": [USER]}}), ["defaultTest.vars.history"]),
        (
            config(
                scenarios=[{"config": [{"vars": {"messages": [USER]}}], "tests": [{"vars": {}}]}]
            ),
            ["scenarios[0].tests[0]", "scenarios[0].config[0].vars.messages"],
        ),
        (config(), [""]),
        ({"vars": {"messages": [USER]}, "assert": []}, ["vars.messages"]),
    ],
)
def test_messages_of_promptfoo_are_found_where_they_may_stand(tmp_path, row, rows):
    assert [unit.row for unit in units_of(tmp_path, row)] == rows


@pytest.mark.parametrize(
    "providers",
    [["openai:gpt-5", "anthropic:claude"], ["file://x.py"], [], "echo", None, [{"id": 3}]],
)
def test_no_model_is_told_where_there_is_not_one(tmp_path, providers):
    (unit,) = units_of(tmp_path, config({"vars": {"messages": SHORT}}) | {"providers": providers})

    assert (unit.origin.provider, unit.origin.model) == ("", "")


def test_each_sample_of_inspect_is_a_trajectory(tmp_path):
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": "f"}]}
    sound = {"role": "tool", "content": "x", "tool_call_id": "a", "function": "f"}
    samples = [
        {"id": 1, "epoch": 1, "input": "x", "messages": [USER, call, sound, END]},
        {"id": 2, "epoch": 1, "input": "x", "messages": [USER, call, USER, END]},
        {"id": 3, "epoch": 1, "input": "x", "messages": []},
        {"id": 4},
    ]
    log = {"version": 2, "eval": {"model": "openai/gpt-5"}, "samples": samples}
    verdicts = [checked(2), checked(2, "missing_result"), NO_REQUEST, UNREADABLE]

    assert verdicts_of(tmp_path, log) == verdicts
    assert verdicts_of(tmp_path, *samples[:2]) == verdicts[:2]
    assert units_of(tmp_path, log)[0].origin.provider == "openai"


HIDDEN = [USER, {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompts": ["p"], "tests": [{"turns_before": {"x": HIDDEN}}]},
        {"prompts": ["p"], "tests": [{"vars": {"context": {"before": HIDDEN}}}]},
        {"eval": {}, "samples": [{"input": "x", "conversation": HIDDEN}]},
    ],
)
def test_messages_in_places_that_nobody_knows_are_named(tmp_path, row):
    assert verdicts_of(tmp_path, row) == [UNREADABLE]


def test_calls_that_answers_are_compared_with_are_no_messages(tmp_path):
    wanted = {"type": "equals", "value": HIDDEN[1]["tool_calls"]}
    assert verdicts_of(tmp_path, config({"vars": {"q": "x"}, "assert": [wanted]})) == [NO_REQUEST]


PICTURE = {"role": "user", "content": [{"type": "image", "image": "https://x/a.png"}]}
SEARCH = {"type": "tool_use", "tool_type": "web_search", "id": "s", "name": "web_search"}
ASKING = {
    "role": "assistant",
    "content": [{"type": "reasoning", "reasoning": "x"}, SEARCH],
    "tool_calls": [{"id": "a", "function": "f", "arguments": {}, "type": "function"}],
}
ANSWER = {"role": "tool", "tool_call_id": "a", "function": "f", "content": "18"}


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([PICTURE, ASKING, ANSWER, END], checked(2)),
        ([PICTURE, ASKING, USER, END], checked(2, "missing_result")),
        ([PICTURE, {"role": "assistant", "content": [SEARCH]}, USER, END], checked(2)),
    ],
)
def test_inspects_own_parts_are_known_in_a_log_and_alone(tmp_path, messages, verdict):
    log = {"eval": {}, "samples": [{"input": "x", "messages": messages}]}
    assert verdicts_of(tmp_path, log) == [verdict]
    (unit,) = units_of(tmp_path, {"messages": messages})
    stored = as_stored(unit)
    assert (told(judged(stored)), stored.format) == (verdict, "inspect.messages")
