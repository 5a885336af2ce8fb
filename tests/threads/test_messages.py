"""Lists of messages are found by what they hold, and read in whatever form they are stored."""

from __future__ import annotations

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
)

from toolpair_observe.threads.messages import (
    UnreadableMessageError,
    as_messages,
    input_messages,
    lists_in,
    target_of,
)

SECRET = "the patient's name"
CALL = {"name": "look", "args": {}, "id": "a", "type": "tool_call"}
EVERY = [
    SystemMessage("be kind"),
    HumanMessage("hi"),
    AIMessage("", tool_calls=[CALL]),
    AIMessageChunk("", tool_call_chunks=[{"name": "look", "args": "{}", "id": "a", "index": 0}]),
    ToolMessage("18", tool_call_id="a"),
]


def places(values):
    return [place for place, _ in lists_in(values)]


@pytest.mark.parametrize(
    "written",
    [lambda m: m, message_to_dict, dumpd, lambda m: m.model_dump(mode="json")],
    ids=["objects", "wrapped", "constructors", "flat"],
)
def test_each_form_is_found_and_read(written):
    values = {"anything": [written(each) for each in EVERY], "count": 7}

    assert places(values) == ["anything"]
    read = as_messages(values["anything"])
    assert [(each.type, each.content) for each in read] == [(m.type, m.content) for m in EVERY]
    assert [call["id"] for each in read for call in getattr(each, "tool_calls", ())] == ["a", "a"]
    assert read[-1].tool_call_id == "a"


@pytest.mark.parametrize(
    "elements",
    [
        [["user", "hi"], ["assistant", "hello"]],
        [("human", "hi")],
        [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": []}],
        [7, HumanMessage("hi")],
    ],
    ids=["pairs as lists", "pairs", "OpenAI's dicts", "one message among others"],
)
def test_other_lists_of_messages_are_found(elements):
    assert places({"said": elements}) == ["said"]


@pytest.mark.parametrize(
    "value",
    [
        [],
        "messages",
        [["key", "value"], ["user", "name"]],
        [["user", "name"], ["colour", "red"]],
        [{"type": "human"}, {"role": "admin", "content": "x"}],
        [{"type": "number", "content": 7}],
        [{"lc": 1, "id": ["langchain", "PromptTemplate"], "kwargs": {}}],
        {"role": "user", "content": "one message is no list"},
    ],
)
def test_what_is_no_list_of_messages_is_left_alone(value):
    assert places({"anything": value}) == []


def test_lists_below_a_channel_have_its_place_and_internal_channels_have_none():
    said = [HumanMessage("hi")]
    values = {
        "deep": {"er": {"est": said, "n": 7}, "too": said},
        "__start__": {"messages": said},
        "__pregel_tasks": said,
        "branch:to:model": said,
        "join:a+b:c": said,
        "llm_input_messages": said,
        "a": {"b": {"c": {"d": {"e": said}}}},
    }

    assert places(values) == ["deep.er.est", "deep.too"]


@pytest.mark.parametrize(
    "element",
    [
        {"role": "assistant", "content": "", "tool_calls": [{"function": SECRET}]},
        {"type": "human", "data": {"content": 7}},
        {"type": "ai", "content": SECRET, "tool_calls": SECRET},
        [SECRET],
        None,
    ],
)
def test_what_is_not_understood_is_told_by_its_position_alone(element):
    with pytest.raises(UnreadableMessageError) as raised:
        as_messages([HumanMessage("hi"), element])
    assert str(raised.value).startswith("element 1 of the list is no message (")
    assert SECRET not in str(raised.value)


def test_an_input_that_nobody_has_read_is_part_of_the_list():
    said = [HumanMessage("hi")]

    assert input_messages({"__start__": {"messages": said}}, "messages") == said
    assert input_messages({"__start__": {"messages": said[0]}}, "messages") == said
    assert input_messages({"__start__": {"messages": said}}, "other") == []
    assert input_messages({"__start__": said}, "messages") == []
    assert input_messages({}, "messages") == []


def test_the_newest_answer_tells_who_is_asked():
    openai = AIMessage("", response_metadata={"model_provider": "openai", "id": "chatcmpl-1"})
    anthropic = AIMessage("", response_metadata={"model_provider": "anthropic"})

    assert target_of([anthropic, openai, AIMessage("")]).profile.name.startswith("openai")
    assert target_of([openai, anthropic]).profile.name == "anthropic"
    assert target_of([HumanMessage("hi"), RemoveMessage(id="x")]).profile.name == "contract"
    odd = AIMessage("", response_metadata={"model_provider": 7, "id": ["x"]})
    assert target_of([odd]).profile.name == "contract"
