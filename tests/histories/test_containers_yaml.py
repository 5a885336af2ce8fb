"""YAML: documents as data, with bounds and without objects."""

from __future__ import annotations

import json
import sys

import pytest

from tests.histories.containers import data_in, found_in, reason_in
from toolpair_observe.histories import ReadLimits

yaml = pytest.importorskip("yaml")

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.fixture(params=["C", "Python"])
def write(tmp_path, monkeypatch, request):
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)

    def write(text, name="data.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        "- role: user\n  content: hello\n- {role: assistant, content: null}\n",
        "a: 1\nb: -2.5\nc: true\nd: ~\ne:\nf: 0x1F\ng: 'yes'\nh: \"1\"\ni: yes\n",
        "text: |\n  two\n  lines\nfolded: >-\n  one\n  line\n",
        "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nboth: {<<: [{b: 5}, *base]}\n",
        "list: &x [1, 2]\nagain: *x\n",
        "é: 😀\nempty: {}\nnone: []\n",
        "a: .inf\nb: !!str 1\nc: !!int '3'\nd: !!float 2\ne: ! 1\nf: 1_000\n",
        "'<': '<<'\nint: 123456789012345678901234567890\n",
    ],
)
def test_documents_are_what_the_safe_loader_makes_of_them(write, text):
    assert data_in(write(text)) == [yaml.safe_load(text)]


def test_several_documents_have_their_lines(write):
    values, faults = found_in(write("# one\na: 1\n---\n---\n- b\n...\n---\nc: [1]\n"))

    assert values == [(2, "", {"a": 1}), (5, "", ["b"]), (8, "", {"c": [1]})]
    assert faults == []


def test_keys_are_texts_and_times_too(write):
    text = "200: ok\ntrue: x\non: push\n2024-01-01: 2024-01-01T10:00:00Z\n!!str 7: y\n"

    assert data_in(write(text)) == [
        {"200": "ok", "true": "x", "on": "push", "2024-01-01": "2024-01-01T10:00:00Z", "7": "y"}
    ]


def test_binary_is_text(write):
    text = 'text: !!binary |\n  eyJhIjogIsOpIn0=\nbytes: !!binary "H4sI/w=="\n'

    assert data_in(write(text)) == [{"text": '{"a": "é"}', "bytes": "\x1f\x8b\x08\xff"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: !!python/object/apply:os.system ['x']", "a tag that would build an object"),
        ("a: !!python/name:os.system x", "a tag that would build an object"),
        ("!!python/object:x.Y {a: 1}", "a tag that would build an object"),
        ("!!python/name:os.system x: 1", "a tag that would build an object"),
        ("a: !Ref x", "a tag that would build an object"),
        ("a: !!set {x, y}", "a tag that would build an object"),
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice"),
        ("x:\n- {b: 2, b: 2}", "the key 'b' stands twice"),
        ("x: &x {a: *x}", "an alias that stands for nothing, or for what it stands in"),
        ("x: *y", "an alias that stands for nothing"),
        ("x: {<<: 3}", "what is merged with << is no mapping"),
        ("? [a]\n: 1", "a key that is a list or a mapping"),
        ("a: &x [1]\n*x : 1", "a key that is an alias of something else than a text"),
        ("a: !!binary a", "a !!binary that is not base64"),
    ],
)
def test_what_is_refused_does_not_hide_the_next_document(write, text, reason):
    values, faults = found_in(write(f"ok: 1\n---\n{text}\n---\nok: 2\n"))

    assert [data for _, _, data in values] == [{"ok": 1}, {"ok": 2}]
    ((line, told),) = faults
    assert 3 <= line <= 5
    assert told.startswith(reason)


def test_the_word_of_python_2_for_a_text_is_a_text(write):
    assert data_in(write("a: !!python/unicode 'x'\n!!python/str b: 1")) == [{"a": "x", "b": 1}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "its aliases stand for more than"),
        ("a: &a {b: c}\n" + "".join(f"k{n}: {{<<: *a}}\n" for n in range(40_000)), "its aliases"),
        ("[" * 300 + "]" * 300, "nested more than 200 deep"),
        ("{a: " * 100_000, "nested more than 200 deep"),
        ("- " * 100_000 + "x", "nested more than 200 deep"),
        (
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 250)),
            "nested more than 200 deep",
        ),
        ("[" + "a," * 2000 + "a]", "it holds more than 2,000 values"),
    ],
)
def test_what_would_take_all_memory_or_time_ends_the_reading(write, text, reason):
    limits = ReadLimits(value_bytes=4_000_000, values=2_000 if "values" in reason else 190_000)

    values, faults = found_in(write(f"ok: 1\n---\n{text}\n"), limits)

    assert [data for _, _, data in values] == [{"ok": 1}]
    ((_, told),) = faults
    assert told.startswith((reason, f"lists and objects are {reason}"))


def test_brackets_without_end_are_refused(write):
    """libyaml has a limit of its own."""
    assert "nest" in reason_in(write("a: " + "[" * 100_000))


def test_a_file_that_is_too_long_is_not_parsed(write):
    path = write("a: " + "x" * 2000)

    assert "may have 1,000 bytes, no more" in reason_in(path, ReadLimits(value_bytes=1000))


@pytest.mark.parametrize("number", ["1" * 5000, "1:" * 5000 + "1", "0x" + "f" * 5000])
def test_a_number_without_end_stays_a_text(write, number):
    assert data_in(write(f"a: {number}")) == [{"a": number}]


@pytest.mark.parametrize(
    "text", ["a: b: c", "a: [1", "a: 'x", "\t- a", "%YAML 9.1\n---\na", "a: @"]
)
def test_a_broken_document_is_named_with_its_line(write, text):
    values, faults = found_in(write(f"ok: 1\n---\n\n{text}\n"))

    assert [data for _, _, data in values] == [{"ok": 1}]
    ((line, reason),) = faults
    assert line >= 4
    assert reason.startswith("not YAML: ")


@pytest.mark.parametrize("text", [b"a: \xff", b"a: \x07", "a: '\x00'"])
def test_what_is_no_text_is_named(write, text):
    assert reason_in(write(text))


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n", "~"])
def test_a_file_without_a_document_is_empty(write, text):
    assert reason_in(write(text)) == "the file is empty"


def test_json_under_the_name_of_yaml(write):
    assert data_in(write(json.dumps([{"a": "\t/"}]))) == [[{"a": "\t/"}]]
    assert data_in(write("{a: [b, {c: 'd'}]}")) == [{"a": ["b", {"c": "d"}]}]
    assert "stands twice" in reason_in(write('{"a": 1, "a": 2}'))


@pytest.mark.parametrize("name", ["data.yml", "data.yaml.gz", "data", "data.txt"])
@pytest.mark.parametrize(
    "text", ["interactions:\n- a: 1\n", "# note\n\n- a: 1\n", "---\na: 1\n", '"key": 1\nb: 2\n']
)
def test_yaml_is_told_by_name_or_content(write, name, text):
    assert data_in(write(text, name)) == [yaml.safe_load(text)]


def test_without_pyyaml_the_reason_says_how_to_get_it(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert 'pip install "pyyaml"' in reason_in(write("a: 1"))
