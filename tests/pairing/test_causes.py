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
    ToolMessage,
    filter_messages,
    trim_messages,
)
from langgraph.graph.message import add_messages

from tests.pairing.build import SAID, H, S, ask, bad, got
from toolpair_observe import Cause, check_messages, repair_messages
from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.cause_signs import HINTS
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
    "id_rewritten of one": [H, ask("a", "call_12"), got("a"), got("call_12|fc_1")],
    "interleaved_message": [H, ask("a"), HumanMessage("Hurry."), got("a")],
    "late_result": [H, ask("a"), H, SAID, H, got("a")],
    "invalid_arguments": [H, bad("a"), H],
    "stream_cut": [H, AIMessageChunk("", tool_calls=ask("a").tool_calls), H],
    "stream_cut by length": [H, ask("a", response_metadata={"finish_reason": "length"}), H],
    "lost_id": [H, ask("a"), got("")],
    "unsupported_message": [H, ChatMessage(role="tool", content="seen")],
    "cross_provider_history": [H, ask("c" * 46), got("c" * 46)],
    "id_reused_by_backend": [H, ask("call_0", "call_0"), got("call_0")],
    "overwritten_state": [got("a")],
    "overwritten_state of parallel calls": [got("a"), got("b")],
    "trimmed_head, behind the system message": [S, got("a"), SAID, H],
    "split_calls": [H, ask("a"), ask("b"), got("a"), got("b"), SAID],
    "split_calls, three, answered in another order": [
        *(H, ask("a"), ask("b"), ask("c")),
        *(got("c"), got("b"), got("a"), SAID),
    ],
    "interleaved_message of an AI": [H, ask("a"), SAID, got("a")],
    "interleaved_message of other calls": [
        *(H, ask("a", "b"), got("a")),
        *(ask("c"), got("b"), got("c")),
    ],
    "summarised, and a late result": [SUMMARY, H, ask("b"), got("b"), got("a"), SAID],
    "removed_message, not of the summary": [
        *(SUMMARY, H, ask("b"), got("b"), SAID),
        *(H, ask("c"), got("c"), got("a")),
    ],
    "filtered_tool_messages of one turn": [H, ask("a"), SAID, H],
    "lost_id of the calls": [H, ask(None, None), got("a"), got("b")],
    "unsupported_message in place of a result": [H, ask("a"), ChatMessage("seen", role="tool"), H],
    "abandoned_turn, a chat message follows": [H, ask("a"), ChatMessage("Go on.", role="user")],
    "replayed_history of the call": [H, ask("a", "b"), ask("a", "b"), got("a"), got("b")],
    "server_tool_as_call": [H, ask("srvtoolu_01/web_search"), H],
    "structured_output": [H, ask("a/final_result"), H],
    "structured_output beside another tool": [H, ask("a", "b/CityReport"), got("a"), SAID, H],
    "structured_output, told by the others": [H, ask("a"), got("a"), SAID, H, ask("b/Person"), H],
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_names_its_cause(name):
    assert set(causes(SHAPES[name])) == {name.split(",")[0].split(" ")[0]}


def test_a_class_name_is_no_structured_output_where_tools_are_named_so():
    before = [H, ask("a/Read"), got("a", name="Read"), SAID]
    assert causes([*before, H, ask("b/Bash"), H]) == ["abandoned_turn"]
    assert causes([H, ask("b/Bash"), H]) == ["abandoned_turn"]
    done = [H, ask("a/CityReport"), got("a"), SAID]
    assert causes([*done, H, ask("b/CityReport"), H]) == ["abandoned_turn"]


TRANSFER, SAVINGS = "transfer_to_billing", "transfer_to_savings"
DONE = "Successfully transferred to billing"


def done(call_id: str, tool: str, text: str = "seen", **fields) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call_id, name=tool, **fields)


HANDOFFS = {
    "a person goes on before it ran": ([H, ask(f"a/{TRANSFER}"), H], "abandoned_turn"),
    "a person goes on before any ran": ([H, ask(f"a/{TRANSFER}", "b"), H], "abandoned_turn"),
    "the bank's was canceled": ([H, ask(f"a/{SAVINGS}"), H], "abandoned_turn"),
    "the bank's was canceled, its sibling ran": (
        [H, ask(f"a/{SAVINGS}", "b"), got("b"), H],
        "partial_execution",
    ),
    "its result says that it failed": (
        [H, ask(f"a/{SAVINGS}", "b"), done("a", SAVINGS, "Cancelled.", status="error"), H],
        "partial_execution",
    ),
    "the bank's is the last message": ([H, ask(f"a/{SAVINGS}")], "unfinished_turn"),
    "an AI message goes on without the bank's": (
        [H, ask(f"a/{SAVINGS}", "b"), got("b"), SAID, H],
        "partial_execution",
    ),
    "the call of the bank's was removed": (
        [H, ask("b"), got("b"), SAID, H, done("a", SAVINGS), SAID],
        "removed_message",
    ),
    "the bank's head was trimmed": ([done("a", SAVINGS), SAID, H], "trimmed_head"),
    "it ran beside another": ([H, ask(f"a/{TRANSFER}", "b"), done("a", TRANSFER)], "handoff"),
    "its result says so, whatever its name": (
        [H, ask("a/go", "b"), done("a", "go", "Transferred to billing."), H],
        "handoff",
    ),
    "it is marked, whatever its name": (
        [H, ask("a/go", "b"), done("a", "go", response_metadata={"__handoff_destination": "b"})],
        "handoff",
    ),
    "another agent goes on without its result": (
        [H, ask(f"a/{TRANSFER}"), AIMessage("Hello.", name="billing"), H],
        "handoff",
    ),
    "an agent that is given its open call": ([H, ask("a/transfer_to_sales_agent")], "handoff"),
    "an agent that is given a colleague's open call": (
        [H, ask(f"a/{TRANSFER}", name="triage")],
        "handoff",
    ),
    "only its result is passed on": ([H, done("a", TRANSFER, DONE)], "handoff"),
    "the results of a message that was cut down to it": (
        [H, ask(f"a/{TRANSFER}"), done("a", TRANSFER), got("b"), got("c")],
        "handoff",
    ),
    "its results are passed on with others": (
        [H, done("a", TRANSFER, DONE), got("b"), SAID, H],
        "handoff",
    ),
    "the result of a parallel one": (
        [H, ask("a/assign_to_sales"), got("a"), done("b", "assign_to_writer")],
        "handoff",
    ),
}


@pytest.mark.parametrize("name", HANDOFFS)
def test_a_hand_off_is_one_that_took_place(name):
    history, cause = HANDOFFS[name]
    assert causes(history) == [cause] * len(causes(history))


LIMIT = "Tool call limit exceeded. Do not make additional tool calls."
REFUSED = {"additional_kwargs": {"lc_source": "hitl_interrupt_decision"}, "status": "error"}

STOPPED = {
    "a limit before the tools ran": (
        [H, ask("a", "b", "c"), done("c", "look", LIMIT, status="error"), H],
        ("abandoned_turn", "ToolCallLimitMiddleware"),
    ),
    "a decision before the tools ran": (
        [H, ask("a", "b"), done("b", "look", "No.", **REFUSED), H],
        ("abandoned_turn", "HumanInTheLoopMiddleware"),
    ),
    "a structured output before the tools ran": (
        [H, ask("a/City", "b"), done("a", "City", "Returning structured response: Oslo"), H],
        ("abandoned_turn", "create_agent answered its structured output"),
    ),
    "a limit that ended the turn": (
        [H, ask("a", "b"), done("b", "look", LIMIT, status="error"), SAID, H],
        ("partial_execution", "1.3.18"),
    ),
    "a limit that says so behind the results": (
        [H, ask("a", "b"), got("a"), AIMessage("Tool call limit reached: 3/2 calls."), H],
        ("partial_execution", "a limit answered some calls"),
    ),
    "a limit that answered nothing": (
        [H, ask("a"), AIMessage("Agent stopped due to max iterations."), H, ask("b"), got("b")],
        ("abandoned_turn", "a limit of your own"),
    ),
    "a person's abort": (
        [H, ask("a"), HumanMessage("[Request interrupted by user]"), H],
        ("abandoned_turn", "the turn was canceled"),
    ),
    "an error among the results": (
        [H, ask("a", "b"), done("a", "look", "Error: no", status="error"), H],
        ("partial_execution", "after an error"),
    ),
    "a cancellation among the results": (
        [H, ask("a", "b"), done("a", "look", "Tool call was cancelled.", status="error"), H],
        ("partial_execution", "the cancellation is handled"),
    ),
    "nothing that tells": ([H, ask("a", "b"), got("a"), H], ("partial_execution", "create_agent")),
}


def test_an_ai_message_that_speaks_of_a_limit_stopped_nothing():
    told = AIMessage("The speed limit there is 50.")
    history = [H, ask("a"), told, H, ask("b"), got("b")]
    assert causes(history) == ["removed_message"]


@pytest.mark.parametrize("name", STOPPED)
def test_what_stopped_a_turn_is_told_apart_and_the_hint_names_it(name):
    history, (cause, words) = STOPPED[name]
    violations = check_messages(history, "openai-chat").violations
    assert {violation.cause.value for violation in violations} == {cause}
    assert all(words in violation.hint for violation in violations)


def test_a_hint_never_sends_to_a_loop_alone_which_an_agent_may_own():
    (violation,) = check_messages([H, ask("a", "b"), got("a"), H], "openai-chat").violations
    assert "where a loop of your own" in violation.hint
    assert "where create_agent or a ToolNode runs them" in violation.hint


def test_words_of_a_limit_further_on_in_a_result_mean_nothing():
    said = done("a", "look", "The log says: Tool call limit exceeded. Do not call again.")
    (violation,) = check_messages([H, ask("a", "b"), said, H], "openai-chat").violations
    assert "ToolCallLimitMiddleware" not in violation.hint


def test_some_results_before_an_ai_message_are_told_from_a_removed_one():
    whole = [H, ask("a", "b"), got("a"), got("b"), SAID]
    # Elsewhere all calls of a message are answered: the executor takes them all.
    assert causes([*whole, H, ask("c", "d"), got("c"), SAID]) == ["removed_message"]
    assert causes([H, ask("c", "d"), got("c"), SAID, H]) == ["partial_execution"]
    # A filter takes away every result of a tool.
    by_name = [H, ask("a", "b/find"), got("a"), SAID, H, ask("c", "d/find"), got("c"), SAID, H]
    assert set(causes(by_name)) == {"removed_message"}


def test_examples_that_nothing_answers_are_told_from_turns_of_a_model():
    asked = [H, ask("a"), H, ask("b"), H]
    assert set(causes(asked)) == {"few_shot_examples"}
    made = {"response_metadata": {"model_provider": "openai"}}
    stored = [H, ask("a", **made), H, ask("b", **made), H]
    assert set(causes(stored)) == {"filtered_tool_messages"}


SUMMARIES = [
    "Here is a summary of the conversation to date:\n\nIt rains.",
    "Summary: it rains.",
    "## Summary\nIt rains.",
    "[Conversation summary] It rains.",
    "This is a brief summary of earlier messages: it rains.",
    "The conversation history has been summarized as follows: it rains.",
    "Context from earlier in the conversation: it rains.",
    "Previous conversation:\nIt rains.",
]


@pytest.mark.parametrize("text", SUMMARIES)
@pytest.mark.parametrize("message", [HumanMessage, SystemMessage, AIMessage])
def test_a_summary_is_told_by_its_first_words(message, text):
    assert causes([message(text), got("a"), SAID, H]) == ["summarised"]
    blocks = message([{"type": "text", "text": text}])
    assert causes([blocks, got("a"), SAID, H]) == ["summarised"]


@pytest.mark.parametrize(
    "text",
    [
        "You write summaries of reports.",
        "Give me a summary of the report.",
        "Summarize what we said.",
        "The conversation with my boss went badly.",
    ],
)
def test_who_asks_for_a_summary_gives_none(text):
    assert causes([SystemMessage(text), got("a"), SAID, H]) == ["trimmed_head"]


def test_a_copy_that_an_edit_forgot():
    blocks = [{"type": "tool_use", "id": id_, "name": "look", "input": {}} for id_ in "ab"]
    edited = AIMessage(blocks, tool_calls=ask("a").tool_calls)
    (violation,) = check_messages([H, edited, got("a"), H], "anthropic").violations
    assert violation.cause is Cause.STALE_ENCODING
    for place in ("tool_calls", 'additional_kwargs["tool_calls"]', "content", "model_copy(update="):
        assert place in violation.hint


def raw(*ids: str) -> dict:
    function = {"name": "look", "arguments": "{}"}
    calls = [{"id": id_, "type": "function", "function": function} for id_ in ids]
    return {"additional_kwargs": {"tool_calls": calls}}


def test_a_raw_copy_that_an_edit_of_tool_calls_leaves_behind():
    emptied = ask("a", **raw("a")).model_copy(update={"tool_calls": []})
    assert causes([H, emptied, H]) == ["stale_encoding"]
    assert causes([H, emptied, got("a"), H], "anthropic") == ["stale_encoding"]
    fewer = ask("a", "b", **raw("a", "b")).model_copy(update=vars(ask("a")))
    kept = fewer.model_copy(update=raw("a", "b"))
    assert causes([H, kept, got("a"), got("b"), H]) == ["stale_encoding"]
    assert causes([H, ask("a", **raw("a")), H]) == ["abandoned_turn"]


def test_the_hint_for_a_stale_copy_mends_it():
    message = ask("a", **raw("a"))
    mended = message.model_copy(update={"tool_calls": [], "additional_kwargs": {}})
    assert check_messages([H, mended, H], "openai-chat").ok
    emptied = message.model_copy(update={"tool_calls": []})
    repair = repair_messages([H, emptied, H], "openai-chat", sync_encodings=True)
    assert check_messages(repair.messages, "openai-chat").ok


def test_partial_results_that_go_to_the_wrong_call_are_no_matter_of_order():
    history = [H, ask("a", "b"), got("b"), H]
    assert set(causes(history, "ollama")) == {"partial_execution"}
    whole = [H, ask("a", "b"), got("b"), got("a"), H]
    assert set(causes(whole, "ollama")) == {"result_order"}


def test_a_head_that_starts_with_a_call_was_trimmed_or_summarized():
    assert causes([ask("a"), got("a"), SAID, H], "google-genai") == ["trimmed_head"]
    system = SystemMessage("Summary of the conversation so far: it rains.")
    assert causes([system, ask("a"), got("a"), SAID, H], "google-genai") == ["summarised"]


def test_a_random_id_that_comes_again_was_replayed():
    replayed = "call_9f8c2a71bd0e4c55a1"
    twice = [H, ask(replayed), got(replayed), SAID]
    assert set(causes(twice * 2, "google-genai")) == {"replayed_history"}
    counted = [H, ask("call_0"), got("call_0"), SAID]
    assert set(causes(counted * 2, "google-genai")) == {"id_reused_by_backend"}


def test_a_complete_stream_that_is_stored_as_a_chunk_was_not_cut():
    whole = AIMessageChunk(
        "", tool_calls=ask("a").tool_calls, response_metadata={"finish_reason": "tool_calls"}
    )
    assert causes([H, whole, H]) == ["abandoned_turn"]


@pytest.mark.parametrize("profile", ["contract", "openai-chat", "mistral", "deepseek"])
@pytest.mark.parametrize("id_", [None, ""])
@pytest.mark.parametrize("rest", [[], [H], [got(""), H]], ids=["end", "went on", "answered"])
def test_an_invalid_call_without_an_id_is_about_its_arguments(profile, id_, rest):
    (violation,) = check_messages([H, bad(id_), *rest], profile).violations
    assert violation.kind == "missing_id"
    assert violation.cause == "invalid_arguments"
    assert "arguments" in violation.hint
    assert "restore" not in violation.hint
    # What answers a call by its id is no way out.
    assert "ToolMessage" not in violation.hint


def test_a_call_of_a_stream_that_broke_off_before_its_id_is_about_the_stream():
    cut = AIMessage("", invalid_tool_calls=bad(None).invalid_tool_calls)
    cut.response_metadata = {"finish_reason": "length"}
    assert causes([H, cut, H]) == ["stream_cut"]


def test_an_answer_under_an_id_that_an_invalid_call_never_had_is_about_its_arguments():
    assert causes([H, bad(None), got("a"), H]) == ["invalid_arguments", "invalid_arguments"]


def test_a_sound_call_without_an_id_has_lost_it():
    assert causes([H, ask(None), H]) == ["lost_id"]
    assert causes([H, ask(None), got("a"), H]) == ["lost_id", "lost_id"]


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


def test_hints_can_be_taken_apart_again():
    every = [info.hints for info in CAUSES.values()] + list(HINTS.values())
    assert all(OR not in hint for hints in every for hint in hints)


def test_the_text_for_people_shows_the_hints_of_the_report():
    history, _ = STOPPED["a limit before the tools ran"]
    report = check_messages(history, "openai-chat")
    for hint in report.violations[0].hint.split(OR):
        assert hint in " ".join(report.explain().split())


def test_sound_histories_have_no_cause():
    for profile in PROFILES:
        if profile != "nvidia":
            assert causes([S, H, ask("a"), got("a"), AIMessage("Seen.")], profile) == []
