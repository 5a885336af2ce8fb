"""Sums and lists: bounded, and the same however the parts are grouped."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolpair_observe.audit.bounded import Firsts, Groups, Sums, short_first, shuffled

KEYS = st.tuples(st.sampled_from("abcdefgh"), st.text("xyz", max_size=2))
COUNTED = st.lists(st.tuples(KEYS, st.integers(1, 9)), max_size=60)


def parts(draw, items):
    """Cut a list into two or three parts, in any place."""
    cuts = sorted(draw(st.lists(st.integers(0, len(items)), min_size=1, max_size=2)))
    edges = [0, *cuts, len(items)]
    return [items[a:b] for a, b in pairwise(edges)]


def summed(items, order=short_first):
    sums = Sums(1, 4, order)
    for key, count in items:
        sums.row(key)[0] += count
    return sums


def content(sums):
    return list(sums.items()), sums.rest


@pytest.mark.parametrize("order", [short_first, shuffled])
@given(data=st.data())
def test_sums_of_parts_merge_to_the_sums_of_all(order, data):
    items = data.draw(COUNTED)
    some = parts(data.draw, items)
    merged = Sums(1, 4, order)
    for part in data.draw(st.permutations(some)):
        merged.merge(summed(part, order))
    assert content(merged) == content(summed(items, order))


@given(COUNTED)
def test_sums_hold_few_keys_and_lose_no_count(items):
    sums = summed(items)
    kept, rest = content(sums)
    assert len(kept) <= 4
    assert sum(row[0] for _, row in kept) + rest[0] == sum(count for _, count in items)
    assert len(sums._rows) <= 8


def test_short_names_stay_where_there_are_too_many():
    made_up = [((f"ft:model:{number:04}",), 1) for number in range(100)]
    kept, rest = content(summed([*made_up, (("gpt",), 5)]))
    assert (("gpt",), [5]) in kept
    assert rest == [97]


RECORDS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), max_size=40, unique=True)


def firsts(ranks):
    kept = Firsts(5)
    for rank in ranks:
        kept.add(rank, {"rank": list(rank)})
    return kept


@given(st.data())
def test_the_first_records_of_parts_merge_to_those_of_all(data):
    ranks = data.draw(RECORDS)
    merged = Firsts(5)
    for part in data.draw(st.permutations(parts(data.draw, ranks))):
        merged.merge(firsts(part))
    assert merged.records() == [{"rank": list(rank)} for rank in sorted(ranks)[:5]]


def groups(items):
    kept = Groups(3, 2)
    for key, rank in items:
        if kept.wants((key,), (rank,)):
            kept.add((key,), (rank,), {"rank": rank})
    return kept


@given(st.data())
def test_groups_of_parts_merge_to_those_of_all(data):
    items = data.draw(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 99)), max_size=40, unique=True)
    )
    merged = Groups(3, 2)
    for part in data.draw(st.permutations(parts(data.draw, items))):
        merged.merge(groups(part))
    expected = [
        ((key,), [{"rank": rank} for rank in sorted(r for k, r in items if k == key)[:2]])
        for key in sorted({key for key, _ in items})[:3]
    ]
    assert list(merged.items()) == expected


@given(COUNTED)
def test_a_state_is_json_and_makes_the_same_again(items):
    sums, again = summed(items), Sums(1, 4)
    again.restore(json.loads(json.dumps(sums.state())))
    assert content(again) == content(sums)
    kept, kept_again = groups([(key[0], count) for key, count in items]), Groups(3, 2)
    kept_again.restore(json.loads(json.dumps(kept.state())))
    assert list(kept_again.items()) == list(kept.items())


def test_records_are_moved_in_their_order():
    kept = firsts([(1, 5), (0, 7)])
    kept.moved(lambda rank, record: ((rank[0], rank[1] + 10), record))
    kept.add((0, 16), {"rank": "new"})
    assert kept.records() == [{"rank": "new"}, {"rank": [0, 7]}, {"rank": [1, 5]}]
