"""Each kind of violation, where it is found and what it points at."""

from __future__ import annotations

import pickle

import pytest
from langchain_core.messages import AIMessageChunk, ChatMessage, HumanMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue

from tests.pairing.build import SAID, H, S, ask, bad, got
from toolpair_observe import (
    Effect,
    InvalidToolResultsError,
    PairingReport,
    ViolationKind,
    check_messages,
)
from toolpair_observe.pairing.explain import explain
from toolpair_observe.pairing.page import RESCUE
from toolpair_observe.pairing.providers.table import PROFILES


def found(report: PairingReport) -> list[tuple[str, int, int | None, str]]:
    return [
        (v.kind.value, v.message_index, v.call_message_index, v.tool_call_id)
        for v in report.violations
    ]


SOUND = {
    "no calls": [S, H, SAID],
    "one call": [H, ask("a"), got("a"), SAID],
    "parallel calls": [H, ask("a", "b"), got("a"), got("b")],
    "another order": [H, ask("a", "b"), got("b"), got("a")],
    "an id used again later": [H, ask("a"), got("a"), H, ask("a"), got("a")],
    "an id used again next": [H, ask("a"), got("a"), ask("a"), got("a")],
    "starts with a call": [ask("a"), got("a"), H],
    "human right after": [H, ask("a"), got("a"), H],
    "system right after": [H, ask("a"), got("a"), S],
    "bad arguments, answered": [H, bad("a"), got("a")],
    "a chunk": [H, AIMessageChunk("", tool_calls=ask("a").tool_calls), got("a")],
    "calls repeated in the content": [
        H,
        ask("a", content=[{"type": "tool_use", "id": "a", "name": "look", "input": {}}]),
        got("a"),
    ],
    "empty": [],
}


@pytest.mark.parametrize("profile", ["contract", "openai-chat"])
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_history_is_clean(name, profile):
    report = check_messages(SOUND[name], profile=profile)
    assert report.effect is Effect.CLEAN, report.explain()
    assert report.ok
    assert report.violations == ()


BROKEN = {
    "missing, all": ([H, ask("a"), H], [("missing_result", 1, 1, "a")]),
    "missing, one of two": ([H, ask("a", "b"), got("b"), H], [("missing_result", 1, 1, "a")]),
    "orphan at the head": ([got("a"), H], [("orphan_result", 0, None, "a")]),
    "orphan after a human": ([H, got("a")], [("orphan_result", 1, None, "a")]),
    "orphan after an answer": ([H, SAID, got("a")], [("orphan_result", 2, None, "a")]),
    "orphan among results": (
        [H, ask("a"), got("a"), got("x")],
        [("orphan_result", 3, None, "x")],
    ),
    "duplicate": ([H, ask("a"), got("a"), got("a")], [("duplicate_result", 3, 1, "a")]),
    "duplicate, later": (
        [H, ask("a"), got("a"), SAID, H, got("a")],
        [("duplicate_result", 5, 1, "a")],
    ),
    "mismatched": ([H, ask("a"), got("x")], [("mismatched_result", 2, 1, "x")]),
    "mismatched, two of two": (
        [H, ask("a", "b"), got("x"), got("y")],
        [("mismatched_result", 2, 1, "x"), ("mismatched_result", 3, 1, "y")],
    ),
    "mismatched, one of two": (
        [H, ask("a", "b"), got("a"), got("x")],
        [("mismatched_result", 3, 1, "x")],
    ),
    "human between": ([H, ask("a"), H, got("a")], [("misplaced_result", 3, 1, "a")]),
    "system between": ([H, ask("a"), S, got("a")], [("misplaced_result", 3, 1, "a")]),
    "answer between": ([H, ask("a"), SAID, got("a")], [("misplaced_result", 3, 1, "a")]),
    "late": ([H, ask("a"), H, SAID, H, got("a")], [("misplaced_result", 5, 1, "a")]),
    "early": ([H, got("a"), ask("a"), H], [("misplaced_result", 1, 2, "a")]),
    "two calls in a row": (
        [H, ask("a"), ask("b"), got("a"), got("b")],
        [("misplaced_result", 3, 1, "a")],
    ),
    "one id twice in a message": (
        [H, ask("a", "a"), got("a"), got("a")],
        [("duplicate_call_id", 1, 1, "a")],
    ),
    "an id used again, the second unanswered": (
        [H, ask("a"), got("a"), ask("a"), H],
        [("missing_result", 3, 3, "a")],
    ),
    "a call without an id": ([H, ask(None), got("")], [("missing_id", 1, 1, "")]),
    "a result without an id": ([H, ask("a"), got("")], [("mismatched_result", 2, 1, "")]),
    "bad arguments, unanswered": ([H, bad("a"), H], [("missing_result", 1, 1, "a")]),
}


@pytest.mark.parametrize("profile", ["contract", "openai-chat"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_named_with_its_place(name, profile):
    history, expected = BROKEN[name]
    assert found(check_messages(history, profile=profile)) == expected


@pytest.mark.parametrize("name", BROKEN)
def test_under_the_contract_every_effect_is_unknown(name):
    history, _ = BROKEN[name]
    report = check_messages(history)
    assert report.profile == "contract"
    assert report.effect is Effect.UNKNOWN
    assert {violation.effect for violation in report.violations} == {Effect.UNKNOWN}


def test_a_late_result_answers_the_newest_open_call_with_its_id():
    report = check_messages([H, ask("a"), H, ask("a"), H, got("a")])
    assert found(report) == [("missing_result", 1, 1, "a"), ("misplaced_result", 5, 3, "a")]


def test_a_mismatched_result_tells_both_ids_and_the_tool():
    (violation,) = check_messages(
        [H, ask("a/look", "b/find"), got("a"), got("x", name="find")], profile="openai-chat"
    ).violations
    assert (violation.tool_call_id, violation.call_id, violation.tool_name) == ("x", "b", "find")
    assert "'x'" in violation.expected_error


def test_calls_without_a_result_are_matched_with_strangers_by_tool_name_first():
    report = check_messages(
        [H, ask("a/look", "b/find"), got("x", name="find"), got("y", name="look")]
    )
    assert [(v.tool_call_id, v.call_id) for v in report.violations] == [("x", "b"), ("y", "a")]


def test_the_expected_error_names_every_unanswered_id():
    report = check_messages([H, ask("a", "b", "c"), got("b"), H], profile="openai-chat")
    assert len(report.violations) == 2
    for violation in report.violations:
        assert violation.expected_error.endswith("did not have response messages: a, c")


def test_a_history_that_ends_with_calls_is_not_predicted_to_be_refused_by_openai():
    report = check_messages([H, ask("a")], profile="openai-chat")
    assert report.effect is Effect.UNKNOWN
    assert check_messages([H, ask("a")], profile="openai-responses").effect is Effect.REJECT


def test_ids_longer_than_the_provider_takes_are_one_violation_for_call_and_result():
    long = "c" * 41
    history = [H, ask(long), got(long)]
    (violation,) = check_messages(history, profile="openai-chat").violations
    assert violation.kind is ViolationKind.INVALID_ID
    assert "maximum length 40, but got a string with length 41" in violation.expected_error
    assert check_messages(history, profile="openai-compatible").ok
    assert check_messages([H, ask(long[1:]), got(long[1:])], profile="openai-chat").ok


def test_a_tool_chat_message_has_no_id():
    history = [H, ask("a"), ChatMessage(role="tool", content="seen")]
    (violation,) = check_messages(history, profile="openai-chat").violations
    assert violation.kind is ViolationKind.MISMATCHED_RESULT
    assert violation.effect is Effect.REJECT


def test_blocks_that_a_provider_runs_itself_are_not_calls():
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    answer = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    history = [H, ask(content=[search, answer, {"type": "text", "text": "Found."}]), H]
    assert check_messages(history, profile="anthropic").effect is Effect.CLEAN
    unpaired = [H, ask(content=[search]), H]
    (violation,) = check_messages(unpaired, profile="anthropic").violations
    assert violation.kind is ViolationKind.SERVER_TOOL_UNPAIRED
    assert "web_search_tool_result" in violation.expected_error


def test_results_in_blocks_of_one_message_answer_several_calls():
    blocks = [{"type": "tool_result", "tool_use_id": id_, "content": "seen"} for id_ in "ab"]
    for carrier in (ToolMessage(blocks, tool_call_id="a"), HumanMessage(blocks)):
        assert check_messages([H, ask("a", "b"), carrier], profile="anthropic").ok
        assert check_messages([H, ask("a", "b"), carrier]).ok


def test_what_langchain_takes_as_input_is_read():
    history = [H, ask("a"), H]
    as_dicts = [
        {"role": "user", "content": "Hi."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
            ],
        },
        {"role": "user", "content": "And?"},
    ]
    expected = found(check_messages(history))
    assert found(check_messages(ChatPromptValue(messages=history))) == expected
    assert found(check_messages(as_dicts)) == expected
    assert found(check_messages([("user", "Hi."), ask("a"), ("user", "And?")])) == expected
    assert check_messages("Hi.").ok


@pytest.mark.parametrize(
    ("value", "fault", "words"),
    [
        (42, TypeError, "not int"),
        ([("user", "hi"), object()], ValueError, r"element 1 .*\(object"),
        ([{"content": "secret"}], ValueError, r"element 0 .* 'role'"),
    ],
)
def test_bad_input_is_one_clear_error_without_content(value, fault, words):
    with pytest.raises(fault, match=words) as caught:
        check_messages(value)
    assert "secret" not in str(caught.value)


def test_an_unknown_profile_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"'openai'.*openai-chat"):
        check_messages([], profile="openai")


def test_a_report_survives_pickling_and_becomes_json_without_content():
    report = check_messages([H, ask("a"), H], profile="openai-chat")
    copy = pickle.loads(pickle.dumps(report))
    assert copy == report
    assert copy.explain() == report.explain()
    data = report.to_dict()
    assert data["violations"][0]["kind"] == "missing_result"
    assert "And now?" not in str(data) + report.explain() + repr(report)


def test_a_printed_report_is_its_explanation(capsys):
    for messages in ([H, ask("a"), H], [H]):
        report = check_messages(messages, profile="openai-chat")
        print(report)  # noqa: T201 -- what people do

        assert capsys.readouterr().out == f"{report}\n" == f"{report.explain()}\n"


def test_raise_for_violations_raises_only_for_a_near_miss():
    check_messages([H, ask("a"), H, got("a")], profile="openai-responses").raise_for_violations()
    report = check_messages([H, ask("a"), H], profile="openai-chat")
    with pytest.raises(InvalidToolResultsError) as caught:
        report.raise_for_violations()
    assert caught.value.report is report


def test_the_explanation_shows_place_words_cause_and_remedy():
    text = check_messages([H, ask("a"), H, SAID], profile="openai-chat").explain()
    marked = [line for line in text.splitlines() if "✗" in line]
    assert len(marked) == 1
    for part in ("a ", "no result", "← missing_result"):
        assert part in marked[0]
    flat = " ".join(text.split())
    for part in ("expected error: An assistant message", "likely cause: abandoned_turn:", "to do:"):
        assert part in flat


@pytest.mark.parametrize(
    ("profile", "effect"),
    [
        ("openai-chat", Effect.REJECT),
        ("google-genai", Effect.SILENT_LOSS),
        ("contract", Effect.UNKNOWN),
        ("openai-responses", Effect.ACCEPT),
        ("openai-chat", Effect.CLEAN),
    ],
)
def test_what_is_to_do_ends_with_the_threads_that_are_stored(profile, effect):
    """Where the provider minds; a change of the code mends none of them."""
    sent = [H, ask("a"), got("a")] if effect is Effect.CLEAN else [H, ask("a"), H, got("a")]
    report = check_messages(sent, profile=profile)
    assert report.effect is effect
    last = report.explain().splitlines()[-1]
    assert (last == RESCUE) is effect.is_near_miss
    assert RESCUE not in explain(report, of_thread=True)
    assert len(RESCUE) <= 80


def test_a_long_history_is_folded_around_what_is_wrong():
    sound = [message for n in range(500) for message in (ask(f"c{n}"), got(f"c{n}"))]
    text = check_messages([H, *sound, ask("x"), H], profile="openai-chat").explain()
    assert len(text.splitlines()) < 40
    assert "999 more messages" in text


@pytest.mark.parametrize("profile", PROFILES)
def test_counts_are_those_of_the_history(profile):
    report = check_messages([H, ask("a", "b"), got("a"), got("b"), SAID], profile=profile)
    assert (report.message_count, report.call_count, report.result_count) == (5, 2, 2) or (
        profile == "nvidia"  # sends only calls of additional_kwargs
    )
