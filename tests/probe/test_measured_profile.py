"""The profile that a measurement makes: what it judges, and what it leaves open."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from tests.probe.measured import ENDPOINT, FINDINGS, MEASUREMENT, WORDS, messages
from toolpair_observe import Effect, InvalidToolResultsError, check_messages
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.profile import Grade
from toolpair_observe.pairing.providers.rules import UNCHECKED
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Case
from toolpair_observe.probing.measurement import (
    Answer,
    Findings,
    Learned,
    LearnedMechanism,
    Verdict,
)
from toolpair_observe.probing.profile import OUT_OF_REACH, measured_profile

PROFILE = measured_profile(MEASUREMENT)
NINE = "abcdefgh"


def made(findings=FINDINGS, **changes):
    return measured_profile(replace(MEASUREMENT, findings=findings, **changes))


def of(profile, **findings):
    """Return what was measured of an endpoint whose requests have the steps of a profile."""
    return made(Findings(**findings), endpoint=replace(ENDPOINT, profile=profile))


def history(short):
    """Read a history whose ids have nine characters each."""
    for each in "xyz":
        short = short.replace(f"({each}", f"({NINE}{each}").replace(f",{each}", f",{NINE}{each}")
    return messages(short)


def judged(short, profile=PROFILE):
    return check_messages(history(short), profile)


@pytest.mark.parametrize(
    ("short", "effect"),
    [
        ("H A(x) T(x)", Effect.CLEAN),
        ("H A(x) T(x) A H A(y) T(y)", Effect.CLEAN),
        ("H A(x) H", Effect.REJECT),
        ("H T(z)", Effect.SILENT_LOSS),
        ("H A(x) T(x) T(x)", Effect.UNKNOWN),
        ("H A(x)", Effect.ACCEPT),
        ("T(z) H", Effect.ACCEPT),
        ("H A(x) H T(x)", Effect.ACCEPT),
        ("H A(x,y) T(x) T(y)", Effect.REJECT),
    ],
)
def test_a_history_is_judged_by_what_was_measured(short, effect):
    assert judged(short).effect is effect


def test_a_demand_of_ids_is_one_of_sound_histories():
    assert check_messages(messages("H A(x) T(x)"), PROFILE).effect is Effect.REJECT
    assert check_messages(messages(f"H A({NINE}x) T({NINE}x)"), PROFILE).effect is Effect.CLEAN


def test_the_endpoint_s_own_words_are_foretold_as_they_are():
    (of_a_case,) = judged("H A(x) H").violations
    (of_a_demand,) = judged("H A(x,y) T(x) T(y)").violations

    assert of_a_case.expected_error == WORDS
    assert of_a_demand.expected_error == "one call, {please}"


@pytest.mark.parametrize(
    "words", ["{", "}", "{}", "{0}", "{id}", "{{id}}", "{a.b[c]!r:>{d}}", "%s"]
)
def test_whatever_words_an_endpoint_has_are_no_placeholders(words):
    findings = replace(
        FINDINGS, cases={Case.MISSING_ALL: Learned(Effect.REJECT, words, ("missing/all_human",))}
    )

    (violation,) = judged("H A(x) H", made(findings)).violations

    assert violation.expected_error == words


def test_words_of_several_lines_stay_on_one():
    findings = replace(
        FINDINGS, cases={Case.MISSING_ALL: Learned(Effect.REJECT, "a\n::error::\x1b[2J", ())}
    )

    (violation,) = judged("H A(x) H", made(findings)).violations

    assert violation.expected_error.isprintable()


def test_a_loss_says_who_leaves_the_result_out():
    (violation,) = judged("H T(z)").violations

    assert violation.lost == "the server leaves it out of what the model reads"
    assert violation.expected_error == ""


def test_a_rule_says_when_and_with_what_it_was_measured():
    many = Learned(Effect.REJECT, "", tuple("abcdef"))
    rules = made(replace(FINDINGS, cases={Case.MISSING_ALL: many})).rules

    assert PROFILE.rules[Case.MISSING_ALL].grade is Grade.MEASURED
    assert PROFILE.rules[Case.MISSING_ALL].source == "measured on 2026-12-01: missing/all_human"
    assert rules[Case.MISSING_ALL].source == "measured on 2026-12-01: a, b, c, d and 2 more"
    assert PROFILE.demands[1].rule.source == "measured on 2026-12-01: id/41, id/65"


def test_where_nothing_is_left_open_what_no_finding_names_is_accepted():
    named = {*FINDINGS.cases, Case.UNSUPPORTED_RESULT}

    assert {PROFILE.rules[case].effect for case in UNCHECKED if case not in named} == {
        Effect.ACCEPT
    }
    assert PROFILE.rules[Case.UNSUPPORTED_RESULT].effect is Effect.UNKNOWN


def test_where_something_is_left_open_what_no_finding_names_is_unknown():
    profile = made(replace(FINDINGS, elsewhere=Effect.UNKNOWN))

    assert judged("H A(x)", profile).effect is Effect.UNKNOWN
    assert judged("H A(x) H", profile).effect is Effect.REJECT
    assert judged("H A(x) T(x)", profile).effect is Effect.CLEAN


@pytest.mark.parametrize(
    ("verdict", "effect"), [(Verdict.UNSTABLE, Effect.UNKNOWN), (Verdict.UNTOLD, Effect.CLEAN)]
)
def test_a_sound_history_is_told_where_answers_disagreed_and_not_where_there_is_none(
    verdict, effect
):
    probe = "beyond/system_after_tool"
    findings = Findings(
        {Case.SYSTEM_AFTER_TOOL: Learned(Effect.UNKNOWN, "", (probe,))}, elsewhere=Effect.ACCEPT
    )

    profile = made(findings, answers=(Answer(probe, "H A(x) T(x) S", verdict),))

    assert judged("H A(x) T(x) S", profile).effect is effect


@pytest.mark.parametrize("name", PROFILES)
def test_any_integration_s_server_is_forgotten_and_its_own_errors_are_kept(name):
    profile = of(name, elsewhere=Effect.ACCEPT)

    for case, rule in profile.rules.items():
        if rule.effect is Effect.LOCAL_ERROR:
            assert rule is PROFILES[name].rules[case]
        else:
            assert rule.effect is Effect.ACCEPT or case in OUT_OF_REACH
    assert profile.steps is PROFILES[name].steps
    assert (profile.id_max, profile.id_pattern) == (None, None)
    assert (profile.provider, profile.package) == (PROFILES[name].provider, PROFILES[name].package)


def test_an_error_of_the_integration_s_own_ends_where_it_was_seen_not_to_come():
    name, case = next(
        (name, case)
        for name, profile in PROFILES.items()
        for case, rule in profile.rules.items()
        if rule.effect is Effect.LOCAL_ERROR
    )

    assert of(name).rules[case].effect is Effect.LOCAL_ERROR
    assert of(name, cases={case: Learned(Effect.ACCEPT)}).rules[case].effect is Effect.ACCEPT


@pytest.mark.parametrize("version", ["1.0", "99"])
def test_what_was_measured_holds_in_each_version(version):
    demand = LearnedMechanism("human-needed", Effect.REJECT)
    profile = of(
        "anthropic",
        cases={Case.MISSING_ALL: Learned(Effect.REJECT, "no")},
        mechanisms=(demand,),
        elsewhere=Effect.ACCEPT,
    ).row(Facts(version=version))
    (old, new) = (PROFILES["anthropic"].row(Facts(version=each)) for each in ("1.0", "99"))

    assert profile.steps == (old if version == "1.0" else new).steps
    assert old.steps != new.steps
    assert profile.rules[Case.MISSING_ALL].text == "no"
    assert [each.mechanism.name for each in profile.demands] == ["human-needed"]
    assert profile.name == "measured:llm.example.com:8443/qwen3-32b"
    assert profile.base == "anthropic"


def test_the_name_and_the_title_say_who_was_measured_and_when():
    at_home = made(endpoint=replace(ENDPOINT, host="", model="a\nb"))

    assert PROFILE.name == "measured:llm.example.com:8443/qwen3-32b"
    assert PROFILE.title == (
        "the endpoint llm.example.com:8443 with the model qwen3-32b, as measured on 2026-12-01"
    )
    assert at_home.name == "measured:openai-compatible/a\\nb"
    assert at_home.title == (
        "the endpoint that openai-chat goes to by default with the model a\\nb, as measured on "
        "2026-12-01"
    )


@pytest.mark.parametrize("again", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
@pytest.mark.parametrize("name", PROFILES)
def test_a_measured_profile_goes_to_other_processes(name, again):
    profile = made(endpoint=replace(ENDPOINT, profile=name))

    other = again(profile)

    assert (other.name, other.title, other.base) == (profile.name, profile.title, profile.base)
    assert other.rules == profile.rules
    assert [each.rule for each in other.demands] == [each.rule for each in profile.demands]
    assert all(
        (ours.before, ours.models, ours.profile.rules)
        == (its.before, its.models, its.profile.rules)
        and ours.profile.steps == its.profile.steps
        for ours, its in zip(profile.rows, other.rows, strict=True)
    )
    for short in ("H A(x) T(x)", "H A(x) H", "H A(x,y) T(x) T(y)", "H T(z)", "T(z) H"):
        assert judged(short, other) == judged(short, profile)


def test_a_request_that_has_left_is_judged_by_it_too():
    assert judged("H A(x) H", on_wire(PROFILE)).effect is Effect.REJECT


@pytest.mark.parametrize("name", ["anthropic", "mistral", "openai-compatible"])
def test_what_is_raised_has_the_form_of_the_integration_s_client(name):
    profile = of(
        name, cases={Case.MISSING_ALL: Learned(Effect.REJECT, "not so")}, elsewhere=Effect.ACCEPT
    )
    broken = [*history("H A(x)"), HumanMessage("Go on.")]
    report = check_messages(broken, profile)
    as_built_in = replace(report, profile=name, base="")

    measured, built_in = InvalidToolResultsError(report), InvalidToolResultsError(as_built_in)

    assert "not so" in str(measured)
    assert vars(measured).keys() == vars(built_in).keys()
    assert measured.body == built_in.body
    assert (
        str(measured).rpartition("would answer: ")[2]
        == str(built_in).rpartition("would answer: ")[2]
    )
