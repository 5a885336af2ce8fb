"""A key that stands twice is found whenever and by whatever it is looked for."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolpair_observe.histories import ReadLimits, read_units
from toolpair_observe.histories.containers import key_marks, parsing
from toolpair_observe.histories.containers.key_marks import Marks, have_no_key_twice
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.unit import Status

LIMITS = ReadLimits()
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
OPENAI = [
    {"role": "system", "content": "a: b"},
    {"role": "user", "content": "x"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "name": "f", "content": '{"a": "b:c"}'},
    {"role": "assistant", "content": "…"},
]
LANGCHAIN = [
    {"type": "human", "content": "a: b"},
    {
        "type": "ai",
        "content": "",
        "tool_calls": [{"name": "f", "args": {"a": [{"b": 1}]}, "id": "1"}],
    },
    {"type": "tool", "content": "c", "tool_call_id": "1", "name": "f"},
    {"type": "ai", "content": "d", "tool_calls": []},
]
MESSAGES = {"messages": OPENAI}
HISTORY = {"id": "h:1", "wire": OPENAI, "langchain": LANGCHAIN, "prefixes": True, "meta": {"a": {}}}


@pytest.fixture(params=["orjson", "json"], autouse=True)
def parser(request, monkeypatch):
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "orjson", None)
    else:
        pytest.importorskip("orjson")
    monkeypatch.setattr(parsing, "fast_parser", parsing.fastest())
    monkeypatch.setattr(key_marks, "colons_of", key_marks.counter())


@pytest.fixture
def judged_in(tmp_path):
    def judged(text, limits=LIMITS):
        path = tmp_path / "rows.jsonl"
        path.write_text(text + "\n")
        return [judge_unit(unit, limits) for unit in read_units(str(path), limits)]

    return judged


SPACES = [(", ", ": "), (",", ":"), (" , ", " : "), ("\t,", "\t:\t")]


@pytest.mark.parametrize("separators", SPACES)
@pytest.mark.parametrize("row", [MESSAGES, HISTORY])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_sound_row_is_clean(judged_in, row, separators, ascii_only):
    text = json.dumps(row, separators=separators, ensure_ascii=ascii_only)

    (judged,) = judged_in(text)

    assert judged.unit.status is Status.CHECKED
    assert judged.requests == (2 if row is HISTORY else 1)
    assert judged.kinds == ()


TWICE = [
    ("{", '{"messages": [], ', "messages", MESSAGES),
    ("{", '{"langchain" : [], ', "langchain", HISTORY),
    ("{", '{"id"\t: 1, ', "id", HISTORY),
    ('{"role": "user"', '{"role": "tool", "role": "user"', "role", MESSAGES),
    ('{"role": "user"', '{"\\u0072ole" : 1, "role": "user"', "role", MESSAGES),
    ('{"role": "user"', '{"role": "tool", "role": "user"', "role", HISTORY),
    ('"type": "function"', '"type":"x","type" :"function"', "type", MESSAGES),
    ('"name": "f", "arguments"', '"name": "f", "name": "f", "arguments"', "name", MESSAGES),
    ('{"b": 1}', '{"b": 1, "b" : 1}', "b", HISTORY),
    ('{"a": {}}', '{"a": 1, "a" : {}}', "a", HISTORY),
    ('"a: b"', '"a\\u003a b", "role": "system"', "role", MESSAGES),
    ('"a: b"', '"a\\u003A b", "role": "user"', "role", HISTORY),
    ('"role": "tool", ', '"role": "user", "role": "tool", ', "role", MESSAGES),
]


@pytest.mark.parametrize(("old", "new", "key", "row"), TWICE)
def test_a_row_with_a_key_twice_is_unreadable(judged_in, old, new, key, row):
    text = json.dumps(row).replace(old, new, 1)
    assert text != json.dumps(row)

    judged = judged_in(f"{json.dumps(row)}\n{text}\n{json.dumps(row)}")

    assert [each.unit.status for each in judged] == [
        Status.CHECKED,
        Status.UNREADABLE,
        Status.CHECKED,
    ]
    unit = judged[1].unit
    assert (unit.line, unit.row, unit.format) == (2, "", "file")
    assert unit.reason == f"the key {key!r} stands twice in one object"


@pytest.mark.parametrize("depth", [8, 15, 16, 40, 200, 240])
@pytest.mark.parametrize("is_object", [True, False])
@pytest.mark.parametrize("innermost", ["", "1"])
def test_what_stands_beside_the_messages_may_be_so_deep(judged_in, depth, is_object, innermost):
    def row(levels):
        begin, end = ('{"a":', "}") if is_object else ("[", "]")
        inner = f"[{innermost}]"
        return json.dumps(HISTORY)[:-1] + f', "b": {begin * levels}{inner}{end * levels}}}'

    (fits,) = judged_in(row(depth - 2), ReadLimits(depth=depth))
    (deeper,) = judged_in(row(depth - 1), ReadLimits(depth=depth))

    assert fits.unit.status is Status.CHECKED
    assert deeper.unit.status is Status.UNREADABLE
    assert "nested more than" in deeper.unit.reason


def test_a_unit_is_looked_through_once(judged_in):
    (judged,) = judged_in(json.dumps(MESSAGES))

    assert judged.unit.unproven is None
    assert judge_unit(judged.unit, LIMITS).requests == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(':"\\u003a ', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(':"\\ab', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, st.sampled_from(SPACES))
def test_each_value_has_its_own_colons(value, separators):
    text = json.dumps(value, separators=separators).encode()

    assert have_no_key_twice(text, value, 200) == (b"\\u003" not in text)
    assert not have_no_key_twice(b'{"a":1,' + text.strip(b"{}") + b"}", value, 200)


def test_marks_with_something_else_do_not_agree():
    marks = Marks()
    marks.texts += ["a", None]

    assert not marks.agree(b'["a", null]', 200)
