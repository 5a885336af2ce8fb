"""The page of a measurement: what it tells, and that nothing in it is more than text."""

from __future__ import annotations

from dataclasses import replace

from tests.probe.measured import ANSWERS, ENDPOINT, FINDINGS, MEASUREMENT, WORDS
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.measurement import Answer, Learned, LearnedMechanism, Verdict
from toolpair_observe.probing.page import page_of

PAGE = page_of(MEASUREMENT)
CELL = WORDS.replace("|", "\\|")


def section(title, page=PAGE):
    return page.split(f"\n## {title}\n\n")[1].split("\n## ")[0]


def test_it_has_the_form_of_the_pages_on_providers():
    assert PAGE.startswith(
        "# measured:llm.example.com:8443/qwen3-32b\n\n<!-- Made by `toolpair-observe probe "
        "--explain` from what one endpoint answered. -->\n\nThe endpoint llm.example.com:8443 with "
        "the model qwen3-32b, as measured on 2026-12-01.\n\n- package: `langchain-openai`\n"
    )
    assert [line[3:] for line in PAGE.splitlines() if line.startswith("## ")] == [
        "The effect of each history",
        "What the integration does before the request leaves",
        "What the provider does with a breach",
        "What the server asks of the turns that reach it",
        "Who was asked",
        "What it answered",
        "What stayed unexplained",
    ]


def test_each_history_has_the_effect_that_was_measured():
    told = section("The effect of each history")

    assert (
        f"| a call without a result, then a new question | `H A(a) H` | **reject** | `{CELL}` |"
    ) in told
    assert "| a result at the head (trimmed) | `T(a) H` | **accept** | - |" in told
    assert (
        "| a result without a call, after a question | `H T(a) H` | **silent_loss** | `the server "
        "leaves it out of what the model reads` |"
    ) in told


def test_a_rule_is_told_with_its_evidence_and_its_words():
    rules = section("What the provider does with a breach")

    assert (
        f"| {Case.MISSING_ALL} | `missing_result` | **reject** | measured | measured on "
        f"2026-12-01: missing/all_human | `{CELL}` |"
    ) in rules
    assert (
        f"| {Case.EARLY} | `misplaced_result` | **accept** | measured | measured on 2026-12-01: "
        "nothing against it | - |"
    ) in rules
    assert "2 of these 22 are `unknown`: no probe can ask it, or the answers do not" in rules


def test_a_demand_is_told_as_a_sentence_with_its_number():
    demands = section("What the server asks of the turns that reach it")

    assert (
        "| A message makes one call at most | **reject** | measured | measured on 2026-12-01: "
        "sound/two | `one call, {please}` |"
    ) in demands
    assert "| Ids have 9 characters | **reject** | measured |" in demands


def test_each_answer_is_told():
    answers = section("What it answered")

    assert f"| missing/all_human | `H A(x) H` | **reject** | 2 times | `{CELL}` |" in answers
    assert "| orphan/human | `H T(z)` | **silent_loss** | once | - |" in answers
    assert answers.count("\n| ") == 2 + len(ANSWERS)


def test_who_was_asked_is_told():
    asked = section("Who was asked")
    silent = replace(
        MEASUREMENT, endpoint=replace(ENDPOINT, host=""), input_tokens=None, packages={}
    )

    assert "- host: `llm.example.com:8443`\n- model: `qwen3-32b`" in asked
    assert "- asked on: 2026-12-01\n- requests: 61\n- input tokens: 16,042\n" in asked
    assert "- packages: `langchain-core` 1.4.0, `langchain-openai` 1.7.5" in asked
    assert "- host: where the integration goes by default" in page_of(silent)
    assert "- input tokens: not told\n- packages: not told" in page_of(silent)


def test_what_stayed_unexplained_is_told_and_what_follows():
    explained = replace(FINDINGS, unexplained=())
    left_open = replace(FINDINGS, elsewhere=Effect.UNKNOWN)

    assert section("What stayed unexplained") == "- mix/two_ai\n"
    assert "Nothing: rules and demands explain" in page_of(replace(MEASUREMENT, findings=explained))
    assert "is `unknown`, and no refusal of it is predicted" in page_of(
        replace(MEASUREMENT, findings=left_open)
    )


def test_there_is_a_page_on_an_endpoint_behind_any_integration():
    for name in PROFILES:
        page = page_of(replace(MEASUREMENT, endpoint=replace(ENDPOINT, profile=name)))

        assert f"- its steps are those of: `{name}`" in page


def test_nothing_that_an_endpoint_says_is_more_than_text():
    evil = "``</code><img src=x> [a](b) | \n\n## ::error::\x1b[2J"
    page = page_of(
        replace(
            MEASUREMENT,
            endpoint=replace(ENDPOINT, host=evil, model=evil, integration=evil),
            packages={evil: evil},
            answers=(Answer(evil, evil, Verdict.REJECT, evil),),
            findings=replace(
                FINDINGS,
                cases={Case.MISSING_ALL: Learned(Effect.REJECT, evil, (evil,))},
                mechanisms=(LearnedMechanism("one-call", Effect.REJECT, None, evil, (evil,)),),
                unexplained=(evil,),
            ),
        )
    )
    outside_of_code = "".join(page.split("```")[::2])

    assert page.replace("\n", "").isprintable()
    assert "<img" not in outside_of_code
    assert "[a](b)" not in outside_of_code
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") - line.count("\\|") for line in rows} == {5, 6, 7}
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        line for line in PAGE.splitlines() if line.startswith("## ")
    ]
