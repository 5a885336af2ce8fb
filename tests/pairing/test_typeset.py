"""Rows are wrapped at words, keep their indent and never begin with a build server's command."""

from __future__ import annotations

import io
import re

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe import check_messages
from toolpair_observe.pairing.rails import ASCII, UNICODE
from toolpair_observe.pairing.terminal import Screen, takes_color
from toolpair_observe.pairing.typeset import STYLES, Piece, Row, ansi, plain, row, wrap

USER = HumanMessage("hello")
LONG = "call_" + "x" * 120


def broken(call_id="call_a", name="look"):
    calls = [{"name": name, "args": {}, "id": each} for each in (call_id, "call_b")]
    return [USER, AIMessage("", tool_calls=calls), ToolMessage("18", tool_call_id="call_b"), USER]


@pytest.mark.parametrize("width", [60, 72, 80, 100])
@pytest.mark.parametrize("profile", ["openai-chat", "contract", "anthropic", "google-vertexai"])
def test_no_line_of_a_report_is_wider_than_the_terminal(width, profile):
    for messages in (broken(), broken(LONG), broken(name=LONG)):
        text = check_messages(messages, profile=profile).explain(width=width)
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("letters", ["工具", "ツール", "😀", "한국", "e\u0301"])
def test_letters_of_two_columns_fit_and_stand_in_columns(letters):
    cell_len = pytest.importorskip("rich.cells").cell_len
    for identifier in (letters * 4, letters * 70):
        for messages in (broken(identifier), broken(name=identifier)):
            text = check_messages(messages, profile="openai-chat").explain(width=60)
            assert max(map(cell_len, text.splitlines())) <= 60
    drawn = check_messages(broken(letters * 4), profile="openai-chat").explain().splitlines()
    names = {cell_len(line.partition("look")[0]) for line in drawn if "╭" in line}
    assert len(names) == 1


def test_words_stay_whole_and_further_lines_hang_below_the_first():
    rows = [Row((Piece("to do:  "),), (Piece(" " * 8),), (Piece("answer each of the open calls"),))]

    assert plain(wrap(rows, 24)).splitlines() == [
        "to do:  answer each of",
        "        the open calls",
    ]


def test_a_word_without_an_end_is_broken_and_loses_nothing():
    lines = plain(wrap([row("x" * 100, hang=2)], 60)).splitlines()

    assert [len(line) for line in lines] == [60, 42]
    assert "".join(line.strip() for line in lines) == "x" * 100


def test_a_line_that_wrapping_begins_is_no_command():
    for width in range(20, 40):
        text = plain(wrap([row("a word and then ::error::x, and ::group:: again", hang=4)], width))
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_colors_change_no_character():
    report = check_messages(broken(), profile="openai-chat")

    colored = report.explain(color=True, width=80)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == report.explain(width=80)
    assert "\x1b" not in report.explain()
    assert "\x1b" not in str(report)


def test_every_style_has_a_color():
    assert all("\x1b[" in ansi([[Piece("x", style)]]) for style in STYLES)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_environment_says_whether_there_is_color(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    terminal, file = _Terminal(), io.StringIO()
    assert (takes_color(terminal), takes_color(file), takes_color(None)) == (True, False, False)
    monkeypatch.setenv("TERM", "dumb")
    assert not takes_color(terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert takes_color(terminal)
    assert takes_color(file)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not takes_color(terminal)


@pytest.mark.parametrize(
    ("encoding", "glyphs"),
    [("utf-8", UNICODE), ("ascii", ASCII), ("cp1252", ASCII), ("no-such", ASCII), (None, UNICODE)],
)
def test_a_stream_gets_the_characters_that_it_can_encode(encoding, glyphs):
    stream = io.StringIO()
    given = type("Stream", (), {"encoding": encoding, "isatty": stream.isatty})()

    assert Screen.of(given).glyphs == glyphs


def test_a_report_can_be_printed_where_only_ascii_can(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    report = check_messages(broken(), profile="openai-chat")

    print(report, flush=True)  # noqa: T201 -- what people do
    assert b"x           call_a  no result  <- missing_result" in raw.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize("given", ["工具", "call_é", "x" * 400, "…"])
def test_a_report_can_be_printed_whatever_stands_in_it(monkeypatch, encoding, given):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    for messages in (broken(given), broken(name=given)):
        print(check_messages(messages, profile="openai-chat"), flush=True)  # noqa: T201
    told = raw.getvalue().decode(encoding)

    assert max(map(len, told.splitlines())) <= 80
    assert given[:40].encode(encoding, "backslashreplace").decode(encoding) in told


def test_a_stream_that_names_no_encoding_of_text_gets_ascii():
    for encoding in (object(), "rot13", "no-such"):
        assert Screen.of(type("Stream", (), {"encoding": encoding})()).glyphs == ASCII


def test_without_a_terminal_a_report_has_80_columns(monkeypatch):
    for stream in (io.StringIO(), None):
        assert Screen.of(stream).width == 80
    monkeypatch.setenv("COLUMNS", "72")
    assert Screen.of(_Terminal()).width == 72
    monkeypatch.setenv("COLUMNS", "300")
    assert Screen.of(_Terminal()).width == 100
