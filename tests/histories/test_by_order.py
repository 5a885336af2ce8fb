"""Calls and results without ids pair by order and count."""

from __future__ import annotations

import time

import pytest

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.ids import suit
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

IN_CALLS = frozenset({Carrier.TOOL_CALL})


def entries_of(text):
    """Make entries of words: `h`, `a`, `a:f,g` (calls), `t`, `t:f` (results)."""
    entries = []
    for index, word in enumerate(text.split()):
        kind, _, names = word.partition(":")
        role = {"h": Role.HUMAN, "a": Role.AI, "t": Role.TOOL}[kind]
        entry = Entry(index, role, has_text=role is not Role.TOOL)
        if role is Role.AI:
            entry.calls = [Call(index, "", name, IN_CALLS) for name in names.split(",") if name]
        if role is Role.TOOL:
            entry.results = [
                Result(index, "", name or None, Carrier.TOOL_MESSAGE) for name in names.split(",")
            ]
        entries.append(entry)
    return entries


def kinds_of(text, joined=()):
    entries = entries_of(text)
    pair_by_order(entries, joined)
    return [str(found.kind) for found in judge(Transcript(entries), CONTRACT).violations]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("h a:f t a", []),
        ("h a:f,g t t a", []),
        ("h a:f,g t:, a", []),
        ("h a:f,g t:g t:f a", []),
        ("h a:f a:g t t h", ["misplaced_result"]),
        ("h a:f a:g t h", ["missing_result"]),
        ("h a:f a a:g t h", ["missing_result"]),
        ("h a:f h a", ["missing_result"]),
        ("h a:f,g t a", ["missing_result"]),
        ("h t a", ["orphan_result"]),
        ("h a t h", ["orphan_result"]),
        ("h a:f t t h", ["orphan_result"]),
        ("h a:f t:f t:f h", ["duplicate_result"]),
        ("h a:f h t a", ["misplaced_result"]),
        ("h a:f h a:g t t h", ["misplaced_result"]),
        ("h a:f t h a:f t h", []),
        ("h a:f h a t h", ["misplaced_result"]),
        ("h a:f t:f a t:f h", ["duplicate_result"]),
        ("h a:f,g t:g h a:h t:h t:f h", ["misplaced_result"]),
        ("h a:f h a:g t:g t:other h", ["missing_result", "orphan_result"]),
        ("h a:f a:f t:f h", ["missing_result"]),
        ("h a:f,g t:other h", ["missing_result"]),
        ("h a:f,g t:other t:f h", []),
    ],
)
def test_a_result_answers_the_first_open_call(text, kinds):
    assert kinds_of(text) == kinds


@pytest.mark.parametrize(
    ("text", "joined", "kinds"),
    [
        ("h a:f,g t a", {2}, []),
        ("h a:f,g t t a", {2, 3}, []),
        ("h a:f,g,g t t a", {2, 3}, ["missing_result"]),
        ("h a:f,g h t a", {3}, ["misplaced_result", "misplaced_result"]),
        ("h t a", {1}, ["orphan_result"]),
    ],
)
def test_a_lone_observation_counts_for_all_calls(text, joined, kinds):
    assert kinds_of(text, joined) == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("h a:f t:other h", []),
        ("h a:f,g t:other h", ["missing_result", "mismatched_result"]),
        ("h a:f,g t: h", ["missing_result"]),
    ],
)
def test_names_and_counts_decide_where_the_form_says_so(text, kinds):
    entries = entries_of(text)
    pair_by_order(entries, names_count=True)
    assert [str(found.kind) for found in judge(Transcript(entries), CONTRACT).violations] == kinds


def test_ids_stay_and_new_ones_are_others():
    entries = entries_of("h a:f,g,f t:f,g,f h a:f t:f")
    entries[1].calls[1].id = "c00000001"
    entries[2].results[1].id = "c00000001"
    entries[2].results[2].id = "own"
    pair_by_order(entries)
    calls = [call.id for entry in entries for call in entry.calls]

    assert calls == ["c00000002", "c00000001", "own", "c00000003"]
    assert [result.id for entry in entries for result in entry.results] == calls


def test_results_without_ids_take_those_of_the_calls():
    entries = entries_of("h a:f,g t t:f")
    for call, call_id in zip(entries[1].calls, "ab", strict=True):
        call.id = call_id
    pair_by_order(entries)

    assert [entry.results[0].id for entry in entries[2:]] == ["b", "a"]


def test_a_result_answers_the_call_that_it_names_in_whatever_turn():
    entries = entries_of("h a:f h a:f t:f t:f")
    entries[1].calls[0].id = entries[4].results[0].id = "late"
    pair_by_order(entries)

    assert entries[4].results[0].id == "late"
    assert entries[3].calls[0].id == entries[5].results[0].id != "late"


def test_the_first_form_of_openai_has_no_ids():
    entries = entries_of("h a:f,g t:f t:g")
    entries[1].calls[0].carriers = frozenset({Carrier.LEGACY_CALL})
    entries[2].results[0].carrier = Carrier.FUNCTION
    pair_by_order(entries)

    assert (entries[1].calls[0].id, entries[2].results[0].id) == ("", "")
    assert entries[1].calls[1].id == entries[3].results[0].id != ""


def test_the_ids_suit_every_provider():
    entries = entries_of("h a:f,g t:, t a")
    pair_by_order(entries)
    ids = [each.id for entry in entries for each in (*entry.calls, *entry.results)]

    assert suit(ids, 9, "a-zA-Z0-9")
    assert {len(each) for each in ids} == {9}


@pytest.mark.parametrize("name", ["g", "f", ""])
def test_the_work_is_linear(name):
    many = 10_000
    turns = " ".join(["a:f", "h"] * many)
    results = " ".join([f"t:{name}"] * many)
    for text in ("a:" + ",".join("f" * many), turns + " a:" + ",".join("x" * many)):
        entries = entries_of(f"{text} {results}")
        start = time.process_time()
        pair_by_order(entries)

        assert time.process_time() - start < 2
