"""LangChain's own ways to write messages, one by one and mixed, and what is refused in them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.langchain import LANGCHAIN, claims, read
from toolpair_observe.pairing.first_look import Plain
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Carrier, Role

SECRET = "sk-very-secret"
CALL = {"name": "f", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
RAW = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
BAD_RAW = {**RAW, "function": {"name": "f", "arguments": "{oops"}}
CHUNK = {"name": "f", "args": '{"a": ', "id": "call_1", "index": 0, "type": "tool_call_chunk"}


def entry(message: Any) -> Any:
    (one,) = read([message]).entries
    return one


def carriers(message: Any) -> list[set[Carrier]]:
    return [set(call.carriers) for call in entry(message).calls]


# --- what a constructor does, and a stored message has not had done -------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "", "additional_kwargs": {"tool_calls": [RAW]}},
        {"content": "", "additional_kwargs": {"tool_calls": [BAD_RAW, RAW]}},
        {"content": "", "additional_kwargs": {"tool_calls": [{**RAW, "id": None}]}},
        {"content": "", "additional_kwargs": {"function_call": {"name": "f", "arguments": ""}}},
        {"content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}]},
        {"content": "x", "response_metadata": {"finish_reason": "length"}},
    ],
)
@pytest.mark.parametrize("is_chunk", [False, True])
def test_an_ai_message_that_nobody_has_built_is_read_as_if_it_were(fields, is_chunk):
    built = (AIMessageChunk if is_chunk else AIMessage)(**json.loads(json.dumps(fields)))
    kind = "AIMessageChunk" if is_chunk else "ai"
    expected = asdict(read_transcript([built]))

    assert asdict(read([{"type": kind, **fields}])) == expected
    assert asdict(read([{"type": kind, "data": fields}])) == expected
    path = ["langchain", "schema", "messages", type(built).__name__]
    constructor = {"lc": 1, "type": "constructor", "id": path, "kwargs": fields}
    assert asdict(read([constructor])) == expected


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "", None, "{}"])
def test_the_calls_of_a_fragment_come_from_its_pieces(arguments):
    fields = {"content": "", "tool_call_chunks": [{**CHUNK, "args": arguments}]}
    expected = read_transcript([AIMessageChunk(**fields)])
    assert asdict(read([{"type": "AIMessageChunk", **fields}])) == asdict(expected)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"role": "assistant", "content": None, "tool_calls": [RAW]}, [{Carrier.TOOL_CALL}]),
        ({"role": "ai", "content": "", "tool_calls": [CALL]}, [{Carrier.TOOL_CALL}]),
        (
            {"role": "assistant", "content": "", "tool_calls": [BAD_RAW]},
            [{Carrier.INVALID_TOOL_CALL}],
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "custom": {"name": "f"}}]},
            [{Carrier.TOOL_CALL}],
        ),
        (
            {"role": "assistant", "content": None, "function_call": {"name": "f"}},
            [{Carrier.LEGACY_CALL}],
        ),
        ({"type": "ai", "content": "", "tool_calls": json.dumps([CALL])}, [{Carrier.TOOL_CALL}]),
        (
            {"type": "ai", "content": "", "invalid_tool_calls": [{"name": None, "id": "a"}]},
            [{Carrier.INVALID_TOOL_CALL}],
        ),
    ],
)
def test_calls_are_found_wherever_they_are_written(item, expected):
    assert carriers(item) == expected


@pytest.mark.parametrize("arguments", ["not json", "[1]", "{", "1", "[" * 100_000])
def test_arguments_that_are_no_object_make_an_invalid_call(arguments):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    item = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert carriers(item) == [{Carrier.INVALID_TOOL_CALL}]


@pytest.mark.parametrize("given", [7, "7", 7.5])
def test_numbers_are_ids_on_both_sides(given):
    call, result = read(
        [
            {"type": "ai", "content": "", "tool_calls": [{"name": "f", "id": given}]},
            {"type": "tool", "content": {"a": 1}, "tool_call_id": given},
        ]
    ).entries
    assert call.calls[0].id == result.results[0].id == str(given)


def test_a_result_without_an_id_has_the_empty_one():
    assert [r.id for r in entry({"type": "tool", "content": "x"}).results] == [""]


def test_what_dumpd_escapes_is_unwrapped():
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {}, "lc": 3}
    message = AIMessage(
        [block], additional_kwargs={"lc": 1, "tool_calls": [RAW]}, tool_calls=[CALL]
    )
    stored = dumpd([message])
    assert "__lc_escaped__" in json.dumps(stored)
    assert asdict(read(stored)) == asdict(read_transcript([message]))
    assert LANGCHAIN.plain_calls is not None
    assert LANGCHAIN.plain_calls(stored, Plain()) is None


# --- mixed lists ----------------------------------------------------------------------------------


def test_what_langchain_takes_in_one_list_is_read_as_it_takes_it():
    items: list[Any] = [
        ["system", "a"],
        {"role": "developer", "content": "b"},
        {"role": "user", "content": "c", "name": "ann"},
        {"role": "assistant", "content": "", "tool_calls": [RAW]},
        {"type": "tool", "content": "d", "tool_call_id": "call_1", "status": "error"},
        ["ai", "e"],
        dumpd(HumanMessage("f")),
        {"role": "tool", "content": "g", "tool_call_id": "call_2"},
    ]
    assert asdict(read(items)) == asdict(read_transcript(convert_to_messages(items)))


def test_rare_messages_are_read_too():
    items = [
        {"type": "chat", "role": "tool", "content": "x"},
        {"role": "function", "name": "f", "content": "x"},
        {"type": "remove", "data": {"id": "m1", "content": ""}},
        ["placeholder", "{x}"],
    ]
    roles = [each.role for each in read(items).entries]
    assert roles == [Role.CHAT, Role.FUNCTION, Role.REMOVE, Role.AI]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "human", "content": "x"}, True),
        ({"type": "human", "data": {"content": "x"}}, True),
        ({"role": "human", "content": "x"}, True),
        (dumpd(SystemMessage("x")), True),
        (["user", "x"], True),
        (["user", [{"type": "text", "text": "x"}]], True),
        (json.dumps({"type": "human", "data": {"content": "x"}}), True),
        ({"role": "user", "content": "x"}, False),  # anybody's
        ({"type": "function", "function": {"name": "f"}}, False),  # a tool's definition
        ({"type": "system", "subtype": "init"}, False),
        ({"type": "message", "role": "user", "content": "x"}, False),
        ({"type": ["human"], "content": "x"}, False),
        (["x", "y"], False),
        (["user", "x", "y"], False),
        ('{"type": "human"', False),
        ("human", False),
        (None, False),
    ],
)
def test_it_claims_what_no_other_dialect_has(item, expected):
    assert claims(item) is expected


# --- what is refused ------------------------------------------------------------------------------


def ai(**fields: Any) -> dict[str, Any]:
    return {"type": "ai", "content": "", **fields}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (SECRET, "expected an object, got a string"),
        (None, "expected an object, got null"),
        ([SECRET, SECRET, SECRET], "expected an object, got a list"),
        ({"text": SECRET}, "neither its 'role' nor its 'type'"),
        ({"role": SECRET}, "neither its 'role' nor its 'type'"),
        ({"role": {"a": SECRET}}, "neither its 'role' nor its 'type'"),
        ({"role": "user", "content": 3}, "'content' is neither text nor a list of blocks"),
        ({"role": "user", "content": [3]}, "'content[0]' is neither text nor a block"),
        (ai(tool_calls=SECRET), "'tool_calls' is not a list of objects"),
        (ai(tool_calls=[SECRET]), "'tool_calls' is not a list of objects"),
        (ai(tool_calls=[{}]), "a call without 'name', 'args' and 'id'"),
        (ai(tool_calls=[{"id": [SECRET]}]), "the id is a list"),
        (ai(tool_calls=[{"id": "a", "inner": [SECRET]}]), "unknown key 'inner'"),
        (ai(additional_kwargs=SECRET), "'additional_kwargs' is a string"),
        (ai(additional_kwargs={"tool_calls": {"a": 1}}), "'tool_calls' is not a list"),
        (ai(additional_kwargs={"function_call": [SECRET]}), "'function_call' is a list"),
        (ai(toolCalls=[SECRET]), "unknown key 'toolCalls'"),
        (ai(content=[{"type": "tool-call", "x": SECRET}]), "the unknown type 'tool-call'"),
        (ai(content=[{"functionCall": {"x": SECRET}}]), "unknown key 'functionCall'"),
        (ai(content=[{"type": "non_standard", "value": {"type": "odd"}}]), "type 'odd'"),
        (ai(content=[{"toolUse": [SECRET]}]), "'toolUse' is a list"),
        (ai(content=[{"type": "tool_call_chunk", "id": "x"}]), "a fragment of a call"),
        (ai(content="x", content_blocks=[{"type": "text"}]), "'content_blocks' differ"),
        ({"type": "human", "content": "", "tool_calls": [CALL]}, "unknown key 'tool_calls'"),
        ({"type": "tool", "content": "", "tool_call_id": [SECRET]}, "the id is a list"),
        ({"lc": 1, "type": "constructor", "id": ["x", "Danger"], "kwargs": {}}, "'Danger'"),
        ({"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": "s"}, "no 'kwargs'"),
        ({"lc": 1, "type": "not_implemented", "id": ["x", "My"], "repr": SECRET}, "write down"),
        ({"lc": 1, "type": "secret", "id": [SECRET]}, "write down"),
    ],
)
def test_what_is_no_message_is_named_by_position_and_not_quoted(item, reason):
    with pytest.raises(HistoryFileError) as caught:
        read([{"role": "user", "content": "hello"}, item])

    assert str(caught.value).startswith("message 1: ")
    assert reason in str(caught.value)
    assert SECRET not in str(caught.value) or item == {
        "lc": 1,
        "type": "secret",
        "id": [SECRET],
    }
    assert LANGCHAIN.plain_calls is not None
    assert LANGCHAIN.plain_calls([{"type": "human", "content": "x"}, item], Plain()) is None


@pytest.mark.parametrize(
    "content",
    [
        [{"type": kind, "anything": ["x"]}]
        for kind in ("thinking", "input_audio", "video", "media", "guard_content", "document")
    ]
    + [[{"text": "x"}], [{"cachePoint": {"type": "default"}}], [{}], ["x"], {"text": "x"}],
)
@pytest.mark.parametrize("kind", ["human", "ai"])
def test_blocks_that_hold_no_calls_are_known(kind, content):
    read_entry = entry({"type": kind, "content": content, "unknown": 3, "null": None})
    assert not read_entry.calls
    assert not read_entry.results


def test_a_class_that_the_data_names_is_never_loaded():
    # Loading it would import the module; reading it as data finds a message's name at most.
    data = {
        "lc": 1,
        "type": "constructor",
        "id": ["antigravity_that_does_not_exist", "ToolMessage"],
        "kwargs": {"content": "x", "tool_call_id": "a"},
    }
    assert asdict(read([data])) == asdict(read_transcript([ToolMessage("x", tool_call_id="a")]))
