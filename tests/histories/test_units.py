"""From files to units: every fault with its file and line, and never more than the limits."""

from __future__ import annotations

import gzip
import io
import json
import sys

import pytest

from toolpair_observe.histories import ReadLimits, read_units
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.unit import Status

USER = {"role": "user", "content": "Weather?"}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED = [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
ANSWERED = [*ASKED, {"role": "tool", "content": "18", "tool_call_id": "a"}]
ROW = {"id": "row-1", "langchain": [{"type": "human", "content": "x"}]}


@pytest.fixture
def write(tmp_path):
    def write(data, name="histories.json"):
        path = tmp_path / name
        if not isinstance(data, bytes):
            data = data.encode() if isinstance(data, str) else json.dumps(data).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


def read(path, limits=None):
    limits = limits or ReadLimits()
    found = [judge_unit(unit, limits) for unit in read_units(path, limits)]
    good = [judged for judged in found if judged.unit.status is Status.CHECKED]
    bad = [
        (judged.unit.line, judged.unit.reason)
        for judged in found
        if judged.unit.status is Status.UNREADABLE
    ]
    return good, bad


def pretty(value):
    return json.dumps(value, indent=2)


@pytest.mark.parametrize("name", ["h.json", "h.jsonl", "h.txt", "h.json.gz", "h.jsonl.gz", "h"])
@pytest.mark.parametrize("data", [lines(ANSWERED, ASKED), lines({"messages": ANSWERED}, ASKED)])
def test_json_lines_hold_one_history_a_line(write, name, data):
    good, bad = read(write(data, name))

    assert [(h.unit.line, h.messages) for h in good] == [(1, 3), (2, 2)]
    assert bad == []


@pytest.mark.parametrize("dump", [json.dumps, pretty])
@pytest.mark.parametrize("name", ["h.json", "h.json.gz"])
@pytest.mark.parametrize(
    ("document", "sizes"),
    [
        (ANSWERED, [3]),
        ({"messages": ANSWERED}, [3]),
        ([ANSWERED, ASKED], [3, 2]),
        ([{"messages": ANSWERED}, ROW], [3, 1]),
        ({"messages": [ANSWERED, ASKED]}, [3, 2]),
        ([["user", "a"], ["assistant", "b"]], [2]),
    ],
)
def test_a_json_document_holds_one_history_or_many(write, dump, name, document, sizes):
    good, bad = read(write(dump(document), name))

    assert [h.messages for h in good] == sizes
    assert bad == []


def test_the_line_of_a_history_in_a_document_is_where_it_begins(write):
    document = '[\n  {"messages": [\n    {"role": "user", "content": "x"}\n  ]},\n\n  5\n]\n'

    good, bad = read(write(document))

    assert [h.unit.line for h in good] == [2]
    assert [line for line, _ in bad] == [6]


@pytest.mark.parametrize("indent", [None, 1])
def test_in_a_list_of_histories_one_that_is_none_does_not_spoil_the_others(write, indent):
    good, bad = read(write(json.dumps([ASKED, 42, {"messages": ASKED}], indent=indent)))

    assert [judged.unit.row for judged in good] == ["[0]", "[2].messages"]
    assert [text for _, text in bad] == ["expected an object or a list, got a number"]


def test_pretty_documents_one_after_the_other_are_read(write):
    good, bad = read(write(pretty({"messages": ASKED}) + "\n" + pretty({"messages": ANSWERED})))

    assert [h.messages for h in good] == [2, 3]
    assert bad == []


def test_a_document_larger_than_one_read_comes_whole(write):
    rows = [
        {"id": str(i), "messages": [{"role": "user", "content": "é" * 999}]} for i in range(900)
    ]

    good, bad = read(write(pretty(rows)))

    assert [h.unit.name for h in good] == [str(i) for i in range(900)]
    assert bad == []


def test_a_byte_order_mark_and_blank_lines_are_no_fault(write):
    good, bad = read(write(b"\xef\xbb\xbf\n\n" + lines(ASKED, ANSWERED).encode() + b"\n\n"))
    assert [h.unit.line for h in good] == [3, 4]
    good_first, bad_first = read(write(b"\xef\xbb\xbf" + lines(ASKED).encode()))
    assert [h.unit.line for h in good_first] == [1]
    assert bad + bad_first == []


GOOD = json.dumps(ASKED)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
        (GOOD[:-3], "not JSON"),
        ('{"broken', "not JSON: Unterminated string (column 2)"),
        ('{"a": "\t"}', "not JSON: Invalid control character (column 8)"),
        ("hello", "not JSON: Expecting value (column 1)"),
        ("7", "expected an object or a list, got a number"),
        ("{}", "no known form of row: an object with no keys"),
        ('{"messages": 3}', "'messages' is a number, no list of messages"),
        ('{"messages": null}', "'messages' is null, no list of messages"),
        (json.dumps(USER), "a single message: give the whole conversation"),
        ("[]", "the list of messages is empty"),
        ('{"messages": []}', "'messages' is an empty list, no list of messages"),
        ('[{"role": "user"}, 3]', "message 1: expected an object, got a number"),
        ('{"messages": [{"role": "robot"}]}', "message 0: a message of no known form"),
        ("[" * 100_000, "nested more than 200 deep"),
        ('{"messages": ' + "[" * 220 + "]" * 220 + "}", "nested more than 200 deep"),
        ("1" * 5000, "a number has too many digits"),
    ],
)
def test_an_unreadable_line_is_named_and_the_rest_is_read(write, line, reason):
    good, bad = read(write(f"{GOOD}\n{line}\n{GOOD}\n", "h.jsonl"))

    assert [h.unit.line for h in good] == [1, 3]
    ((number, text),) = bad
    assert number == 2
    assert reason in text


def test_a_line_that_is_no_text_is_named(write):
    good, bad = read(write(GOOD.encode() + b"\n\xff\xfe\n" + GOOD.encode(), "h.jsonl"))

    assert [h.unit.line for h in good] == [1, 3]
    assert bad == [(2, "not UTF-8 text")]


def test_a_line_that_is_too_long_is_left_out_and_the_rest_is_read(write):
    long_line = json.dumps([{"role": "user", "content": "x" * 5000}])
    data = f"{GOOD}\n{long_line}\n{GOOD}\n"

    good, bad = read(write(data, "h.jsonl"), ReadLimits(value_bytes=1000))

    assert [h.unit.line for h in good] == [1, 3]
    assert bad == [(2, "the line is longer than 1,000 bytes")]


def test_a_long_document_in_one_line_is_read_element_by_element(write):
    data = json.dumps([ASKED] * 50)
    assert len(data) > 2000

    good, bad = read(write(data), ReadLimits(value_bytes=2000))

    assert len(good) == 50
    assert bad == []


@pytest.mark.parametrize(
    ("document", "line", "reason"),
    [
        ("hello\nworld\n", None, "plain text, not JSON"),
        (b"\x00\x01\x02", None, "not JSON"),
        ("[\n" + GOOD + ",\n", 3, "not JSON: Expecting value"),
        ("[\n" + GOOD + "\n", 3, "the list does not end"),
        ("[\n" + GOOD + "\n" + GOOD + "]", 3, "expected , or ]"),
        ("[\n" + GOOD + ",\n{oops}\n]", 3, "not JSON"),
        ("[\n" + GOOD + ',\n[{"role', 3, "not JSON: Unterminated string; the part before that"),
        ("[\n" + GOOD + ",\n\n" + "[" * 100_000, 4, "nested more than 200 deep"),
        ("[\n" + GOOD + ",\n" + '{"messages": ' + "9" * 5000 + "}]", 3, "too many digits"),
    ],
)
def test_a_broken_document_is_named_with_its_line(write, document, line, reason):
    good, bad = read(write(document))

    # The part before the fault is read.
    assert len(good) == (GOOD in (document if isinstance(document, str) else ""))
    ((number, text),) = bad
    assert number == line
    assert reason in text


def test_a_single_value_that_is_too_large_ends_the_document(write):
    document = "[\n" + GOOD + ",\n" + json.dumps([{"role": "user", "content": "x" * 900_000}]) + "]"

    good, bad = read(write(document), ReadLimits(value_bytes=100_000))

    assert len(good) == 1
    ((_, text),) = bad
    assert "a single value is larger than 100,000 bytes" in text


@pytest.mark.parametrize("name", ["h.json", "h.jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n\n  \n"])
def test_an_empty_file_is_named(write, name, data):
    assert read(write(data, name)) == ([], [(None, "the file is empty")])


def test_files_that_can_not_be_opened_are_named(tmp_path):
    missing = str(tmp_path / "missing.jsonl")

    assert read(missing) == ([], [(None, "no such file")])
    assert read(str(tmp_path)) == ([], [(None, "this is a directory; name the files in it")])


def test_cut_off_gzip_data_keeps_what_was_read(tmp_path):
    whole = gzip.compress(lines(*[ASKED] * 3000).encode())
    path = tmp_path / "h.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])

    good, bad = read(str(path))

    assert good
    ((_, text),) = bad
    assert "gzip data is damaged or cut off" in text


def test_damaged_gzip_data_is_named(tmp_path):
    path = tmp_path / "h.jsonl.gz"
    path.write_bytes(b"\x1f\x8b" + b"nonsense" * 10)

    good, ((line, text),) = read(str(path))

    assert good == []
    assert line is None
    assert "gzip data is damaged or cut off" in text


def test_a_gzip_bomb_stops_at_the_limit(tmp_path):
    path = tmp_path / "h.jsonl.gz"
    path.write_bytes(gzip.compress(lines(ASKED).encode() + (b"x" * 5_000 + b"\n") * 10_000))
    assert path.stat().st_size < 100_000

    good, bad = read(str(path), ReadLimits(value_bytes=10_000, file_bytes=1_000_000))

    assert len(good) == 1
    (_, text) = bad[-1]
    assert "larger than 1,000,000 bytes when unpacked" in text


def test_gzip_is_recognized_by_its_content(tmp_path):
    path = tmp_path / "h.jsonl"
    path.write_bytes(gzip.compress(lines(ASKED).encode()))

    good, bad = read(str(path))

    assert (len(good), bad) == (1, [])


@pytest.mark.parametrize("dump", [json.dumps, pretty])
def test_a_history_with_too_many_messages_is_named(write, dump):
    good, bad = read(write(dump([USER] * 11)), ReadLimits(messages=10))

    assert good == []
    ((_, text),) = bad
    assert "more than 10 messages" in text


def test_a_long_list_of_messages_is_not_gathered_beyond_the_limit(write):
    endless = "[\n" + f"{json.dumps(USER)},\n" * 20 + "and so on"

    good, bad = read(write(endless), ReadLimits(messages=10))

    assert good == []
    assert bad == [(12, "the history has more than 10 messages; the part before that was read")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("start", [b"", lines(ASKED).encode(), b"[\n" + lines(ASKED).encode()])
@pytest.mark.parametrize("blanks", [b" " * 3_000, b"\n" * 3_000, b" \r\n" * 3_000])
def test_a_file_of_blanks_is_read_up_to_a_limit(tmp_path, blanks, start, pack):
    path = tmp_path / "h.json"
    path.write_bytes(pack(start + blanks))

    _, bad = read(str(path), ReadLimits(value_bytes=1_000, blank_lines=100))

    assert "blank" in bad[-1][1]


def test_blanks_that_a_program_leaves_are_no_fault(write):
    good, bad = read(write("\n \n" * 50 + lines(ASKED) + "\n" * 90 + lines(ASKED), "h.jsonl"))

    assert (len(good), bad) == (2, [])


@pytest.mark.parametrize(
    ("name", "junk"),
    [
        ("h.jsonl", "{}\n"),
        ("h.jsonl", "no json\n"),
        ("h.json", "{}\n"),
        ("h.json", "{}"),
        ("h.json", "[[1],[2]]\n"),
        ("h.json.gz", "{}\n"),
    ],
)
def test_a_file_of_something_else_is_left_after_a_while(write, name, junk):
    path = write(junk * 500 + lines(ASKED), name)
    found = list(read_units(path, ReadLimits(unreadable_parts=100)))

    assert len(found) == 101
    assert found[-1].ends_file
    assert "100 parts of the file can't be read; the rest was not read" in found[-1].reason


def test_a_line_without_end_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "h.jsonl"
    path.write_bytes(gzip.compress(b"x" * 50_000_000 + b"\n" + lines(ASKED).encode()))

    good, bad = read(str(path), ReadLimits(value_bytes=100_000))

    assert good == []
    assert "longer than" in bad[-1][1]


def test_the_standard_input_is_read(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(lines(ASKED, ANSWERED).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    good, bad = read("-")

    assert [h.messages for h in good] == [2, 3]
    assert bad == []


@pytest.mark.parametrize("name", ["h.jsonl", "h.jsonl.gz"])
def test_the_progress_ends_at_the_size_of_the_file(write, name, tmp_path):
    path = write(lines(*[ASKED] * 100), name)
    seen = []

    list(read_units(path, progress=lambda done, total: seen.append((done, total))))

    size = (tmp_path / name).stat().st_size
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)


def test_a_file_is_read_as_a_stream(write):
    """A reader that stops early has not read on to a fault near the end of a large file."""
    path = write(lines(*[ASKED] * 20_000) + "broken\n", "h.jsonl")
    seen = []

    reading = read_units(path, progress=lambda done, total: seen.append(done / total))
    first = next(iter(reading))
    reading.close()

    assert first.status is Status.CHECKED
    assert max(seen) < 0.1


def test_the_real_histories_are_read_without_a_fault(shared_dir):
    files = sorted((shared_dir / "corpora").glob("*.jsonl.gz"))
    assert files

    found = [item for path in files for item in read_units(str(path))]

    assert [item.reason for item in found if item.status is Status.UNREADABLE] == []
    assert all(item.name and item.recorded for item in found)
