"""What is made of answers, whatever the order, the number and the words of them."""

from __future__ import annotations

import random
import uuid

import pytest

from toolpair_observe import check_messages
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.providers.places import unproven
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing.features import sight_of
from toolpair_observe.probing.fit import MOST_FURTHER, findings_of, next_probe
from toolpair_observe.probing.measurement import Answer, Verdict
from toolpair_observe.probing.requests import PROBES, messages_of

BASE = unproven(PROFILES["openai-compatible"])


def minding(*names, effect=Verdict.REJECT):
    """A server that minds these mechanisms."""

    def verdict(history):
        unmet = {each.mechanism for each in sight_of(history, BASE).features}
        found = next((name for name in names if name in unmet), None)
        return (effect, f"no {found}") if found else (Verdict.ACCEPT, "")

    return verdict


def asked(verdict, base=BASE):
    """All that is asked of a server."""
    answers = [Answer(each.name, each.history, *verdict(each.history)) for each in PROBES]
    while (probe := next_probe(answers, base)) is not None:
        answers.append(Answer(probe.name, probe.history, *verdict(probe.history)))
    return answers


def named(findings):
    return {each.name for each in findings.mechanisms}


def missing_anywhere(history):
    """What APIs that pair by id alone refuse: a call that no later message answers."""
    messages = messages_of(history)
    for place, message in enumerate(messages):
        later = {each.tool_call_id for each in messages[place:] if each.type == "tool"}
        for call in getattr(message, "tool_calls", ()):
            if call["id"] not in later:
                return Verdict.REJECT, "No tool output found"
    return Verdict.ACCEPT, ""


def more_than_two_results(history):
    count = history.count("T(")
    return (Verdict.REJECT, "Bad request") if count > 2 else (Verdict.ACCEPT, "")


def more_than_three_calls(history):
    count = sum(len(getattr(each, "tool_calls", ())) for each in messages_of(history))
    return (Verdict.REJECT, "Bad request") if count > 3 else (Verdict.ACCEPT, "")


def two_humans_before_an_ai(history):
    is_bad = "H H A" in history
    return (Verdict.REJECT, "Bad request") if is_bad else (Verdict.ACCEPT, "")


def loses_all_but_two_results(history):
    return (Verdict.SILENT_LOSS if history.count("T(") > 2 else Verdict.ACCEPT), ""


def test_a_server_that_pairs_by_id_alone_is_explained_by_one_mechanism():
    findings = findings_of(asked(missing_anywhere), BASE)
    assert (findings.cases, named(findings)) == ({}, {"calls-answered-behind"})


@pytest.mark.parametrize("name", ["no-system-last", "no-ai-last", "result-id-anywhere"])
def test_what_stands_last_or_anywhere_is_not_taken_for_what_stands_before(name):
    assert named(findings_of(asked(minding(name)), BASE)) == {name}


@pytest.mark.parametrize(
    "verdict",
    [
        more_than_two_results,
        more_than_three_calls,
        two_humans_before_an_ai,
        loses_all_but_two_results,
    ],
)
def test_a_rule_that_no_mechanism_is_leaves_the_rest_unknown(verdict):
    findings = findings_of(asked(verdict), BASE)
    assert findings.unexplained
    assert findings.elsewhere is Effect.UNKNOWN
    assert not findings.mechanisms
    assert not findings.cases


def test_words_with_an_id_in_them_are_the_same_words():
    draw = random.Random(3)  # noqa: S311 -- no secret

    def verdict(history):
        is_bad = history.count("T(") > 2 or history.startswith("T")
        text = f"Bad request, id {uuid.UUID(int=draw.getrandbits(128))}" if is_bad else ""
        return (Verdict.REJECT if is_bad else Verdict.ACCEPT), text

    findings = findings_of(asked(verdict), BASE)
    assert findings.unexplained
    assert not findings.mechanisms, "what is refused in the same words is not explained in part"


@pytest.mark.parametrize("ids", ["id-alphanumeric", "id-with-dashes"])
@pytest.mark.parametrize("of", ["", "-of-calls", "-of-results"])
def test_whose_ids_are_minded_is_told(ids, of):
    assert named(findings_of(asked(minding(ids + of)), BASE)) == {ids + of}


def test_a_call_that_stands_alone_is_asked_before_it_is_said_to_be_refused():
    findings = findings_of(asked(minding("human-if-alone")), BASE)
    assert named(findings) == {"human-if-alone"}
    findings = findings_of(asked(minding("result-not-first")), BASE)
    assert named(findings) == {"result-not-first"}


@pytest.mark.parametrize("names", [("one-call", "calls-answered"), ("roles-alternate",)])
def test_the_order_of_the_answers_does_not_matter(names):
    answers = asked(minding(*names))
    findings = findings_of(answers, BASE)
    random.Random(5).shuffle(answers)  # noqa: S311 -- no secret
    again = findings_of(answers, BASE)
    assert named(again) == named(findings)
    assert (again.cases.keys(), again.elsewhere) == (findings.cases.keys(), findings.elsewhere)


def test_the_same_answers_lead_to_the_same_questions():
    verdict = minding("result-follows-calls", "system-first")
    assert asked(verdict) == asked(verdict)


def test_what_is_answered_at_random_is_never_explained():
    def verdict(history):
        is_bad = history.startswith("T")
        return (Verdict.UNSTABLE if is_bad else Verdict.ACCEPT), ""

    answers = asked(verdict)
    findings = findings_of(answers, BASE)
    assert set(findings.unexplained) == {
        each.probe for each in answers if each.verdict is Verdict.UNSTABLE
    }
    assert not findings.mechanisms
    assert findings.elsewhere is Effect.UNKNOWN


def test_where_a_probe_was_not_answered_nothing_is_said_to_be_accepted():
    answers = asked(minding("one-call"))
    answers[10] = Answer(answers[10].probe, answers[10].history, Verdict.UNTOLD)
    findings = findings_of(answers, BASE)
    assert findings.elsewhere is Effect.UNKNOWN
    assert not findings.unexplained


def test_of_a_part_only_what_all_explanations_share_is_taken():
    verdict = minding("result-not-first")
    answers = [Answer(each.name, each.history, *verdict(each.history)) for each in PROBES]
    shares = {"orphan/start", "mix/only_tool", "orphan/start_then_sound", "sound/one"}
    findings = findings_of([each for each in answers if each.probe in shares], BASE)
    assert findings.elsewhere is Effect.UNKNOWN
    assert not findings.cases
    assert not findings.mechanisms


def test_what_an_integration_merges_is_explained_by_what_is_sent():
    """Langchain-anthropic sends a human message and a late result as one, the text first."""
    base = unproven(PROFILES["anthropic"])

    def verdict(history):
        report = check_messages(messages_of(history), "anthropic")
        if report.effect not in (Effect.REJECT, Effect.LOCAL_ERROR):
            return Verdict.ACCEPT, ""
        words = [each.expected_error for each in report.violations if each.effect is report.effect]
        return Verdict(report.effect.value), words[0][:50]

    findings = findings_of(asked(verdict, base), base)
    assert named(findings) == {"results-lead"}
    assert not findings.unexplained


def test_nothing_answered_is_nothing_known():
    findings = findings_of([], BASE)
    assert (findings.cases, findings.mechanisms, findings.unexplained) == ({}, (), ())
    assert findings.elsewhere is Effect.UNKNOWN


def test_further_questions_come_to_an_end_where_answers_make_no_sense():
    draw = random.Random(1)  # noqa: S311 -- no secret

    def verdict(_):
        is_bad = draw.random() < 0.5
        return (Verdict.REJECT, "no") if is_bad else (Verdict.ACCEPT, "")

    assert len(asked(verdict)) <= len(PROBES) + MOST_FURTHER


def test_no_two_questions_are_the_same():
    answers = asked(minding("calls-answered", "id-length"))
    assert len({each.history for each in answers}) == len(answers)
    assert len({each.probe for each in answers}) == len(answers)


def test_a_loss_is_told_beside_a_refusal_that_hides_some_of_it():
    def verdict(history):
        refused = minding("no-system")(history)
        lost = minding("result-follows-ai", effect=Verdict.SILENT_LOSS)(history)
        return refused if refused[0] is Verdict.REJECT else lost

    findings = findings_of(asked(verdict), BASE)
    told = {each.name: each.effect for each in findings.mechanisms}
    assert told == {"no-system": Effect.REJECT, "result-follows-ai": Effect.SILENT_LOSS}
    assert findings.elsewhere is Effect.ACCEPT


def test_each_finding_has_the_words_of_its_own():
    findings = findings_of(asked(minding("one-call", "result-not-first")), BASE)
    assert {each.name: each.text for each in findings.mechanisms} == {
        "one-call": "no one-call",
        "result-not-first": "no result-not-first",
    }


@pytest.mark.parametrize(
    "name", [name for name, each in MECHANISMS.items() if not each.takes_value]
)
def test_every_mechanism_is_told_or_said_in_an_equal_way(name):
    findings = findings_of(asked(minding(name)), BASE)
    assert not findings.unexplained
    assert findings.elsewhere is Effect.ACCEPT
