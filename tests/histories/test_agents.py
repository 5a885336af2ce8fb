"""Stores of agent libraries, as lists that stand alone and as rows."""

from __future__ import annotations

import json

import pytest

from tests.histories.reading import UNREADABLE, checked, judged, units_of, verdicts_of
from toolpair_observe.histories.unit import Extent, Layer

USER = {"role": "user", "content": "Weather?"}
PROMPT = {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Weather?"}]}
CALL = {"part_kind": "tool-call", "tool_name": "f", "args": {}, "tool_call_id": "a"}
MADE = {"kind": "response", "model_name": "gpt-5", "provider_name": "openai", "run_id": "r1"}
PYDANTIC = [
    PROMPT | {"conversation_id": "c1"},
    MADE | {"parts": [CALL], "conversation_id": "c1"},
    PROMPT | {"run_id": "r2"},
    MADE | {"parts": [{"part_kind": "text", "content": "x"}]},
]
PAGE = [
    {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Weather?"}]},
    {
        "id": "2",
        "role": "assistant",
        "parts": [
            {"type": "step-start"},
            {"type": "tool-f", "toolCallId": "a", "state": "input-available", "input": {}},
        ],
    },
    {"id": "3", "role": "user", "parts": [{"type": "text", "text": "Well?"}]},
]
MODEL = [
    USER,
    {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "a", "toolName": "f"}]},
    USER,
]
SWE = [
    {"role": "user", "content": "x", "agent": "main", "message_type": "observation"},
    {
        "role": "assistant",
        "content": "x",
        "agent": "main",
        "message_type": "action",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
    },
]


@pytest.mark.parametrize(
    ("messages", "form", "extent", "verdict"),
    [
        (PYDANTIC, "pydantic_ai.messages", Extent.PREFIXES, checked(2, "missing_result")),
        (PAGE, "ai_sdk.ui_messages", Extent.WHOLE, checked(1, "missing_result")),
        (PAGE[:2], "ai_sdk.ui_messages", Extent.PREFIXES, checked(1)),
        (MODEL, "ai_sdk.messages", Extent.WHOLE, checked(1, "missing_result")),
        (SWE, "swe_agent.history", Extent.PREFIXES, checked(1)),
        ([USER], "messages", Extent.WHOLE, checked(1)),
    ],
)
def test_a_list_that_stands_alone_is_what_its_library_keeps(
    tmp_path, messages, form, extent, verdict
):
    (unit,) = units_of(tmp_path, messages)
    unit = judged(unit).unit
    assert (unit.format, unit.extent, unit.line, unit.row) == (form, extent, 1, "")
    assert verdicts_of(tmp_path, messages) == [verdict]


def test_a_message_on_each_line_is_one_list(tmp_path):
    (unit,) = units_of(tmp_path, *PYDANTIC)
    unit = judged(unit).unit

    assert (unit.format, unit.extent) == ("pydantic_ai.messages", Extent.PREFIXES)


@pytest.mark.parametrize("key", ["messages", "all_messages", "message_list"])
@pytest.mark.parametrize("dump", [list, json.dumps])
def test_rows_of_pydantic_ai_tell_who_was_asked(tmp_path, key, dump):
    (unit,) = units_of(tmp_path, {key: dump(PYDANTIC), "id": 1})

    assert (unit.row, unit.layer, unit.extent) == (key, Layer.WIRE, Extent.PREFIXES)
    assert (unit.origin.provider, unit.origin.model) == ("openai", "gpt-5")
    assert (unit.thread_id, unit.run_id) == ("c1", "")


def test_several_providers_in_one_conversation_are_none(tmp_path):
    (unit,) = units_of(tmp_path, [*PYDANTIC, PROMPT, PYDANTIC[3] | {"provider_name": "anthropic"}])
    unit = judged(unit).unit

    assert (unit.origin.provider, unit.origin.model) == ("", "gpt-5")


def test_what_a_page_sends_is_a_request(tmp_path):
    sent = {"id": "chat", "messages": PAGE, "trigger": "submit-message"}
    stored = {"id": "chat", "messages": PAGE[:2], "title": "x"}

    assert verdicts_of(tmp_path, sent, stored) == [checked(1, "missing_result"), checked(1)]
    assert [unit.thread_id for unit in units_of(tmp_path, sent)] == ["chat"]


def test_rows_of_a_message_each_are_taken_together_by_conversation(tmp_path):
    def row(session, item):
        return {"id": 1, "session_id": session, "message_data": json.dumps(item)}

    said = {"role": "assistant", "content": "x"}
    units = units_of(tmp_path, row("s", USER), row("t", USER), row("s", said), row("t", said))

    assert [(unit.thread_id, unit.extent) for unit in units] == [
        ("s", Extent.PREFIXES),
        ("t", Extent.PREFIXES),
    ]
    assert {unit.origin.api for unit in units} == {"responses"}
    page = [{**each, "chatId": "c"} for each in (*PAGE, PAGE[1])]
    assert verdicts_of(tmp_path, *page) == [checked(2, "missing_result")]
    broken = {"session_id": "s", "message_data": "{"}
    assert verdicts_of(tmp_path, row("t", USER), broken, row("t", said)) == [checked(1), UNREADABLE]
