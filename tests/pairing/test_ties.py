"""The rails tie the calls and results that the check has tied, and claim nothing else."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe import check_messages
from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.page import page_of
from toolpair_observe.pairing.predict import predict
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.rails import NO_RESULT, UNICODE, Excerpt, draw
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.timeline import stop_of

USER = HumanMessage("hello")
PROFILES = ("contract", "openai-chat", "openai-responses", "anthropic", "google-genai", "ollama")


def call(*ids):
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": i} for i in ids])


def result(call_id):
    return ToolMessage("18", tool_call_id=call_id)


def history(chance, longest):
    ids = ["a", "b", "c", "", "a"]
    choices = [
        lambda: call(*chance.sample(ids, chance.randint(1, 4))),
        lambda: result(chance.choice(ids)),
        lambda: result(chance.choice(ids)),
        lambda: USER,
        lambda: AIMessage("done"),
    ]
    return [chance.choice(choices)() for _ in range(chance.randint(1, longest))]


def whole(messages, report):
    stops = [stop_of(entry, str) for entry in read_transcript(messages).entries]
    return draw(Excerpt(stops, len(stops), report.violations, report.masked))


def kept(report):
    return draw(Excerpt(report.timeline, report.message_count, report.violations, report.masked))


def ends(lines):
    """Yield where each rail that ends begins, and its result; None of one without a result."""
    begun = {}
    here = None
    for line in lines:
        here = here if line.index is None else line.index
        for lane, glyph in enumerate(line.rail):
            if glyph == UNICODE.begin:
                begun[lane] = (here, line.identifier)
            elif glyph == UNICODE.end:
                yield begun.pop(lane), None if line.text == NO_RESULT else (here, line.identifier)


@pytest.mark.parametrize("seed", range(30))
def test_rails_tie_what_the_check_ties(seed):
    """Also where ids repeat, and where the messages between two of them are left out."""
    messages = history(random.Random(seed), 60)  # noqa: S311 -- no secret
    transcript = read_transcript(messages)
    pairing, *_ = predict(transcript, profile_named("contract").row(NO_FACTS), NO_FACTS)
    answers = Counter(
        ((call.index, call.id), (result.index, result.id))
        for call, result in pairing.answer.items()
    )
    made = Counter((entry.index, each.id) for entry in transcript.entries for each in entry.calls)
    with_result = Counter(caller for caller, _ in answers.elements())
    for profile in PROFILES:
        report = check_messages(messages, profile=profile)
        for lines in (whole(messages, report), kept(report)):
            for caller, answer in ends(lines):
                if answer is None:
                    assert with_result[caller] < made[caller], (profile, caller)
                else:
                    assert answers[caller, answer], (profile, caller, answer)


def test_a_result_whose_call_is_left_out_is_not_tied_to_an_older_call_of_its_id():
    """Servers that number the calls of each turn anew give every turn the same ids."""
    sound = [message for _ in range(9) for message in (USER, call("call_0"), result("call_0"))]
    messages = [USER, call("call_0"), USER, *sound, AIMessage("done"), call("call_1"), USER]

    lines = kept(check_messages(messages, profile="openai-chat"))

    callers = [line.text for line in lines if line.identifier == "call_0"]
    assert callers.count(NO_RESULT) == 1
    assert dict(ends(lines))[1, "call_0"] is None


def test_one_breach_marks_one_line_where_calls_share_an_id():
    report = check_messages([USER, call("a", "a", "a"), USER], profile="openai-chat")

    marks = Counter(mark for line in kept(report) for mark in line.marks)
    assert marks == Counter(each.kind.value for each in report.violations)
    assert [line.marks for line in kept(report) if line.identifier == "a"][:2] == [
        (),
        ("duplicate_call_id",),
    ]


def test_a_report_that_counts_what_it_does_not_hold_says_at_least():
    messages = [message for n in range(3000) for message in (call(f"c{n}"), USER)]
    report = check_messages(messages, profile="openai-chat")
    page = page_of(report)

    fold = "".join(piece.text for piece in page.timeline[-1].body)
    assert fold.endswith("at least 1997 missing_result")
    assert page.blocks[0].facts[0].pieces[0].text.startswith("at least 2,000 times, ")


def steps_of(function):
    steps = 0

    def count(*_):
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("ids", [[f"c{n}" for n in range(2000)], ["c"] * 2000])
def test_a_report_of_many_parallel_calls_is_drawn_in_one_pass(ids):
    report = check_messages([USER, call(*ids), USER], profile="openai-chat")

    assert steps_of(report._repr_html_) < 100 * len(ids)
