"""A bar on a terminal shows how much is done, and leaves the output where it was to go."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from toolpair_observe.progress import counting_bar


@pytest.fixture
def terminal():
    return Console(file=StringIO(), force_terminal=True, width=60)


def test_a_bar_shows_what_is_done_of_how_much(terminal):
    with counting_bar("diagnosing", terminal) as report:
        report(0, None)
        report(50, 200)
    shown = terminal.file.getvalue()
    assert "diagnosing" in shown
    assert "25%" in shown


def test_output_that_goes_to_a_file_stays_out_of_the_bar(terminal, capsys):
    with counting_bar("diagnosing", terminal) as report:
        report(1, 2)
        print("a finding")  # noqa: T201
    assert capsys.readouterr().out == "a finding\n"
    assert "a finding" not in terminal.file.getvalue()


def test_output_on_the_terminal_comes_above_the_bar(terminal, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with counting_bar("diagnosing", terminal) as report:
        report(1, 2)
        print("a finding")  # noqa: T201
    assert not capsys.readouterr().out
    assert "a finding\n" in terminal.file.getvalue()


def test_what_is_no_terminal_has_no_bar(capsys):
    with counting_bar("diagnosing") as report:
        assert report is None
    assert not capsys.readouterr().err
