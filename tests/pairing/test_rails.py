"""Each call is tied to its result, and the place where that fails is marked."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe import check_messages
from toolpair_observe.pairing.rails import ASCII, NO_RESULT, UNICODE, Excerpt, draw
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.timeline import stop_of

USER = HumanMessage("hello")
TEXT = AIMessage("done")


def call(*ids):
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": i} for i in ids])


def result(call_id, text="18"):
    return ToolMessage(text, tool_call_id=call_id)


def excerpt(messages, violations=(), masked=()):
    stops = [stop_of(entry, str) for entry in read_transcript(messages).entries]
    return Excerpt(stops, len(stops), violations, masked)


def shown(lines):
    return [
        " ".join(
            [
                line.rail,
                "x" if line.is_broken else "!" if line.is_made_up else " ",
                f"{'' if line.index is None else line.index:>2}",
                f"{line.role:5}",
                line.identifier,
                *([line.text] if line.text == NO_RESULT or line.is_fold else []),
                *line.marks,
            ]
        ).rstrip()
        for line in lines
    ]


def picture(*messages, glyphs=UNICODE, profile="openai-chat"):
    report = check_messages(list(messages), profile=profile)
    return shown(draw(excerpt(messages, report.violations, report.masked), glyphs=glyphs))


def picture_of_report(*messages, profile="openai-chat"):
    report = check_messages(list(messages), profile=profile)
    kept = Excerpt(report.timeline, report.message_count, report.violations, report.masked)
    return shown(draw(kept))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (
            (USER, call("a", "b"), result("a"), result("b"), TEXT),
            [
                "        0 human",
                "╭───    1 ai    a",
                "│╭──            b",
                "╰┼──    2 tool  a",
                " ╰──    3 tool  b",
                "        4 ai",
            ],
        ),
        (
            # Results may come in another order than their calls.
            (USER, call("a", "b"), result("b"), result("a")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "│╭──            b",
                "│╰──    2 tool  b",
                "╰───    3 tool  a",
            ],
        ),
        (
            (USER, call("a", "b"), result("a")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "│╭──            b",
                "╰┼──    2 tool  a",
                " ╰╌╌ x          b no result missing_result",
            ],
        ),
        (
            # The result is missing where the next turn begins, not at the end.
            (USER, call("a"), USER, TEXT),
            [
                "        0 human",
                "╭───    1 ai    a",
                "╰╌╌╌ x          a no result missing_result",
                "        2 human",
                "        3 ai",
            ],
        ),
        (
            (USER, call("a"), result("a"), result("a")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "╰───    2 tool  a",
                "  ╌╌ x  3 tool  a duplicate_result",
            ],
        ),
        ((result("a"),), ["  ╌╌ x  0 tool  a orphan_result"]),
        (
            (USER, call("a"), result("z")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "│ ╌╌ x  2 tool  z mismatched_result",
                "╰╌╌╌ x          a no result",
            ],
        ),
        (
            (USER, call("a"), USER, result("a")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "│       2 human",
                "╰─── x  3 tool  a misplaced_result",
            ],
        ),
        (
            # An id that comes again in a later turn is another call.
            (USER, call("a"), result("a"), call("a"), result("a")),
            [
                "        0 human",
                "╭───    1 ai    a",
                "╰───    2 tool  a",
                "╭───    3 ai    a",
                "╰───    4 tool  a",
            ],
        ),
    ],
)
def test_a_conversation_is_drawn_with_a_rail_from_call_to_result(messages, expected):
    assert picture(*messages) == expected


def test_every_rail_is_as_wide_as_the_widest():
    lines = picture(USER, call("a", "b", "c", "d"), *map(result, "dcba"))

    assert lines[1:] == [
        "╭─────    1 ai    a",
        "│╭────            b",
        "││╭───            c",
        "│││╭──            d",
        "│││╰──    2 tool  d",
        "││╰───    3 tool  c",
        "│╰────    4 tool  b",
        "╰─────    5 tool  a",
    ]


def test_a_terminal_without_the_characters_gets_ascii():
    lines = picture(USER, call("a", "b"), result("a"), TEXT, result("x"), glyphs=ASCII)

    assert "".join(lines).isascii()
    assert lines[1:5] == [
        "+---    1 ai    a",
        "|+--            b",
        "++--    2 tool  a",
        " +.. x          b no result missing_result",
    ]


def test_texts_stand_beside_their_calls_and_messages():
    messages = (USER, call("a", "b"), result("a"))
    texts = {0: ["hello"], 1: ["f(1)", "f(2)"], 2: ["18"]}

    lines = draw(excerpt(messages), texts=texts)

    assert [line.text for line in lines] == ["hello", "f(1)", "f(2)", "18", NO_RESULT]


def test_what_no_violation_complains_of_is_not_marked():
    """Under a profile that keeps state on its side an unanswered call may be fine."""
    lines = draw(excerpt((USER, call("a"), USER)))

    assert not any(line.is_broken for line in lines)


def test_a_made_up_result_is_marked_but_not_broken():
    lost = "Tool was interrupted."

    assert picture(USER, call("a"), result("a", lost), TEXT) == [
        "        0 human",
        "╭───    1 ai    a",
        "╰─── !  2 tool  a made up by strands (missing)",
        "        3 ai",
    ]


def test_a_break_between_sound_messages_is_drawn_with_what_is_around_it():
    sound = [message for n in range(9) for message in (call(f"s{n}"), result(f"s{n}"))]

    assert picture_of_report(*sound, call("a"), USER, *sound) == [
        "                 … 16 more messages",
        "╭───   16 ai    s8",
        "╰───   17 tool  s8",
        "╭───   18 ai    a",
        "╰╌╌╌ x          a no result missing_result",
        "       19 human",
        "╭───   20 ai    s0",
        "│                … 17 more messages",
    ]


def test_a_break_in_messages_that_are_left_out_is_counted_where_they_are():
    messages = (USER, call("a"), USER, call("b"), USER, result("z"))
    report = check_messages(list(messages), profile="openai-chat")
    kept = Excerpt(report.timeline[:3], len(messages), report.violations)

    assert shown(draw(kept))[-1] == (
        "     x           … 3 more messages 1 missing_result 1 orphan_result"
    )


def test_a_breach_of_a_call_past_the_first_ones_marks_the_line_that_counts_them():
    ids = [f"c{n}" for n in range(20)]

    lines = picture(USER, call(*ids), *map(result, ids[:-1]))

    assert [line.split()[-1] for line in lines if " x " in line] == ["missing_result"]


def test_a_result_before_its_call_leaves_no_call_without_a_result():
    lines = picture(USER, result("a"), call("a"), USER)

    assert not [line for line in lines if NO_RESULT in line]
    assert lines[1] == "  ╌╌ x  1 tool  a misplaced_result"


def test_more_calls_than_there_are_lanes_have_no_rail():
    messages = [message for n in range(30) for message in (call(f"c{n}"), USER)]

    lines = draw(excerpt(messages + [result(f"c{n}") for n in range(30)]))

    assert max(len(line.rail) for line in lines) <= 10


@pytest.mark.parametrize("seed", range(40))
def test_every_breach_of_any_history_is_marked_at_its_message(seed):
    """Also where ids repeat, are empty, or are answered early, late or twice."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    ids = ["a", "b", "c", "", "a"]
    choices = [
        lambda: call(*chance.sample(ids, chance.randint(1, 4))),
        lambda: result(chance.choice(ids)),
        lambda: USER,
        lambda: TEXT,
    ]
    messages = [chance.choice(choices)() for _ in range(chance.randint(1, 12))]
    for profile in ("openai-chat", "contract", "anthropic", "google-genai", "openai-responses"):
        report = check_messages(messages, profile=profile)
        marked = marks_by_message(draw(excerpt(messages, report.violations)))
        for found in report.violations:
            assert found.kind in marked[found.message_index], (profile, found)


def marks_by_message(lines):
    """Return the marks of each message; a line without a result belongs to its call's message."""
    marked = defaultdict(set)
    callers = defaultdict(set)
    here = None
    for line in lines:
        here = line.index if line.index is not None else here
        if line.text == NO_RESULT:
            for index in callers[line.identifier]:
                marked[index].update(line.marks)
        else:
            callers[line.identifier].add(here)
            marked[here].update(line.marks)
    return marked
