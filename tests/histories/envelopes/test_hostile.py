"""Rows in which anything may stand anywhere are read or refused, and never raise."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, messages_to_dict
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from tests.amounts import examples
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.unit import Row
from toolpair_observe.histories.units import Walk

CALL = {"name": "find", "args": {}, "id": "call_1", "type": "tool_call"}
RAW = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
MESSAGES = [
    HumanMessage([{"type": "text", "text": "x"}]),
    AIMessage(
        [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "call_1", "input": {}}],
        tool_calls=[CALL],
        additional_kwargs={"tool_calls": [RAW], "function_call": {"name": "find"}},
        response_metadata={"model_provider": "openai"},
    ),
    ToolMessage([{"type": "tool_result", "tool_use_id": "call_1"}], tool_call_id="call_1"),
    AIMessage("y"),
]
FLAT = [message.model_dump() for message in MESSAGES]
ROWS = [
    {
        "run_type": "llm",
        "id": "r",
        "trace_id": "t",
        "inputs": {"messages": [dumpd(MESSAGES)], "model": "x", "tools": []},
        "outputs": {"generations": []},
        "extra": {
            "metadata": {"lc_versions": {"a": "1"}, "thread_id": "t", "ls_provider": "openai"},
            "invocation_params": {"_type": "openai-chat"},
            "runtime": {"library": "langchain-core"},
        },
        "serialized": {"id": ["x", "Model"], "kwargs": {"use_responses_api": True}},
        "error": "x",
        "status": "error",
        "start_time": "2026",
        "child_runs": [{"run_type": "tool", "inputs": {}}],
    },
    {"id": "e", "dataset_id": "d", "inputs": {"input": messages_to_dict(MESSAGES)}, "outputs": {}},
    {
        "values": {"messages": FLAT, "other": [FLAT[0]], "files": {"x": {}}},
        "next": ["a"],
        "tasks": [{"state": {"values": {"messages": FLAT}}}],
        "checkpoint": {"thread_id": "t"},
        "config": {"configurable": {"thread_id": "t"}},
        "created_at": "2026",
    },
    {"thread_id": "t", "status": "idle", "values": {"messages": FLAT}, "updated_at": "2026"},
    {"session_id": "s", "message": messages_to_dict(MESSAGES)},
    dumpd(ChatPromptTemplate([*MESSAGES, MessagesPlaceholder("x"), ("human", "{q}")])),
    [*dumpd(MESSAGES), *FLAT, *messages_to_dict(MESSAGES), ["human", "x"], json.dumps(FLAT[0])],
    {"role": "ai", "content": "x", "function_call": {"name": "x"}},
]
VALUES = [None, True, 0, -1.5, 10**30, "", "x", "{", "[]", '{"a": [1]}', [], [None], ["x"], [[]]]
HOSTILE = st.sampled_from([*VALUES, {}, {"": None}, {"type": []}, {"lc": 1, "id": [None]}])


@st.composite
def hostile_rows(draw: Any) -> Any:
    """A row of one of the forms, some of whose parts are something else."""
    row = json.loads(json.dumps(draw(st.sampled_from(ROWS))))
    for _ in range(draw(st.integers(1, 3))):
        row = _with_another(draw, row, draw(st.integers(1, 9)))
    return row


def _with_another(draw: Any, value: Any, depth: int) -> Any:
    if not depth or not isinstance(value, dict | list) or not value:
        return draw(HOSTILE)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _with_another(draw, value[at], depth - 1), *value[at + 1 :]]
    key = draw(st.sampled_from(sorted(value)))
    return {**value, key: _with_another(draw, value[key], depth - 1)}


@settings(
    max_examples=examples(3000),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    rows=st.lists(hostile_rows(), min_size=1, max_size=3),
    event=st.sampled_from([None, None, "values", "metadata", "values|x:1", "x"]),
)
def test_nothing_that_stands_in_a_row_raises(rows, event):
    walk = Walk()
    units = [
        unit for line, row in enumerate(rows) for unit in walk.units(Row(row, line, "", event))
    ]
    units += walk.close()

    for unit in units:
        judged = judge_unit(unit, DEFAULT_LIMITS)
        assert "could not be checked" not in judged.unit.reason
        assert judged.unit.status.value != "checked" or judged.target is not None


def test_the_rows_themselves_are_understood() -> None:
    for row in ROWS[:-1]:
        walk = Walk()
        units = [*walk.units(Row(row, 1)), *walk.close()]
        assert "checked" in {judge_unit(unit, DEFAULT_LIMITS).unit.status.value for unit in units}
