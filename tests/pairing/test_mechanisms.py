"""What each mechanism asks of the turns that are sent, and what a profile makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.amounts import examples
from tests.oracle.histories import broken_histories
from tests.oracle.test_closer_look import plain_histories
from tests.oracle.test_window import long_histories
from toolpair_observe import Effect, check_messages
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.providers.profile import Demand, Grade, Rule
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.probing.requests import messages_of

RULE = Rule(Effect.REJECT, Grade.MEASURED, "a test", "no {{such}} thing")
BASE = replace(PROFILES["openai-compatible"], rules={})
# One that merges what the user's side sends in a row.
MERGING = replace(PROFILES["anthropic"], rules={})
VALUES = {"id-length": 9, "id-at-most": 9}


def demanding(name: str, effect: Effect = Effect.REJECT):
    value = next((v for stem, v in VALUES.items() if name.startswith(stem)), 0)
    demand = Demand(MECHANISMS[name], replace(RULE, effect=effect), value)
    base = MERGING if name == "results-lead" else BASE
    return replace(base, name=f"asks for {name}", demands=(demand,))


DEMANDING = [demanding(name) for name in MECHANISMS]

# What meets it, and what does not, with the position of the message that is named.
SHOWN = {
    "one-call": ("H A(x) T(x) A(y) T(y)", "H A(x,y) T(x) T(y)", 1),
    "one-call-later": ("S A(x,y) T(x) T(y)", "S H A(x,y) T(x) T(y)", 2),
    "roles-alternate": ("S H A(x) T(x) A S H", "H A(x) T(x) H", 2),
    "roles-alternate-with-system": ("S H A(x) T(x) A H", "H A S H", 2),
    "no-system": ("H A", "S H A", 0),
    "system-first": ("S H", "S S H", 1),
    "system-before-others": ("S S H", "H S", 1),
    "no-system-behind-ai": ("H S A", "H A S", 2),
    "human-needed": ("A(x) T(x) H", "S A(x) T(x)", 2),
    "human-first": ("S H A", "S A H", 1),
    "human-if-alone": ("T(z) H", "T(z)", 0),
    "no-human-after-result": ("H A(x) T(x) A H", "H A(x) T(x) H", 2),
    "no-system-after-result": ("H A S", "H A(x) T(x) S", 2),
    "no-system-last": ("S H A(x) T(x) S H", "H A(x) T(x) S", 2),
    "no-ai-last": ("H A H", "H A(x)", 1),
    "result-needs-open-call": ("H A(x) H T(x)", "H A(x) A T(x)", 3),
    "result-needs-call-before": ("H A(x) A T(z)", "H A T(z)", 2),
    "result-follows-ai": ("H A T(z) T(z)", "H A(x) H T(x)", 3),
    "result-follows-calls": ("H A(x) T(z) T(z)", "H A T(z)", 2),
    "result-not-after-human": ("T(z) H A T(z)", "H T(z)", 1),
    "result-not-first": ("H T(z)", "T(z) H", 0),
    "no-more-results": ("H T(z) A(x,y) T(x) T(x)", "H A(x) T(x) T(x)", 3),
    "result-id-known": ("H A(x) H T(x)", "H A(x) T(z)", 2),
    "result-id-anywhere": ("H T(x) A(x) H", "H A(x) T(z)", 2),
    "result-id-of-message": ("H T(z) A(x) T(x)", "H A(x) T(x) T(z)", 3),
    "one-result-each": ("H A(x) T(x) H T(x)", "H A(x) T(x) T(x)", 3),
    "one-result-ever": ("H A(x) T(x) T(z)", "H A(x) T(x) H T(x)", 4),
    "results-lead": ("H A(x) T(x) H", "H A(x) H T(x)", 3),
    "calls-answered-behind": ("H A(x) H A(y) T(y) T(x)", "H A(x) H A(y) T(y)", 1),
    "calls-answered-anywhere": ("H T(x) A(x) H", "H A(x) H A(y) T(y)", 1),
    "calls-answered-before-human": ("H A(x) A", "H A(x) H", 1),
    "calls-answered-before-ai": ("H A(x) H", "H A(x) A", 1),
    "calls-answered-before-next": ("H A(x,y) T(x)", "H A(x) S", 1),
    "calls-answered-in-part": ("H A(x) H", "H A(x,y) T(x)", 1),
    "calls-answered": ("H A(x,y) T(y) T(x)", "H A(x)", 1),
    "results-counted-before-ai": ("H A(x) T(z) A", "H A(x) A", 1),
    "results-counted-before-next": ("H A(x) T(z) H", "H A(x,y) T(x) H", 1),
    "results-counted": ("H A(x) T(z)", "H A(x)", 1),
    "results-counted-until-ai": ("H A(x) H T(z) A", "H A(x) H A", 1),
    "results-counted-until-end": ("H A(x) H T(z)", "H A(x) T(x) T(x)", 3),
    "calls-answered-until-ai": ("H A(x) H T(x) A", "H A(x) H A", 1),
    "calls-answered-until-end": ("A(x) H", "H A(x) H", 1),
    "result-names-call-of-last-ai": ("H A(x) H T(x)", "H A(x) T(x) T(x)", 3),
    "call-ids-differ": ("H A(x) T(x) A(x) T(x)", "H A(x,x) T(x) T(x)", 1),
    "call-ids-new": ("H A(x) T(x)", "H A(x) T(x) A(x) T(x)", 3),
    "call-id-given": ("H A(x) T(-)", "H A(-) T(x)", 1),
    "result-id-given": ("H A(-) T(x)", "H A(x) T(-)", 2),
    "id-length": ("H A(x) T(x)", "H A(7) T(7)", 1),
    "id-length-of-calls": ("H A(x) T(7)", "H A(7) T(x)", 1),
    "id-length-of-results": ("H A(7) T(x)", "H A(x) T(7)", 2),
    "id-at-most": ("H A(7) T(7)", "H A(10) T(10)", 1),
    "id-at-most-of-calls": ("H A(x) T(10)", "H A(10) T(x)", 1),
    "id-at-most-of-results": ("H A(10) T(x)", "H A(x) T(10)", 2),
    "id-alphanumeric": ("H A(x) T(x)", "H A(d) T(d)", 1),
    "id-alphanumeric-of-calls": ("H A(x) T(d)", "H A(d) T(x)", 1),
    "id-alphanumeric-of-results": ("H A(d) T(x)", "H A(x) T(d)", 2),
    "id-with-dashes": ("H A(d) T(d)", "H A(p) T(p)", 1),
    "id-with-dashes-of-calls": ("H A(d) T(p)", "H A(p) T(d)", 1),
    "id-with-dashes-of-results": ("H A(p) T(d)", "H A(d) T(p)", 2),
    "arguments-are-json": ("H A(x) T(x)", "H A(x!) T(x)", 1),
}


def test_every_mechanism_is_shown():
    assert SHOWN.keys() == MECHANISMS.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_a_server_takes_what_meets_its_demand(name):
    report = check_messages(messages_of(SHOWN[name][0]), demanding(name))
    assert report.effect in (Effect.ACCEPT, Effect.CLEAN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_server_refuses_what_does_not_meet_it_in_its_own_words_and_where_it_is(name):
    report = check_messages(messages_of(SHOWN[name][1]), demanding(name))
    worst = next(each for each in report.violations if each.effect is Effect.REJECT)
    assert report.effect is Effect.REJECT
    assert worst.message_index == SHOWN[name][2]
    assert worst.expected_error == "no {such} thing"


@pytest.mark.parametrize("effect", [Effect.SILENT_LOSS, Effect.LOCAL_ERROR, Effect.UNKNOWN])
def test_a_demand_has_the_effect_of_its_rule(effect):
    history = messages_of("H A T(z)")
    assert check_messages(history, demanding("result-follows-calls", effect)).effect is effect


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_sentence_of_a_mechanism_says_its_number(name):
    demand = demanding(name).demands[0]
    assert "{" not in demand.says
    assert (str(demand.value) in demand.says) is MECHANISMS[name].takes_value


@settings(max_examples=examples(150), suppress_health_check=list(HealthCheck), deadline=None)
@given(history=plain_histories() | broken_histories())
def test_the_first_look_passes_only_what_meets_all_demands(history):
    closer_look = read_transcript(history)
    for profile in DEMANDING:
        assert check(history, profile) == judge(closer_look, profile), profile.name


@settings(max_examples=examples(100), suppress_health_check=list(HealthCheck), deadline=None)
@given(history=long_histories(), profiles=st.lists(st.sampled_from(DEMANDING), min_size=4))
def test_a_part_of_a_history_is_judged_as_the_whole_of_it(history, profiles):
    whole = read_transcript(history)
    for profile in profiles:
        assert check(history, profile) == judge(whole, profile), profile.name


@pytest.mark.parametrize("name", ["result-needs-call-before", "human-needed"])
def test_what_asks_for_something_anywhere_sees_it_far_away(name):
    history = [AIMessage("", tool_calls=[{"name": "t", "args": {}, "id": "first"}])]
    history += [ToolMessage("1", tool_call_id="first"), AIMessage("Well."), HumanMessage("And?")]
    for number in range(40):
        history += [AIMessage(f"Well, {number}."), HumanMessage("And?")]
    history += [ToolMessage("1", tool_call_id="stray"), AIMessage("So."), HumanMessage("And?")]
    assert check_messages(history, demanding(name)).effect is Effect.ACCEPT


@pytest.mark.parametrize("name", MECHANISMS)
def test_twice_the_history_is_twice_the_work(name):
    def steps(count: int) -> int:
        ids = ",".join(f"i{n}" for n in range(count))
        many = " ".join(f"T(i{n}) T(i{n})" for n in range(count))
        turns = messages_of(f"H A({ids}) {many} " + "A(x) H " * count)
        return counted(lambda: check(turns, demanding(name)))

    assert steps(200) < 2.3 * steps(100)


def counted(run) -> int:
    """How many lines a call takes."""
    import sys

    lines = 0

    def trace(_frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(None)
    return lines


@pytest.mark.parametrize("model", ["mistral", "litellm"])
def test_mistral_takes_no_system_message_behind_an_answer(model):
    for history in ("H A S H", "H A(x) T(x) S"):
        report = check_messages(messages_of(history), model, model="mistral/mistral-large")
        assert report.effect is Effect.REJECT
        assert report.violations[0].expected_error == "Unexpected role 'system' after role"
    assert check_messages(messages_of("H S A(x) T(x) A H"), model).ok
