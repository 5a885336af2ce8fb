"""The check takes whatever a list of messages can be, and its work grows with the list only."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from tests.amounts import examples
from tests.oracle.histories import broken_histories
from toolpair_observe import PairingReport, check_messages, repair_messages
from toolpair_observe.pairing.providers.table import PROFILES

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2),
    st.text(max_size=3),
    st.lists(st.none() | st.text(max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["id", "type", "call_id"]), st.none() | st.text(max_size=2)),
)
BLOCK_TYPES = st.sampled_from(
    [
        "text",
        "tool_use",
        "tool_call",
        "tool_result",
        "function_call",
        "function_call_output",
        "server_tool_use",
        "server_tool_result",
        "web_search_tool_result",
        "custom_tool_call",
        "computer_call",
        "mcp_call",
        "non_standard",
        "reasoning",
        "",
    ],
)
BLOCKS = st.one_of(
    JUNK,
    st.fixed_dictionaries(
        {"type": BLOCK_TYPES},
        optional=dict.fromkeys(
            ["id", "call_id", "tool_use_id", "tool_call_id", "name", "value", "text", "content"],
            JUNK,
        ),
    ),
)
CALLS = JUNK | st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "name", "args"], JUNK))
FIELDS = {
    "content": st.lists(BLOCKS, max_size=3) | JUNK,
    "tool_calls": st.lists(CALLS, max_size=2) | JUNK,
    "invalid_tool_calls": st.lists(CALLS, max_size=2) | JUNK,
    "tool_call_id": JUNK,
    "name": JUNK,
    "additional_kwargs": JUNK,
    "response_metadata": JUNK,
    "role": JUNK,
}


class OwnMessage(BaseMessage):
    """A message class that LangChain has never heard of."""

    type: str = "own"


MAKERS = [
    lambda: HumanMessage("x"),
    lambda: SystemMessage("x"),
    lambda: AIMessage("x"),
    lambda: AIMessageChunk(content="x"),
    lambda: ToolMessage("x", tool_call_id="call_0"),
    lambda: FunctionMessage("x", name="f"),
    lambda: ChatMessage("x", role="tool"),
    lambda: OwnMessage(content="x"),
    lambda: AIMessage.model_construct(content="x"),
    lambda: ToolMessage.model_construct(content="x"),
    lambda: HumanMessage.model_construct(content="x"),
]


@st.composite
def wild_messages(draw) -> BaseMessage:
    """A message whose fields were assigned after it was built: pydantic does not look."""
    message = draw(st.sampled_from(MAKERS))()
    for name in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3, unique=True)):
        if name in type(message).model_fields:
            message.__dict__[name] = draw(FIELDS[name])
    return message


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(wild_messages(), max_size=6), data=st.data())
def test_no_message_makes_the_check_raise(history, data):
    profile = data.draw(st.sampled_from(sorted(PROFILES)))
    assert_usable(check_messages(history, profile=profile))
    repair_messages(history, profile, drop_unpaired=True, sync_encodings=True, thinking="strip")


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(history=broken_histories(), data=st.data())
def test_no_broken_history_makes_any_profile_raise(history, data):
    profile = data.draw(st.sampled_from(sorted(PROFILES)))
    facts = {
        "tools_bound": data.draw(st.booleans()),
        "server_state": data.draw(st.booleans()),
        "model": data.draw(st.none() | st.sampled_from(["gpt-5", "claude-sonnet-4", "gemini-3"])),
        "integration_version": data.draw(st.none() | st.sampled_from(["0.1", "1.4.3", "odd"])),
    }
    assert_usable(check_messages(history, profile=profile, **facts))


def assert_usable(report: PairingReport) -> None:
    assert report.explain()
    assert report.summary()
    assert report.to_dict()["effect"] == report.effect.value


class CountingStr(str):
    """A call id that knows how often it was compared or hashed."""

    __slots__ = ()
    uses = 0

    def __eq__(self, other: object) -> bool:
        CountingStr.uses += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        CountingStr.uses += 1
        return str.__hash__(self)


def _call(id_: str) -> AIMessage:
    message = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "x"}])
    message.tool_calls[0]["id"] = CountingStr(id_)
    return message


def _many_calls(ids: list[str]) -> AIMessage:
    message = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": id_} for id_ in ids])
    for call in message.tool_calls:
        call["id"] = CountingStr(call["id"])
    return message


def _result(id_: str) -> ToolMessage:
    message = ToolMessage("11", tool_call_id="x")
    message.__dict__["tool_call_id"] = CountingStr(id_)
    return message


def _pairs(n: int, *, id_of=lambda i: f"call_{i}") -> list[BaseMessage]:
    return [m for i in range(n) for m in (_call(id_of(i)), _result(id_of(i)))]


def _ids(n: int) -> list[str]:
    return [f"call_{i}" for i in range(n)]


SHAPES: dict[str, Any] = {
    "clean": _pairs,
    "one id for all": lambda n: _pairs(n, id_of=lambda _: "call_0"),
    "no result at all": lambda n: [m for i in _ids(n) for m in (_call(i), HumanMessage("?"))],
    "no call at all": lambda n: [_result(i) for i in _ids(n)],
    "one id, no result": lambda n: [m for _ in range(n) for m in (_call("a"), HumanMessage("?"))],
    "one id, no call": lambda n: [_result("a") for _ in range(n)],
    "all results late": lambda n: (
        [_call(i) for i in _ids(n)] + [HumanMessage("?")] + [_result(i) for i in _ids(n)]
    ),
    "all results late, one id": lambda n: (
        [_call("a") for _ in range(n)] + [HumanMessage("?")] + [_result("a") for _ in range(n)]
    ),
    "all results early": lambda n: [_result(i) for i in _ids(n)] + [_call(i) for i in _ids(n)],
    "every result twice": lambda n: [
        m for i in _ids(n) for m in (_call(i), _result(i), _result(i))
    ],
    "every result renamed": lambda n: [m for i in _ids(n) for m in (_call(i), _result(i + "x"))],
    "one message, every call": lambda n: [
        _many_calls(_ids(n)),
        *(_result(i) for i in reversed(_ids(n))),
    ],
    "one message, one id": lambda n: [
        _many_calls(["a"] * n),
        *(_result("a") for _ in range(n)),
    ],
    "one message, results renamed": lambda n: [
        _many_calls(_ids(n)),
        *(_result(i + "x") for i in _ids(n)),
    ],
    "one message, results late": lambda n: [
        _many_calls(_ids(n)),
        HumanMessage("?"),
        *(_result(i) for i in reversed(_ids(n))),
    ],
}


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_work_grows_no_faster_than_the_list(shape, profile):
    small, large = 40, 120
    few, many = (_work(SHAPES[shape](n), profile) for n in (small, large))
    growth = {key: many[key] / max(few[key], 1) for key in many if many[key] > large}
    assert all(times < 1.3 * large / small for times in growth.values()), growth


def _work(history: list[BaseMessage], profile: str) -> dict[str, int]:
    """Count the lines run and the uses of ids: a count, unlike a time, is the same every run."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
        return trace

    CountingStr.uses = 0
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        check_messages(history, profile=profile)
    finally:
        sys.settrace(before)
    return {"lines": lines, "uses of ids": CountingStr.uses}
