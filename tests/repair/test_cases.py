"""Repairs of single histories, described as an on-call engineer would describe them."""

from __future__ import annotations

import inspect
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from tests.repair.histories import calls, human, is_synthetic, result, same, shape
from toolpair_observe import Effect, check_messages
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.repair import RepairAction, repair_messages


def test_a_late_result_goes_back_and_a_lost_one_is_answered_behind_it():
    history = [human(), calls("a", "b", "c"), result("b"), human("Well?"), result("a")]
    repair = repair_messages(history, "openai-chat")
    assert shape(repair.messages) == [
        "human",
        "ai",
        "success b",
        "success a",
        "error c",
        "human",
    ]
    assert repair.messages[3] is history[4]
    assert repair.after.ok
    assert [(c.action, c.tool_call_id, c.tool_name) for c in repair.changes] == [
        (RepairAction.MOVED, "a", "tool_a"),
        (RepairAction.INSERTED, "c", "tool_c"),
    ]


def test_a_history_that_pairs_is_the_very_list_that_was_given():
    history = [human(), calls("a"), result("a")]
    assert repair_messages(history).messages is history


def test_an_orphan_is_left_and_reported():
    history = [result("gone"), human(), calls("a"), result("a")]
    repair = repair_messages(history, "openai-chat")
    assert repair.messages is history
    assert [v.kind for v in repair.after.violations] == ["orphan_result"]


def test_an_orphan_is_dropped_where_that_is_asked_for():
    history = [result("gone"), human(), calls("a"), result("a")]
    repair = repair_messages(history, "openai-chat", drop_unpaired=True)
    assert same(repair.messages, history[1:])
    assert repair.changes[0].action is RepairAction.DROPPED
    assert repair.changes[0].message_index == 0
    assert repair.changes[0].new_index is None


@pytest.mark.parametrize("before", [[], [SystemMessage("Be brief.")]], ids=["alone", "system"])
def test_what_would_leave_nothing_to_send_is_not_dropped(before):
    history = [*before, result("gone")]
    repair = repair_messages(history, "openai-chat", drop_unpaired=True)
    assert repair.messages is history
    assert not repair.after.ok


def test_of_two_results_the_first_counts_and_the_second_is_left():
    history = [human(), calls("a"), result("a", "first"), result("a", "second"), human()]
    repair = repair_messages(history, "openai-chat")
    assert repair.messages is history
    dropped = repair_messages(history, "openai-chat", drop_unpaired=True)
    assert [m.content for m in dropped.messages if isinstance(m, ToolMessage)] == ["first"]


def test_a_result_answers_the_newest_call_of_its_id():
    """A backend that counts its ids from 0 in each turn, and an abandoned first turn."""
    history = [calls("call_0"), human(), calls("call_0"), result("call_0", "for the second")]
    repair = repair_messages(history, "openai-chat")
    assert shape(repair.messages) == ["ai", "error call_0", "human", "ai", "success call_0"]
    assert repair.messages[-1] is history[-1]


def test_where_two_open_calls_share_an_id_nothing_is_guessed():
    history = [calls("call_0"), human(), calls("call_0"), human(), result("call_0")]
    repair = repair_messages(history, "openai-chat", drop_unpaired=True)
    assert repair.messages is history
    assert not repair.after.ok


def test_a_second_result_of_the_newest_call_is_not_given_to_an_older_one():
    history = [calls("a"), human(), calls("a"), result("a"), human(), result("a", "late")]
    assert repair_messages(history, "openai-chat").messages is history


@pytest.mark.parametrize("profile", [None, "openai-chat", "bedrock-converse"])
def test_calls_of_one_message_that_share_an_id_are_left(profile):
    history = [human(), calls("a", "a"), result("a"), human()]
    assert repair_messages(history, profile).messages is history


@pytest.mark.parametrize("profile", [None, "openai-chat", "openai-responses", "deepseek"])
@pytest.mark.parametrize(
    ("ids", "answered", "expected"),
    [
        ("xx", "", ["error x"]),
        ("xyx", "", ["error x", "error y"]),
        ("xyx", "y", ["success y", "error x"]),
        ("xyx", "x", ["success x", "error y"]),
        ("xxx", "", ["error x"]),
    ],
)
def test_an_id_that_calls_of_one_message_share_gets_one_error_result(
    profile, ids, answered, expected
):
    """Where no result bears it, nothing is guessed: whichever call it answers has none."""
    history = [human(), calls(*ids), *map(result, answered), human()]
    repair = repair_messages(history, profile)
    assert shape(repair.messages) == ["human", "ai", *expected, "human"]
    assert {v.kind for v in repair.after.violations} == {"duplicate_call_id"}
    assert repair.after.effect is Effect.UNKNOWN
    again = repair_messages(repair.messages, profile)
    assert again.messages is repair.messages


def test_who_counts_results_gets_one_for_each_call_under_a_shared_id():
    history = [human(), calls("x", "y", "x", id="m1"), human()]
    repair = repair_messages(history, "google-vertexai")
    assert shape(repair.messages)[2:] == ["error x", "error y", "error x", "human"]
    assert repair.after.effect is Effect.ACCEPT
    assert len({m.id for m in repair.messages if is_synthetic(m)}) == 3
    assert repair_messages(repair.messages, "google-vertexai").messages is repair.messages


def test_a_late_result_under_a_shared_id_may_belong_to_either_call():
    history = [human(), calls("x", "x"), human(), result("x")]
    assert repair_messages(history, "openai-chat").messages is history


@pytest.mark.parametrize("blanks", [" ", "  ", "\t", "\n"])
@pytest.mark.parametrize("siblings", [[], ["a"]], ids=["alone", "beside another"])
def test_an_id_of_blanks_is_an_id(blanks, siblings):
    """It is sent and matched like any other; what takes no such id says so before and after."""
    history = [human(), calls(blanks, *siblings), *map(result, siblings), human()]
    for profile in PROFILES:
        repair = repair_messages(history, profile)
        again = repair_messages(repair.messages, profile)
        assert again.messages is repair.messages
        assert {v.kind for v in repair.after.violations if v.effect.is_near_miss} <= {
            "invalid_id",
            "orphan_result",
            "misplaced_result",
            "role_order",
        }
    repair = repair_messages(history, "openai-chat")
    assert shape(repair.messages)[2:] == [f"success {i}" for i in siblings] + [
        f"error {blanks}",
        "human",
    ]
    assert repair.after.ok


@pytest.mark.parametrize(
    "block",
    [
        {"type": "function_call", "call_id": "a", "id": "fc_a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "a", "id": "ctc_a", "name": "f", "input": ""},
    ],
    ids=lambda block: block["type"],
)
@pytest.mark.parametrize("is_wrapped", [False, True], ids=["bare", "wrapped"])
def test_a_call_that_runs_on_is_left_and_its_sibling_is_answered(block, is_wrapped):
    running = {**block, "async": True}
    content = {"type": "non_standard", "value": running} if is_wrapped else running
    made = [{"name": "f", "args": {}, "id": "a"}, {"name": "f", "args": {}, "id": "b"}]
    history = [human(), AIMessage([content], tool_calls=made), human()]
    for profile in (None, "openai-chat", "openai-responses"):
        inserted = repair_messages(history, profile).changes
        assert [change.tool_call_id for change in inserted] == ["b"]
    alone = [human(), AIMessage([content], tool_calls=made[:1]), human()]
    assert repair_messages(alone).messages is alone


def test_a_call_that_says_that_it_does_not_run_on_is_answered():
    block = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    made = [{"name": "f", "args": {}, "id": "a"}]
    for said in (False, None, "true"):
        message = AIMessage([{**block, "async": said}], tool_calls=made)
        assert repair_messages([human(), message, human()]).changed


def test_langchains_own_block_says_that_a_call_runs_on_too():
    block = {"type": "tool_call", "name": "f", "args": {}, "id": "a", "extras": {"async": True}}
    message = AIMessage(content_blocks=[block], response_metadata={"output_version": "v1"})
    history = [human(), message, human()]
    assert repair_messages(history).messages is history
    call = {"name": "f", "args": {}, "id": "a", "extras": {"async": True}}
    plain = AIMessage("").model_copy(update={"tool_calls": [call]})
    history = [human(), plain, human()]
    assert repair_messages(history).messages is history


def test_what_the_provider_takes_is_not_put_in_order():
    """The Responses API pairs by id, in any position."""
    history = [human(), calls("a"), human(), result("a")]
    assert repair_messages(history, "openai-responses").messages is history


def test_what_the_provider_takes_stays_where_it_is_when_something_else_is_repaired():
    history = [human(), calls("a"), human(), result("a"), calls("lost"), human()]
    repair = repair_messages(history, "openai-responses")
    assert [change.tool_call_id for change in repair.changes] == ["lost"]
    assert repair.after.ok


def test_a_repair_that_would_only_break_more_is_not_made():
    """Ollama pairs by position: an error behind the others would take a real result's place."""
    history = [human(), calls("a", "b", "c"), result("c"), result("b")]
    assert repair_messages(history, "ollama").messages is history


def test_a_result_before_its_call_is_not_taken_for_an_answer():
    """The head was trimmed, and the backend reuses its ids: the call of the result is unknown."""
    history = [result("call_0"), human(), calls("call_0"), human()]
    assert repair_messages(history, "openai-chat", drop_unpaired=True).messages is history


def test_an_unknown_id_is_never_matched_by_position():
    history = [human(), calls("a"), result("renamed"), human()]
    repair = repair_messages(history, "openai-chat")
    assert shape(repair.messages) == ["human", "ai", "success renamed", "error a", "human"]
    assert not repair.after.ok
    dropped = repair_messages(history, "openai-chat", drop_unpaired=True)
    assert shape(dropped.messages) == ["human", "ai", "error a", "human"]
    assert dropped.after.ok


def test_a_pending_call_stays_open_and_its_sibling_is_answered():
    history = [human(), calls("asks_human", "crashed"), human()]
    repair = repair_messages(history, "openai-chat", pending=["asks_human"])
    assert shape(repair.messages) == ["human", "ai", "error crashed", "human"]


@pytest.mark.parametrize("pending", ["call_12", iter(["call_12"])], ids=["one id", "iterator"])
def test_one_id_and_an_iterator_name_pending_calls_too(pending):
    history = [human(), calls("call_1", "call_12", "call_3"), human()]
    repair = repair_messages(history, "openai-chat", pending=pending)
    assert shape(repair.messages) == ["human", "ai", "error call_1", "error call_3", "human"]


def test_a_call_that_the_integration_does_not_send_gets_no_result():
    """Vertex leaves invalid calls out: a result would be an orphan there."""
    invalid = [{"name": "f", "args": "{", "id": "bad", "error": None}]
    good = [{"name": "f", "args": {}, "id": "good"}]
    history = [human(), AIMessage("", tool_calls=good, invalid_tool_calls=invalid), human()]
    vertex = repair_messages(history, "anthropic-vertex")
    assert shape(vertex.messages) == ["human", "ai", "error good", "human"]
    assert vertex.after.ok
    openai = repair_messages(history, "openai-chat")
    assert shape(openai.messages) == ["human", "ai", "error good", "error bad", "human"]
    assert openai.after.ok


def test_results_inside_a_human_message_are_not_touched():
    block = {"type": "tool_result", "tool_use_id": "a", "content": "11"}
    history = [human(), calls("a", "b"), HumanMessage([block, {"type": "text", "text": "So?"}])]
    repair = repair_messages(history, "anthropic")
    assert shape(repair.messages) == ["human", "ai", "error b", "human"]
    assert repair.after.ok


def test_results_are_ordered_only_for_who_needs_it():
    history = [human(), calls("a", "b"), result("b"), result("a")]
    assert repair_messages(history, "openai-chat").messages is history
    assert shape(repair_messages(history, "ollama").messages)[2:] == ["success a", "success b"]


def test_a_result_that_leaves_does_not_keep_its_neighbors_out_of_order():
    history = [human(), calls("a", "b"), result("a"), calls("c", "d"), *map(result, "dcb")]
    repair = repair_messages(history, "ollama")
    assert shape(repair.messages)[2:] == [
        "success a",
        "success b",
        "ai",
        "success c",
        "success d",
    ]
    assert repair.after.ok


def test_an_error_result_stays_behind_its_siblings_where_the_order_matters():
    history = [human(), calls("a", "b", "c"), result("c"), result("b"), human()]
    stored = repair_messages(history, "openai-chat").messages
    for profile in ("ollama", "google-vertexai"):
        again = repair_messages(stored, profile).messages
        assert shape(again)[4] == "error a"


def test_the_error_result_is_the_same_each_time_and_differs_between_calls():
    history = [calls("call_0", id="m1"), human(), calls("call_0", id="m2"), human()]
    once, again = (repair_messages(history, "openai-chat").messages for _ in range(2))
    longer = repair_messages([*history, human("And now?")], "openai-chat").messages
    made = [[m for m in each if is_synthetic(m)] for each in (once, again, longer)]
    assert made[0] == made[1] == made[2]
    assert len({m.id for m in made[0]}) == 2


@pytest.mark.parametrize("odd", ["\ud800", "a\nb", 7, True])
def test_ids_of_any_kind_name_the_error_result(odd):
    history = [human(), calls("lost"), human()]
    object.__getattribute__(history[1], "__dict__")["id"] = odd
    history[1].tool_calls[0]["id"] = f"call_{odd}"
    repair = repair_messages(history, "openai-chat")
    assert repair.messages[2].tool_call_id == f"call_{odd}"
    assert UUID(repair.messages[2].id)


def test_the_error_result_tells_nothing_but_that_there_is_none():
    calling = AIMessage("", tool_calls=[{"name": "f", "args": {"secret": "hush"}, "id": "a"}])
    made = repair_messages([human(), calling, human()]).messages[2]
    assert is_synthetic(made)
    assert "hush" not in repr(made)
    assert made.name == "f"


def test_the_summary_is_one_line_without_content():
    history = [human("hush"), calls("a"), result("renamed", "hush"), human()]
    summary = repair_messages(history, "openai-chat").summary()
    assert "\n" not in summary
    assert "hush" not in summary
    assert "1 inserted_error_result" in summary
    assert "mismatched_result" in summary.split("after:")[0]
    assert "orphan_result" in summary.split("after:")[1]


def test_whatever_langchain_takes_as_input_is_taken():
    repair = repair_messages(
        [
            {"role": "user", "content": "Hi."},
            {"role": "assistant", "content": "", "tool_calls": [_OPENAI_CALL]},
            ("human", "Well?"),
        ],
        "openai-chat",
    )
    assert shape(repair.messages) == ["human", "ai", "error a", "human"]


_OPENAI_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_it_takes_every_keyword_of_the_check():
    of_the_check = inspect.signature(check_messages).parameters
    of_the_repair = inspect.signature(repair_messages).parameters
    assert {name: of_the_repair.get(name) for name in of_the_check} == dict(of_the_check)


_ANSWERED = AIMessage("Well.", response_metadata={"id": "resp_1"})


@pytest.mark.parametrize(
    ("profile", "fact", "history"),
    [
        ("bedrock-converse", {"tools_bound": False}, [human(), calls("a"), human()]),
        ("openai-responses", {"server_state": True}, [human(), result("gone")]),
        (
            "openai-responses",
            {"resumes_response": True},
            [human(), calls("a"), human(), _ANSWERED, human()],
        ),
        ("google-genai", {"integration_version": "1.0"}, [human(), calls("a")]),
        ("litellm", {"model": "claude-opus-4-8"}, [human(), result("gone")]),
    ],
)
def test_it_judges_by_what_is_known_of_the_request(profile, fact, history):
    repair = repair_messages(history, profile, **fact)
    assert repair.before == check_messages(history, profile, **fact)
    assert repair.before != check_messages(history, profile)


def test_an_unknown_profile_is_named_with_the_choices():
    with pytest.raises(ValueError, match="openai-chat"):
        repair_messages([], "openai-chatt")
