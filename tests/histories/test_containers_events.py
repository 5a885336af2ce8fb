"""Server-sent events: the data of each, with the event's name."""

from __future__ import annotations

import json

import pytest

from tests.histories.containers import found_in, is_message
from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.histories.containers.values import read_values

STREAM = """\
: connected

event: metadata
data: {"run_id": "1"}

id: 7
event: values
data: {"messages": [
data:  {"role": "user"}]}
retry: 10

data: [1]

event: end
data:

data: [DONE]
"""


@pytest.fixture
def write(tmp_path):
    def write(data, name="data.sse"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def read(path, limits=None):
    found = list(read_values(str(path), limits or ReadLimits(), belongs_to_list=is_message))
    events = [(v.line, v.event, v.data) for v in found if not isinstance(v, Unreadable)]
    return events, [(f.line, f.reason) for f in found if isinstance(f, Unreadable)]


@pytest.mark.parametrize("name", ["data.sse", "data.txt", "data", "data.json", "data.log"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_event_has_its_name_and_data(write, name, end):
    events, faults = read(write(STREAM.replace("\n", end), name))

    assert events == [
        (3, "metadata", {"run_id": "1"}),
        (6, "values", {"messages": [{"role": "user"}]}),
        (12, "message", [1]),
    ]
    assert faults == []


def test_the_last_event_needs_no_blank_line(write):
    assert read(write("event: a\ndata: 1"))[0] == [(1, "a", 1)]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('event: values\ndata: {"a": 1', "the data of an event: not JSON"),
        ('data: {"a": 1, "a": 2}', "the data of an event: the key 'a' stands twice"),
        ("data: text", "the data of an event: not JSON"),
        ("data: [1]\nmore", "an event can't be read: not server-sent events"),
        ("data: " + "[" * 300 + "]" * 300, "the data of an event: lists and objects"),
        ("data: [\n" + "data: 1,\n" * 500 + "data: 1]", "an event can't be read: its data is long"),
        ("data: [" + "1," * 900 + "1]", "an event can't be read: a line of it is longer than"),
    ],
)
def test_a_broken_event_does_not_hide_the_others(write, broken, reason):
    events, faults = read(write(f"data: 1\n\n{broken}\n\ndata: 2\n\n"), ReadLimits(value_bytes=900))

    assert [data for _, _, data in events] == [1, 2]
    ((line, told),) = faults
    assert line == 3
    assert told.startswith(reason)


def test_a_name_is_bounded_and_is_text(write):
    ((_, name, _),), _ = read(write(b"event: " + b"\xff" + b"x" * 9999 + b"\ndata: 1\n\n"))

    assert len(name) <= 300
    json.dumps(name).encode()


@pytest.mark.parametrize("text", ["id: 1\ndata: x\n", "event: a\nmessages:\n- b\n"])
def test_a_yaml_file_with_such_keys_is_none(write, text):
    pytest.importorskip("yaml")

    values, _ = found_in(write(text, "data"))

    assert [list(data) for _, _, data in values] == [
        [line.split(":")[0] for line in (text.replace("- b\n", "").splitlines())]
    ]
