"""How messages of OpenAI's form are read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT, OPENAI_CHAT_BY_ORDER, read
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.transcript import Call, Entry
from toolpair_observe.pairing.words import Carrier, Role

Message = dict[str, Any]


def function(call_id: Any = "a", name: str = "f", arguments: Any = "{}") -> Message:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def asking(*calls: Any, **fields: Any) -> Message:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **fields}


def result(call_id: Any = "a", **fields: Any) -> Message:
    return {"role": "tool", "tool_call_id": call_id, "content": "r", **fields}


USER = {"role": "user", "content": "hi"}


def entry_of(message: Message) -> Entry:
    return read([message]).entries[0]


def kinds(messages: list[Message], profile: str = "contract") -> list[str]:
    dialect = dialect_of(messages)
    report = judge(dialect.read(messages), PROFILES[profile])
    return [found.kind.value for found in report.violations]


# --- the same as the live reader -----------------------------------------------------------------

LIVE: dict[str, list[Message]] = {
    "a turn": [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        USER,
        asking(function("a"), function("b", "g", '{"x": 1}'), content="let me see"),
        result("b", name="g"),
        result("a"),
        {"role": "assistant", "content": "done", "name": "bot"},
    ],
    "parts": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal"}]},
    ],
    "signs": [
        {"role": "user", "content": "Summary of the conversation: none"},
        asking(function()),
        result(content="Tool call limit reached"),
        {"role": "assistant", "content": "Model call limits exceeded: 5"},
    ],
    "empty texts": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
}


def _shown(entries: list[Entry]) -> list[Message]:
    return [asdict(entry) for entry in entries]


@pytest.mark.parametrize("messages", LIVE.values(), ids=LIVE)
def test_messages_are_read_as_langchain_would_hold_them(messages: list[Message]) -> None:
    live = read_transcript(convert_to_messages([dict(message) for message in messages]))
    assert _shown(read(messages).entries) == _shown(live.entries)


# --- calls ---------------------------------------------------------------------------------------

CALLS: dict[str, tuple[Message, tuple[str, str | None, Carrier]]] = {
    "function": (function(), ("a", "f", Carrier.TOOL_CALL)),
    "no arguments": (function(arguments=""), ("a", "f", Carrier.TOOL_CALL)),
    "arguments as an object": (function(arguments={"x": 1}), ("a", "f", Carrier.TOOL_CALL)),
    "arguments cut": (function(arguments='{"x":'), ("a", "f", Carrier.INVALID_TOOL_CALL)),
    "arguments of another type": (function(arguments="[]"), ("a", "f", Carrier.INVALID_TOOL_CALL)),
    "line break in a string": (function(arguments='{"x":"\n"}'), ("a", "f", Carrier.TOOL_CALL)),
    "custom": (
        {"id": "a", "type": "custom", "custom": {"name": "f", "input": "not JSON"}},
        ("a", "f", Carrier.TOOL_CALL),
    ),
    "LangChain's": (
        {"name": "f", "args": {}, "id": "a", "type": "tool_call"},
        ("a", "f", Carrier.TOOL_CALL),
    ),
    "LangChain's bad one": (
        {"name": "f", "args": "{", "id": "a", "type": "invalid_tool_call"},
        ("a", "f", Carrier.INVALID_TOOL_CALL),
    ),
    "AgentDojo's": ({"function": "f", "args": {}, "id": "a"}, ("a", "f", Carrier.TOOL_CALL)),
    "a number for an id": (function(7), ("7", "f", Carrier.TOOL_CALL)),
    "Gemini's signature": (
        {**function(), "extra_content": {"google": {"thought_signature": "s"}}},
        ("a", "f", Carrier.TOOL_CALL),
    ),
}


@pytest.mark.parametrize(("call", "read_as"), CALLS.values(), ids=CALLS)
def test_a_call_is_known_in_each_form(
    call: Message, read_as: tuple[str, str | None, Carrier]
) -> None:
    (made,) = entry_of(asking(call)).calls
    assert (made.id, made.name, made.carriers) == (read_as[0], read_as[1], {read_as[2]})


def test_calls_in_a_column_of_text_are_parsed() -> None:
    (made,) = entry_of({"role": "assistant", "tool_calls": '[{"id":"a","name":"f"}]'}).calls
    assert made.id == "a"
    assert entry_of({"role": "assistant", "tool_calls": "null"}).calls == []


@pytest.mark.parametrize(
    ("call_id", "read_as"), [(None, ("", True)), ("", ("", False)), ("a", ("a", False))]
)
def test_null_and_empty_ids_differ(call_id: str | None, read_as: tuple[str, bool]) -> None:
    (made,) = entry_of(asking(function(call_id))).calls
    assert (made.id, made.null_id) == read_as


def test_the_old_form_of_one_call_has_no_id() -> None:
    entry = entry_of({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}})
    assert entry.calls[0].carriers == {Carrier.LEGACY_CALL}
    answer = entry_of({"role": "function", "name": "f", "content": "r"})
    assert (answer.role, answer.results[0].carrier) == (Role.FUNCTION, Carrier.FUNCTION)


def test_a_result_without_parts_is_known_as_such() -> None:
    assert entry_of(result(content=[])).is_empty_list
    assert not entry_of(result(content="")).is_empty_list


def test_one_result_may_answer_several_calls() -> None:
    messages = [
        asking(function("a"), function("b")),
        {"role": "tool", "content": "r", "tool_call_ids": ["a", "b"]},
    ]
    assert kinds(messages) == []


# --- forms without ids ---------------------------------------------------------------------------


def _without_id(call: Message) -> Message:
    return {key: value for key, value in call.items() if key != "id"}


NAMELESS = {"role": "tool", "content": "r"}


def test_calls_pair_by_order_where_the_form_has_no_ids() -> None:
    messages = [USER, asking(_without_id(function())), NAMELESS]
    assert dialect_of(messages) is OPENAI_CHAT_BY_ORDER
    assert kinds(messages) == []
    assert kinds(messages[:2]) == ["missing_result"]
    assert kinds([*messages, NAMELESS]) == ["orphan_result"]


def test_results_without_ids_go_to_the_call_of_their_tool() -> None:
    calls = [_without_id(function(name="f")), _without_id(function(name="g"))]
    messages = [asking(*calls), {**NAMELESS, "name": "g"}, {**NAMELESS, "tool_name": "f"}]
    entries = dialect_of(messages).read(messages).entries
    f, g = entries[0].calls
    assert [entry.results[0].id for entry in entries[1:]] == [g.id, f.id]


LOST: dict[str, list[Message]] = {
    "of the result": [asking(function()), NAMELESS],
    "of the call": [asking(_without_id(function())), result()],
    "null on both sides": [asking(function(None)), result(None)],
    "empty on both sides": [asking(function("")), result("")],
}


@pytest.mark.parametrize("messages", LOST.values(), ids=LOST)
def test_an_id_that_is_lost_is_told(messages: list[Message]) -> None:
    assert dialect_of(messages) is OPENAI_CHAT
    assert kinds(messages)


@pytest.mark.parametrize("no_id", [None, ""])
def test_calls_without_ids_are_the_rule_in_agentdojo(no_id: str | None) -> None:
    call = {"function": "f", "args": {}, "id": no_id}
    assert kinds([asking(call), {**result(no_id), "tool_call": call}]) == []
    with pytest.raises(NotUnderstoodError, match="unknown key 'tool_call'"):
        kinds([{"role": "assistant", "content": "x", "tool_call": call}])


# --- what is refused -----------------------------------------------------------------------------

REFUSED: dict[str, tuple[Message, str]] = {
    "a foreign call": (
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "input": {}}]},
        "message 0: content[0]: unknown type 'tool_use'; it looks like a call of Anthropic",
    ),
    "a foreign result": (
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"toolResult": {}}]},
        "message 0: content[1]: a part without type; it looks like a result of Bedrock's",
    ),
    "an unknown key": (
        {"role": "assistant", "content": "a", "toolInvocations": [{"state": "call"}]},
        "message 0: unknown key 'toolInvocations'",
    ),
    "calls of a user": (
        {"role": "user", "content": "a", "tool_calls": [function()]},
        "message 0: key 'tool_calls' in a message of role 'user'",
    ),
    "a result of a user": (
        {"role": "user", "content": "a", "tool_call_id": "a"},
        "message 0: key 'tool_call_id' in a message of role 'user'",
    ),
    "calls that are no list": (
        {"role": "assistant", "tool_calls": {"a": 1}},
        "message 0: tool_calls: expected a list of calls, got an object",
    ),
    "an unknown call": (
        asking({"id": "a", "invoke": "f"}),
        "message 0: tool_calls[0]: a call of no known form, with the keys 'id', 'invoke'",
    ),
    "an unknown type of call": (
        asking({"id": "a", "type": "mcp"}),
        "message 0: tool_calls[0]: unknown type of call 'mcp'",
    ),
    "a list for an id": (asking(function(["a"])), "message 0: tool_calls[0]: the id is a list"),
    "an unknown role": ({"role": "ipython", "content": ""}, "message 0: no role of OpenAI's form"),
    "a type that tells of a call": (
        {"role": "assistant", "content": "f", "type": "tool_call"},
        "message 0: unknown type 'tool_call' beside the role",
    ),
    "a definition as a result": (
        {"role": "tool", "content": {"type": "function", "function": {"name": "f"}}},
        "message 0: content[0]: unknown type 'function'",
    ),
}


@pytest.mark.parametrize(("message", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_a_call_is_named(message: Message, reason: str) -> None:
    with pytest.raises(NotUnderstoodError) as error:
        read([message])
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize("key", ["annotations", "reasoning_details", "thinking_blocks", "usage"])
def test_keys_without_calls_are_harmless(key: str) -> None:
    message = {"role": "assistant", "content": "a", key: [{"a": 1}], "loss_weight": 1}
    assert entry_of(message).has_text


PLAIN = [
    ({"role": "user", "content": "hi"}, True),
    ({"role": "user"}, True),
    ({"role": "assistant", "tool_calls": []}, True),
    ({"role": "admin", "content": "hi"}, False),
    ({"role": "user", "email": "a", "age": 3}, False),
    ({"role": ["user"], "content": "hi"}, False),
    ({"content": "hi"}, False),
    ("user", False),
    (None, False),
]


@pytest.mark.parametrize(("data", "claimed"), PLAIN)
def test_plain_messages_are_claimed(data: Any, *, claimed: bool) -> None:
    assert OPENAI_CHAT.claims(data) is claimed


def test_who_speaks_for_the_model() -> None:
    assert OPENAI_CHAT.is_ai({"role": "assistant"})
    assert not any(map(OPENAI_CHAT.is_ai, [{"role": "user"}, {"role": []}, None, "assistant"]))


def test_a_repeated_old_call_is_one_call() -> None:
    entry = entry_of(asking(function(), function_call={"name": "f", "arguments": "{}"}))
    (made,) = entry.calls
    assert isinstance(made, Call)
    assert made.carriers == {Carrier.TOOL_CALL, Carrier.LEGACY_CALL}
