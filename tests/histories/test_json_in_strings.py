"""JSON in a string of a row is held to what holds for the row itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.histories.envelopes.reading import judged

if TYPE_CHECKING:
    from pathlib import Path

OPENAI = (
    '[{"role": "user", "content": "Weather?"},'
    ' {"role": "assistant", "tool_calls": [{"id": "b", "id": "a", "type": "function",'
    ' "function": {"name": "f", "arguments": "{}"}}]},'
    ' {"role": "tool", "tool_call_id": "a", "content": "18"}]'
)
GENAI = (
    '[{"role": "assistant", "parts": [{"type": "tool_call", "id": "b", "id": "a", "name": "f"}]},'
    ' {"role": "tool", "parts": [{"type": "tool_call_response", "id": "a", "response": "18"}]}]'
)


def span(**attributes: str) -> dict[str, Any]:
    listed = [{"key": name, "value": {"stringValue": text}} for name, text in attributes.items()]
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": listed}]}]}]}


def span_of(messages: str) -> dict[str, Any]:
    row = span(**{"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages})
    found: dict[str, Any] = row["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return found


def rows(messages: str, parts: str) -> dict[str, Any]:
    inside = f'{{"messages": {messages}, "model": "gpt-4o"}}'
    request = {"method": "POST", "uri": "https://api.openai.com/v1/chat/completions"}
    answer = {"status": {"code": 200}, "body": {"string": "{}"}}
    return {
        "langsmith.run": {"run_type": "llm", "id": "r", "trace_id": "t", "inputs": inside},
        "langfuse.observation": {"id": "o", "traceId": "t", "type": "GENERATION", "input": inside},
        "vcr.cassette": {
            "interactions": [{"request": {**request, "body": inside}, "response": answer}]
        },
        "otlp.spans": span(**{"gen_ai.operation.name": "chat", "gen_ai.input.messages": parts}),
    }


FORMS = [form for form in rows("", "") if form != "vcr.cassette"]


@pytest.mark.parametrize("form", FORMS)
def test_a_key_that_stands_twice_makes_the_row_unreadable(form: str, tmp_path: Path) -> None:
    sound = rows(OPENAI.replace('"id": "b", ', ""), GENAI.replace('"id": "b", ', ""))[form]

    units = judged(tmp_path, rows(OPENAI, GENAI)[form], sound)

    assert [each.unit.status.value for each in units] == ["unreadable", "checked"]
    assert units[0].unit.reason == "the key 'id' stands twice in one object"
    assert units[0].unit.format == {"otlp.spans": "genai.span"}.get(form, form)
    assert units[1].kinds == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_is_nested_too_deep_is_refused(form: str, tmp_path: Path) -> None:
    deep = '[{"role": "user", "content": ' + "[" * 300 + "]" * 300 + "}]"

    units = judged(tmp_path, rows(deep, deep)[form])

    assert [each.unit.status.value for each in units] == ["unreadable"]
    assert "nested more than 200 deep" in units[0].unit.reason


def test_a_recorded_body_with_a_key_twice_is_unreadable(tmp_path: Path) -> None:
    (unit,) = judged(tmp_path, rows(OPENAI, GENAI)["vcr.cassette"])

    assert unit.unit.status.value == "unreadable"
    assert "text that is not JSON, has a key twice" in unit.unit.reason


def test_a_text_of_too_many_values_is_refused(tmp_path: Path) -> None:
    many = '{"messages": [' + "[]," * 1_000_001 + "[]]}"

    units = judged(tmp_path, {"run_type": "llm", "id": "r", "trace_id": "t", "inputs": many})

    assert "more than 1,000,000 values" in units[0].unit.reason


def test_an_attribute_that_stands_twice_makes_the_span_unreadable(tmp_path: Path) -> None:
    row = span(**{"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[]"})
    one = row["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    one.append(json.loads(json.dumps(one[1])))

    units = judged(tmp_path, row)

    assert "'gen_ai.input.messages' stands twice" in units[0].unit.reason


def test_what_follows_it_in_the_same_row_is_read(tmp_path: Path) -> None:
    broken, sound = OPENAI, OPENAI.replace('"id": "b", ', "")
    bad, good = span_of(GENAI), span_of(GENAI.replace('"id": "b", ', ""))
    run = {"run_type": "llm", "id": "r", "trace_id": "t"}
    seen = {"traceId": "t", "type": "GENERATION"}
    gathered = [
        {"resourceSpans": [{"scopeSpans": [{"spans": [bad, good]}]}]},
        {
            **run,
            "inputs": f'{{"messages": {broken}}}',
            "child_runs": [{**run, "inputs": f'{{"messages": {sound}}}'}],
        },
        {
            "trace": {"id": "t"},
            "observations": [
                {**seen, "id": "1", "input": broken},
                {**seen, "id": "2", "input": sound},
            ],
        },
    ]

    for row in gathered:
        found = [each.unit.status.value for each in judged(tmp_path, row)]
        assert found == ["unreadable", "checked"]
