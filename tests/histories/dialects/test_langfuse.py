"""Messages as Langfuse's handlers write them."""

from __future__ import annotations

import json

import pytest

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.langfuse import LANGFUSE, is_tool_definition
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.table import PROFILES

USER = {"role": "user", "content": "w?"}
CALLS = [{"name": "w", "args": {}, "id": "c1", "type": "tool_call"}]
AI = {"role": "assistant", "content": "", "tool_calls": CALLS}
TOOL = {"role": "tool", "content": "18", "tool_call_id": "c1"}
DEFINITION = {"role": "tool", "content": {"type": "function", "function": {"name": "w"}}}
RAW = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}


def kinds(messages, profile="openai-chat"):
    report = judge(LANGFUSE.read(messages), PROFILES[profile])
    return [found.kind.value for found in report.violations]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER, AI, TOOL, DEFINITION], []),
        ([USER, AI, DEFINITION], ["missing_result"]),
        ([USER, AI, DEFINITION, DEFINITION], ["missing_result"]),
        ([USER, AI, USER, DEFINITION], ["missing_result"]),
        ([USER, TOOL], ["orphan_result"]),
        # A definition with an id, or with anything else for content, is a result.
        ([USER, AI, {**DEFINITION, "tool_call_id": "c1"}], []),
        # Handlers before 3.4 kept OpenAI's own form alone.
        ([USER, {**AI, "tool_calls": None, "additional_kwargs": {"tool_calls": [RAW]}}, TOOL], []),
        ([USER, {"role": "assistant", "content": "", "invalid_tool_calls": CALLS}, TOOL], []),
        # JavaScript puts the tool's name in place of the role, and leaves the id out.
        ([USER, AI, {"role": "w", "content": "18", "additional_kwargs": {}}], []),
        ([USER, AI, {"content": "18", "additional_kwargs": {}}], []),
        ([USER, {"role": "w", "content": "18", "additional_kwargs": {}}], ["orphan_result"]),
        # A lost id is a breach where the handler writes ids down.
        ([USER, AI, {**TOOL, "tool_call_id": ""}], ["mismatched_result"]),
        # koog
        (
            [USER, {"role": "tool", "content": json.dumps([RAW])}, {"role": "tool", "content": ""}],
            [],
        ),
        ([USER, {"role": "tool", "content": json.dumps([RAW])}, USER], ["missing_result"]),
    ],
)
def test_pairs(messages, expected):
    assert kinds(messages) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (DEFINITION, True),
        ({**DEFINITION, "tool_call_id": "c1"}, False),
        ({**DEFINITION, "role": "user"}, False),
        ({"role": "tool", "content": {"type": "text", "function": {}}}, False),
        ({"role": "tool", "content": {"type": "function"}}, False),
        (TOOL, False),
        ("tool", False),
    ],
)
def test_only_definitions_are_left_out(message, expected):
    assert is_tool_definition(message) == expected
    assert not expected or LANGFUSE.claims(message)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "critic", "content": "no"},
        {"role": "assistant", "content": [{"type": "mystery", "id": "c1"}]},
        {"role": "assistant", "content": "", "tool_calls": ["c1"]},
        {"role": "assistant", "content": "", "calls": [RAW]},
        {"role": ["user"], "content": ""},
        5,
        None,
    ],
)
def test_what_is_not_understood_is_refused(message):
    with pytest.raises(NotUnderstoodError, match="message 1"):
        LANGFUSE.read([USER, message])


def test_plain_messages_are_not_claimed():
    assert not any(map(LANGFUSE.claims, (USER, AI, TOOL, {"type": "ai", "content": ""}, None)))
