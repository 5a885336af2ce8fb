"""What an audit counts, and that parts of it merge to the whole."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.audit.samples import (
    LOST,
    MISSING,
    ORPHAN,
    SECRET,
    SOUND,
    answers,
    asks,
    calls,
    judged,
    says,
    trajectory,
    unit,
    unread,
)
from toolpair_observe.attach.judge import Judge
from toolpair_observe.audit import aggregate as module
from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.audit.records import DIMENSIONS, day_of
from toolpair_observe.audit.told import sentence, tell
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.unit import Layer, Recorded, Status
from toolpair_observe.pairing.providers.identify import Target
from toolpair_observe.pairing.providers.recorded import Origin
from toolpair_observe.pairing.words import Effect, ViolationKind
from toolpair_observe.settings import Settings


def audited(*all_judged, **options) -> Aggregate:
    aggregate = Aggregate(AuditOptions(**options))
    for each in all_judged:
        aggregate.add(each, "a.jsonl")
    return aggregate


def test_the_sentence():
    aggregate = audited(
        judged(unit(SOUND, recorded=Recorded.ACCEPTED)),
        judged(unit(MISSING, line=2, recorded=Recorded.REJECTED)),
        judged(unit(ORPHAN, line=3, recorded=Recorded.REJECTED)),
        judged(unit(MISSING, line=4, recorded=Recorded.ACCEPTED)),
        judged(unit(MISSING, line=5, recorded=Recorded.FAILED)),
        judged(unit(MISSING, line=6)),
    )
    assert sentence(aggregate) == (
        "strict would have blocked 5 of 6 requests; 2 of them were refused anyway, 1 were answered "
        "(false blocks), 2 have no recorded answer."
    )
    assert tell(aggregate)["blocked"]["failed"] == 1


@pytest.mark.parametrize("profile", ["openai-chat", "google-genai", "contract", None])
@pytest.mark.parametrize("messages", [SOUND, MISSING, LOST], ids=["sound", "missing", "lost"])
@pytest.mark.parametrize("block_on", [(), ("reject",), ("silent_loss",)])
@pytest.mark.parametrize("block_unidentified", [True, False])
def test_what_is_blocked_is_what_strict_blocks(profile, messages, block_on, block_unidentified):
    found = judged(unit(messages), profile)
    settings = Settings.resolve(block_on=block_on, block_unidentified=block_unidentified)
    judge = Judge(settings, SimpleNamespace())
    stopping = found.worst and judge.stopping_kinds(found.worst, identified=found.target.identified)
    aggregate = audited(
        found, block_on=settings.block_on, block_unidentified=settings.block_unidentified
    )
    assert aggregate.total("blocked") == bool(stopping)


def test_an_answer_is_that_of_all_requests_and_an_error_that_of_one():
    history = (asks(), says(), asks(), calls("call_a"), asks(), says(), asks(), says())
    answered = audited(judged(trajectory(history, recorded=Recorded.ACCEPTED)))
    assert answered.requests == 4
    assert answered.total("accepted") == 4
    assert answered.total("blocked_answered") == answered.total("blocked") == 2
    refused = audited(judged(trajectory(history, recorded=Recorded.REJECTED)))
    assert refused.total("rejected") == refused.total("blocked_refused") == 1
    assert tell(refused)["blocked"]["no_answer"] == 1


@pytest.mark.parametrize(
    ("messages", "profile", "recorded", "comparison"),
    [
        (SOUND, "openai-chat", Recorded.ACCEPTED, "agrees"),
        (MISSING, "openai-chat", Recorded.ACCEPTED, "disagrees"),
        (MISSING, "openai-chat", Recorded.REJECTED, "agrees"),
        (SOUND, "openai-chat", Recorded.REJECTED, "disagrees"),
        (MISSING, None, Recorded.REJECTED, "undecided"),
    ],
)
def test_predictions_against_recorded_answers(messages, profile, recorded, comparison):
    aggregate = audited(judged(unit(messages, recorded=recorded), profile))
    assert tell(aggregate)["agreement"] == [
        {"recorded": recorded.value, "prediction": comparison, "requests": 1}
    ]


def test_a_refusal_of_what_was_clean_is_an_escape_with_an_example():
    given = unit(
        SOUND, recorded=Recorded.REJECTED, rejected_kind=ViolationKind.ORPHAN_RESULT, thread_id="t"
    )
    told = tell(audited(judged(given)))
    assert told["escaped"] == 1
    assert told["near_misses"] == 0
    assert [each["rejected_kind"] for each in told["worst"]] == ["orphan_result"]
    assert [each["thread_id"] for each in told["threads"]["worst"]] == ["t"]


def test_silent_losses_and_those_that_were_answered():
    aggregate = audited(
        judged(unit(LOST, recorded=Recorded.ACCEPTED), "google-genai"),
        judged(unit(LOST, line=2), "google-genai"),
    )
    assert tell(aggregate)["silent_loss"] == {"requests": 2, "answered": 1}


def test_kinds_by_cause_and_by_whom():
    aggregate = audited(
        judged(unit(MISSING, at="2026-11-03T10:00:00Z")),
        judged(unit(ORPHAN, line=2, at="2026-11-04T10:00:00Z")),
        judged(unit(SOUND, line=3, at="2026-11-04T10:00:00Z")),
    )
    told = tell(aggregate)
    assert {(each["kind"], each["effect"]): each["units"] for each in told["kinds"]} == {
        ("missing_result", "reject"): 1,
        ("orphan_result", "reject"): 1,
    }
    assert all(each["cause"] for each in told["kinds"])
    days = told["by"]["day"]["values"]
    assert [(each["value"], each["requests"], each["kinds"]) for each in days] == [
        ("2026-11-04", 2, {"orphan_result": 1}),
        ("2026-11-03", 1, {"missing_result": 1}),
    ]
    assert told["by"]["provider"]["values"][0]["value"] == "openai"
    assert told["by"]["provider"]["values"][0]["near_misses"] == 2


def test_the_worst_threads_come_first():
    aggregate = audited(
        *(judged(unit(MISSING, line=n, thread_id="often")) for n in range(3)),
        judged(unit(MISSING, line=7, thread_id="once")),
        judged(unit(SOUND, line=8, thread_id="never")),
    )
    threads = tell(aggregate)["threads"]
    assert threads["near_miss_threads"] == 2
    assert [(each["thread_id"], each["units"]) for each in threads["worst"]] == [
        ("often", 3),
        ("once", 1),
    ]


def test_what_was_not_checked_is_grouped_by_reason_with_the_first_place():
    told = tell(
        audited(
            judged(unread("message 3: unknown key 'x'", line=9)),
            judged(unread("message 14: unknown key 'x'", line=4)),
            judged(unread("tool run", Status.NOT_A_REQUEST)),
        )
    )
    (reason,) = told["unreadable"]["reasons"]
    assert reason["reason"] == "message N: unknown key 'x'"
    assert reason["units"] == told["unreadable"]["units"] == 2
    assert reason["first"]["line"] == 4
    assert reason["first"]["reason"] == "message 14: unknown key 'x'"
    assert told["not_a_request"]["reasons"][0]["reason"] == "tool run"
    assert told["requests"] == 0


def many_units():
    kinds = (SOUND, MISSING, ORPHAN, LOST)
    for number in range(60):
        yield judged(
            unit(
                kinds[number % 4],
                line=number + 1,
                at=f"2026-11-{1 + number % 9:02}T00:00:00Z",
                thread_id=f"thread {number % 7}",
                recorded=(None, *Recorded)[number % 4 - number % 3],
            ),
            ("openai-chat", "google-genai", None)[number % 3],
        )
        if number % 10 == 0:
            yield judged(
                unread(f"message {number}: an {'odd' * (number % 3)} key", line=number + 1)
            )


def test_parts_merge_to_the_whole_in_any_order(monkeypatch):
    for name in ("_CELLS", "_THREADS", "_REASONS", "_GROUPS", "_OF_EACH_GROUP", "_FINDINGS"):
        monkeypatch.setattr(module, name, 3)
    every = list(many_units())
    options = {"wants_findings": True}
    whole = audited(*every, **options)
    third = [audited(*every[start::3], **options) for start in range(3)]
    merged = Aggregate(whole.options)
    for part in (pickle.loads(pickle.dumps(each)) for each in (third[2], third[0], third[1])):
        merged.merge(part)
    assert tell(merged) == tell(whole)
    assert merged.findings.records() == whole.findings.records()
    restored = Aggregate(whole.options)
    restored.restore(json.loads(json.dumps(whole.state())))
    assert tell(restored) == tell(whole)


def test_memory_stays_small_where_everything_is_new():
    aggregate = Aggregate(AuditOptions(wants_findings=True))
    broken = judged(unit(MISSING))
    for number in range(3_000):
        given = unit(
            MISSING, line=number, thread_id=f"{number:x}", at=f"{1000 + number}-01-01T00:00:00"
        )
        aggregate.add(
            type(broken)(
                unit=given,
                effects=broken.effects,
                kinds=broken.kinds,
                causes=broken.causes,
                target=broken.target,
                violations=broken.violations,
                worst=broken.worst,
                messages=3,
            ),
            "a.jsonl",
        )
    told = tell(aggregate)
    assert len(told["worst"]) == module._OF_EACH_GROUP
    assert told["requests"] == 3_000
    assert len(told["threads"]["worst"]) == 50


def test_nothing_of_the_content_is_told():
    told = json.dumps(tell(audited(*many_units(), wants_findings=True)))
    assert SECRET not in told
    assert "launch" not in told


def test_ids_are_hashed_where_that_is_asked_for():
    aggregate = Aggregate(AuditOptions(hash_ids=True))
    aggregate.add(judged(unit(MISSING, thread_id="thread_x", run_id="run_x")), "a.jsonl")
    told = json.dumps(tell(aggregate))
    assert "thread_x" not in told
    assert "run_x" not in told
    assert told.count("hmac:") >= 2


def test_the_layers_are_counted():
    aggregate = audited(judged(), judged(unit(layer=Layer.WIRE, line=2)))
    assert tell(aggregate)["layers"] == {"langchain": 1, "wire": 1}


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-11-03T10:11:12.123456", "2026-11-03"),
        ("2026-11-03T23:30:00-05:00", "2026-11-04"),
        ("2026-11-03", "2026-11-03"),
        ("2026-11-03 10:11:12.1234567890 UTC", "2026-11-03"),
        ("1793700672", "2026-11-03"),
        ("1793700672123", "2026-11-03"),
        ("1793700672123456789", "2026-11-03"),
        ("1793700672.5", "2026-11-03"),
        ("yesterday", ""),
        ("99999999999999999999999", ""),
        ("", ""),
    ],
)
def test_the_day_of_a_time(at, day):
    assert day_of(at) == day


# Alternatives


def others(messages, own, *labels, **known):
    aggregate = Aggregate(AuditOptions())
    found = judged(unit(messages, **known), own)
    for label in labels:
        asked = alternative(label)
        other = judge_unit(
            found.unit, DEFAULT_LIMITS, target=asked.target(found.target, on_wire=False)
        )
        aggregate.add_other(found, other, asked)
    return {each["as"]: each for each in tell(aggregate)["as"]}


def test_the_same_traffic_under_another_provider():
    found = others(LOST, "google-genai", "openai-chat", "google-genai")
    assert found["openai-chat"]["profile"] == "google-genai"
    assert found["openai-chat"]["reject"] == 1
    # What is lost in silence today is harm already.
    assert found["openai-chat"]["breaks"] == 0
    assert found["google-genai"]["silent_loss"] == 1
    late = (asks(), calls("call_a"), asks(), answers("call_a"))
    assert others(late, "openai-responses", "openai-chat")["openai-chat"]["breaks"] == 1
    assert others(late, "openai-chat", "openai-responses")["openai-responses"]["mends"] == 1


def test_a_request_that_mends_is_not_set_off_against_one_that_breaks():
    aggregate = Aggregate(AuditOptions())
    found = judged(trajectory((*MISSING, says(), asks(), says())))
    assert found.harmed == {1, 2}
    aggregate.add_other(found, replace(found, harmed=frozenset({0})), alternative("anthropic"))
    (told,) = tell(aggregate)["as"]
    assert (told["breaks"], told["mends"]) == (1, 2)


def test_a_record_is_found_by_what_it_is_summed_up_under():
    at = "2026-11-03T23:30:00-05:00"
    found = judged(unit(MISSING, at=at, origin=Origin(provider="acme", model="m-1")), None)
    told = tell(audited(found))
    (record,) = told["worst"]
    (cell,) = told["cells"]["rows"]
    assert [record[name] for name in DIMENSIONS] == cell[: len(DIMENSIONS)]
    assert record["day"] == "2026-11-04"
    assert record["provider"] == "acme"


def test_what_cannot_be_told_of_an_alternative_is_said():
    aggregate = Aggregate(AuditOptions())
    aggregate.add_other(judged(), None, alternative("anthropic"))
    (told,) = tell(aggregate)["as"]
    assert told["untold"] == 1
    assert told["requests"] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpt", "no profile is called 'gpt'"),
        ("openai-chat@new", "after the @ stands a version"),
        ("@1.0", "no profile is called ''"),
    ],
)
def test_an_alternative_that_is_none(text, words):
    with pytest.raises(ValueError, match=words):
        alternative(text)


def test_an_alternative_keeps_the_model_of_its_own_provider_only():
    given = judged(profile="anthropic").target
    facts = given.facts.but(model="claude-x", version="1.0")
    own = Target(given.profile, facts, "claude-x", "anthropic", identified=True)
    assert alternative("openai-chat@1.2").target(own, on_wire=False).facts.model is None
    there = alternative("anthropic@1.2").target(own, on_wire=False)
    assert (there.facts.model, there.facts.version) == ("claude-x", "1.2")
    assert there.identified


def test_effects_are_the_first_measures():
    assert module.MEASURES[: len(Effect)] == tuple(effect.value for effect in Effect)


def test_a_record_is_small_whatever_the_unit_is():
    ids = [f"{number:0400}" for number in range(400)]
    history = [asks(), calls(*ids), *(answers(f"other {each}") for each in ids[::-1]), asks()]
    given = unit(history, row="x" * 10_000, thread_id="t" * 10_000, run_id="r" * 10_000)
    (record,) = tell(audited(judged(given)))["worst"]
    assert len(json.dumps(record)) < 20_000
    assert len(record["violations"]) == 6
    assert record["more_violations"] > 100
    assert 0 < len(record["timeline"]) <= 24


def test_totals_are_exact_though_cells_are_summed_up(monkeypatch):
    monkeypatch.setattr(module, "_CELLS", 3)
    days = [f"2026-11-{day:02}" for day in range(1, 10)]
    aggregate = Aggregate(AuditOptions())
    for day in days:
        aggregate.add(judged(unit(MISSING, at=day)), "f")
    told = tell(aggregate)
    assert told["cells"]["rest"] != [0] * len(told["cells"]["rest"])
    assert [each["units"] for each in told["kinds"]] == [9]
    (profile,) = told["by"]["profile"]["values"]
    assert (profile["requests"], profile["kinds"]) == (9, {"missing_result": 9})
    assert [each["value"] for each in told["by"]["day"]["values"]] == days[::-1]
    assert told["by"]["day"]["rest"] == {"requests": 0}
