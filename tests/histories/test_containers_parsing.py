"""One JSON text: each parser reads the same, and refuses the same."""

from __future__ import annotations

import json
import math
import sys

import pytest

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.containers import key_marks, parsing
from toolpair_observe.histories.containers.parsing import check_amount, parse, proven, read_line


def at_once(text, limits):
    return parse(text, limits)


def line_by_line(text, limits):
    value, is_unproven = read_line(text, limits)
    return proven(text, value, limits) if is_unproven else value


@pytest.fixture(params=["orjson", "json"])
def parser(request, monkeypatch):
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "orjson", None)
    else:
        pytest.importorskip("orjson")
    monkeypatch.setattr(parsing, "fast_parser", parsing.fastest())
    monkeypatch.setattr(key_marks, "colons_of", key_marks.counter())
    return request.param


@pytest.fixture(params=[at_once, line_by_line], autouse=True)
def way(request, monkeypatch):
    monkeypatch.setitem(globals(), "_way", request.param)


def read(text, limits=None):
    data = text if isinstance(text, bytes) else text.encode()
    return _way(data, limits or ReadLimits())  # noqa: F821 - the fixture's


def fault(text, limits=None):
    with pytest.raises(HistoryFileError) as caught:
        read(text, limits)
    return str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"a": [1, 2.5, None, True, "x"], "b": {"c": {}}},
        {"text": 'a "quoted": one, a \\ and \u2028 é 😀', "with: colon": ":"},
        ["\ud83d", {"half an emoji": "x\udc00"}],
        [0, -1, 2**63, -(2**63), 1e300, 0.1],
        "text",
        None,
    ],
)
@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda value: json.dumps(value, indent=1),
        lambda value: json.dumps(value, separators=(" ,  ", " : ")),
        lambda value: json.dumps(value, separators=("\t,", "\t:\t")),
    ],
)
def test_each_parser_reads_what_json_reads(parser, value, written):
    text = written(value)

    assert read(text) == json.loads(text)


def test_what_only_pythons_parser_takes_is_read_as_well(parser):
    numbers = read("[NaN, Infinity, -Infinity, 1e999]")

    assert math.isnan(numbers[0])
    assert numbers[1:] == [math.inf, -math.inf, math.inf]
    assert read('{"a": "\\ud800"}') == {"a": "\ud800"}


@pytest.mark.parametrize("key", ["a", "role", 'with " quote', "back\\", "é", "", "c:d"])
@pytest.mark.parametrize(
    "text",
    [
        "{KEY: 1, KEY: 2}",
        "{KEY:1,KEY:1}",
        "{KEY : 1, KEY\t: 2}",
        '[{"x": {"y": [{KEY: [], "z": 1, KEY: [{}]}]}}]',
        '{KEY: 1, KEY: 2, "text": "one more \\u003a"}',
        '{KEY: 1, KEY: 2, "text": "\\u0022:"}',
    ],
)
def test_a_key_that_stands_twice_is_named(parser, text, key):
    reason = fault(text.replace("KEY", json.dumps(key)))

    assert reason == f"the key {key!r} stands twice in one object"


def test_a_key_that_is_written_in_two_ways_stands_twice(parser):
    assert "the key 'a' stands twice" in fault('{"a": 1, "\\u0061": 2}')


def test_the_same_key_in_two_objects_is_no_fault(parser):
    assert read('[{"a": {"a": 1}}, {"a": 2}]') == [{"a": {"a": 1}}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{broken", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
        ('{"a": 1} x', "not JSON: Extra data (column 10)"),
        ('{"a": "\t"}', "not JSON: Invalid control character (column 8)"),
        ('{"broken', "not JSON: Unterminated string (column 2)"),
        ("", "not JSON: Expecting value (column 1)"),
        (b'["\xff"]', "not UTF-8 text"),
        (b'["\xed\xa0\x80"]', "not UTF-8 text"),
        ("1" * 5000, "not JSON: a number has too many digits"),
        ("[" * 100_000, "lists and objects are nested more than 200 deep"),
        ("[" * 300 + "]" * 300, "lists and objects are nested more than 200 deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "lists and objects are nested more than 200 deep"),
    ],
)
def test_each_parser_says_the_same_of_a_fault(parser, text, reason):
    assert fault(text) == reason


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_the_depth_is_counted_exactly_where_the_limit_is_not_the_parsers(parser, depth):
    limits = ReadLimits(depth=depth)
    inner = '"x"'
    for level in range(depth):
        inner = f"[{inner}, [], 1]" if level and level % 2 else f'{{"a": {inner}, "b": 1}}'

    deep = read(f'{{"a": {inner}}}', ReadLimits(depth=depth + 1))
    assert deep["a"] == read(inner, ReadLimits(depth=depth + 1))
    assert "nested more than" in fault(f'{{"a": {inner}}}', limits)


def test_many_flat_values_are_not_deep(parser):
    assert len(read(json.dumps([[{}]] * 5000))) == 5000


@pytest.mark.parametrize("value", [{}, [], "ab", 0])
def test_a_text_of_too_many_values_is_not_parsed(parser, value):
    text = json.dumps([value] * 1_100_000)

    assert fault(text) == "it holds more than 1,000,000 values"
    with pytest.raises(HistoryFileError):
        check_amount(text, ReadLimits())


def test_commas_in_a_text_are_no_values(parser):
    text = json.dumps({"text": 'a "b",[{' * 400_000})

    assert len(read(text)["text"]) == 400_000 * 8
    check_amount(text, ReadLimits())


def test_orjson_is_taken_where_it_is_installed(monkeypatch):
    orjson = pytest.importorskip("orjson")

    assert parsing.fastest() is orjson.loads
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert parsing.fastest() is None
