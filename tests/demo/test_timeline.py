"""Each call is tied to its result, and the place where that fails is marked."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe import check_messages
from toolpair_observe.demo.cases.timeline import ASCII, UNICODE, draw
from toolpair_observe.pairing.reading import read_transcript

USER = HumanMessage("hello")
TEXT = AIMessage("done")


def call(*ids):
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": i} for i in ids])


def result(call_id):
    return ToolMessage("18", tool_call_id=call_id)


def picture(*messages, glyphs=UNICODE):
    report = check_messages(list(messages), profile="openai-chat")
    lines = draw(read_transcript(messages), report.violations, {}, glyphs)
    return [
        " ".join(
            [
                line.rail,
                "x" if line.is_broken else " ",
                f"{'' if line.index is None else line.index:>2}",
                f"{line.role:5}",
                line.call_id,
                *([line.text] if line.text == "no result" else []),
                *line.kinds,
            ]
        ).rstrip()
        for line in lines
    ]


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

    lines = draw(read_transcript(messages), (), texts)

    assert [line.text for line in lines] == ["hello", "f(1)", "f(2)", "18", "no result"]


def test_what_no_violation_complains_of_is_not_marked():
    """Under a profile that keeps state on its side an unanswered call may be fine."""
    messages = (USER, call("a"), USER)

    lines = draw(read_transcript(messages), (), {})

    assert not any(line.is_broken for line in lines)
