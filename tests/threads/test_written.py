"""A list is written in the form in which its graph stores it."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from tests.threads.broken import CONFIG, called
from toolpair_observe.threads.diagnose import diagnose_threads
from toolpair_observe.threads.mend import mend_thread

HI, BYE = {"role": "user", "content": "hi"}, {"role": "user", "content": "bye"}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"type": "function", "id": "a", "function": {"name": "look", "arguments": '{"at": 1}'}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "18"}
USE = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}}],
}
USED = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "a", "content": "18", "is_error": False}],
}


def newest(_: list[Any], new: list[Any]) -> list[Any]:
    return new


def stored(*lists: list[Any], reducer: Any) -> Any:
    """A graph whose list of messages was written several times."""
    state = TypedDict(  # noqa: UP013 - its annotations are made here
        "State", {"messages": Annotated[list, reducer]}
    )
    builder = StateGraph(state).add_node("model", lambda _: {}).add_node("tools", lambda _: {})
    builder.add_edge(START, "model").add_edge("tools", "model")
    made = builder.compile(checkpointer=InMemorySaver())
    for each in lists:
        made.update_state(CONFIG, {"messages": each}, as_node="tools")
    return made


def mended(made: Any, profile: str | None = None) -> list[Any]:
    plan = mend_thread(made, CONFIG, idle=0, profile=profile)
    assert not plan.refused
    plan.apply()
    (found,) = diagnose_threads(made.checkpointer, idle=0, profile=profile)
    assert found.verdict.value == "sound"
    return made.get_state(CONFIG).values["messages"]


@pytest.mark.parametrize(
    ("sound", "profile"),
    [
        ([HI, CALL, RESULT, BYE], "openai-chat"),
        ([HI, USE, USED, BYE], "anthropic"),
    ],
    ids=["openai", "anthropic"],
)
def test_a_result_comes_back_as_the_dict_that_a_provider_takes(sound, profile):
    broken = [*sound[:2], *sound[3:]]

    assert mended(stored(sound, broken, reducer=newest), profile) == sound


def test_a_call_comes_back_as_the_dict_that_a_provider_takes():
    made = mended(stored([HI, CALL, RESULT, BYE], [HI, RESULT, BYE], reducer=newest))

    assert made == [HI, CALL, RESULT, BYE]


@pytest.mark.parametrize(
    ("broken", "profile", "role"),
    [([HI, CALL, BYE], "openai-chat", "tool"), ([HI, USE, BYE], "anthropic", "user")],
    ids=["openai", "anthropic"],
)
def test_an_error_result_is_made_up_in_the_form_of_the_others(broken, profile, role):
    made = mended(stored(broken, reducer=operator.add), profile)

    assert [*made[:2], made[3]] == broken
    assert made[2]["role"] == role
    assert made[2].get("name") is None


def test_a_result_in_the_blocks_of_a_persons_message_is_a_real_one():
    use = AIMessage(USE["content"], tool_calls=called("look"), id="A")
    use.tool_calls[0]["id"] = "a"
    person = HumanMessage(USED["content"], id="H")
    made = stored([HumanMessage("hi"), use, person], [HumanMessage("hi"), use, BYE], reducer=newest)
    plan = mend_thread(made, CONFIG, idle=0, profile="anthropic", apply=True)

    assert [each.tool_call_id for each in plan.found] == ["a"]
    assert made.get_state(CONFIG).values["messages"][2].content == "18"


def test_a_removal_that_a_list_holds_as_a_message_stays_where_it_is():
    call = AIMessage("", tool_calls=called("a"), id="A")
    broken = [HumanMessage("hi"), call], [RemoveMessage(id="A"), HumanMessage("bye")]
    made = mended(stored(*broken, reducer=operator.add))

    assert [each.type for each in made] == ["human", "ai", "tool", "remove", "human"]


def test_of_a_mixed_list_each_element_stays_as_it_is():
    call = AIMessage("", tool_calls=called("a"), id="A")
    made = mended(stored([["user", "hi"], call, BYE], reducer=operator.add))

    assert made[:2] == [["user", "hi"], call]
    assert isinstance(made[2], ToolMessage)
    assert made[3] == BYE
