"""Every form in which people keep chat messages becomes the same messages."""

from __future__ import annotations

import json

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
    messages_to_dict,
)

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.shapes import messages_from

CALL = {"name": "f", "args": {"city": "Rome"}, "id": "call_1", "type": "tool_call"}
MESSAGES = [
    SystemMessage("Be kind."),
    HumanMessage("Weather?", name="ann"),
    AIMessage("", tool_calls=[CALL], response_metadata={"model_provider": "openai"}),
    ToolMessage("18", tool_call_id="call_1", name="f", status="error"),
    AIMessage([{"type": "text", "text": "18 degrees"}]),
]


def essence(messages):
    """What pairing could ever need of a message."""
    return [
        (
            type(m).__name__,
            m.content,
            m.name,
            [(c["name"], c["args"], c["id"]) for c in getattr(m, "tool_calls", [])],
            [(c["name"], c["id"]) for c in getattr(m, "invalid_tool_calls", [])],
            getattr(m, "tool_call_id", None),
            m.response_metadata,
        )
        for m in messages
    ]


def through_json(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize(
    "form",
    [
        messages_to_dict,
        lambda messages: [message.model_dump() for message in messages],
        lambda messages: [dumpd(message) for message in messages],
    ],
    ids=["messages_to_dict", "model_dump", "dumpd"],
)
def test_langchains_own_forms_come_back_whole(form):
    assert essence(messages_from(through_json(form(MESSAGES)))) == essence(MESSAGES)


def test_openai_messages_come_back_with_their_calls_and_results():
    wire = through_json(convert_to_openai_messages(MESSAGES))

    messages = messages_from(wire)

    assert [type(m) for m in messages] == [type(m) for m in MESSAGES]
    assert [(c["name"], c["args"], c["id"]) for c in messages[2].tool_calls] == [
        ("f", {"city": "Rome"}, "call_1")
    ]
    assert messages[3].tool_call_id == "call_1"


def test_role_and_text_pairs_are_messages():
    assert essence(messages_from([["system", "a"], ["user", "b"], ["assistant", "c"]])) == essence(
        [SystemMessage("a"), HumanMessage("b"), AIMessage("c")]
    )


@pytest.mark.parametrize("arguments", ["not json", "[1]", "{", "1", "[" * 5000])
def test_arguments_that_are_no_object_make_an_invalid_call(arguments):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}

    (message,) = messages_from([{"role": "assistant", "content": None, "tool_calls": [call]}])

    assert message.tool_calls == []
    assert [(c["name"], c["id"]) for c in message.invalid_tool_calls] == [("f", "a")]


def test_invalid_calls_that_were_recorded_stay_invalid():
    data = {"type": "ai", "content": "", "invalid_tool_calls": [{"name": "f", "id": "a"}]}

    (message,) = messages_from([data])

    assert [c["id"] for c in message.invalid_tool_calls] == ["a"]


def test_a_custom_tools_call_is_a_call():
    call = {"id": "a", "type": "custom", "custom": {"name": "run", "input": "ls"}}

    (message,) = messages_from([{"role": "assistant", "tool_calls": [call]}])

    assert [(c["name"], c["id"]) for c in message.tool_calls] == [("run", "a")]


@pytest.mark.parametrize("call_id", [None, "", {}, []])
def test_a_result_without_an_id_has_the_empty_one(call_id):
    (message,) = messages_from([{"role": "tool", "content": "x", "tool_call_id": call_id}])

    assert message.tool_call_id == ""


def test_a_call_without_an_id_has_none():
    (message,) = messages_from([{"type": "ai", "content": "", "tool_calls": [{"name": "f"}]}])

    assert [c["id"] for c in message.tool_calls] == [None]


def test_a_streams_fragment_stays_one():
    chunk = AIMessageChunk(
        content="",
        tool_call_chunks=[{"name": "f", "args": '{"a": 1}', "id": "call_1", "index": 0}],
        chunk_position="last",
    )

    (message,) = messages_from(through_json(messages_to_dict([chunk])))

    assert isinstance(message, AIMessageChunk)
    assert [(c["args"], c["id"]) for c in message.tool_calls] == [({"a": 1}, "call_1")]
    assert message.chunk_position == "last"


def test_rare_messages_are_read_too():
    messages = messages_from(
        [
            {"type": "chat", "role": "tool", "content": "x"},
            {"role": "function", "name": "f", "content": "x"},
            {"type": "remove", "data": {"id": "m1", "content": ""}},
            {"role": "developer", "content": "x"},
            {"role": "assistant", "content": None, "function_call": {"name": "f"}},
        ]
    )

    assert [type(m) for m in messages] == [
        ChatMessage,
        FunctionMessage,
        RemoveMessage,
        SystemMessage,
        AIMessage,
    ]
    assert messages[0].role == "tool"
    assert messages[4].additional_kwargs == {"function_call": {"name": "f"}}


SECRET = "sk-very-secret"


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
        ({"role": "user", "content": [3]}, "'content' is neither text nor a list of blocks"),
        ({"role": "assistant", "tool_calls": SECRET}, "'tool_calls' is not a list of objects"),
        ({"role": "assistant", "tool_calls": [SECRET]}, "'tool_calls' is not a list of objects"),
        ({"type": "human", "content": "", "additional_kwargs": SECRET}, "'additional_kwargs'"),
        ({"lc": 1, "type": "constructor", "id": ["x", "Danger"], "kwargs": {}}, "neither its"),
        ({"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": SECRET}, "no fields"),
    ],
)
def test_what_is_no_message_is_named_by_position_and_not_quoted(item, reason):
    with pytest.raises(HistoryFileError) as caught:
        messages_from([{"role": "user", "content": "hello"}, item])

    assert str(caught.value).startswith("message 1: ")
    assert reason in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_class_that_the_data_names_is_never_loaded():
    # Loading it would import the module; reading it as data finds a message's name at most.
    data = {
        "lc": 1,
        "type": "constructor",
        "id": ["antigravity_that_does_not_exist", "AIMessage"],
        "kwargs": {"content": "x", "tool_calls": []},
    }

    (message,) = messages_from([data])

    assert type(message) is AIMessage
