"""What people read of plans, results and changes: short, in words, and harmless."""

from __future__ import annotations

import json

import pytest

from tests.probe.scripted import ENDPOINT, MODEL, measurement
from toolpair_observe import probe
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.compare import AnswerChange
from toolpair_observe.probing.measurement import (
    Answer,
    Endpoint,
    Findings,
    Learned,
    LearnedMechanism,
    Verdict,
)
from toolpair_observe.probing.told import as_dict, change_lines, plan_lines, result_lines, whom

HOSTILE = "\x1b[2J\n::error::\u202egnp"


def answers(verdict: Verdict, count: int) -> list[Answer]:
    return [Answer(f"{verdict}/{number}", "H A(x) H", verdict) for number in range(count)]


def shown(*given: Answer, is_complete: bool = True, sees_losses: bool = True, **findings) -> str:
    measured = measurement(*given, findings=Findings(**findings))
    return "\n".join(result_lines(measured, is_complete=is_complete, sees_losses=sees_losses))


def test_cases_and_mechanisms_are_in_words():
    text = shown(
        *answers(Verdict.REJECT, 3),
        *answers(Verdict.SILENT_LOSS, 1),
        *answers(Verdict.ACCEPT, 2),
        cases={
            Case.EARLY: Learned(Effect.REJECT),
            Case.LATE: Learned(Effect.SILENT_LOSS),
            Case.CALL_FIRST: Learned(Effect.ACCEPT),
        },
        mechanisms=(LearnedMechanism("id-length", Effect.REJECT, 9),),
        elsewhere=Effect.ACCEPT,
    )
    refuses, loses, accepts = (
        text.index(head) for head in ("refuses (3 of 6", "loses a result", "accepts (2 of 6")
    )
    assert refuses < text.index("- whatever breaks this demand: ids have 9 characters") < loses
    assert refuses < text.index("- a result before its call") < loses
    assert loses < text.index("- several messages between a call and its result") < accepts
    assert accepts < text.index("- a history that starts with a call")
    assert accepts < text.index("- whatever else is not named here")
    assert "explained: 6 of 6 answers" in text
    assert "unknown" not in text


def test_what_is_not_settled_is_named():
    text = shown(
        *answers(Verdict.UNSTABLE, 1),
        *answers(Verdict.UNTOLD, 4),
        *answers(Verdict.REJECT, 1),
        unexplained=("reject/0",),
    )
    assert "answered now so, now so: unstable/0" in text
    assert "not answered: untold/0, untold/1 and 2 more" in text
    assert "explained: 5 of 6 answers: reject/0 not" in text
    assert "whatever nothing here speaks of is unknown" in text


def test_a_part_says_that_it_is_one():
    assert "not all was asked: what was not, and what is not explained, is unknown" in shown(
        is_complete=False
    )


def test_what_it_cost_is_told_and_what_is_not_known_of_it():
    (said,) = [each for each in shown().splitlines() if each.startswith("spent: ")]
    assert said == "spent: 0 requests, 1,234 input tokens"
    silent = measurement(input_tokens=None, requests=7)
    assert "7 requests, tokens are not told" in "\n".join(
        result_lines(silent, is_complete=True, sees_losses=False)
    )


def test_a_long_result_fits_on_a_screen_and_says_where_the_rest_is():
    everything = {case: Learned(Effect.REJECT) for case in Case}
    text = shown(
        *(each for verdict in Verdict for each in answers(verdict, 9)),
        cases=everything,
        mechanisms=tuple(LearnedMechanism(name, Effect.SILENT_LOSS, 9) for name in MECHANISMS),
        unexplained=tuple(f"reject/{number}" for number in range(9)),
        sees_losses=False,
    )
    lines = text.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80
    assert "more, which --explain lists" in text


@pytest.mark.parametrize("field", ["host", "model", "integration", "profile"])
def test_no_name_can_do_more_than_show_itself(field):
    endpoint = Endpoint(**{**as_fields(ENDPOINT), field: HOSTILE})
    lines = plan_lines(endpoint, {"requests": 1, "input_tokens": 1}, ())
    lines += result_lines(measurement(endpoint=endpoint), is_complete=True, sees_losses=True)
    assert all(each.isprintable() and not each.startswith("::") for each in lines)


def as_fields(endpoint: Endpoint) -> dict[str, str]:
    names = ("host", "model", "integration", "profile")
    return {name: getattr(endpoint, name) for name in names}


def test_words_of_an_endpoint_can_not_either():
    change = AnswerChange(
        Answer(HOSTILE, HOSTILE, Verdict.REJECT, HOSTILE * 500), Answer("a", "H", Verdict.ACCEPT)
    )
    lines = change_lines([change])
    assert all(each.isprintable() and len(each) <= 2_000 for each in lines)
    assert len(lines) <= 6


def test_changes_show_both_answers_and_are_bounded():
    change = AnswerChange(
        Answer("orphan/human", "H T(z)", Verdict.ACCEPT),
        Answer("orphan/human", "H T(z)", Verdict.REJECT, "No call."),
    )
    assert change_lines([change]) == [
        "changed: orphan/human, H T(z)",
        "  then  accepts it",
        "  now   refuses it: No call.",
    ]
    many = change_lines([change] * 25)
    assert many[-1] == "and 5 more, which --json lists"
    assert len(many) == 61


def test_other_words_and_missing_answers_are_called_so():
    refused = Answer("a", "H", Verdict.REJECT, "No.")
    other = Answer("a", "H", Verdict.REJECT, "Never.")
    silent = Answer("a", "H", Verdict.UNTOLD)
    assert change_lines([AnswerChange(refused, other)])[0].startswith("other words: ")
    assert change_lines([AnswerChange(refused, silent)])[0].startswith("not told: ")
    assert change_lines([AnswerChange(silent, refused)])[0].startswith("not told then: ")


def test_a_plan_shows_one_history_as_it_is_sent(script):
    text = str(probe(MODEL))
    assert "llm.example.com:8000" in text
    assert "openai-compatible" in text
    assert "human: " in text
    assert "Nothing of yours is sent" in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 20


def test_a_plan_that_asks_no_more_says_nothing_of_more(script):
    assert "and more where explanations stay open" in str(probe(MODEL))
    assert "and more" not in str(probe(MODEL, only="missing/*"))


@pytest.mark.parametrize("name", MECHANISMS)
def test_each_demand_reads_as_one_that_is_broken(name):
    said = shown(
        *answers(Verdict.REJECT, 1),
        mechanisms=(LearnedMechanism(name, Effect.REJECT, 9),),
    )
    assert "  - whatever breaks this demand: " in said
    assert "…" not in said


def test_whom_names_what_is_not_shown():
    assert whom("", "") == "a model without a name at the default host"


def test_values_for_programs_are_json():
    told = as_dict(
        measurement(
            Answer("a", "H", Verdict.REJECT, "No."),
            findings=Findings(
                cases={Case.EARLY: Learned(Effect.REJECT, "No.", ("a",))},
                mechanisms=(LearnedMechanism("id-length", Effect.REJECT, 9),),
            ),
        )
    )
    told = json.loads(json.dumps(told))
    assert told["asked_on"] == "2026-12-01"
    assert told["cases"] == [{"case": "early", "effect": "reject", "text": "No.", "probes": ["a"]}]
    assert told["mechanisms"][0]["value"] == 9
    assert told["elsewhere"] == "unknown"
