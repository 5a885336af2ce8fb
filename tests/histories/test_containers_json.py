"""JSON Lines and JSON documents: every value with its place, every fault with its line."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from tests.histories.containers import data_in, found_in, is_message, reason_in
from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.containers.values import read_values

USER = {"role": "user", "content": "é 😀"}
ROW = {"id": 1, "messages": [USER]}


@pytest.fixture
def write(tmp_path):
    def write(data, name="data.json"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def lines(*values, end="\n"):
    return "".join(json.dumps(value) + end for value in values)


@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.ndjson", "data", "DATA.JSONL"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n\n", "  \n"])
def test_a_value_a_line(write, name, end):
    values, faults = found_in(write(lines(ROW, [USER], {}, end=end), name))

    assert [(path, data) for _, path, data in values] == [("", ROW), ("", [USER]), ("", {})]
    assert [line for line, _, _ in values] == [1 + n * end.count("\n") for n in range(3)]
    assert faults == []


@pytest.mark.parametrize("separator", ["", " ", "\n", "\n\n"])
@pytest.mark.parametrize("indent", [None, 2])
def test_objects_one_after_the_other(write, separator, indent):
    text = separator.join(json.dumps(row, indent=indent) for row in [ROW, {"b": {}}, ROW])

    assert data_in(write(text)) == [ROW, {"b": {}}, ROW]


def test_values_over_several_lines_are_no_lines_under_any_name(write):
    text = "\n".join(json.dumps(row, indent=2) for row in [ROW, {"b": {}}, ROW])

    assert data_in(write(text, "data.jsonl")) == [ROW, {"b": {}}, ROW]


def test_the_elements_of_a_list_over_several_lines_have_their_places(write):
    values, faults = found_in(write('[\n  {"a": 1},\n\n  [2],\n 34, "x"\n]\n{"b": 1}'))

    assert values == [
        (2, "[0]", {"a": 1}),
        (4, "[1]", [2]),
        (5, "[2]", 34),
        (5, "[3]", "x"),
        (7, "", {"b": 1}),
    ]
    assert faults == []


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_list_in_one_line_has_the_same_elements(write, size):
    rows = [{"text": "x" * size}] * 5
    values, faults = found_in(write(json.dumps(rows)))

    data = [data for _, _, data in values]
    assert data == ([rows] if size == 10 else rows)
    assert faults == []


@pytest.mark.parametrize("text", [json.dumps([USER] * 3, indent=1), f"[\n{lines(USER)}]"])
def test_a_list_of_messages_is_one_value(write, text):
    values, _ = found_in(write(text))

    assert [(line, path) for line, path, _ in values] == [(1, "")]


@pytest.mark.parametrize(
    "broken", ['{"role": "user", "role": "user"}', '{"a": ' + "[" * 210 + "]" * 210 + "}"]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_list_of_messages_without_one_of_them_is_no_value(write, broken, at):
    messages = [json.dumps(USER)] * 2
    messages.insert(at, broken)

    values, faults = found_in(write("[\n" + ",\n".join(messages) + "\n]\n" + lines(ROW)))

    assert [data for _, _, data in values] == [ROW]
    ((line, reason),) = faults
    assert line == at + 2
    assert reason.startswith(f"message {at}: ") or at == 0


def test_a_row_with_a_key_twice_does_not_hide_the_others(write):
    rows = '{"a": 1},\n{"b": 1, "b": {"c": [1]}},\n{"d": 1}'

    values, faults = found_in(write(f"[\n{rows}]"))

    assert [(line, path) for line, path, _ in values] == [(2, "[0]"), (4, "[2]")]
    assert faults == [(3, "[1]: the key 'b' stands twice in one object")]


def test_a_large_object_with_a_key_twice_is_found_at_its_end(write):
    row = '{\n"a": {"x": 1, "x": 2}, "text": "' + "y" * 700_000 + '"}'

    values, faults = found_in(write(f"{row}\n\n {json.dumps(ROW, indent=1)}"))

    assert [line for line, _, _ in values] == [4]
    assert [line for line, _ in faults] == [1]


def test_a_number_that_two_reads_divide_is_one_number(write):
    numbers = [123_456_789] * 60_000

    assert data_in(write("[\n" + ",\n".join(map(str, numbers)) + "]")) == numbers


@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [lines(ROW, ROW), json.dumps([ROW, ROW], indent=1)])
def test_other_encodings(write, name, encoding, text):
    if name.endswith("l") and text.startswith("["):
        pytest.skip("each line of that is a line")
    data = text.replace("\\u00e9", "é").encode(encoding)

    assert data_in(write(data, name)) == [ROW, ROW]


def test_half_a_character_of_utf_16_spoils_its_line_alone(write):
    data = (lines(ROW) + '{"a": "\ud800"}\n' + lines(ROW)).encode("utf-16", "surrogatepass")

    values, faults = found_in(write(data, "data.jsonl"))

    assert [line for line, _, _ in values] == [1, 3]
    assert faults == [(2, "not UTF-8 text")]


@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data"])
@pytest.mark.parametrize(
    "broken",
    [
        '{"messages": [{"role": "us',
        '{"a": 1, "a": 2}',
        "{'a': 1}",
        '{"a": 1}}',
        '{"a" 1}',
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_broken_line_does_not_hide_the_others(write, name, broken, at):
    rows = [json.dumps(ROW)] * 2
    rows.insert(at, broken)

    values, faults = found_in(write("\n".join(rows), name))

    assert [line for line, _, _ in values] == [n for n in (1, 2, 3) if n != at + 1]
    assert [line for line, _ in faults] == [at + 1]


@pytest.mark.parametrize("cut", [1, 10, 30, 50])
def test_of_half_a_document_what_is_whole_is_read(write, cut):
    text = json.dumps([ROW, ROW, ROW], indent=1)[:-cut]

    values, faults = found_in(write(text))

    assert values
    assert all(data == ROW for _, _, data in values)
    ((_, reason),) = faults
    assert reason.endswith("the part before that was read")


def test_of_half_a_list_of_messages_nothing_is_read(write):
    assert "does not end" in reason_in(write(json.dumps([USER] * 3, indent=1)[:-1]))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[{'role': 'user', 'content': None}]", "Python's own notation"),
        ("{{ messages | dump }}", "a template"),
        ('[{"role": "user", "content": {{ question }} }]', "a template"),
        ('{% for m in messages %}{"a": 1}{% endfor %}', "a template"),
        ("[not json]", "not JSON: Expecting value"),
    ],
)
def test_what_only_looks_like_json_is_named(write, text, hint):
    assert hint in reason_in(write(text))


def test_a_reason_never_quotes_the_text(write):
    secret = "tr0ub4dor"

    _, faults = found_in(write(f'[\n{{"a": {secret}}}\n]'))

    assert secret not in str(faults)


@pytest.mark.parametrize("begin", ["", '{"a": "', "[", '["', " ", "{}"])
def test_a_line_without_end_takes_no_memory(write, begin):
    path = write(begin + "x" * 40_000_000 + "\n" + lines(ROW), "data.jsonl")
    limits = ReadLimits(value_bytes=1_000_000)

    tracemalloc.start()
    try:
        values, faults = found_in(path, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [line for line, _, _ in values] == [2]
    assert faults == [(1, "the line is longer than 1,000,000 bytes")]
    assert peak < 10_000_000


def test_a_long_object_in_one_line_is_a_line_among_lines(write):
    row = {"text": "x" * 600_000}

    values, faults = found_in(write(lines(row, row) + "{\n" + lines(ROW), "data"))

    assert [line for line, _, _ in values] == [1, 2, 4]
    assert [line for line, _ in faults] == [3]


def test_values_are_given_before_the_file_is_read_to_its_end(write):
    path = write(lines(*[ROW] * 50_000) + "broken", "data.jsonl")
    seen = []

    reading = read_values(
        str(path),
        ReadLimits(),
        belongs_to_list=is_message,
        progress=lambda done, total: seen.append(done / total),
    )

    assert next(reading).data == ROW
    assert max(seen) < 0.2
    reading.close()


def test_a_first_line_that_is_too_long_does_not_hide_the_others_under_any_name(write):
    long = json.dumps({"text": "x" * 3_000_000})

    values, faults = found_in(write(f"{long}\n{lines(ROW)}"), ReadLimits(value_bytes=1024 * 1024))

    assert [data for _, _, data in values] == [ROW]
    assert faults == [(1, "the line is longer than 1 MiB")]
