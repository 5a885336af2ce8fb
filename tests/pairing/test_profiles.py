"""The table is complete, honest about its evidence, and consistent."""

from __future__ import annotations

import copy
import pickle

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.pairing.build import SAID, H, S, ask, bad, got
from toolpair_observe import Effect, check_messages
from toolpair_observe.pairing.providers.profile import Grade, Profile
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Case

DESIGNED = [
    "contract",
    "openai-chat",
    "openai-responses",
    "azure-openai-chat",
    "anthropic",
    "anthropic-vertex",
    "google-genai",
    "google-vertexai",
    "bedrock-converse",
    "bedrock-converse-other",
    "bedrock-invoke",
    "mistral",
    "cohere",
    "deepseek",
    "groq",
    "xai",
    "fireworks",
    "together",
    "openrouter",
    "litellm",
    "huggingface",
    "nvidia",
    "ollama",
    "openai-compatible",
    "dashscope",
    "moonshot",
    "minimax",
]


def every_row() -> list[Profile]:
    return [
        row
        for profile in PROFILES.values()
        for row in (profile, *(row.profile for row in profile.rows))
    ]


def test_every_designed_name_is_there():
    assert sorted(PROFILES) == sorted(DESIGNED)


@pytest.mark.parametrize("profile", every_row(), ids=lambda profile: profile.name)
def test_every_rule_has_a_source_and_no_guess_is_a_refusal(profile):
    for case, rule in profile.rules.items():
        assert rule.source, case
        if rule.effect in (Effect.REJECT, Effect.LOCAL_ERROR):
            assert rule.grade is not Grade.INFERRED, case


@pytest.mark.parametrize("profile", every_row(), ids=lambda profile: profile.name)
def test_every_text_takes_the_facts_of_a_breach(profile):
    facts = dict.fromkeys(("id", "ids", "result_id", "name", "id_field"), "call_1") | dict.fromkeys(
        (
            "position",
            "call_position",
            "next_position",
            "first_position",
            "call_block",
            "result_block",
            "length",
        ),
        3,
    )
    for rule in profile.rules.values():
        assert "{" not in rule.text.format(**facts).replace("{'role'", "")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_of_the_table_is_pickled_and_copied_by_its_name(name):
    profile = PROFILES[name]
    assert pickle.loads(pickle.dumps(profile)) is profile
    assert copy.deepcopy(profile) is profile


def test_every_case_has_a_kind():
    for case in Case:
        assert case.kind


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"nvidia"}))
def test_plain_conversations_are_clean_everywhere(profile):
    plain = [S, H, ask("a", "b/find"), got("a"), got("b"), SAID, H, ask("c"), got("c"), SAID, H]
    assert check_messages(plain, profile=profile).effect is Effect.CLEAN


EFFECTS = {
    # What the real integrations do was executed in tests/integrations; here the headline facts.
    "google-genai drops orphans": ("google-genai", [got("z"), H], "silent_loss"),
    "google-genai has nothing left": ("google-genai", [got("z")], "local_error"),
    "google-genai replays": (
        "google-genai",
        [H, ask("a"), got("a"), ask("a"), got("a")],
        "silent_loss",
    ),
    "google-genai moves": ("google-genai", [H, ask("a"), H, got("a")], "silent_loss"),
    "google-genai swaps": ("google-genai", [H, ask("a", "b"), got("b"), got("a")], "silent_loss"),
    "google-genai by name": (
        "google-genai",
        [H, ask("a/look", "b/find"), got("b"), got("a")],
        "clean",
    ),
    "vertex crashes": ("google-vertexai", [got("z"), H], "local_error"),
    "anthropic merges": (
        "anthropic",
        [H, ask("a"), ask("b"), got("a"), got("b")],
        "accept",
    ),
    "anthropic wants results first": ("anthropic", [H, ask("a"), H, got("a")], "reject"),
    "invoke puts them first": ("bedrock-invoke", [H, ask("a"), H, got("a")], "silent_loss"),
    "two runs of systems raise": ("anthropic", [S, H, ask("a"), S, got("a")], "local_error"),
    "responses pairs anywhere": ("openai-responses", [H, ask("a"), H, got("a")], "accept"),
    "responses drops a repeated call": (
        "openai-responses",
        [H, ask("a"), got("a"), H, ask("a"), got("a")],
        "silent_loss",
    ),
    "ollama takes anything": ("ollama", [H, ask("a"), H], "accept"),
    "ollama swaps": ("ollama", [H, ask("a", "b"), got("b"), got("a")], "silent_loss"),
    "cohere wants the last word": ("cohere", [H, ask("a")], "local_error"),
    "somebody on converse": ("bedrock-converse-other", [H, ask("a"), got("a"), H], "clean"),
    "claude on converse": ("bedrock-converse", [H, ask("a"), got("a"), H], "clean"),
    "bad arguments on openai": ("openai-chat", [H, bad("a"), got("a")], "clean"),
    "bad arguments on converse": ("bedrock-converse", [H, bad("a"), got("a")], "reject"),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_the_same_breach_has_its_own_effect_on_each_provider(name):
    profile, history, effect = EFFECTS[name]
    report = check_messages(history, profile=profile)
    assert report.effect == effect, report.explain()


@pytest.mark.parametrize(
    ("model", "effect"),
    [
        ("us.meta.llama4-maverick-17b-instruct-v1:0", "reject"),
        ("mistral.mistral-large-2402-v1:0", "reject"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama4-scout-v1:0", "reject"),
        ("us.amazon.nova-pro-v1:0", "clean"),
        ("openai.gpt-oss-120b-1:0", "clean"),
    ],
)
def test_a_question_beside_a_result_is_refused_by_some_models_on_converse(model, effect):
    history = [H, ask("a"), got("a"), H]
    assert check_messages(history, "bedrock-converse-other", model=model).effect == effect


def test_a_bad_call_without_an_id_is_not_found_for_its_block_on_converse():
    block = {"type": "function_call", "call_id": "", "name": "look", "arguments": "{"}
    unsent = bad("").model_copy(update={"content": [block]})
    history = [H, unsent, got("b")]
    assert check_messages(history, "bedrock-converse").effect == "reject"


def test_a_call_that_nothing_answers_is_not_lost_beside_its_like_through_litellm():
    history = [H, ask("b"), ask("b")]
    assert check_messages(history, "litellm", model="claude-sonnet-5").effect == "unknown"
    answered = [*history, got("b")]
    assert check_messages(answered, "litellm", model="claude-sonnet-5").effect == "silent_loss"


def test_a_silent_loss_tells_what_is_lost():
    (violation,) = check_messages([H, ask("a"), got("a"), got("x")], "google-genai").violations
    assert violation.lost == "the result is dropped"
    assert violation.expected_error == ""


def test_without_tools_converse_sends_text_and_refuses_nothing():
    history = [H, ask("a"), H]
    assert check_messages(history, "bedrock-converse").effect is Effect.REJECT
    assert check_messages(history, "bedrock-converse", tools_bound=False).ok


def test_server_state_makes_an_orphan_legitimate():
    history = [got("call_on_the_server"), H]
    assert not check_messages(history, "openai-responses").ok
    assert check_messages(history, "openai-responses", server_state=True).ok


def test_what_precedes_a_resumed_response_does_not_matter():
    kept = ask("b", response_metadata={"id": "resp_1"})
    history = [H, ask("a"), kept, got("b")]
    assert not check_messages(history, "openai-responses").ok
    assert check_messages(history, "openai-responses", resumes_response=True).ok
    open_call = [H, kept, H]
    report = check_messages(open_call, "openai-responses", resumes_response=True)
    assert report.effect is Effect.REJECT


IN_BLOCK = ToolMessage(
    [{"type": "tool_result", "tool_use_id": "a", "content": "seen"}], tool_call_id="a"
)
VERSIONS = [
    ("anthropic", [H, bad("a"), got("a")], "1.7.4", "reject"),
    ("anthropic", [H, bad("a"), got("a")], "1.7.5", "clean"),
    ("anthropic", [H, ask("a.b"), got("a.b")], "1.4.3", "reject"),
    ("anthropic", [H, ask("a.b"), got("a.b")], "1.4.4", "clean"),
    ("google-genai", [H, ask("a")], "3.2.0", "reject"),
    ("google-genai", [H, ask("a")], "4.0.0", "unknown"),
    ("openrouter", [H, ask("a"), IN_BLOCK], "0.10.8", "local_error"),
    ("openrouter", [H, ask("a"), IN_BLOCK], "0.11.0", "clean"),
]


@pytest.mark.parametrize(("profile", "history", "version", "effect"), VERSIONS)
def test_the_integration_s_version_picks_the_row(profile, history, version, effect):
    report = check_messages(history, profile, integration_version=version)
    assert report.effect == effect
    assert report.profile == profile


def test_the_model_picks_the_row():
    history = [H, ask("a"), H]
    assert check_messages(history, "cohere").effect is Effect.UNKNOWN
    assert check_messages(history, "cohere", model="command-a-03-2025").effect is Effect.REJECT
    early = [H, got("a"), ask("a"), H]
    assert check_messages(early, "cohere").effect is Effect.UNKNOWN
    assert check_messages(early, "cohere", model="command-a-03-2025").effect is Effect.REJECT
    assert check_messages(history, "litellm").effect is Effect.UNKNOWN
    assert check_messages(history, "litellm", model="anthropic/claude-x").effect is Effect.REJECT


GATEWAYS = [
    ("litellm", "gpt-4o", "reject"),
    ("litellm", "openai/gpt-4.1-mini", "reject"),
    ("litellm", "azure/gpt-4o", "reject"),
    ("litellm", "openai/gpt-oss-120b", "unknown"),
    ("litellm", "openai/gpt-5", "unknown"),  # may be sent to the other API, which pairs otherwise
    ("litellm", "groq/gpt-4o", "unknown"),
    ("openrouter", "openai/gpt-4o", "reject"),
    ("openrouter", "gpt-4o", "unknown"),
    ("openrouter", "meta-llama/llama-4", "unknown"),
]


@pytest.mark.parametrize(("profile", "model", "effect"), GATEWAYS)
def test_a_gateway_hands_on_what_openai_s_chat_models_say(profile, model, effect):
    assert check_messages([H, ask("a"), H], profile, model=model).effect == effect
    assert check_messages([H, ask("a"), got("a"), H], profile, model=model).ok


def test_a_model_that_takes_systems_within_keeps_those_before_an_ai_in_place():
    orphaned = [S, H, ask("a"), got("a"), S, SAID, got("b"), H]
    assert check_messages(orphaned, "anthropic").effect is Effect.LOCAL_ERROR
    within = check_messages(orphaned, "anthropic", model="claude-opus-4-8")
    assert within.effect is Effect.REJECT
    moved = [S, H, ask("a"), S, got("a")]
    report = check_messages(moved, "anthropic", model="claude-opus-4-8")
    assert report.effect is Effect.LOCAL_ERROR


def test_an_empty_human_message_ends_the_answers_on_anthropic():
    history = [H, ask("a"), HumanMessage("")]
    assert check_messages(history, "anthropic").effect is Effect.REJECT
    assert check_messages(history, "anthropic-vertex").effect is Effect.UNKNOWN


def test_cohere_wants_a_human_or_a_tool_last_before_anything_else():
    (violation,) = check_messages([H, ask(None)], "cohere").violations
    assert "last message" in violation.expected_error
    report = check_messages([H, ask("a"), H, SAID, S], "cohere")
    assert report.effect is Effect.LOCAL_ERROR
    assert check_messages([H, ask("a"), got("a"), SAID], "cohere").ok


def test_an_unanswered_call_that_is_left_out_still_ends_the_history():
    model = "gemini-3.6-flash"
    report = check_messages([H, bad("a")], "google-genai", model=model)
    assert report.effect is Effect.LOCAL_ERROR
    assert check_messages([H, SAID], "google-genai", model=model).ok


def test_an_id_of_an_earlier_turn_is_reused_where_the_integration_then_drops_the_call():
    history = [H, ask("call_1"), got("call_1"), H, ask("call_1"), got("call_1")]
    for profile in ("openai-responses", "google-genai"):
        (violation,) = check_messages(history, profile).violations
        assert violation.kind == "reused_call_id"
        assert violation.cause == "id_reused_by_backend"
        assert (violation.message_index, violation.call_message_index) == (5, 4)
    assert check_messages(history, "openai-chat").ok


def test_a_result_without_an_id_is_refused_by_groq_even_beside_such_a_call():
    history = [H, ask(""), got("")]
    assert check_messages(history, "groq").effect is Effect.REJECT
    assert check_messages(history, "xai").effect is Effect.UNKNOWN


def test_an_empty_list_for_a_result_is_no_answer_on_bedrock_s_invoke():
    history = [H, ask("a"), ToolMessage([], tool_call_id="a"), H]
    assert check_messages(history, "bedrock-invoke").effect is Effect.REJECT
    assert check_messages(history, "anthropic").ok


def test_older_converse_leaves_invalid_blocks_out_or_raises():
    block = {"type": "invalid_tool_call", "id": "a", "name": "look", "args": "{", "error": None}
    history = [H, AIMessage([block]), got("a")]
    effects = [
        check_messages(history, "bedrock-converse", integration_version=version).effect
        for version in ("1.7.2", "1.7.6", "1.7.7")
    ]
    assert effects == [Effect.LOCAL_ERROR, Effect.REJECT, Effect.CLEAN]


HANDED_ON = [
    ("deepseek/deepseek-chat", "reject"),
    ("mistral/mistral-large-latest", "reject"),
    ("moonshot/kimi-k2", "reject"),
    ("dashscope/qwen-max", "reject"),
    ("openai/o3-mini", "reject"),
    ("o1", "reject"),
    ("dashscope/deepseek-v3", "unknown"),
    ("groq/llama-3.3-70b-versatile", "unknown"),
    ("xai/grok-4", "unknown"),
    ("gemini/gemini-2.5-pro", "unknown"),
    ("bedrock/anthropic.claude-x", "unknown"),
    ("ollama/mistral", "unknown"),
    ("openrouter/openai/gpt-4o", "unknown"),
    ("azure/gpt-5.4", "unknown"),  # goes to the other API once tools are bound
    ("openai/responses/gpt-4o", "unknown"),
    ("openai/o3-pro", "unknown"),  # is served on the other API alone
]


@pytest.mark.parametrize(("model", "effect"), HANDED_ON)
def test_litellm_hands_on_what_it_does_not_convert(model, effect):
    assert check_messages([H, ask("a"), H], "litellm", model=model).effect == effect
    assert check_messages([H, ask("a"), got("a"), SAID, H], "litellm", model=model).ok


def test_litellm_leaves_out_what_says_nothing_before_mistral():
    between = [H, ask("a"), HumanMessage(""), got("a")]
    at_mistral = check_messages(between, "litellm", model="mistral/mistral-large-latest")
    assert at_mistral.effect is Effect.ACCEPT
    at_deepseek = check_messages(between, "litellm", model="deepseek/deepseek-chat")
    assert at_deepseek.effect is Effect.REJECT


HOSTS = [
    ("dashscope", [H, ask("a"), H], "reject"),
    ("dashscope", [H, ask("a", "b"), got("a"), H], "reject"),
    ("dashscope", [got("a"), H], "reject"),
    ("dashscope", [H, ask("a"), H, got("a")], "unknown"),
    ("moonshot", [H, ask("a"), H], "reject"),
    ("moonshot", [H, ask("a"), got("x")], "reject"),
    ("moonshot", [H, ask("a"), H, got("a")], "unknown"),
    ("minimax", [H, got("a"), H], "reject"),
    ("minimax", [H, ask("a"), H, got("a")], "reject"),
    ("minimax", [H, ask("a"), H], "unknown"),
]


@pytest.mark.parametrize(("profile", "history", "effect"), HOSTS)
def test_a_host_has_the_rules_that_its_own_texts_show(profile, history, effect):
    assert check_messages(history, profile).effect == effect
    long = "call_" + "x" * 60
    assert check_messages([H, ask(long), got(long), H], profile).ok


def test_dashscope_s_rules_are_those_of_qwen_alone():
    history = [H, ask("a"), H]
    assert check_messages(history, "dashscope", model="qwen3-coder-plus").effect == "reject"
    assert check_messages(history, "dashscope", model="Qwen/Qwen3-32B").effect == "reject"
    assert check_messages(history, "dashscope", model="deepseek-v3").effect == "unknown"
