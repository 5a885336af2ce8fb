"""The comparison itself can fail, and what it marks, simplifies and continues is what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, FunctionMessage, HumanMessage, ToolMessage

from tests.integrations.losses import carried
from tests.integrations.observe import Observed
from toolpair_observe import check_messages

from .comparison import ConverterComparison
from .kept import continuations, ids_of_calls, plain, unpaired
from .marks import marked

CALL = {"name": "look", "args": {"at": "it"}, "id": "a", "type": "tool_call"}
ASKS = AIMessage("", tool_calls=[CALL])
ANSWERS = ToolMessage("seen", tool_call_id="a")


def compared(*messages, observed: Observed) -> ConverterComparison:
    return ConverterComparison(
        steps=(),
        report=check_messages(messages, profile="openai-chat"),
        observed=observed,
        made_by="nobody",
        is_sound=True,
        messages=messages,
    )


def test_a_refusal_that_nobody_predicted_is_a_problem():
    from tests.integrations.judges import REJECT, Breach

    refused = Observed(breaches=(Breach("missing_result", 0, REJECT),))
    sound = compared(HumanMessage("hi"), ASKS, ANSWERS, observed=refused)
    assert sound.problem == "predicted nothing decided, observed reject"
    broken = compared(ASKS, HumanMessage("hi"), observed=refused)
    assert not broken.problem


def test_a_prediction_that_does_not_come_true_is_a_problem():
    broken = compared(ASKS, HumanMessage("hi"), observed=Observed())
    assert broken.problem == "predicted reject, observed nothing decided"
    assert "predicted reject: missing_result@0=reject" in str(broken)
    assert "'name': 'look'" in str(broken)


def test_an_error_that_nobody_predicted_is_a_problem():
    raised = Observed(error="builtins.KeyError", text="'input'")
    assert compared(ASKS, ANSWERS, observed=raised).problem
    assert not compared(ASKS, ANSWERS, observed=replace(raised, error="")).problem


def test_every_copy_of_a_call_has_the_same_mark():
    block = {"type": "tool_use", "name": "look", "input": {}, "id": "a"}
    raw = {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    (message,) = marked([ASKS.model_copy(update={"content": [block], "additional_kwargs": {}})])
    (call,) = carried([message])
    assert (call.kind, call.id) == ("call", "a")
    with_raw = ASKS.model_copy(update={"additional_kwargs": {"tool_calls": [raw]}})
    (message,) = marked([with_raw])
    assert carried([message])[0].token in str(message.additional_kwargs)


def test_arguments_stay_as_readable_as_they_were():
    bad = {"name": "look", "args": '{"at": ', "id": "b", "error": None, "type": "invalid_tool_call"}
    custom = CALL | {"args": {"__arg1": "x"}}
    (message,) = marked([AIMessage("", tool_calls=[custom], invalid_tool_calls=[bad])])
    assert list(message.tool_calls[0]["args"]) == ["__arg1"]
    assert message.invalid_tool_calls[0]["args"].startswith('{"at": ')
    assert {one.kind for one in carried([message])} == {"call", "invalid_call"}


def test_results_of_every_form_are_marked():
    empty = ToolMessage([], tool_call_id="b")
    function = FunctionMessage("seen", name="look")
    block = {"type": "tool_result", "tool_use_id": "c", "content": "seen"}
    messages = [ANSWERS, empty, function, HumanMessage([block])]
    found = [one for one in carried(marked(messages)) if one.kind == "result"]
    assert [one.id for one in found] == ["a", "b", None, "c"]
    assert ANSWERS.content == "seen"


def test_open_calls_are_answered_and_passed_over():
    continued = list(continuations([ASKS]))
    kinds = {"".join(one.type[0] for one in messages) for messages in continued}
    assert kinds == {"a", "ah", "at", "ath", "ha", "hah", "hat", "hath"}
    answered = next(one for one in continued if one[-1].type == "tool")
    assert answered[-1].tool_call_id == "a"


@pytest.mark.parametrize("key", ["id", "call_id"])
def test_a_call_is_found_in_whatever_encoding(key: str):
    block = {"type": "function_call", key: "b", "name": "look", "arguments": "{}"}
    raw = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "[]"}}
    message = AIMessage([block], tool_calls=[CALL], additional_kwargs={"tool_calls": [raw]})
    assert ids_of_calls(message) == ["a", "b", "c"]


def test_simpler_copies_keep_what_they_say():
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    use = {"type": "tool_use", "name": "look", "input": {}, "id": "a"}
    nan = {"name": "look", "args": '{"at": NaN}', "id": "b"}
    history = [
        HumanMessage([picture]),
        AIMessage([use, picture], invalid_tool_calls=[nan]),
        ANSWERS,
    ]
    asked, asks, answers = plain(history)
    assert asked.content == "-"
    assert asks.content == [use]
    assert asks.invalid_tool_calls[0]["args"] == '{"at": 0}'
    assert answers.content == "seen"
    assert [(one.type, one.content) for one in unpaired(history)] == [
        ("human", [picture]),
        ("ai", [picture]),
    ]


def test_a_call_that_stands_in_the_content_alone_is_marked():
    blocks = [
        {"type": "tool_call", "name": "look", "args": {}, "id": "a"},
        {"type": "tool_use", "name": "look", "id": "b"},
    ]
    found = carried(marked([AIMessage(blocks)]))
    assert [(one.kind, one.id) for one in found] == [("call", "a"), ("call", "b")]
