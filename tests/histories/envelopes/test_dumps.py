"""LangChain's dumps of prompts, and its message stores."""

from __future__ import annotations

import json

import pytest
from langchain_core.load import dumpd, dumps
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_to_dict,
)
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.prompts import (
    ChatPromptTemplate,
    FewShotChatMessagePromptTemplate,
    MessagesPlaceholder,
)

from tests.histories.envelopes.reading import judged, told

CALL = {"name": "find", "args": {}, "id": "call_1", "type": "tool_call"}
ASKED = AIMessage("", tool_calls=[CALL])
ANSWERED = ToolMessage("11", tool_call_id="call_1")
HOLE = MessagesPlaceholder("history")


def prompt(*messages):
    return dumpd(ChatPromptTemplate(list(messages)))


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([("system", "x"), ASKED, ANSWERED, ("human", "{q}")], ("checked", 1, [])),
        ([("system", "x"), ASKED, ("human", "{q}")], ("checked", 1, ["missing_result"])),
        ([("system", "x"), HOLE, ("human", "{q}")], ("checked", 1, [])),
        ([("placeholder", "{h}"), ASKED, ANSWERED, HOLE, ("human", "x")], ("checked", 1, [])),
        ([ASKED, ("human", "x"), HOLE, ("human", "x")], ("checked", 1, ["missing_result"])),
        ([("human", "x"), ("ai", "{a}"), ANSWERED], ("checked", 1, ["orphan_result"])),
        ([ASKED, HOLE], ("unreadable", 0, [])),
        ([ASKED, HOLE, ANSWERED], ("unreadable", 0, [])),
        ([HOLE, HOLE, ANSWERED], ("unreadable", 0, [])),
        ([("human", [{"type": "image_url", "image_url": {"url": "{u}"}}])], ("checked", 1, [])),
        (
            [("human", [{"type": "tool_result", "tool_use_id": "x", "content": "y"}])],
            ("checked", 1, ["orphan_result"]),
        ),
    ],
)
def test_a_prompt_is_a_request_as_far_as_it_is_known(tmp_path, messages, expected):
    (one,) = judged(tmp_path, prompt(*messages))
    assert told(one) == expected
    assert one.unit.format == "langchain.prompt"
    if expected[0] == "unreadable":
        assert "a placeholder stands between" in one.unit.reason


def test_positions_count_placeholders(tmp_path):
    (one,) = judged(tmp_path, prompt(HOLE, HOLE, ("human", "x"), ASKED, ("human", "y")))
    assert [found.message_index for found in one.violations] == [3]


def test_what_langchain_could_not_write_down_is_unreadable(tmp_path):
    example = ChatPromptTemplate([("human", "{a}")])
    shots = FewShotChatMessagePromptTemplate(examples=[{"a": "1"}], example_prompt=example)
    (one,) = judged(tmp_path, prompt(shots, ("human", "x")))
    assert told(one) == ("unreadable", 0, [])
    assert "FewShotChatMessagePromptTemplate" in one.unit.reason


def test_a_prompt_value_is_a_request(tmp_path):
    value = ChatPromptValue(messages=[HumanMessage("x"), ANSWERED])
    (one,) = judged(tmp_path, dumpd(value))
    assert told(one) == ("checked", 1, ["orphan_result"])


@pytest.mark.parametrize("kwargs", [{}, None, {"messages": "x"}, {"messages": []}])
def test_a_prompt_without_messages_is_unreadable(tmp_path, kwargs):
    data = {**prompt(("human", "x")), "kwargs": kwargs}
    (one,) = judged(tmp_path, data)
    assert told(one) == ("unreadable", 0, [])


# --- message stores -------------------------------------------------------------------------------

KEPT = [HumanMessage("x"), ASKED, HumanMessage("y"), AIMessage("z")]


@pytest.mark.parametrize(
    ("key", "column", "form"),
    [
        ("session_id", "message", lambda m: json.dumps(message_to_dict(m))),
        ("session_id", "message", message_to_dict),
        ("session_id", "message", dumps),
        ("SessionId", "History", lambda m: json.dumps(message_to_dict(m))),
        ("partition_id", "body_blob", lambda m: json.dumps(message_to_dict(m))),
    ],
)
def test_messages_are_grouped_by_session(tmp_path, key, column, form):
    rows = [
        {"id": number, key: session, column: form(message)}
        for number, message in enumerate(KEPT)
        for session in ("a", 7)
    ]

    units = judged(tmp_path, *rows)

    assert [(each.unit.thread_id, *told(each)) for each in units] == [
        ("a", "checked", 2, ["missing_result"]),
        ("7", "checked", 2, ["missing_result"]),
    ]


def test_a_store_may_have_a_column_for_each_field(tmp_path):
    rows = [
        {**message.model_dump(), "session_id": session}
        for message in KEPT
        for session in ("a", "b")
    ]
    units = judged(tmp_path, *rows)
    assert [(each.unit.thread_id, each.requests) for each in units] == [("a", 2), ("b", 2)]


def test_a_session_may_be_a_row(tmp_path):
    (one,) = judged(tmp_path, {"SessionId": "a", "History": messages_to_dict(KEPT)})
    assert told(one) == ("checked", 2, ["missing_result"])


def test_a_lone_message_is_no_history(tmp_path):
    (one,) = judged(tmp_path, {"session_id": "a", "message": message_to_dict(HumanMessage("x"))})
    assert told(one) == ("unreadable", 0, [])


@pytest.mark.parametrize(
    "form", [messages_to_dict, dumpd, lambda messages: list(map(json.dumps, dumpd(messages)))]
)
def test_a_file_of_messages_is_one_request(tmp_path, form):
    history = [SystemMessage("x"), *KEPT]
    (one,) = judged(tmp_path, form(history))
    assert told(one) == ("checked", 1, ["missing_result"])
    (lines,) = judged(tmp_path, *messages_to_dict(history))
    assert told(lines) == told(one)


OPEN = [HumanMessage("x"), ASKED, HumanMessage("y")]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (OPEN, ("checked", 1, ["missing_result"])),
        ([*OPEN[:2], ANSWERED], ("checked", 1, [])),
        (OPEN[:2], ("checked", 1, [])),
    ],
)
def test_a_session_without_an_answer_at_its_end_is_sent_next(tmp_path, history, expected):
    rows = [{"session_id": "a", "message": message_to_dict(message)} for message in history]
    (one,) = judged(tmp_path, *rows)
    assert told(one) == expected


@pytest.mark.parametrize("lost", [None, "{not JSON", {"a": 1}])
def test_a_session_that_may_have_lost_a_row_is_unreadable(tmp_path, lost):
    def rows(session, history):
        return [{"session_id": session, "message": message_to_dict(each)} for each in history]

    whole = [HumanMessage("x"), ASKED, ANSWERED, AIMessage("z")]
    cut, before, after = rows("cut", whole), rows("before", whole), rows("after", whole)
    cut[1]["message"] = lost

    units = judged(tmp_path, *before, *cut, *after)

    assert [(each.unit.thread_id, told(each)[0]) for each in units] == [
        ("", "unreadable"),
        ("before", "checked"),
        ("cut", "unreadable"),
        ("after", "unreadable"),
    ]


@pytest.mark.parametrize("wrap", [str, lambda text: [text], lambda text: {"messages": text}])
def test_what_is_dumped_twice_is_read_once_more(tmp_path, wrap):
    (one,) = judged(tmp_path, json.loads(json.dumps(wrap(dumps(OPEN)))))
    assert told(one) == ("checked", 1, ["missing_result"])
    assert one.unit.layer == "langchain"


@pytest.mark.parametrize(
    ("column", "place"),
    [
        ({"prompt": dumps(OPEN)}, "prompt"),
        ({"sent": dumpd(OPEN), "answer": dumps([ANSWERED])}, "sent"),
        ({"sent": dumps(ChatPromptValue(messages=OPEN))}, "sent.kwargs.messages"),
        ({"sent": dumpd(ChatPromptValue(messages=OPEN))}, "sent.kwargs.messages"),
    ],
)
def test_a_column_may_hold_a_dump(tmp_path, column, place):
    (one,) = judged(tmp_path, {"id": 1, **column})
    assert told(one) == ("checked", 1, ["missing_result"])
    assert (one.unit.row, one.unit.layer) == (place, "langchain")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": dumps(OPEN)[:-3]},
        {"prompt": dumps(HumanMessage("x"))},
        {"prompt": dumps(OPEN), "log": [{"tool_calls": [{"id": "x"}]}]},
    ],
)
def test_a_column_that_is_not_understood_is_unreadable(tmp_path, row):
    (one,) = judged(tmp_path, row)
    assert told(one) == ("unreadable", 0, [])


def test_a_message_may_quote_a_dump(tmp_path):
    (one,) = judged(tmp_path, [{"role": "user", "content": dumps(OPEN)}])
    assert told(one) == ("checked", 1, [])
    (lines,) = judged(tmp_path, *[{"type": "human", "content": dumps(OPEN)}] * 2)
    assert told(lines) == ("checked", 1, [])


def test_a_session_whose_end_was_lost_waits_for_nobody_knows_what(tmp_path):
    rows = [{"session_id": "a", "message": message_to_dict(message)} for message in OPEN[:2]]
    rows.append({"session_id": "a", "message": message_to_dict(ANSWERED)})
    rows[2]["message"]["data"]["tool_call_id"] = "another"
    lost, one = judged(tmp_path, *rows, {"session_id": "a", "message": None})
    assert (told(lost)[0], told(one)) == ("unreadable", ("checked", 1, []))
