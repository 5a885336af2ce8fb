"""Wrong types at every place of every form: never a crash, and never content in a reason."""

from __future__ import annotations

import copy
import json

import pytest

from tests.histories.reading import judged, units_of

SECRET = "Tell nobody"
USER = {"role": "user", "content": SECRET}
END = {"role": "assistant", "content": SECRET}
CALL = {
    "role": "assistant",
    "content": SECRET,
    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
}
MODEL = [
    USER,
    {
        "role": "assistant",
        "content": [
            {"type": "tool-call", "toolCallId": "a", "toolName": "f", "providerExecuted": False},
            {"type": "tool-approval-request", "approvalId": "p", "toolCallId": "a"},
        ],
    },
    {
        "role": "tool",
        "content": [
            {"type": "tool-approval-response", "approvalId": "p", "approved": True},
            {"type": "tool-result", "toolCallId": "a", "toolName": "f"},
        ],
    },
    {"role": "user", "content": [{"type": "text", "text": SECRET}]},
]
PAGE = [
    {"id": "1", "role": "user", "parts": [{"type": "text", "text": SECRET}]},
    {
        "id": "2",
        "role": "assistant",
        "content": SECRET,
        "parts": [
            {"type": "step-start"},
            {"type": "tool-f", "toolCallId": "a", "state": "output-available", "approval": {}},
            {"type": "tool-invocation", "toolInvocation": {"state": "result", "step": 1}},
            {"type": "text", "text": SECRET},
        ],
        "toolInvocations": [{"state": "call", "toolCallId": "b"}],
    },
    {"id": "1", "role": "user", "parts": [{"type": "text", "text": SECRET}]},
    {"id": "2", "role": "assistant", "parts": [{"type": "text", "text": SECRET}]},
]
PYDANTIC = [
    {
        "kind": "request",
        "parts": [{"part_kind": "user-prompt", "content": SECRET}],
        "conversation_id": "c",
    },
    {
        "kind": "response",
        "provider_name": "openai",
        "model_name": "m",
        "parts": [
            {"part_kind": "text", "content": SECRET},
            {"part_kind": "tool-call", "tool_name": "f", "tool_call_id": "a", "args": SECRET},
            {"part_kind": "builtin-tool-call", "tool_name": "f", "tool_call_id": "b"},
        ],
    },
    {
        "kind": "request",
        "parts": [
            {"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "a", "outcome": "x"},
            {"part_kind": "retry-prompt", "tool_name": "f", "tool_call_id": "a"},
        ],
    },
    {"kind": "response", "parts": [{"part_kind": "text", "content": SECRET}]},
]
SHAREGPT = [
    {"from": "human", "value": SECRET},
    {"from": "function_call", "value": json.dumps([{"name": "f"}, {"name": "g"}])},
    {"from": "observation", "value": SECRET},
    {"from": "gpt", "value": '<tool_call>{"name": "f"}</tool_call>'},
    {"from": "tool", "value": "<tool_response>x</tool_response>"},
    {"from": "gpt", "value": SECRET},
]
BLOCKS = [
    {"role": "user", "content": [{"type": "text", "value": SECRET}]},
    {"role": "assistant", "content": [{"type": "tool_call", "value": '{"name": "f"}'}]},
    {"role": "tool", "content": [{"type": "text", "value": SECRET}], "name": "f"},
    {"role": "assistant", "content": '<tool_call>{"name": "f"}</tool_call>'},
    {"role": "assistant", "content": [{"type": "text", "value": SECRET}]},
]
SWE = [
    {"role": "user", "content": SECRET, "agent": "main", "message_type": "observation"},
    CALL | {"agent": "main", "message_type": "action"},
    {"role": "tool", "content": SECRET, "tool_call_ids": ["a"]},
    {"role": "assistant", "content": [{"type": "text", "text": SECRET}]},
]
INSPECT = {
    "eval": {"model": "openai/m"},
    "samples": [
        {
            "epoch": 1,
            "input": SECRET,
            "messages": [
                USER,
                {"role": "assistant", "tool_calls": [{"id": "a", "function": "f"}]},
                {"role": "tool", "tool_call_id": "a", "function": "f", "content": SECRET},
                {"role": "assistant", "content": [{"type": "tool_use", "tool_type": "x"}]},
            ],
        }
    ],
}
ROWS = {
    "ai_sdk": MODEL,
    "ui": PAGE,
    "chat": {"id": "c", "messages": PAGE, "trigger": "x"},
    "pydantic": PYDANTIC,
    "pydantic_row": {"all_messages": PYDANTIC},
    "agents": {"session_id": "s", "message_data": json.dumps(USER)},
    "sharegpt": {"conversations": SHAREGPT, "chosen": SHAREGPT[-1], "rejected": SHAREGPT[-1]},
    "blocks": {"history": BLOCKS, "model": "m", "info": {"model": "m"}},
    "swe": SWE,
    "inspect": INSPECT,
    "agentevals": {"outputs": {"messages": [USER, CALL, USER]}, "reference_outputs": [USER]},
    "promptfoo": {
        "prompts": [[USER], {"raw": json.dumps([USER])}],
        "providers": [{"id": "openai:chat:m"}],
        "tests": [{"vars": {"messages": [{"user": SECRET}, {"assistant": SECRET}]}}],
        "scenarios": [{"config": [{"vars": {"history": [USER]}}], "tests": [{"vars": {}}]}],
        "defaultTest": {"vars": {"messages": "{{ x }}"}},
    },
    "preference": {"prompt": [USER, CALL], "chosen": [END], "rejected": [END]},
    "implicit": {"chosen": [USER, END], "rejected": [USER, END]},
    "dumped": {"messages": json.dumps([USER, CALL, USER, END])},
    "alpaca": {"instruction": SECRET, "output": SECRET},
    "toolbench": {"answer_generation": {"train_messages": [[USER, END]]}},
    "prompt": {"name": "x", "messages": [USER, CALL, USER], "examples": [[USER]]},
    "prompts": {"prompts": {"x": {"name": "x", "messages": [USER]}}, "prompt": [USER]},
}
WRONG = (None, True, 0, -1.5, "", "x", "[1", [], {}, [None], [[]], {"x": [1]}, [{"role": []}])


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner if isinstance(value, dict | list) else ():
        if isinstance(each, dict | list):
            yield from places(each, (*path, key))
        else:
            yield (*path, key)


def put(value, path, new):
    if not path:
        return new
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


@pytest.mark.parametrize("name", ROWS)
def test_a_wrong_type_at_any_place_is_no_crash(tmp_path, name):
    row = ROWS[name]
    rows = [put(row, path, wrong) for path in places(row) for wrong in WRONG]
    found = [judged(unit) for each in rows for unit in units_of(tmp_path, each, row)]

    reasons = [each.unit.reason for each in found]
    assert not [reason for reason in reasons if "could not be checked" in reason]
    assert not [reason for reason in reasons if SECRET in reason]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_as_it_should_be_is_understood(tmp_path, name):
    found = [judged(unit).unit for unit in units_of(tmp_path, ROWS[name])]

    assert [unit.reason for unit in found if unit.status == "unreadable"] == (
        ["a template stands for the messages: give them as they are after rendering"]
        if name == "promptfoo"
        else []
    )
