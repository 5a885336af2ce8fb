"""From values to units: what a part that can't be read does to a conversation, and events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolpair_observe.histories import ReadLimits, units
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.unit import Layer, Status

USER = {"role": "user", "content": "x"}
STATE = {"values": {"messages": [USER]}}


def _read(row):
    yield row.request("state", row.data["values"]["messages"], layer=Layer.LANGCHAIN)


@pytest.fixture(autouse=True)
def forms(monkeypatch):
    """Two forms of our own: a message, and a state."""

    def is_message(data: Any) -> bool:
        return isinstance(data, dict) and "role" in data

    state = each_row("state", lambda data: "values" in data, _read)
    monkeypatch.setattr(units, "is_message", is_message)
    monkeypatch.setattr(units, "ENVELOPES", (state,))


@pytest.fixture
def read(tmp_path):
    def read(*lines, name="data.jsonl"):
        path = tmp_path / name
        text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
        path.write_text(text)
        return [
            (unit.line, unit.row, unit.status, sum(len(c.messages) for c in unit.conversations))
            for unit in units.read_units(str(path), ReadLimits())
        ]

    return read


CHECKED, UNREADABLE, OTHER = Status.CHECKED, Status.UNREADABLE, Status.NOT_A_REQUEST


def test_a_message_a_line_is_one_conversation(read):
    assert read(USER, USER, USER) == [(1, "", CHECKED, 3)]


@pytest.mark.parametrize(
    "part", ['{"role": "us', '{"role": "user", "role": "user"}', {"b": [1]}, 7]
)
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_conversation_without_one_of_its_lines_is_another_one(read, part, at):
    lines = [USER] * 3
    lines.insert(at, part)

    found = read(*lines)

    assert found == [
        (at + 1, "", UNREADABLE, 0),
        (2 if at == 0 else 1, "", UNREADABLE, 0),
    ]


def test_a_broken_row_does_nothing_to_rows_that_stand_for_themselves(read):
    found = read(STATE, "{broken", STATE, USER, USER)

    assert found == [
        (1, "", CHECKED, 1),
        (2, "", UNREADABLE, 0),
        (3, "", CHECKED, 1),
        (4, "", CHECKED, 2),
    ]


def test_events_are_rows_and_those_that_say_nothing_are_none(read):
    found = read(
        f"event: state\ndata: {json.dumps(STATE)}\n",
        "event: done\ndata: null\n",
        f"event: state\ndata: {json.dumps(STATE)}\n",
        name="data.sse",
    )

    assert found == [(1, "", CHECKED, 1), (4, "", OTHER, 0), (7, "", CHECKED, 1)]


def test_the_elements_of_a_list_have_their_places(read):
    assert [row for _, row, _, _ in read("[", f"{json.dumps(STATE)},", "7]", name="x.json")] == [
        "[0]",
        "[1]",
    ]
