"""Work and memory grow no faster than the history, whatever it holds and whoever judges it."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import HumanMessage

from tests.amounts import times
from tests.oracle.adversarial import SHAPES, asked, bad, ids, results, tool
from toolpair_observe import check_messages
from toolpair_observe.hashed import hashed
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.report import MAX_VIOLATIONS
from toolpair_observe.repair import repair_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

    from toolpair_observe import PairingReport
    from toolpair_observe.pairing.providers.profile import Profile

H = HumanMessage("?")
# Each shape is judged under every twelfth row, and its neighbors under the others: all of them
# would take a quarter of an hour.
EVERY = times(12, 24)
# A report shows up to 20 breaches one by one, so what a shorter history's costs says nothing.
SIZES = (24, 48, 96)
MOST_GROWTH = 2.2
# The profiles whose steps do the most to a history.
BUSY = ("contract", "anthropic", "google-genai", "bedrock-converse", "openai-responses", "ollama")
BUSY_EVERY = 3


def _rows(profile: Profile) -> Iterator[Profile]:
    yield replace(profile, rows=())
    for row in profile.rows:
        yield from _rows(row.profile)


ROWS = [row for profile in PROFILES.values() for row in _rows(profile)]


def _told(report: PairingReport) -> object:
    return report.explain(), report.summary(), report.to_dict(), repr(report), hash(report)


def _check_and_tell(history: list[BaseMessage], profile: str) -> object:
    return _told(check_messages(history, profile))


def _all_of_it(history: list[BaseMessage], profile: Profile) -> None:
    _told(check_messages(history, profile))
    repair_messages(history, profile)
    done = repair_messages(
        history, profile, drop_unpaired=True, sync_encodings=True, thinking="strip"
    )
    assert done.summary()


def _lines_run(work: Callable[[], object]) -> int:
    """Count the lines run: a count, unlike a time, is the same every run."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def _peak(work: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_history_takes_twice_the_steps(shape):
    histories = [SHAPES[shape](size) for size in SIZES]
    steep = {}
    for number in range(list(SHAPES).index(shape) % EVERY, len(ROWS), EVERY):
        profile = ROWS[number]
        _all_of_it(histories[0], profile)  # what is worked out once a process
        few, more, many = (_lines_run(partial(_all_of_it, each, profile)) for each in histories)
        if many - more > MOST_GROWTH * (more - few):
            steep[number, profile.name] = few, more, many
    assert not steep


@pytest.mark.parametrize("shape", SHAPES)
def test_hashing_the_ids_takes_twice_the_steps_too(shape):
    profile = ROWS[list(SHAPES).index(shape) % len(ROWS)]

    def steps(size: int) -> int:
        history = SHAPES[shape](size)
        return _lines_run(lambda: _told(check(history, profile, rename=hashed)))

    steps(SIZES[0])  # what is worked out once a process
    few, more, many = (steps(2 * size) for size in SIZES)
    assert many - more <= MOST_GROWTH * (more - few)


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_history_takes_twice_the_memory(shape):
    history, twice = SHAPES[shape](200), SHAPES[shape](400)
    steep = {}
    for name in BUSY[list(SHAPES).index(shape) % BUSY_EVERY :: BUSY_EVERY]:
        check_messages(twice, name)  # what is worked out once a process
        less = _peak(partial(_check_and_tell, history, name))
        more = _peak(partial(_check_and_tell, twice, name))
        if more > MOST_GROWTH * less + 20_000:
            steep[name] = less, more
    assert not steep


@pytest.mark.parametrize("profile", ["openai-chat", "anthropic", "cohere", "contract"])
def test_a_long_id_is_not_repeated_in_thousands_of_texts(profile):
    long = "x" * 1_000_000
    histories = [
        [H, asked([long, *ids(100)]), H],
        [H, asked([long]), *results([long] * 100), H],
        [H, asked(ids(100), lambda _: long), *results(reversed(ids(100))), H],
    ]
    for history in histories:
        check_messages(history, profile)
        assert _peak(partial(check_messages, history, profile)) < 20 * len(long)


@pytest.mark.parametrize("name", ["Aa" + "A" * 200 + "_", "transfer_to_" + "a_agent" * 9_000 + "!"])
def test_no_name_of_a_tool_keeps_the_check_busy(name):
    # A pattern that tries every way to split such a name would not end.
    report = check_messages([H, asked(["a", "b"], lambda i: f"{name}{i}"), tool("a"), H])
    assert report.effect == "unknown"


def test_a_report_counts_what_it_does_not_hold():
    n = MAX_VIOLATIONS + 500
    history = [H, asked(ids(n)), H, tool("stranger"), H]
    report = check_messages(history, "openai-chat")
    assert len(report.violations) == MAX_VIOLATIONS
    assert report.violation_count == n + 1
    assert report.to_dict()["more_violations"] == 501
    assert f"and {n:d} more" in report.summary()
    assert "found:          at least 1,999 times, at message 1\n" in report.explain()
    assert f"and {n + 1 - MAX_VIOLATIONS} more violations" in report.explain()


def test_a_report_holds_a_breach_of_each_kind_and_the_worst_ones():
    n = MAX_VIOLATIONS + 500
    last = asked(["z"])
    last.invalid_tool_calls = [bad(None)]
    history = [H, *results(ids(n)), H, asked(["a"]), tool("a"), tool("a"), H, last, H]
    whole = [check_messages(history[n + 1 :], "openai-chat").violations]
    report = check_messages(history, "openai-chat")
    assert {v.kind for v in report.violations} >= {v.kind for v in whole[0]}
    assert report.effect == min((v.effect for v in report.violations), key=lambda e: e.rank)
    places = [violation.message_index for violation in report.violations]
    assert places == sorted(places)


def test_a_bounded_report_keeps_the_worst_effect_that_stands_last():
    # The first 2,500 are taken as they are, what comes last is not.
    n = MAX_VIOLATIONS + 500
    calls = [m for id_ in ids(n) for m in (asked([id_]), H)]
    report = check_messages([H, *calls, asked([""]), H], "bedrock-converse")
    assert report.effect == "local_error"
    assert report.effect in {violation.effect for violation in report.violations}


def test_a_repair_mends_more_breaches_than_a_report_holds():
    n = MAX_VIOLATIONS + 500
    repair = repair_messages([H, asked(ids(n)), H, tool("stranger"), H], "openai-chat")
    assert repair.before.violation_count == n + 1
    assert repair.after.violation_count == 1
    assert len(repair.changes) == n


def test_many_calls_on_a_line_are_counted():
    text = check_messages([H, asked(ids(100)), H]).explain()
    assert "call_7" in text
    assert "and 92 more" in text
    assert max(map(len, text.splitlines())) < 1_000
