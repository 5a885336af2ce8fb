"""Whatever LangChain takes as chat input becomes the messages that a chat model would see."""

from __future__ import annotations

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue

from toolpair_observe.pairing.inputs import as_messages

USUAL = [
    SystemMessage("Be brief."),
    HumanMessage("Look."),
    AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}]),
    ToolMessage("11", tool_call_id="a"),
    AIMessageChunk(content="Done."),
]


class Question(HumanMessage):
    """A message class of the application's own."""


@pytest.mark.parametrize(
    "value",
    [USUAL, tuple(USUAL), [], [*USUAL, Question("Why?")], ChatPromptValue(messages=USUAL)],
    ids=["list", "tuple", "empty", "own class", "prompt"],
)
def test_messages_stay_the_very_messages(value):
    given = value.messages if isinstance(value, ChatPromptValue) else value
    found = as_messages(value)
    assert isinstance(found, list)
    assert len(found) == len(given)
    assert all(one is other for one, other in zip(found, given, strict=True))


def test_the_list_is_not_the_callers_own():
    given: list[BaseMessage] = [*USUAL]
    as_messages(given).clear()
    assert given == USUAL


@pytest.mark.parametrize(
    "value",
    [
        "Look.",
        StringPromptValue(text="Look."),
        ["Look."],
        [("human", "Look.")],
        [["human", "Look."]],
        [{"role": "user", "content": "Look."}],
        [{"type": "human", "content": "Look."}],
    ],
    ids=["text", "prompt", "texts", "tuple", "pair", "OpenAI's dict", "LangChain's dict"],
)
def test_all_else_is_converted(value):
    assert [(type(each), each.content) for each in as_messages(value)] == [(HumanMessage, "Look.")]
    if isinstance(value, list):
        assert as_messages([*USUAL, *value])[:-1] == USUAL


@pytest.mark.parametrize("bad", [5, None, HumanMessage, {"content": "Look."}])
def test_what_is_no_message_is_refused_with_its_place(bad):
    with pytest.raises(ValueError, match=r"^element 5 of the chat input is not a message"):
        as_messages([*USUAL, bad])
