"""What needs no closer look must be what a closer look finds nothing about, for every profile."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from tests.amounts import examples
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.first_look import Plain, Trait, plain_call_ids
from toolpair_observe.pairing.providers import gateways
from toolpair_observe.pairing.providers.anthropic import drop_blank_ais
from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.google import match_names_in_order
from toolpair_observe.pairing.providers.profile import Grade, Profile, Rule
from toolpair_observe.pairing.providers.steps import merge_users
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import EVERY_CALL, EVERY_RESULT, Carrier, Case, Effect

from .histories import BLOWS, Draw, History, broken_histories, bystanders

# Between them these reach every row of every profile; a test below holds that.
MODELS = [
    None,
    "claude-opus-4-8",
    "gemini-3.6-flash",
    "command-a-03-2025",
    "anthropic/claude-x",
    "openai/gpt-4o",
    "deepseek/deepseek-chat",
    "mistral/mistral-large-latest",
    "moonshot/kimi-k2",
    "dashscope/qwen-max",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "mistral.mistral-large-2402-v1:0",
]
VERSIONS = [None, "0.10.8", "1.4.3", "1.7.2", "1.7.4", "1.7.6", "3.2", "4.2.7", "4.3.1"]
NAMES = st.sampled_from(["look", "find"])
FEW_IDS = st.sampled_from(["call_0", "call_1", "call_2"])
OTHERS = [
    "",
    "Well.",
    {"type": "reasoning_content"},
    {"type": "web_search_call", "id": "call_0"},
    {"type": "mcp_call", "id": "call_1"},
    {"type": "compaction"},
    {"type": "server_tool_use", "id": "call_0", "name": "find"},
]
KEYS = {"tool_use": "id", "tool_call": "id", "function_call": "call_id", "thinking": "id"}


@st.composite
def plain_histories(draw: Draw) -> History:
    """Text and ToolMessages, with parallel results in any order and at most one blow."""
    between = st.just(HumanMessage("And?")) | st.just(SystemMessage("Be brief.")) | bystanders()
    history: History = draw(st.lists(between, max_size=1))
    for _ in range(draw(st.integers(0, 3))):
        ids = draw(st.lists(FEW_IDS, min_size=1, max_size=3, unique=draw(st.integers(0, 9)) > 0))
        calls = [{"name": draw(NAMES), "args": {}, "id": id_} for id_ in ids]
        content = draw(st.just("Well.") | block_contents(ids))
        raw = [{"id": id_} for id_ in draw(st.sampled_from([ids, ids, [], ids[:1], ["call_9"]]))]
        extra = {"tool_calls": raw} if raw else {}
        history.append(AIMessage(content, tool_calls=calls, additional_kwargs=extra))
        history += [
            ToolMessage("11", tool_call_id=id_, name=draw(st.none() | NAMES))
            for id_ in draw(st.permutations(ids))
        ]
        history += draw(st.lists(between, max_size=1))
    if draw(st.integers(0, 3)) == 0:
        history = draw(st.sampled_from(BLOWS))(draw, history)
    return history


@st.composite
def block_contents(draw: Draw, ids: list[str]) -> list[str | dict[str, str]]:
    """Text, blocks that repeat some or all calls or other calls, and blocks that are not calls."""
    kind = draw(st.sampled_from(sorted(KEYS)))
    repeated = draw(st.just(ids) | st.just(ids[:1]) | st.lists(FEW_IDS, max_size=2))
    blocks = [{"type": kind, KEYS[kind]: id_, "name": "look"} for id_ in repeated]
    others = draw(st.lists(st.sampled_from(OTHERS), max_size=2))
    return [*others[1:], {"type": "text", "text": "Let me see."}, *blocks, *others[:1]]


def leaves(profile: Profile) -> list[Profile]:
    """The profile and every row of it, each as it judges where no other row holds."""
    return [profile, *(leaf for row in profile.rows for leaf in leaves(row.profile))]


LEAVES = [
    replace(leaf, rows=())
    for profile in (*PROFILES.values(), gateways._LITELLM_MENDING)
    for leaf in leaves(profile)
]
BY_ORDER = [
    replace(leaf, rows=())
    for profile in PROFILES.values()
    for leaf in (*leaves(profile), *leaves(on_wire(profile)))
    if leaf.plain and (leaf.plain.in_order or leaf.plain.by_tool)
]
STEPS = list(dict.fromkeys(step for leaf in LEAVES for step in leaf.steps))


@st.composite
def mutilated_profiles(draw: Draw) -> Profile:
    """A profile of the table without some of its rules and steps."""
    leaf = draw(st.sampled_from(LEAVES))
    return replace(
        leaf,
        rules={case: rule for case, rule in leaf.rules.items() if draw(st.integers(0, 3))},
        steps=tuple(step for step in leaf.steps if draw(st.integers(0, 3))),
    )


CARRIERS = [EVERY_CALL, {Carrier.TOOL_CALL}, {Carrier.RAW_CALL}, {Carrier.TOOL_USE}]


@st.composite
def invented_profiles(draw: Draw) -> Profile:
    """A profile that nobody has written yet: it refuses nearly everything that is sent to it."""
    accepted = draw(st.sets(st.sampled_from(Case), max_size=6))
    return replace(
        draw(st.sampled_from(LEAVES)),
        calls=frozenset(draw(st.sampled_from(CARRIERS))),
        results=EVERY_RESULT - draw(st.sampled_from([set(), set(), {Carrier.TOOL_MESSAGE}])),
        rules={case: draw(st.sampled_from(RULES)) for case in Case if case not in accepted},
        steps=tuple(draw(st.lists(st.sampled_from(STEPS), max_size=3, unique=True))),
        pairs_anywhere=draw(st.booleans()),
        ids_matter=draw(st.booleans()),
        id_max=draw(st.none() | st.just(5)),
        id_pattern=draw(st.none() | st.just("a-z_0")),
    )


RULES = [
    Rule(effect, Grade.EXECUTED, "a test")
    for effect in (Effect.REJECT, Effect.REJECT, Effect.REJECT, Effect.UNKNOWN)
]


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow])
@given(history=plain_histories())
def test_a_plain_history_is_judged_as_the_closer_look_judges_it(history):
    assert_judged_alike(history, LEAVES)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(history=broken_histories())
def test_a_broken_history_is_never_plain(history):
    assert_judged_alike(history, LEAVES)


@settings(max_examples=examples(1500), suppress_health_check=[HealthCheck.too_slow])
@given(history=plain_histories(), profile=mutilated_profiles() | invented_profiles())
def test_the_first_look_follows_from_rules_steps_and_carriers(history, profile):
    assert_judged_alike(history, [profile])


def assert_judged_alike(history: History, profiles: list[Profile]) -> None:
    closer_look = read_transcript(history)
    for profile in profiles:
        report = judge(closer_look, profile)
        assert check(history, profile) == report, f"{profile.name}: {profile.title}"


@st.composite
def parallel_histories(draw: Draw) -> History:
    """Turns of parallel calls with a result each, which differ in order and names alone."""
    history: History = [HumanMessage("Look.")]
    for turn in range(draw(st.integers(1, 3))):
        tools = draw(st.lists(st.sampled_from(["look", "find", "read"]), min_size=1, max_size=4))
        calls = [
            {"name": tool, "args": {}, "id": f"call_{turn}_{place}"}
            for place, tool in enumerate(tools)
        ]
        history.append(AIMessage("", tool_calls=calls))
        named = draw(st.sampled_from(["never", "mostly", "anyhow"]))
        for call in draw(st.permutations(calls)):
            tool = st.just(call["name"])
            others = st.sampled_from(["look", "find", "read", "", None])
            name = {"never": st.none(), "mostly": tool | st.none(), "anyhow": tool | others}[named]
            history.append(ToolMessage("11", tool_call_id=call["id"], name=draw(name)))
    return history


@settings(max_examples=examples(1500), suppress_health_check=[HealthCheck.too_slow])
@given(history=parallel_histories())
def test_where_order_tells_the_first_look_passes_what_the_closer_look_finds_clean(history):
    assert {leaf.name for leaf in BY_ORDER} == {"google-genai", "google-vertexai", "ollama"}
    closer_look = read_transcript(history)
    for leaf in BY_ORDER:
        passes = plain_call_ids(history, leaf.plain) is not None
        assert passes == (judge(closer_look, leaf).effect is Effect.CLEAN), leaf.name


HUMAN, SYSTEM = HumanMessage("And?"), SystemMessage("Be brief.")


@pytest.mark.parametrize(
    ("case", "between", "follower"),
    [
        (Case.HUMAN_AFTER_TOOL, [], HUMAN),
        (Case.HUMAN_AFTER_TOOL, [AIMessage("")], HUMAN),
        (Case.HUMAN_AFTER_TOOL, [AIMessage([{"type": "text"}])], HUMAN),
        (Case.SYSTEM_AFTER_TOOL, [], SYSTEM),
        (Case.SYSTEM_AFTER_TOOL, [AIMessage("")], SYSTEM),
        (Case.SYSTEM_AFTER_TOOL, [AIMessage([""]), AIMessage([])], SYSTEM),
    ],
)
def test_what_a_step_leaves_out_does_not_stand_between(case, between, follower):
    steps = (drop_blank_ais, merge_users)
    profile = replace(PROFILES["openai-chat"], steps=steps, rules={case: RULES[0]})
    call = {"name": "look", "args": {}, "id": "a"}
    history = [
        HumanMessage("Look."),
        AIMessage("", tool_calls=[call]),
        ToolMessage("11", tool_call_id="a"),
        *between,
        follower,
    ]
    assert_judged_alike(history, [profile])
    assert [violation.kind for violation in check(history, profile).violations] == [case.kind]


def test_models_and_versions_reach_every_row():
    for profile in PROFILES.values():
        reached = {
            profile.row(Facts(model=model, version=version))
            for model in MODELS
            for version in VERSIONS
        }
        judging = [leaf for leaf in leaves(profile) if not leaf.rows] or [profile]
        assert reached >= set(judging), profile.name


def test_no_profile_says_what_the_first_look_may_skip():
    given_fields = {field.name for field in fields(Profile) if field.init}
    assert given_fields == {
        "name",
        "title",
        "provider",
        "package",
        "client",
        "calls",
        "lets_async_wait",
        "spare_calls",
        "results",
        "rules",
        "demands",
        "steps",
        "pairs_anywhere",
        "ids_matter",
        "id_max",
        "id_pattern",
        "id_documented",
        "rows",
        "server",
        "base",
        "measured",
    }


def test_what_streams_and_servers_leave_in_the_content_is_plain():
    call = {"name": "look", "args": {}, "id": "a"}
    blocks = [{"type": "reasoning_content"}, {"type": "web_search_call"}, {"type": "mcp_call"}]
    content = ["", *blocks, "Well.", {"type": "tool_use", "id": "a"}]
    result = ToolMessage([{"type": "document"}, {"type": "search_result"}], tool_call_id="a")
    history = [HumanMessage("Look."), AIMessage(content, tool_calls=[call]), result]
    assert plain_call_ids(history, Plain()) == ["a"]
    history[1] = AIMessage([*content, "", {"type": "tool_use", "id": "b"}], tool_calls=[call])
    assert plain_call_ids(history, Plain()) is None


def test_a_result_under_the_name_of_another_tool_is_not_plain_where_names_pair():
    calls = [{"name": name, "args": {}, "id": name[0]} for name in ("look", "find")]
    results = [ToolMessage("11", tool_call_id=id_, name="look") for id_ in "lf"]
    history = [HumanMessage("Look."), AIMessage("", tool_calls=calls), *results]
    for trait in (None, Trait.OTHER_ORDER, Trait.OTHER_ORDER_BY_TOOL):
        assert plain_call_ids(history, Plain({trait} - {None})) == ["l", "f"]
    assert plain_call_ids(history, Plain({Trait.OTHER_TOOL})) is None
    results[0].name = "find"
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER})) == ["l", "f"]
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER_BY_TOOL})) is None
    results[0].name, results[1].name = "look", "find"
    assert plain_call_ids(history, Plain({Trait.OTHER_TOOL})) == ["l", "f"]


def test_names_that_are_no_strings_are_not_plain_where_names_pair():
    calls = [{"name": "look", "args": {}, "id": id_} for id_ in "ab"]
    results = [ToolMessage("11", tool_call_id=id_) for id_ in "ba"]
    history = [HumanMessage("Look."), made := AIMessage("", tool_calls=calls), *results]
    results[0].name = 5  # type: ignore[assignment]
    assert_judged_alike(history, BY_ORDER)
    made.tool_calls[0]["name"], made.tool_calls[1]["name"], results[0].name = 5, 6, None
    assert_judged_alike(history, BY_ORDER)


def test_parallel_results_in_another_order_are_plain():
    calls = [{"name": "look", "args": {}, "id": id_} for id_ in "abc"]
    results = [ToolMessage("11", tool_call_id=id_) for id_ in "cab"]
    history = [HumanMessage("Look."), AIMessage("", tool_calls=calls), *results]
    assert plain_call_ids(history, Plain()) == ["a", "b", "c"]
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER})) is None
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER_BY_TOOL})) is None
    for call, name in zip(history[1].tool_calls, ("look", "look", "find"), strict=True):
        call["name"] = name
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER})) is None
    assert plain_call_ids(history, Plain({Trait.OTHER_ORDER_BY_TOOL})) == ["a", "b", "c"]
    assert plain_call_ids(history[:-1], Plain()) is None
    assert plain_call_ids([*history, results[0]], Plain()) is None


@pytest.mark.parametrize("kind", ["computer_call", "custom_tool_call", "function_call"])
def test_an_item_that_is_kept_beside_the_content_is_not_plain(kind):
    kept = {"tool_outputs": [{"type": kind, "id": "item", "call_id": "kept"}]}
    said = AIMessage([{"type": "text", "text": "Well."}], additional_kwargs=kept)
    history = [HumanMessage("Look."), said, HumanMessage("And?")]
    assert_judged_alike(history, LEAVES)
    assert check(history, PROFILES["openai-responses"]).effect is Effect.REJECT


def test_a_system_message_after_a_human_one_that_is_joined_with_the_results_is_not_plain():
    rules = {Case.SYSTEM_AFTER_TOOL: RULES[0]}
    profile = replace(PROFILES["openai-chat"], steps=(merge_users,), rules=rules)
    call = {"name": "look", "args": {}, "id": "a"}
    result = ToolMessage("11", tool_call_id="a")
    history = [HumanMessage("Look."), AIMessage("", tool_calls=[call]), result, HUMAN, SYSTEM]
    assert_judged_alike(history, [profile])


def test_one_result_under_the_name_of_another_tool_is_not_plain_where_names_pair():
    rules = {Case.RESULT_OF_OTHER_TOOL: RULES[0]}
    profile = replace(PROFILES["openai-chat"], steps=(match_names_in_order,), rules=rules)
    call = {"name": "look", "args": {}, "id": "a"}
    result = ToolMessage("11", tool_call_id="a", name="find")
    assert_judged_alike(
        [HumanMessage("Look."), AIMessage("", tool_calls=[call]), result], [profile]
    )


def test_ids_that_are_no_strings_are_not_plain():
    made = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}])
    result = ToolMessage("11", tool_call_id="a")
    made.tool_calls[0]["id"] = result.tool_call_id = 5
    assert_judged_alike([HumanMessage("Look."), made, result], LEAVES)


@pytest.mark.parametrize("turns", [1, 20])
def test_calls_that_name_no_tool_are_not_plain_where_a_client_raises(turns):
    history = [HumanMessage("Look.")]
    for turn in range(turns):
        made = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": f"a{turn}"}])
        history += [made, ToolMessage("11", tool_call_id=f"a{turn}")]
    history[-2].tool_calls[0]["name"] = None
    assert_judged_alike(history, LEAVES)


class Note(BaseMessage):
    """A message of the application's own, which looks like an answer."""

    type: str = "note"
    tool_call_id: str = ""


def test_a_message_class_of_its_own_is_no_answer():
    calls = [{"name": "look", "args": {}, "id": id_} for id_ in "ab"]
    for made in (calls[:1], calls):
        notes = [Note(content="11", tool_call_id=call["id"]) for call in made]
        history = [HumanMessage("Look."), AIMessage("", tool_calls=made), *notes]
        assert plain_call_ids(history, Plain()) is None
        assert_judged_alike(history, LEAVES)
