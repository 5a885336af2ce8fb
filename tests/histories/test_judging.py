"""Judging units: what was a request, who judges it, and what its requests come to."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.histories.units import BROKEN, CLEAN, LIVE, RESULT, USER, call, judged, unit
from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.judging import judge_unit, to_dict
from toolpair_observe.histories.unit import Extent, Recorded, Status
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Effect, ViolationKind

ANSWER = AIMessage("x")


def test_a_whole_list_is_one_request():
    assert judged((USER, ANSWER, USER, ANSWER)).effects == {Effect.CLEAN: 1}
    assert judged(BROKEN).effects == {Effect.UNKNOWN: 1}


@pytest.mark.parametrize(
    ("messages", "requests"),
    [
        ((USER, ANSWER), 1),
        ((USER, ANSWER, ANSWER, USER, ANSWER), 2),
        ((ANSWER, USER, ANSWER), 1),
        ((USER,), 0),
        ((USER, call("a")), 1),
        ((USER, call("a"), RESULT), 1),
        ((), 0),
    ],
)
def test_prefixes_end_before_the_first_of_a_run_of_ai_messages(messages, requests):
    found = judged(messages, extent=Extent.PREFIXES)

    assert (found.requests, found.effect) == (requests, Effect.CLEAN)


def test_the_last_answer_is_read_though_it_is_no_request():
    seen = []

    def read(messages):
        seen.append(len(messages))
        return LIVE.read(messages)

    one = unit((USER, call("a")), extent=Extent.PREFIXES)
    object.__setattr__(one, "dialect", LIVE._replace(read=read))

    assert judge_unit(one, ReadLimits()).requests == 1
    assert seen == [2]


def test_each_prefix_is_judged_as_check_judges_it():
    late = ToolMessage("late", tool_call_id="b")
    messages = (*BROKEN, ANSWER, USER, late, ANSWER, USER, ANSWER)
    ends = [1, 3, 6, 8]
    for name in PROFILES:
        profile = profile_named(name)
        reports = [check(messages[:end], profile, Facts()) for end in ends]
        found = judged(messages, extent=Extent.PREFIXES, profile=profile)

        assert found.effects.total() == len(ends), name
        for effect in Effect:
            assert found.effects[effect] == sum(each.effect is effect for each in reports), name
        assert set(found.kinds) == {v.kind for each in reports for v in each.violations}, name


def test_lists_of_one_unit_add_up_without_what_they_share():
    first = (USER, ANSWER, USER, call("a"), RESULT, ANSWER)
    fork = (*first[:2], HumanMessage("other"), ANSWER)

    assert judged(first, fork, known=2, extent=Extent.PREFIXES).requests == 4


def test_a_violation_that_several_requests_repeat_is_there_once():
    stray = ToolMessage("?", tool_call_id="z")
    messages = (*BROKEN, ANSWER, USER, stray, ANSWER)

    found = judged(messages, extent=Extent.PREFIXES, provider="openai")

    assert [each.kind for each in found.violations] == [
        ViolationKind.MISSING_RESULT,
        ViolationKind.ORPHAN_RESULT,
    ]
    assert found.worst is not None
    assert found.worst.violation_count == 2


def test_a_given_profile_wins_over_what_the_row_tells():
    found = judged(BROKEN, provider="openai", profile=profile_named("contract"))

    assert found.target is not None
    assert (found.target.profile.name, found.effect) == ("contract", Effect.UNKNOWN)


def test_a_row_that_breaks_the_check_is_named_without_its_content(monkeypatch):
    def fail(*_):
        msg = "secret content"
        raise RecursionError(msg)

    monkeypatch.setattr("toolpair_observe.histories.judging.judge_transcript", fail)
    found = judged(CLEAN)

    assert found.unit.status is Status.UNREADABLE
    assert found.unit.reason == "it could not be checked (RecursionError)"
    assert found.requests == 0


def test_a_list_that_is_too_long_is_named():
    found = judged([USER] * 11, limits=ReadLimits(messages=10))

    assert found.unit.reason == "the history has more than 10 messages"


def test_broken_prefixes_are_judged_up_to_a_bound(monkeypatch):
    monkeypatch.setattr("toolpair_observe.histories.judging.PREFIX_WORK", 200)
    turns = [message for n in range(50) for message in (HumanMessage("x"), call(str(n)))]

    found = judged(turns, extent=Extent.PREFIXES)

    assert found.unit.status is Status.UNREADABLE
    assert "more than 200 messages, calls and results together" in found.unit.reason


def test_long_sound_prefixes_are_no_work(monkeypatch):
    monkeypatch.setattr("toolpair_observe.histories.judging.PREFIX_WORK", 2_000)
    turns = [
        m for n in range(200) for m in (USER, call(str(n)), ToolMessage("", tool_call_id=str(n)))
    ]

    assert judged(turns, extent=Extent.PREFIXES).effects == {Effect.CLEAN: 200}


def test_ids_that_are_made_up_are_shown_nowhere():
    one = unit(BROKEN, provider="openai")
    object.__setattr__(one, "dialect", LIVE._replace(has_ids=False))

    found = judge_unit(one, ReadLimits())

    assert [each.tool_call_id for each in found.violations] == [""]


def test_a_checked_unit_tells_everything_that_the_command_prints():
    found = judged(
        BROKEN,
        provider="openai",
        recorded=Recorded.REJECTED,
        rejected_kind=ViolationKind.MISSING_RESULT,
        thread_id="t",
        run_id="r",
    )
    told = to_dict(found, "a.jsonl", lambda name: f"<{name}>")
    (violation,) = told.pop("violations")

    assert violation["kind"] == "missing_result"
    assert told == {
        "file": "a.jsonl",
        "line": 1,
        "row": "",
        "format": "live",
        "layer": "langchain",
        "status": "checked",
        "requests": 1,
        "effect": "reject",
        "kinds": ["missing_result"],
        "causes": ["partial_execution"],
        "profile": "openai-chat",
        "identified": told["identified"],
        "provider": "openai",
        "model": None,
        "recorded": "rejected",
        "rejected_kind": "missing_result",
        "masked": [],
        "thread_id": "<t>",
        "run_id": "<r>",
    }


def test_an_id_that_a_message_has_three_times_is_there_twice_too_often():
    calls = [{"name": "look", "args": {}, "id": "a"}] * 3
    messages = (USER, AIMessage("", tool_calls=calls), RESULT)
    found = check(list(messages), PROFILES["openai-chat"], Facts()).violations

    assert judged(messages, profile=PROFILES["openai-chat"]).violations == found
    assert [each.kind for each in found].count(ViolationKind.DUPLICATE_CALL_ID) == 2


def test_the_requests_that_are_harmed_have_their_numbers():
    messages = (USER, ANSWER, *BROKEN, ANSWER, USER, ANSWER)
    found = judged(messages, extent=Extent.PREFIXES, profile=PROFILES["openai-chat"])

    assert found.requests == 4
    assert found.harmed == {2, 3}
