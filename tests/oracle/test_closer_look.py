"""What needs no closer look must be what a closer look finds nothing about, for every profile."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from toolpair_observe.pairing.check import check, judge
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.transcript import plain_call_ids, read_transcript

from .histories import BLOWS, Draw, History, broken_histories, bystanders

MODELS = [None, "claude-opus-4-8", "gemini-3.6-flash", "command-a-03-2025", "anthropic/claude-x"]
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
    """Text and blocks that repeat the calls, or some of them, or others, and what is no call."""
    kind = draw(st.sampled_from(sorted(KEYS)))
    repeated = draw(st.just(ids) | st.just(ids[:1]) | st.lists(FEW_IDS, max_size=2))
    blocks = [{"type": kind, KEYS[kind]: id_, "name": "look"} for id_ in repeated]
    others = draw(st.lists(st.sampled_from(OTHERS), max_size=2))
    return [*others[1:], {"type": "text", "text": "Let me see."}, *blocks, *others[:1]]


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=plain_histories(), model=st.sampled_from(MODELS))
def test_a_plain_history_is_judged_as_the_closer_look_judges_it(history, model):
    assert_judged_alike(history, Facts(model=model))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=broken_histories())
def test_a_broken_history_is_never_plain(history):
    assert_judged_alike(history, Facts())


def assert_judged_alike(history: History, facts: Facts) -> None:
    closer_look = read_transcript(history)
    for name, profile in PROFILES.items():
        assert check(history, profile, facts) == judge(closer_look, profile, facts), name


def test_what_streams_and_servers_leave_in_the_content_is_plain():
    call = {"name": "look", "args": {}, "id": "a"}
    blocks = [{"type": "reasoning_content"}, {"type": "web_search_call"}, {"type": "mcp_call"}]
    content = ["", *blocks, "Well.", {"type": "tool_use", "id": "a"}]
    result = ToolMessage([{"type": "document"}, {"type": "search_result"}], tool_call_id="a")
    history = [HumanMessage("Look."), AIMessage(content, tool_calls=[call]), result]
    assert plain_call_ids(history) == ["a"]
    history[1] = AIMessage([*content, "", {"type": "tool_use", "id": "b"}], tool_calls=[call])
    assert plain_call_ids(history) is None


def test_a_result_under_the_name_of_another_tool_is_not_plain_where_names_pair():
    calls = [{"name": name, "args": {}, "id": name[0]} for name in ("look", "find")]
    results = [ToolMessage("11", tool_call_id=id_, name="look") for id_ in "lf"]
    history = [HumanMessage("Look."), AIMessage("", tool_calls=calls), *results]
    assert plain_call_ids(history) == ["l", "f"]
    assert plain_call_ids(history, in_order=True) is None
    results[1].name = "find"
    assert plain_call_ids(history, in_order=True) == ["l", "f"]


def test_parallel_results_in_another_order_are_plain():
    calls = [{"name": "look", "args": {}, "id": id_} for id_ in "abc"]
    results = [ToolMessage("11", tool_call_id=id_) for id_ in "cab"]
    history = [HumanMessage("Look."), AIMessage("", tool_calls=calls), *results]
    assert plain_call_ids(history) == ["a", "b", "c"]
    assert plain_call_ids(history, in_order=True) is None
    assert plain_call_ids(history[:-1]) is None
    assert plain_call_ids([*history, results[0]]) is None
