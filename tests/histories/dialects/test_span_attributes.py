"""Messages that were attributes of a span or bodies of events."""

from __future__ import annotations

import json

import pytest

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.span_attributes import EVENTS, SPAN_ATTRIBUTES
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.table import PROFILES

USER = {"role": "user", "content": "w?"}
TOOL = {"role": "tool", "content": "18", "tool_call_id": "c1"}


def ai(*ids, **more):
    calls = [{"id": each, "function": {"name": "w", "arguments": "{}"}} for each in ids]
    return {"role": "assistant", "tool_calls": calls, **more}


def kinds(messages, dialect=SPAN_ATTRIBUTES, profile="openai-chat"):
    report = judge(dialect.read(messages), PROFILES[profile])
    return [found.kind.value for found in report.violations]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER, ai("c1"), TOOL], []),
        ([USER, ai("c1"), USER], ["missing_result"]),
        ([USER, TOOL], ["orphan_result"]),
        ([USER, ai("c1"), {**TOOL, "role": "user"}], []),
        ([USER, {"role": "assistant", "tool_calls": [{"id": "c1", "name": "w"}]}, TOOL], []),
        # Nobody wrote down an id.
        ([USER, ai(None), {"role": "tool", "content": "18"}], []),
        ([USER, ai(None), USER], ["missing_result"]),
        # An empty one was written down.
        ([USER, ai(""), {**TOOL, "tool_call_id": ""}], ["missing_id"]),
        ([USER, ai(None), {**TOOL, "tool_call_id": ""}], ["missing_id"]),
        # A lost id beside one that is there.
        ([USER, ai("c1"), {"role": "tool", "content": "18"}], ["mismatched_result"]),
        # OpenAI's first form never had ids.
        (
            [
                USER,
                {"role": "assistant", "function_call_name": "w"},
                {"role": "function", "name": "w", "content": "18"},
            ],
            [],
        ),
        # The provider's own tools.
        ([USER, ai("srvtoolu_1", content="found"), USER], []),
    ],
)
def test_pairs(messages, expected):
    assert kinds(messages) == expected


def test_blocks_that_were_written_as_a_text():
    use = [{"type": "tool_use", "id": "c1", "name": "w", "input": {}}]
    result = [{"type": "tool_result", "tool_use_id": "c1", "content": "18"}]
    said = {"role": "assistant", "content": json.dumps(use)}
    answer = {"role": "user", "content": json.dumps(result)}

    assert kinds([USER, said, USER], profile="anthropic") == ["missing_result"]
    assert kinds([USER, said, USER], profile="openai-chat") == []  # which leaves such blocks out
    assert kinds([USER, said, answer], profile="anthropic") == []
    assert kinds([USER, ai("c1"), answer], profile="anthropic") == []
    assert kinds([USER, {**TOOL, "content": json.dumps(use)}]) == ["orphan_result"]


def test_a_result_in_the_models_message_is_the_providers():
    block = {"type": "web_search_tool_result", "text": json.dumps({"tool_use_id": "s1"})}
    call = {"type": "tool_use"}

    assert kinds([USER, ai("s1", contents=[call, block]), USER]) == []


def test_a_known_text_that_is_one_block_of_several_was_not_made_up():
    known = {"type": "text", "text": "Tool was interrupted."}

    def masked(*blocks):
        result = {"role": "tool", "contents": [*blocks], "tool_call_id": "c1"}
        read = SPAN_ATTRIBUTES.read([USER, ai("c1"), result])
        return judge(read, PROFILES["openai-chat"]).masked

    assert masked(known)
    assert not masked(known, {"type": "text", "text": "42 rows"})
    assert not masked(known, {"type": "image", "image": "x"})


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"role": "assistant", "contents": [{"type": "mystery"}]}, "'mystery'"),
        ({"role": "assistant", "contents": [{"id": "c1"}]}, "contents[0]"),
        ({"role": "assistant", "contents": "text"}, "'contents'"),
        ({"role": "assistant", "tool_calls": ["c1"]}, "tool_calls[0]"),
        ({"role": "assistant", "tool_calls": {"id": "c1"}}, "'tool_calls'"),
        ({"role": "assistant", "tool_calls": [{"id": "c1", "inner": [1]}]}, "'inner'"),
        ({"role": "assistant", "calls": [{"id": "c1"}]}, "'calls'"),
        ({"role": "user", "tool_calls": [{"id": "c1"}]}, "not the model's"),
        ({"role": "tool", "tool_call_id": 5}, "'tool_call_id'"),
        ({"role": "tool", "content": [{"type": "mystery"}]}, "'mystery'"),
        ({"content": "w?"}, "'role'"),
        (7, "a number"),
    ],
)
def test_what_is_not_understood_is_refused(message, named):
    with pytest.raises(NotUnderstoodError) as raised:
        SPAN_ATTRIBUTES.read([USER, message])

    assert named in str(raised.value)


def event(name, **body):
    return {"event.name": f"gen_ai.{name}.message", **body}


CALL = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": {}}}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([event("user"), event("assistant", tool_calls=[CALL]), event("tool", id="c1")], []),
        ([event("user"), event("assistant", tool_calls=[CALL]), event("user")], ["missing_result"]),
        # Traceloop's events of results have no id.
        ([event("user"), event("assistant", tool_calls=[CALL]), event("tool", content="18")], []),
        ([event("user"), event("tool", id="c1")], ["orphan_result"]),
    ],
)
def test_events(events, expected):
    assert dialect_of(events) is EVENTS
    assert kinds(events, EVENTS) == expected


def test_long_lists_take_linear_time():
    """A message with many nameless calls whose results come in the other order."""
    calls = [{"id": None, "name": f"tool_{n}"} for n in range(20_000)]
    results = [{"role": "tool", "name": f"tool_{n}"} for n in reversed(range(20_000))]

    read = SPAN_ATTRIBUTES.read([USER, {"role": "assistant", "tool_calls": calls}, *results])

    assert len({result.id for entry in read.entries for result in entry.results}) == 20_000
