"""Copies of calls that an edit of `tool_calls` left behind in another part of the message."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.repair.histories import human, mendable_histories, result, same
from toolpair_observe import Change, RepairAction, check_messages
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.repair import repair_messages

TEXT = {"type": "text", "text": "Well."}


def attribute(call_id: str) -> dict:
    return {"name": f"tool_{call_id}", "args": {}, "id": call_id}


def raw(call_id: str) -> dict:
    function = {"name": f"tool_{call_id}", "arguments": "{}"}
    return {"id": call_id, "type": "function", "function": function}


def function_call(call_id: str) -> dict:
    named = {"name": f"tool_{call_id}", "arguments": "{}"}
    return {"type": "function_call", "call_id": call_id, "id": f"fc_{call_id}", **named}


BLOCKS = {
    "Anthropic's": lambda i: {"type": "tool_use", "id": i, "name": f"tool_{i}", "input": {}},
    "Responses'": function_call,
    "Responses' own kind": lambda i: function_call(i) | {"type": "custom_tool_call"},
    "LangChain's": lambda i: {"type": "tool_call", "id": i, "name": f"tool_{i}", "args": {}},
    "LangChain's invalid": lambda i: {"type": "invalid_tool_call", "id": i, "name": f"tool_{i}"},
    "wrapped": lambda i: {"type": "non_standard", "value": function_call(i)},
}
PLACES = {
    name: (lambda ids, block=block: {"content": [TEXT, *map(block, ids)]})
    for name, block in BLOCKS.items()
} | {
    "raw": lambda ids: {"additional_kwargs": {"tool_calls": [raw(i) for i in ids]}},
    "kept": lambda ids: {"additional_kwargs": {"tool_outputs": [function_call(i) for i in ids]}},
}


def edited(place, in_place: list[str], left: list[str], **fields) -> AIMessage:
    """An AI message that carries calls in one place, and whose attributes were edited."""
    message = AIMessage("", tool_calls=[attribute(i) for i in in_place])
    update = {"tool_calls": [attribute(i) for i in left], **place(in_place), **fields}
    return message.model_copy(update=update)


def removed(repair) -> list[Change]:
    return [change for change in repair.changes if change.action is RepairAction.UNCOPIED]


def ids_in(message: AIMessage) -> list[str]:
    """Every id that the message still has outside its attributes."""
    return [
        i for i in "abc" if f'"{i}"' in json.dumps([message.content, message.additional_kwargs])
    ]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_copy_of_a_call_that_was_edited_away_is_taken_away(place):
    message = edited(place, ["a", "b"], ["b"])
    before = copy.deepcopy(message)
    history = [human(), message, result("b"), human()]
    repair = repair_messages(history, "openai-chat", sync_encodings=True)
    assert ids_in(repair.messages[1]) == ["b"]
    assert message == before
    (change,) = removed(repair)
    assert (change.tool_call_id, change.message_index, change.new_index) == ("a", 1, 1)
    assert change.tool_name == "tool_a"
    assert "content block" in change.place or "additional_kwargs" in change.place
    assert "1 removed_stale_copy" in repair.summary()


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_of_all_calls_edited_away_the_place_itself_goes(place):
    message = edited(place, ["a", "b"], [])
    repair = repair_messages([human(), message, human()], sync_encodings=True)
    assert ids_in(repair.messages[1]) == []
    assert repair.messages[1].additional_kwargs == {}
    assert [change.tool_call_id for change in removed(repair)] == ["a", "b"]
    assert repair.after.ok


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("left", [[], ["b"]], ids=["no call left", "another call left"])
def test_a_copy_that_a_result_answers_is_a_call(place, left):
    """Some keep calls in the content only; and taking it away would leave an orphan."""
    message = edited(place, ["a", *left], left)
    history = [human(), message, result("a"), *map(result, left), human()]
    repair = repair_messages(history, sync_encodings=True)
    assert not removed(repair)
    assert repair.messages[1] is message


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_is_taken_away_unasked(place):
    history = [human(), edited(place, ["a"], []), human()]
    assert not removed(repair_messages(history))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_the_attributes_have_is_no_stale_copy(place):
    message = edited(place, ["a", "b"], ["b", "a"])
    history = [human(), message, result("a"), result("b")]
    repair = repair_messages(history, sync_encodings=True)
    assert repair.messages is history


def test_an_invalid_call_is_a_call():
    block = BLOCKS["Anthropic's"]("a")
    bad = {"name": "tool_a", "args": "{", "id": "a", "error": None}
    history = [human(), AIMessage([block], invalid_tool_calls=[bad]), result("a")]
    assert repair_messages(history, sync_encodings=True).messages is history


def test_a_result_answers_the_newest_copy_of_its_id():
    old = edited(PLACES["raw"], ["a"], [])
    new = AIMessage("", tool_calls=[attribute("a")])
    history = [human(), old, human(), new, result("a"), human()]
    repair = repair_messages(history, "openai-chat", sync_encodings=True)
    assert [change.message_index for change in repair.changes] == [1]
    assert same(repair.messages[2:], history[2:])


def test_a_second_copy_of_one_call_in_one_place_is_stale():
    block = BLOCKS["Anthropic's"]("a")
    message = AIMessage([block, TEXT, block], tool_calls=[attribute("a")])
    repair = repair_messages([human(), message, result("a")], "anthropic", sync_encodings=True)
    assert repair.messages[1].content == [block, TEXT]
    assert len(removed(repair)) == 1


def test_pending_and_running_calls_are_calls():
    message = edited(PLACES["Responses'"], ["a"], [])
    history = [human(), message, human()]
    assert not removed(repair_messages(history, sync_encodings=True, pending=["a"]))
    running = AIMessage([{**function_call("a"), "async": True}])
    assert not removed(repair_messages([human(), running, human()], sync_encodings=True))


@pytest.mark.parametrize(
    "block",
    [
        {"type": "computer_call", "call_id": "a", "id": "cu_a", "action": {}},
        {"type": "apply_patch_call", "call_id": "a", "id": "ap_a"},
        {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {}},
        {"type": "web_search_call", "id": "a"},
        {"type": "tool_use", "name": None, "id": None, "input": {}},
    ],
    ids=lambda block: block["type"],
)
def test_what_langchain_does_not_mirror_is_left(block):
    message = AIMessage([block, TEXT])
    repair = repair_messages([human(), message, human()], sync_encodings=True)
    assert not removed(repair)


def test_a_call_that_the_provider_ran_itself_is_left():
    use = {"type": "tool_use", "id": "srvtoolu_a", "name": "web_search", "input": {}}
    done = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_a", "content": []}
    history = [human(), AIMessage([use, done, TEXT]), human()]
    assert repair_messages(history, sync_encodings=True).messages is history


def test_a_copy_whose_result_goes_to_a_call_or_is_dropped_goes_too():
    copied = edited(PLACES["raw"], ["a", "b"], [])
    open_call = AIMessage("", tool_calls=[attribute("a")])
    history = [human(), open_call, human(), copied, result("a"), result("b"), human()]
    choices = {"sync_encodings": True, "drop_unpaired": True}
    repair = repair_messages(history, "anthropic", **choices)
    assert repair.after.ok
    assert repair.messages[4].additional_kwargs == {}
    assert {change.message_index for change in removed(repair)} == {3}
    assert {change.new_index for change in removed(repair)} == {4}
    assert not repair_messages(repair.messages, "anthropic", **choices).changed


# The oldest form has no id.


def legacy(name: str) -> dict:
    return {"function_call": {"name": name, "arguments": "{}"}}


def test_geminis_function_call_beside_the_calls_is_a_copy():
    """Groq's and Fireworks' integrations send both, so the last call goes out twice."""
    message = AIMessage("", tool_calls=[attribute("a")], additional_kwargs=legacy("tool_a"))
    history = [human(), message, result("a")]
    assert check_messages(history).ok
    repair = repair_messages(history, sync_encodings=True)
    assert repair.messages[1].additional_kwargs == {}
    (change,) = removed(repair)
    assert change.place == 'additional_kwargs["function_call"]'
    assert change.tool_name == "tool_a"


def test_an_answered_function_call_alone_is_a_call():
    message = AIMessage("", additional_kwargs=legacy("tool_a"))
    for answer in (
        FunctionMessage("11", name="tool_a"),
        ToolMessage("11", tool_call_id="a", name="tool_a"),
    ):
        history = [human(), message, answer]
        assert not removed(repair_messages(history, sync_encodings=True))


def test_an_unanswered_function_call_alone_is_stale():
    history = [human(), AIMessage("", additional_kwargs=legacy("tool_a")), human()]
    assert len(removed(repair_messages(history, sync_encodings=True))) == 1


# What goes with a call.


def reasoning(number: int) -> dict:
    return {"type": "reasoning", "id": f"rs_{number}", "summary": []}


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ([reasoning(1), "a"], []),
        ([reasoning(1), "a", "b"], [reasoning(1), "b"]),
        ([reasoning(1), "a", reasoning(2), "b"], [reasoning(2), "b"]),
        ([reasoning(1), TEXT, reasoning(2), "a"], [reasoning(1), TEXT]),
        ([reasoning(1), "a", TEXT], [reasoning(1), TEXT]),
        ([TEXT, reasoning(1), reasoning(2), "a"], [TEXT]),
        (["a", reasoning(1), "b", TEXT], [reasoning(1), "b", TEXT]),
    ],
)
def test_a_reasoning_item_goes_with_its_last_item(content, left):
    """The Responses API wants each to be followed by what it was made for."""

    def built(items):
        return [function_call(item) if isinstance(item, str) else item for item in items]

    message = AIMessage(built(content)).model_copy(update={"tool_calls": [attribute("b")]})
    history = [human(), message, result("b"), human()]
    repair = repair_messages(history, "openai-responses", sync_encodings=True)
    assert repair.messages[1].content == built(left)
    gone = len(content) - len(left) - 1
    assert [c.action for c in repair.changes].count(RepairAction.RELEASED) == gone


def test_a_text_that_is_a_bare_string_follows_a_reasoning_item_too():
    message = AIMessage([reasoning(1), "Well.", function_call("a")])
    repair = repair_messages([human(), message, human()], sync_encodings=True)
    assert repair.messages[1].content == [reasoning(1), "Well."]


def test_reasoning_kept_beside_the_content_goes_with_all_there_was():
    extra = {"tool_calls": [raw("a")], "reasoning": reasoning(1), "reasoning_content": "Hm."}
    message = AIMessage("", additional_kwargs=extra).model_copy(update={"tool_calls": []})
    repair = repair_messages([human(), message, human()], sync_encodings=True)
    assert repair.messages[1].additional_kwargs == {"reasoning_content": "Hm."}
    spoken = message.model_copy(update={"content": "Well."})
    repair = repair_messages([human(), spoken, human()], sync_encodings=True)
    assert set(repair.messages[1].additional_kwargs) == {"reasoning", "reasoning_content"}


@pytest.mark.parametrize(
    "key", ["__openai_function_call_ids__", "__gemini_function_call_thought_signatures__"]
)
def test_what_is_found_by_the_calls_id_goes_with_it(key):
    extra = {"tool_calls": [raw("a"), raw("b")], key: {"a": "1", "b": "2"}}
    message = AIMessage("", additional_kwargs=extra).model_copy(
        update={"tool_calls": [attribute("b")]}
    )
    repair = repair_messages([human(), message, result("b")], sync_encodings=True)
    assert repair.messages[1].additional_kwargs == {"tool_calls": [raw("b")], key: {"b": "2"}}
    assert [change.place for change in repair.changes][-1] == f'additional_kwargs["{key}"]'


def test_thinking_in_and_behind_a_message_that_lost_a_copy_is_said_to_break():
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    use = BLOCKS["Anthropic's"]("a")
    message = AIMessage([signed, TEXT, use], tool_calls=[attribute("a")]).model_copy(
        update={"tool_calls": []}
    )
    history = [human(), message, human(), AIMessage([signed, TEXT]), human()]
    repair = repair_messages(history, "anthropic", sync_encodings=True)
    assert repair.broken_thinking == (1, 3)
    bare = repair_messages(history, "anthropic", sync_encodings=True, thinking="strip")
    assert bare.messages[1].content == [TEXT]
    assert bare.messages[3].content == [TEXT]


def test_a_chunk_stays_a_chunk():
    piece = {"name": "tool_a", "args": "{}", "id": "a", "index": 0}
    chunk = AIMessageChunk(content="", tool_call_chunks=[piece])
    chunk = chunk.model_copy(update={"tool_calls": [], "content": [BLOCKS["Anthropic's"]("a")]})
    repair = repair_messages([human(), chunk, human()], sync_encodings=True)
    assert isinstance(repair.messages[1], AIMessageChunk)
    assert repair.messages[1].content == []


def test_a_copy_and_a_missing_result_are_repaired_together():
    message = edited(PLACES["raw"], ["a", "b"], ["b"])
    history = [human(), AIMessage("", tool_calls=[attribute("c")]), human(), message, human()]
    repair = repair_messages(history, "openai-chat", sync_encodings=True)
    assert repair.after.ok
    assert [(c.action, c.message_index, c.new_index) for c in repair.changes] == [
        (RepairAction.INSERTED, 1, 2),
        (RepairAction.UNCOPIED, 3, 4),
        (RepairAction.INSERTED, 3, 5),
    ]
    assert ids_in(repair.messages[4]) == ["b"]


# Any history.

bounded = settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def edited_histories(draw):
    """A history in which attributes of some AI messages were edited, and nothing else."""
    history = draw(
        st.one_of(
            sound_histories(), broken_histories(), mendable_histories().map(lambda pair: pair[0])
        )
    )
    after = []
    for message in history:
        if isinstance(message, AIMessage) and draw(st.booleans()):
            kept = [call for call in message.tool_calls if draw(st.booleans())]
            message = message.model_copy(update={"tool_calls": kept})  # noqa: PLW2901
        after.append(message)
    return after


@bounded
@given(history=edited_histories(), profile=st.sampled_from(sorted(PROFILES)), dropped=st.booleans())
def test_it_is_whole_idempotent_and_on_a_copy(history, profile, dropped):
    before = copy.deepcopy(history)
    choices = {"sync_encodings": True, "drop_unpaired": dropped}
    repair = repair_messages(history, profile, **choices)
    assert [m.model_dump() for m in history] == [m.model_dump() for m in before]
    again = repair_messages(repair.messages, profile, **choices)
    assert not again.changed, again.changes
    assert repair.after == check_messages(repair.messages, profile)
    gone = {c.message_index for c in repair.changes if c.action is RepairAction.DROPPED}
    for message in (m for at, m in enumerate(history) if at not in gone):
        if isinstance(message, HumanMessage | ToolMessage):
            assert any(one is message for one in repair.messages)


@bounded
@given(history=edited_histories())
def test_no_answered_call_loses_its_place(history):
    repair = repair_messages(history, sync_encodings=True)
    for change in removed(repair):
        later = history[change.message_index + 1 :]
        nearer = next((i for i, m in enumerate(later) if isinstance(m, AIMessage)), len(later))
        answers = [m for m in later[:nearer] if isinstance(m, ToolMessage)]
        made = history[change.message_index].tool_calls
        if change.tool_call_id not in [call["id"] for call in made]:
            assert change.tool_call_id not in [m.tool_call_id for m in answers]
