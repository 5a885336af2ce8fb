"""What the shape of a list tells of how it came to be stored."""

from __future__ import annotations

import pytest

from tests.histories.reading import checked, judged, told, units_of
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.message_lists import common_start

USER = {"role": "user", "content": "x"}
SENT = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
STORED = SENT | {"id": "fc_1", "status": "completed"}
OUTPUT = {"type": "function_call_output", "call_id": "a", "output": "18"}
ANSWER = {
    "type": "message",
    "id": "msg_1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "x", "annotations": []}],
}


@pytest.mark.parametrize(
    ("items", "form", "verdict"),
    [
        ([USER, STORED, OUTPUT, ANSWER], "agents.session", checked(2)),
        ([USER, STORED, USER, ANSWER], "agents.session", checked(2, "missing_result")),
        ([USER, STORED], "agents.session", checked(1)),
        ([USER, STORED, USER], "agents.session", checked(1, "missing_result")),
        ([USER, SENT, OUTPUT, SENT], "messages", checked(1, "missing_result")),
    ],
)
def test_items_with_id_and_status_are_those_of_a_session(tmp_path, items, form, verdict):
    (unit,) = units_of(tmp_path, items)
    found = judged(unit)

    assert (found.unit.format, told(found)) == (form, verdict)


@pytest.mark.parametrize(
    ("value", "list_"),
    [("[1]", [1]), (" [1]", [1]), ("[1", "[1"), ("x", "x"), ([1], [1]), (None, None)],
)
def test_a_list_in_a_string_is_parsed_once(value, list_):
    assert unpacked(value) == list_


def test_lists_are_compared_from_their_start():
    assert common_start([1, 2, 3], [1, 2, 4]) == 2
    assert common_start([1, 2], [1, 2, 4]) == 2
