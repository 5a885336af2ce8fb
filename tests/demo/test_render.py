"""What the demo prints: the facts, at any width, with and without color."""

from __future__ import annotations

import io
import re
from functools import partial

import pytest
from rich.cells import cell_len
from rich.console import Console

from toolpair_observe.cli.main import main
from toolpair_observe.demo.cases import show
from toolpair_observe.demo.cases.render import MAX_WIDTH, THEME, DemoPrinter, new_console
from toolpair_observe.demo.loopback.judge import WireError
from toolpair_observe.demo.loopback.provider import LoopbackProvider

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def printed(width=88, *, encoding="utf-8", metrics=False, **options):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    console = Console(file=stream, width=width, theme=THEME, highlight=False, **options)
    agrees = show.show_cases(DemoPrinter(console), metrics=metrics)
    stream.flush()
    return raw.getvalue().decode(encoding), agrees


@pytest.fixture(scope="module")
def output():
    text, agrees = printed()
    assert agrees
    return text


def part(output, title):
    (_, _, rest) = output.partition(f" {title} ")
    return rest.split("\n── ")[0]


def test_a_broken_case_shows_timeline_prediction_answer_and_block(output):
    case = part(output, "1. Two calls, one result")

    assert "╭───    1 ai     call_rome  get_weather(city='Rome')" in case
    assert "╰┼──    2 tool   call_rome  clear, 18 degrees" in case
    assert " ╰╌╌ ✗           call_oslo  no result  ← missing_result" in case
    flat = " ".join(case.split())
    assert "predicted: reject under openai-chat: the provider answers with an error" in flat
    assert (
        "expected error: An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'. The following tool_call_ids did not have response "
        "messages: call_oslo answered: 400 ✓ with exactly this text"
    ) in flat
    assert "strict: blocked with InvalidToolResultsError; nothing was sent" in flat
    assert "to do: loop over every entry of ai_message.tool_calls" in flat


def test_the_sound_case_shows_no_complaint(output):
    case = part(output, "2. Two calls, two results")

    assert "✗" not in case
    flat = " ".join(case.split())
    assert "predicted: clean under openai-chat" in flat
    assert "answered: 200 Rome is clear" in flat
    assert "strict: allowed (200)" in flat
    assert "to do" not in flat


def test_the_overview_lists_every_case(output):
    lines = part(output, "Predicted and answered").splitlines()

    assert [line.split()[-4:] for line in lines if re.match(r"  \d\. ", line)] == [
        ["reject", "400", "blocked", "✓"],
        ["clean", "200", "allowed", "✓"],
        ["reject", "400", "blocked", "✓"],
        ["reject", "400", "blocked", "✓"],
    ]
    assert "✓ In all 4 cases the provider did what was predicted." in "\n".join(lines)
    assert "Strict mode stopped the 3 broken requests" in " ".join(" ".join(lines).split())


def test_the_metrics_are_listed_where_they_are_asked_for(output):
    assert "Metrics" not in output
    text, _ = printed(metrics=True)
    metrics = " ".join(part(text, "Metrics").split())

    assert "toolpair.checks effect=reject mode=observe 3 effect=reject mode=strict 3" in metrics
    assert "toolpair.outcomes outcome=blocked effect=reject 3" in metrics
    assert "also on the counters:" in metrics
    assert "gen_ai.request.model=gpt-4o-mini" in metrics


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width):
    text, _ = printed(width)

    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_terminal_without_unicode_gets_ascii_only():
    text, _ = printed(80, encoding="ascii")

    assert "+.. x" in text
    assert "400 ok with exactly this text" in text


def test_without_color_no_color_is_sent():
    text, _ = printed(force_terminal=True, no_color=True)

    codes = {code for codes in ESCAPE.findall(text) for code in codes.split(";")}
    # Bold and its end are no colors.
    assert codes <= {"1", "0"}


def test_with_color_the_broken_line_stands_out():
    text, _ = printed(force_terminal=True, color_system="standard", no_color=False)

    assert "no result  ← missing_result\x1b[0m" in text


def test_a_prediction_that_fails_is_shown_as_such(monkeypatch):
    lax = partial(LoopbackProvider, judge=lambda _: None)
    monkeypatch.setattr(show, "LoopbackProvider", lax)

    text, agrees = printed()

    assert not agrees
    case = part(text, "1. Two calls, one result")
    assert "✗ reject was predicted, but the provider answered" in case
    assert "exactly this text" not in case
    assert part(text, "Predicted and answered").count("✗ disagrees") == 3
    assert "✗ Only 1 of 4 cases went as predicted." in text


def test_a_refusal_of_what_was_called_clean_is_shown_as_such(monkeypatch):
    refusal = WireError("messages with role 'tool' must be a response to a message", None)
    harsh = partial(LoopbackProvider, judge=lambda _: refusal)
    monkeypatch.setattr(show, "LoopbackProvider", harsh)

    text, agrees = printed()

    assert not agrees
    case = part(text, "2. Two calls, two results")
    assert "✗ clean was predicted, but the provider refused" in case
    assert "✗ strict mode allowed a request that the provider refused" in case


def test_a_wide_terminal_is_not_filled(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")

    assert new_console().width == MAX_WIDTH
    assert new_console(width=120).width == 120


def test_the_last_screen_ends_with_the_next_step_in_under_40_lines(capsys):
    assert main(["demo", "--width", "80"]) == 0

    lines = capsys.readouterr().out.splitlines()
    last = next(n for n, line in enumerate(lines) if "Predicted and answered" in line)
    told = "\n".join(lines[last:])
    assert len(lines) - last < 40
    for word in (
        "callbacks=[ToolPairHandler()]",
        "toolpair-observe doctor",
        "toolpair-observe check",
    ):
        assert word in told
    assert told.index("In all 4 cases") < told.index("doctor")
