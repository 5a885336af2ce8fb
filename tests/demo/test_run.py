"""The cases of the demo: predicted, answered, blocked; and what a wrong prediction looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolpair_observe import Effect, ViolationKind
from toolpair_observe.demo.cases.run import run_demo
from toolpair_observe.demo.cases.scenarios import SCENARIOS
from toolpair_observe.demo.loopback.judge import WireError, judge
from toolpair_observe.demo.loopback.provider import LoopbackProvider


def run(judged_by=judge, scenarios=SCENARIOS):
    with LoopbackProvider(judge=judged_by) as provider:
        result = run_demo(scenarios, provider)
        return result, provider.requests


@pytest.fixture(scope="module")
def demo():
    return run()


def test_the_cases_are_those_of_langchains_page(demo):
    result, _ = demo

    assert [
        (case.observed.effect, [v.kind for v in case.observed.report.violations])
        if case.observed.report
        else (case.observed.effect, [])
        for case in result.cases
    ] == [
        (Effect.REJECT, [ViolationKind.MISSING_RESULT]),
        (Effect.CLEAN, []),
        (Effect.REJECT, [ViolationKind.DUPLICATE_RESULT]),
        (Effect.REJECT, [ViolationKind.ORPHAN_RESULT]),
    ]


def test_the_provider_answers_as_predicted_in_the_very_words(demo):
    result, _ = demo

    assert [case.observed.answer.status for case in result.cases] == [400, 200, 400, 400]
    assert [case.has_predicted_text for case in result.cases] == [True, False, True, True]
    assert result.agrees
    assert [case.disagreements() for case in result.cases] == [[], [], [], []]


def test_strict_mode_blocks_the_three_and_nothing_of_them_arrives(demo):
    result, requests = demo

    assert [case.strict.blocked for case in result.cases] == [True, False, True, True]
    assert [case.strict.requests for case in result.cases] == [0, 1, 0, 0]
    # Four observed, and the one that strict mode allowed.
    assert len(requests) == 5


def test_the_metrics_count_what_happened(demo):
    result, _ = demo
    rows = {
        (row.name, *(f"{key.split('.')[-1]}={value}" for key, value in row.labels)): row.value
        for row in result.metrics
    }
    rows = {
        tuple(part for part in key if not part.startswith("name=")): n for key, n in rows.items()
    }

    target = ("model=gpt-4o-mini",)
    assert rows["toolpair.checks", "effect=reject", "mode=observe", *target] == 3
    assert rows["toolpair.checks", "effect=reject", "mode=strict", *target] == 3
    assert rows["toolpair.checks", "effect=clean", "mode=observe", *target] == 1
    assert rows["toolpair.checks", "effect=clean", "mode=strict", *target] == 1
    assert rows["toolpair.outcomes", "outcome=rejected", "effect=reject", *target] == 3
    assert rows["toolpair.outcomes", "outcome=blocked", "effect=reject", *target] == 3
    assert rows["toolpair.outcomes", "outcome=accepted", "effect=clean", *target] == 2
    assert sum(n for (name, *_), n in rows.items() if name == "toolpair.violations") == 6
    assert sum(n for (name, *_), n in rows.items() if name == "toolpair.check.duration") == 8
    assert not [name for name, *_ in rows if name == "toolpair.internal.errors"]


def test_a_provider_that_takes_broken_pairs_is_a_disagreement():
    result, _ = run(lambda _: None)

    assert not result.agrees
    assert [case.disagreements() for case in result.cases] == [
        ["reject was predicted, but the provider answered"],
        [],
        ["reject was predicted, but the provider answered"],
        ["reject was predicted, but the provider answered"],
    ]


def test_a_provider_that_refuses_sound_pairs_is_a_disagreement():
    refusal = judge(SCENARIO_MESSAGES)
    assert refusal is not None

    result, _ = run(lambda _: refusal, scenarios=SCENARIOS[1:2])

    assert result.cases[0].disagreements() == [
        "clean was predicted, but the provider refused",
        "strict mode allowed a request that the provider refused",
    ]


SCENARIO_MESSAGES = [{"role": "tool", "content": "", "tool_call_id": "a"}]


def test_a_refusal_for_another_reason_is_a_disagreement():
    other = WireError("You exceeded your current quota.", None)

    result, _ = run(lambda _: other, scenarios=SCENARIOS[:1])

    assert result.cases[0].disagreements() == [
        "the provider refused for a reason that was not predicted: it names no pairing fault"
    ]


def test_other_words_for_the_same_fault_agree():
    other = WireError(
        "tool_call_ids did not have response messages: an assistant message with 'tool_calls' "
        "must be followed by tool messages responding to each 'tool_call_id'",
        None,
    )

    result, _ = run(lambda _: other, scenarios=SCENARIOS[:1])

    assert result.agrees
    assert not result.cases[0].has_predicted_text


def test_a_block_that_does_not_keep_the_request_back_is_a_disagreement(demo):
    result, _ = demo
    leaky = replace(result.cases[0].strict, requests=1)

    case = replace(result.cases[0], strict=leaky)

    assert case.disagreements() == ["strict mode blocked, but a request was still sent"]


@pytest.mark.parametrize(
    ("number", "blocked", "text"),
    [
        (0, False, "strict mode allowed a request that it should have blocked"),
        (1, True, "strict mode blocked a request that it should have allowed"),
    ],
)
def test_a_block_in_the_wrong_place_is_a_disagreement(demo, number, blocked, text):
    result, _ = demo
    case = result.cases[number]

    changed = replace(case, strict=replace(case.strict, blocked=blocked))

    assert changed.disagreements() == [text]


@pytest.mark.parametrize("scheme", ["http", "socks5", "nonsense"])
def test_a_proxy_of_the_environment_does_not_stand_between(monkeypatch, scheme):
    nobody_listens = f"{scheme}://127.0.0.1:9"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_PROXY"):
        monkeypatch.setenv(name, nobody_listens)
    monkeypatch.delenv("NO_PROXY", raising=False)

    result, _ = run(scenarios=SCENARIOS[:2])

    assert result.agrees


def test_the_hosts_options_in_the_environment_do_not_change_the_demo(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "off")
    monkeypatch.setenv("TOOLPAIR_PROFILE", "contract")
    monkeypatch.setenv("TOOLPAIR_BLOCK_ON", "unknown")
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    monkeypatch.setenv("TOOLPAIR_FEEDBACK", "all")

    result, _ = run()

    assert result.agrees
    assert all(case.has_predicted_text for case in result.cases if case.observed.report)
