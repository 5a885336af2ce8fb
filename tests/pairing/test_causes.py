"""Causes, on histories that the real mechanisms broke."""

from __future__ import annotations

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    filter_messages,
    trim_messages,
)
from langgraph.graph.message import add_messages

from tests.pairing.build import SAID, H, S, ask, bad, got
from toolpair_observe import Cause, check_messages
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.causes import _BY_CASE
from toolpair_observe.pairing.providers.table import PROFILES

CONVERSATION = [S, H, ask("a", "b"), got("a"), got("b"), SAID, H, ask("c"), got("c"), SAID]


def causes(history, profile="openai-chat") -> list[str]:
    return [violation.cause.value for violation in check_messages(history, profile).violations]


def test_trimming_without_start_on_is_a_trimmed_head():
    for kept in range(1, len(CONVERSATION)):
        trimmed = trim_messages(
            CONVERSATION, max_tokens=kept, token_counter=len, strategy="last", start_on=None
        )
        assert set(causes(trimmed)) <= {"trimmed_head"}, kept
    trimmed = trim_messages(
        CONVERSATION, max_tokens=7, token_counter=len, strategy="last", include_system=True
    )
    assert causes(trimmed) == ["trimmed_head"]


def test_the_hint_for_a_trimmed_head_mends_it():
    assert 'start_on="human"' in CAUSES[Cause.TRIMMED_HEAD].hint
    for kept in range(1, len(CONVERSATION)):
        mended = trim_messages(
            CONVERSATION, max_tokens=kept, token_counter=len, strategy="last", start_on="human"
        )
        assert check_messages(mended, "openai-chat").ok, kept


def test_trimming_the_tail_leaves_an_unfinished_or_partly_executed_turn():
    tail = trim_messages(CONVERSATION, max_tokens=3, token_counter=len, strategy="first")
    assert causes(tail) == ["unfinished_turn", "unfinished_turn"]
    tail = trim_messages(CONVERSATION, max_tokens=4, token_counter=len, strategy="first")
    assert causes(tail) == ["partial_execution"]


def test_filtering_all_tool_messages_is_told_from_one_abandoned_turn():
    filtered = filter_messages(CONVERSATION, exclude_types=["tool"])
    assert set(causes(filtered)) == {"filtered_tool_messages"}
    assert causes([H, ask("a"), H]) == ["abandoned_turn"]


def test_removing_one_message_from_the_middle():
    numbered = [m.model_copy(update={"id": str(n)}) for n, m in enumerate(CONVERSATION)]
    without_result = add_messages(numbered, [RemoveMessage(id="8")])
    assert causes(without_result) == ["removed_message"]
    without_call = add_messages(numbered, [RemoveMessage(id="7")])
    assert causes(without_call) == ["removed_message"]


SUMMARY = HumanMessage("Here is a summary of the conversation to date: it rains.")

SHAPES = {
    "summarised": [SUMMARY, got("a"), H],
    "summarised by a system message": [
        SystemMessage("Summary of the conversation so far: it rains."),
        got("a"),
        H,
    ],
    "abandoned_turn": [H, ask("a"), H],
    "partial_execution": [H, ask("a", "b"), got("a")],
    "partial_execution, then a question": [H, ask("a", "b"), got("a"), H],
    "handoff": [H, ask("a/transfer_to_billing", "b"), got("a"), H],
    "handoff of the result alone": [H, got("a", name="transfer_to_billing")],
    "few_shot_examples": [S, ask("a"), H, ask("b"), H, ask("c"), got("c")],
    "few_shot_examples by name": [
        HumanMessage("2+2", name="example_user"),
        ask("a", name="example_assistant"),
        H,
    ],
    "retry_duplicate": [H, ask("a"), got("a"), got("a")],
    "replayed_history": [H, ask("a"), got("a"), SAID, H, got("a")],
    "id_rewritten": [H, ask("a", "b"), got("x"), got("y")],
    "unknown": [H, ask("a", "b"), got("a"), got("x")],
    "interleaved_message": [H, ask("a"), HumanMessage("Hurry."), got("a")],
    "late_result": [H, ask("a"), H, SAID, H, got("a")],
    "invalid_arguments": [H, bad("a"), H],
    "stream_cut": [H, AIMessageChunk("", tool_calls=ask("a").tool_calls), H],
    "stream_cut by length": [H, ask("a", response_metadata={"finish_reason": "length"}), H],
    "lost_id": [H, ask("a"), got("")],
    "unsupported_message": [H, ChatMessage(role="tool", content="seen")],
    "cross_provider_history": [H, ask("c" * 46), got("c" * 46)],
    "id_reused_by_backend": [H, ask("call_0", "call_0"), got("call_0")],
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_names_its_cause(name):
    assert set(causes(SHAPES[name])) == {name.split(",")[0].split(" ")[0]}


def test_a_complete_stream_that_is_stored_as_a_chunk_was_not_cut():
    whole = AIMessageChunk(
        "", tool_calls=ask("a").tool_calls, response_metadata={"finish_reason": "tool_calls"}
    )
    assert causes([H, whole, H]) == ["abandoned_turn"]


def test_an_answered_invalid_call_is_an_orphan_where_it_is_not_sent():
    (violation,) = check_messages([H, bad("a"), got("a")], "bedrock-converse").violations
    assert violation.kind == "orphan_result"
    assert violation.cause == "invalid_arguments"


def test_other_message_classes_are_named_where_they_raise():
    history = [H, FunctionMessage(name="look", content="seen"), H]
    (violation,) = check_messages(history, "anthropic").violations
    assert violation.cause is Cause.UNSUPPORTED_MESSAGE
    assert violation.effect == "local_error"


def test_every_cause_is_told_by_some_predicate():
    told = {cause for predicates in _BY_CASE.values() for cause, _ in predicates}
    assert told == set(Cause) - {Cause.UNKNOWN}


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_at_least_two_things_to_do(cause):
    info = CAUSES[cause]
    assert len(info.hints) >= 2
    assert info.title
    if cause is not Cause.UNKNOWN:
        assert info.fingerprint
        assert info.source
        assert info.mechanisms


def test_sound_histories_have_no_cause():
    for profile in PROFILES:
        if profile != "nvidia":
            assert causes([S, H, ask("a"), got("a"), AIMessage("Seen.")], profile) == []
