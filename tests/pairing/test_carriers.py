"""Where calls and results stand: each class of shape that was called clean, or blocked, wrongly.

What the real clients send of these shapes is held in tests/integrations; here stands what follows.
"""

from __future__ import annotations

import pytest
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from toolpair_observe import check_messages, repair_messages

from .build import H, S, ask, got

OPENAI_CLIENTS = ["openai-chat", "azure-openai-chat", "deepseek", "mistral", "openai-responses"]
TEXT = {"type": "text", "text": "Let me see."}


def edited(content="Let me see.", *, calls=(), **extra) -> AIMessage:
    """An AI message whose `tool_calls` were edited, while other copies stayed."""
    return AIMessage("", additional_kwargs=extra).model_copy(
        update={"content": content, "tool_calls": list(calls), "invalid_tool_calls": []}
    )


def raw(*ids: str) -> dict[str, list]:
    function = {"name": "look", "arguments": "{}"}
    return {"tool_calls": [{"id": i, "type": "function", "function": function} for i in ids]}


def seen(*messages, profile="openai-chat", **facts) -> list[tuple[str, str, str]]:
    report = check_messages(list(messages), profile, **facts)
    return [(v.kind.value, v.effect.value, v.tool_call_id) for v in report.violations]


def effect(*messages, profile="openai-chat", **facts) -> str:
    return check_messages(list(messages), profile, **facts).effect.value


# --- One call, several encodings -----------------------------------------------------------------


@pytest.mark.parametrize("profile", OPENAI_CLIENTS)
def test_a_raw_copy_that_an_edit_left_is_a_call_where_the_client_sends_it(profile):
    stale = edited(**raw("abcdefghi"))
    assert seen(H, stale, H, profile=profile) == [("missing_result", "reject", "abcdefghi")]
    assert seen(H, stale, got("abcdefghi"), H, profile=profile) == []


def test_a_raw_call_goes_to_mistral_with_its_own_id_and_its_result_with_another():
    history = [H, edited(**raw("call_1")), got("call_1"), H]
    assert seen(*history, profile="mistral") == [("invalid_id", "reject", "call_1")]
    attributes = [H, ask("call_1"), got("call_1"), H]
    assert effect(*attributes, profile="mistral") == "clean"


@pytest.mark.parametrize("profile", ["anthropic", "bedrock-converse", "google-genai", "cohere"])
def test_a_raw_copy_is_no_call_where_the_client_does_not_send_it(profile):
    assert effect(H, edited(**raw("call_1")), H, profile=profile) == "clean"


def test_a_call_that_is_not_among_the_texts_of_converse_is_lost_though_its_result_is():
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look"}
    foreign = AIMessage(
        [{**item, "arguments": "{}"}], response_metadata={"model_provider": "openai"}
    )
    history = [H, foreign, got("call_1"), H]
    told = {"profile": "bedrock-converse", "tools_bound": False}
    assert effect(*history, **told) == "silent_loss"
    assert effect(H, ask("call_1"), got("call_1"), H, **told) == "clean"


def test_a_raw_copy_does_not_count_beside_calls_that_are_sent():
    kept = edited(calls=ask("call_2").tool_calls, **raw("call_1", "call_2"))
    assert effect(H, kept, got("call_2"), H) == "clean"


def test_the_cause_names_the_copy_and_the_repair_takes_it_away():
    stale = edited(**raw("call_1"))
    (violation,) = check_messages([H, stale, H], "openai-chat").violations
    assert violation.cause == "stale_encoding"
    assert "additional_kwargs" in violation.hint
    repair = repair_messages([H, stale, H], "openai-chat", sync_encodings=True)
    assert repair.after.effect == "clean"
    assert len(repair.messages) == 3


@pytest.mark.parametrize("profile", ["groq", "fireworks", "huggingface", "litellm"])
def test_a_copy_in_function_call_goes_out_beside_the_call(profile):
    legacy = {"name": "look", "arguments": "{}"}
    asked = edited(calls=ask("call_1").tool_calls, function_call=legacy)
    assert ("duplicate_call_id", "silent_loss", "call_1") in seen(
        H, asked, got("call_1"), profile=profile
    )
    assert effect(H, asked, got("call_1")) == "clean"


def test_litellm_makes_a_call_of_that_copy_that_nothing_answers():
    asked = edited(
        calls=ask("call_1").tool_calls, function_call={"name": "look", "arguments": "{}"}
    )
    facts = {"profile": "litellm", "model": "anthropic/claude-x"}
    assert effect(H, asked, got("call_1"), H, **facts) == "reject"


def test_a_chat_answer_in_langchain_s_blocks_goes_out_twice_on_responses():
    block = {"type": "tool_call", "id": "call_1", "name": "look", "args": {}}
    v1 = {"model_provider": "openai", "output_version": "v1"}
    asked = AIMessage(
        [TEXT, block],
        tool_calls=ask("call_1").tool_calls,
        additional_kwargs={"refusal": None},
        response_metadata=v1,
    )
    history = [H, asked, got("call_1")]
    assert seen(*history, profile="openai-responses") == [
        ("duplicate_call_id", "silent_loss", "call_1")
    ]
    assert effect(*history) == "clean"


@pytest.mark.parametrize(
    ("profile", "stamp"),
    [
        ("anthropic", {"output_version": "v1"}),
        ("bedrock-invoke", {"output_version": "v1"}),
        ("bedrock-converse", {}),
        ("bedrock-converse", {"output_version": "v1"}),
        ("google-genai", {"output_version": "v1"}),
    ],
)
def test_a_call_in_langchain_s_own_block_alone_is_sent(profile, stamp):
    block = {"type": "tool_call", "id": "call_1", "name": "look", "args": {}}
    alone = AIMessage([TEXT, block], response_metadata=stamp)
    assert effect(H, alone, H, profile=profile) == "reject"


def test_a_bare_block_of_converse_is_a_call():
    use = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "seen"}]}}
    asked, answer = AIMessage([TEXT, use]), HumanMessage([result])
    assert effect(H, asked, answer, profile="bedrock-converse") == "clean"
    assert effect(H, asked, H, profile="bedrock-converse") == "reject"
    assert effect(H, asked, answer, profile="anthropic") == "local_error"


# --- Calls with bad arguments --------------------------------------------------------------------


def bad(call_id: str | None, name: str | None = "look") -> dict:
    return {"name": name, "args": "{", "id": call_id, "error": None, "type": "invalid_tool_call"}


def test_anthropic_sends_a_bad_call_under_the_id_of_a_good_one_once():
    asked = AIMessage("", tool_calls=ask("a").tool_calls, invalid_tool_calls=[bad("a")])
    assert effect(H, asked, got("a"), profile="anthropic") in ("clean", "accept")


def test_anthropic_does_not_send_a_bad_call_without_a_name():
    asked = AIMessage("Well.", invalid_tool_calls=[bad("a", None)])
    assert effect(H, asked, H, profile="anthropic") in ("clean", "accept")
    assert effect(H, asked, got("a"), H, profile="anthropic") == "reject"


def test_converse_drops_a_bad_block_without_an_id_or_a_name():
    block = {"type": "invalid_tool_call", "name": "look", "args": "{"}
    without_id = AIMessage([TEXT, {**block, "id": None}])
    without_name = AIMessage([TEXT, {**block, "id": "a", "name": None}])
    assert effect(H, without_id, H, profile="bedrock-converse") in ("clean", "accept")
    assert effect(H, without_name, got("a"), H, profile="bedrock-converse") == "reject"


@pytest.mark.parametrize("profile", ["ollama", "google-genai", "litellm"])
def test_the_answer_to_a_bad_call_that_is_not_sent_is_a_loss(profile):
    asked = AIMessage("Well.", invalid_tool_calls=[bad("a")])
    assert effect(H, asked, got("a"), H, profile=profile) == "silent_loss"


# --- Content behind calls, and tools of the provider ----------------------------------------------


def test_content_behind_the_calls_of_one_message_is_refused_for_claude():
    use = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    says_more = AIMessage([use, TEXT], tool_calls=ask("a").tool_calls)
    says_first = AIMessage([TEXT, use], tool_calls=ask("a").tool_calls)
    assert seen(H, says_more, got("a"), profile="anthropic") == [
        ("misplaced_result", "reject", "a")
    ]
    assert effect(H, says_more, got("a"), profile="bedrock-converse") == "unknown"
    for profile in ("anthropic", "bedrock-converse"):
        assert effect(H, says_first, got("a"), profile=profile) == "clean"
    assert effect(H, says_more, got("a"), profile="anthropic-vertex") == "clean"


def test_a_server_tool_s_result_needs_its_call():
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    assert seen(H, AIMessage([TEXT, result]), H, profile="anthropic") == [
        ("server_tool_unpaired", "reject", "srvtoolu_1")
    ]
    assert effect(H, AIMessage([use, result, TEXT]), H, profile="anthropic") == "clean"


def test_a_server_tool_s_call_kept_as_the_client_s_own_is_told_by_its_id():
    (violation,) = check_messages([H, ask("srvtoolu_1"), H], "anthropic").violations
    assert (violation.kind, violation.cause) == ("server_tool_unpaired", "server_tool_as_call")


def test_a_server_tool_s_call_that_nobody_stamped_is_the_client_s_on_converse():
    use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    assert effect(H, AIMessage([TEXT, use]), H, profile="bedrock-converse") == "reject"
    ours = AIMessage([TEXT, use], response_metadata={"model_provider": "anthropic"})
    assert effect(H, ours, H, profile="bedrock-converse") == "clean"


@pytest.mark.parametrize("profile", ["anthropic", "bedrock-converse"])
def test_a_result_in_an_ai_message_is_refused(profile):
    block = {"type": "tool_result", "tool_use_id": "a", "content": "seen"}
    assert effect(H, AIMessage([TEXT, block]), H, profile=profile) == "reject"


# --- Results elsewhere, and other classes ---------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "met"),
    [("openai-responses", "silent_loss"), ("cohere", "silent_loss"), ("openai-chat", "reject")],
)
def test_a_result_in_a_human_message_is_lost_or_refused(profile, met):
    block = {"type": "tool_result", "tool_use_id": "a", "content": "seen"}
    assert effect(H, HumanMessage([block]), profile=profile) == met


def test_a_function_message_is_gemini_s_response():
    answer = FunctionMessage("seen", name="look")
    for profile in ("google-genai", "google-vertexai"):
        assert effect(H, ask("a"), answer, H, profile=profile) in ("clean", "accept")
    assert effect(H, answer, H, profile="google-genai") == "reject"


@pytest.mark.parametrize(
    "profile", ["openai-chat", "anthropic", "google-genai", "bedrock-converse", "mistral", "ollama"]
)
def test_a_remove_message_that_no_reducer_took_raises(profile):
    report = check_messages([H, AIMessage("Well."), RemoveMessage("1")], profile)
    (violation,) = report.violations
    assert (violation.kind, violation.effect) == ("unsupported_message", "local_error")
    assert violation.message_index == 2
    assert "message 2" in report.summary()


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize(
    ("profile", "met"),
    [("anthropic", "local_error"), ("cohere", "local_error"), ("openai-chat", "clean")],
)
def test_a_chat_message_is_taken_by_some_and_raises_at_others(profile, met, role):
    assert effect(H, ChatMessage("Well.", role=role), H, profile=profile) == met


def test_what_langchain_aws_refused_before_it_translated():
    block = {"type": "function_call", "id": "fc", "call_id": "a", "name": "look", "arguments": "{}"}
    asked = AIMessage([block], tool_calls=ask("a").tool_calls)
    history = [H, asked, got("a")]
    facts = {"profile": "bedrock-converse"}
    assert effect(*history, integration_version="1.7.0", **facts) == "local_error"
    assert effect(*history, **facts) == "clean"


# --- What need not be answered at once ------------------------------------------------------------


@pytest.mark.parametrize("profile", ["openai-responses", "contract"])
@pytest.mark.parametrize(
    "block",
    [
        {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}", "async": True},
        {"type": "tool_call", "id": "a", "name": "look", "args": {}, "extras": {"async": True}},
    ],
    ids=["Responses", "standard"],
)
def test_a_call_that_runs_on_may_be_answered_later(profile, block):
    asked = AIMessage([TEXT, block], tool_calls=ask("a").tool_calls)
    assert effect(H, asked, H, profile=profile) == "clean"
    assert effect(H, asked, H, AIMessage("Soon."), got("a"), profile=profile) == "clean"
    assert repair_messages([H, asked, H], profile).messages == [H, asked, H]


def test_a_call_that_runs_on_is_a_call_like_any_other_elsewhere():
    block = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    asked = AIMessage([TEXT, {**block, "async": True}], tool_calls=ask("a").tool_calls)
    assert effect(H, asked, H, profile="openai-chat") == "reject"


# --- Where reports disagree, it is not called clean -----------------------------------------------


def test_reports_that_disagree_are_told_as_unknown():
    dotted = [H, ask("functions.look:0"), got("functions.look:0")]
    assert effect(*dotted, profile="bedrock-converse") == "unknown"
    assert effect(*dotted, profile="bedrock-converse-other") == "clean"
    starts_with_call = [S, ask("a"), got("a"), H]
    facts = {"profile": "openrouter"}
    assert effect(*starts_with_call, model="anthropic/claude-sonnet-4.5", **facts) == "unknown"
    assert effect(*starts_with_call, model="qwen/qwen3", **facts) == "clean"


# --- The words point at the right place -----------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        ("anthropic", "messages.1: `tool_use` ids were found"),
        ("bedrock-converse", "at messages.2.content for the following Ids: a"),
    ],
)
def test_a_mismatched_result_is_said_where_the_provider_says_it(profile, place):
    report = check_messages([SystemMessage("s"), H, ask("a"), got("x")], profile)
    assert place in report.violations[0].expected_error


def test_an_answer_in_place_is_not_blamed_for_a_later_one():
    history = [H, ask("t1", "t2"), got("t1"), H, got("t2")]
    report = check_messages(history, "anthropic")
    assert [v.tool_call_id for v in report.violations] == ["t2"]
    assert "immediately after: t2." in report.violations[0].expected_error


def test_the_block_is_named_in_which_the_result_stands():
    report = check_messages([H, ask("a"), got("a"), got("x"), H], "anthropic")
    assert "messages.2.content.1:" in report.violations[0].expected_error


def test_a_tool_message_without_a_call_is_still_an_orphan():
    assert seen(H, ToolMessage("seen", tool_call_id="a"), H) == [("orphan_result", "reject", "a")]


def test_two_blocks_under_one_id_go_to_responses_with_the_arguments_of_the_first():
    calls = [{"type": "tool_call", "id": "call_1", "name": "look", "args": {"k": k}} for k in "ab"]
    twins = AIMessage(calls, tool_calls=calls, response_metadata={"output_version": "v1"})
    (violation,) = check_messages([H, twins, got("call_1"), H], "openai-responses").violations
    assert violation.effect == "silent_loss"
    assert violation.lost == "the call goes out with the arguments of another under its id"
    plain = AIMessage("", tool_calls=calls)
    assert effect(H, plain, got("call_1"), H, profile="openai-responses") == "unknown"


def test_nobody_misses_an_unanswered_bad_call_that_responses_leaves_out_for_its_id():
    bad = {"type": "invalid_tool_call", "id": "call_1", "name": "look", "args": "{", "error": None}
    again = AIMessage("", invalid_tool_calls=[bad])
    sound = [H, ask("call_1"), got("call_1")]
    assert effect(*sound, again, H, profile="openai-responses") == "accept"
    assert effect(*sound, again, got("call_1"), profile="openai-responses") == "silent_loss"


def test_litellm_puts_later_texts_behind_the_calls_of_a_joined_message_for_claude():
    claude = {"profile": "litellm", "model": "anthropic/claude-sonnet-4-5"}
    first, later = ask("call_1"), AIMessage("One moment.")
    assert effect(H, first, later, got("call_1"), **claude) == "reject"
    between = AIMessage("And this.", tool_calls=ask("call_2").tool_calls)
    results = [got("call_1"), got("call_2")]
    assert effect(H, first, between, *results, **claude) == "unknown"
    assert effect(H, first, later, **claude) == "unknown"  # no answer is due yet
