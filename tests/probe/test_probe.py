"""`probe(model)`: a plan that sends nothing, and what it learns when it is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.probe.scripted import MODEL, WORDS, measurement
from toolpair_observe import ProbeError, SettingsError, probe
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing import probe as probing
from toolpair_observe.probing.asking import INTERRUPTED
from toolpair_observe.probing.measurement import Answer, Endpoint, Verdict
from toolpair_observe.probing.probe import plan_again
from toolpair_observe.probing.requests import CONTROLS, PROBES, Probe

NAMES = [each.name for each in PROBES]
SOUND = [each.name for each in CONTROLS]
BROKEN = [name for name in NAMES if name not in SOUND]


def test_a_plan_sends_nothing(script):
    plan = probe(MODEL)
    str(plan)
    plan.to_dict()
    assert script.asked == []
    assert (plan.host, plan.model) == ("llm.example.com:8000", "gpt-oss-20b")
    assert sorted(plan.probes) == sorted(NAMES)


def test_the_sound_histories_are_asked_first(script):
    probe(MODEL).send()
    assert script.asked[: len(SOUND)] == SOUND
    assert set(script.asked) >= set(NAMES)


def test_no_more_is_sent_than_the_plan_says(script):
    plan = probe(MODEL, repeat=2)
    assert plan.send().requests <= plan.requests
    assert probe(MODEL, repeat=4).requests > plan.requests
    assert probe(MODEL, repeat=4).input_tokens > plan.input_tokens > 0


def test_only_leaves_out_all_but_the_sound_ones(script):
    plan = probe(MODEL, only="missing/*")
    result = plan.send()
    named = [name for name in BROKEN if name.startswith("missing/")]
    assert script.asked == [*SOUND, *named]
    assert not result.is_complete
    assert not result.is_interrupted
    assert result.measurement.findings.elsewhere is Effect.UNKNOWN
    assert "not all was asked" in str(result)


def test_only_that_names_none_is_an_error_that_names_some(script):
    with pytest.raises(SettingsError, match=r"only is 'mising/\*'.*missing/\*"):
        probe(MODEL, only="mising/*")


@pytest.mark.parametrize(
    "wrong",
    [
        {"repeat": 0},
        {"rate": 0},
        {"rate": float("nan")},
        {"timeout": -1},
        {"timeout": "60"},
    ],
)
def test_a_number_out_of_range_is_an_error_that_names_it(script, wrong):
    (name,) = wrong
    with pytest.raises(ProbeError, match=f"^{name} is "):
        probe(MODEL, **wrong)


def test_the_options_reach_what_asks(script):
    probe(MODEL, repeat=3, rate=7.5, timeout=9.0).send()
    assert (script.options.repeat, script.options.rate, script.options.timeout) == (3, 7.5, 9.0)


def test_each_answer_is_reported_with_how_many_there_are(script):
    told = []
    probe(MODEL).send(lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(1, len(script.asked) + 1))
    assert all(done <= of for done, of in told)


def test_further_histories_are_asked_until_none_is_left(script, monkeypatch):
    further = [Probe("more/1", "H A(x) A H"), Probe("more/2", "H A(x) A A H")]
    monkeypatch.setattr(
        probing, "next_probe", lambda answers, base: further.pop(0) if further else None
    )
    result = probe(MODEL).send()
    assert script.asked[-2:] == ["more/1", "more/2"]
    assert result.is_complete


def test_further_histories_without_end_are_ended(script, monkeypatch):
    monkeypatch.setattr(probing, "next_probe", lambda answers, base: Probe("more", "H A(x) A H"))
    plan = probe(MODEL)
    result = plan.send()
    assert len(PROBES) < len(script.asked) < len(PROBES) + 100
    assert result.requests <= plan.requests


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict.SILENT_LOSS, "it loses the result of even a sound history"),
        (Verdict.UNSTABLE, "its answers differ on even a sound history"),
    ],
)
def test_an_endpoint_that_is_not_sound_itself_is_not_measured(script, verdict, told):
    script.verdicts[SOUND[0]] = verdict
    with pytest.raises(ProbeError, match=told):
        probe(MODEL).send()
    assert script.asked == [SOUND[0]]


def test_what_asking_raises_is_raised(script):
    script.verdicts[BROKEN[-1]] = ProbeError("the key is refused")
    with pytest.raises(ProbeError, match="the key is refused"):
        probe(MODEL).send()


def test_what_an_endpoint_answers_in_the_end_counts(script):
    script.settled[BROKEN[0]] = Verdict.UNSTABLE
    answers = probe(MODEL).send().measurement.answers
    assert [each.probe for each in answers if each.verdict is Verdict.UNSTABLE] == [BROKEN[0]]


def test_an_endpoint_that_counts_no_tokens_says_so(script):
    assert "no loss was to be seen" not in str(probe(MODEL).send())
    script.counts = False
    result = probe(MODEL).send()
    assert not result.sees_losses
    assert "no loss was to be seen" in str(result)


def test_a_history_that_is_sent_once_shows_no_loss(script):
    assert probe(MODEL, repeat=2).send().sees_losses
    assert not probe(MODEL, repeat=1).send().sees_losses


def test_a_slow_rate_has_the_time_that_it_needs(script):
    probe(MODEL, rate=1).send()
    assert script.options.deadline > 60 * 2 * len(PROBES)


def test_an_endpoint_that_no_longer_answers_keeps_what_was_learned(script):
    script.verdicts[BROKEN[-1]] = "the endpoint no longer answers"
    result = probe(MODEL).send()
    assert (result.stopped, result.is_complete) == ("the endpoint no longer answers", False)
    assert not result.is_interrupted
    assert [each.probe for each in result.measurement.answers] == script.asked

    script.verdicts[SOUND[-1]] = "the endpoint no longer answers"
    with pytest.raises(ProbeError, match="can't be measured: the endpoint no longer answers"):
        probe(MODEL).send()


def test_an_interrupt_keeps_what_was_learned(script):
    script.verdicts[BROKEN[-1]] = INTERRUPTED
    result = probe(MODEL).send()
    assert result.is_interrupted
    assert not result.is_complete
    answered = [answer.probe for answer in result.measurement.answers]
    assert answered == script.asked
    assert BROKEN[-1] not in answered
    assert result.measurement.findings.elsewhere is Effect.UNKNOWN


def test_an_interrupt_between_two_requests_keeps_it_too(script, monkeypatch):
    def interrupted(answers, base):
        raise KeyboardInterrupt

    monkeypatch.setattr(probing, "next_probe", interrupted)
    result = probe(MODEL).send()
    assert result.is_interrupted
    assert [each.probe for each in result.measurement.answers] == NAMES
    assert result.measurement.findings.elsewhere is Effect.UNKNOWN


@pytest.mark.parametrize("at", [SOUND[0], SOUND[-1], BROKEN[0]])
def test_an_interrupt_before_anything_is_learned_stays_one(script, at):
    script.verdicts[at] = INTERRUPTED
    with pytest.raises(KeyboardInterrupt):
        probe(MODEL).send()


def test_a_result_is_for_people_programs_and_files(script, tmp_path):
    script.verdicts[BROKEN[0]] = Verdict.REJECT
    result = probe(MODEL).send()
    told = result.to_dict()
    assert (told["host"], told["complete"], told["stopped"]) == (
        "llm.example.com:8000",
        True,
        "",
    )
    (refused,) = [each for each in told["answers"] if each["verdict"] == "reject"]
    assert (refused["probe"], refused["text"]) == (BROKEN[0], WORDS)
    result.write(tmp_path / "a.toml")
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == result.to_toml()
    assert "gpt-oss-20b" in result.explain()
    assert result.profile.name


def test_what_was_asked_can_be_asked_again(script):
    before = measurement(
        Answer(SOUND[0], "H A(x) T(x)", Verdict.ACCEPT), Answer("more/1", "H A(x) A H", "accept")
    )
    assert plan_again(MODEL, before).probes == (SOUND[0], "more/1")


@pytest.mark.parametrize(
    "other",
    [
        Endpoint("other.example.com", "gpt-oss-20b", "openai-chat", "openai-compatible"),
        Endpoint("llm.example.com:8000", "other", "openai-chat", "openai-compatible"),
    ],
)
def test_another_endpoint_is_not_compared(script, other):
    with pytest.raises(ProbeError, match="and the model goes to gpt-oss-20b at llm"):
        plan_again(MODEL, measurement(endpoint=other))


@pytest.mark.parametrize("field", ["host", "model", "integration", "profile"])
@pytest.mark.usefixtures("script")
def test_who_sends_otherwise_is_not_asked_again(field):
    before = probe(MODEL).send().measurement
    other = replace(before, endpoint=replace(before.endpoint, **{field: "openai-responses"}))

    plan_again(MODEL, before)
    with pytest.raises(ProbeError, match=r"is .*openai-responses.*, and the model goes to "):
        plan_again(MODEL, other)
