"""The detectors see what a naive block leaves behind: a test that can't fail proves nothing."""

from __future__ import annotations

import pytest

from tests.strict.conversations import BROKEN, SOUND
from tests.strict.rig import BY_THEMSELVES, Attached
from tests.strict.siblings import NaiveBlocker, NaiveBlockError
from tests.strict.ways import WAYS, Way


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_without_a_block_nothing_is_left(rig, way: Way):
    traces = rig.watch(way, Attached(in_config=rig.tracers()), SOUND, times=3)
    assert traces.errors == [None] * 3
    assert traces.requests == 3 * way.sends
    assert traces.runs >= 3
    left = set(traces.left) - BY_THEMSELVES
    # Of several prompts the later ones' spans stay current: core ends runs in order of their
    # start, and Langfuse's contexts have to be left in the opposite order.
    if way.name.startswith("generate"):
        left -= {"current span"}
    assert left == set()


def test_a_naive_block_is_seen_to_leak_where_it_stands_last(rig):
    left = naive_block(rig, "invoke", on_the_model=False)
    assert left["pending LangSmith runs"] == 5
    assert left["LangChainTracer.run_map"] == 5
    assert left["AsyncSibling.runs"] == 5
    assert left["Langfuse's open spans"] == 5
    assert left["LangchainCallbackHandler._context_tokens"] == 5
    assert left["current span"] == 1


def test_a_naive_block_is_seen_to_leak_openinference_where_it_stands_on_the_model(rig):
    left = naive_block(rig, "invoke", on_the_model=True)
    assert left["OpenInference's open spans"] == 5
    assert left["OpenInferenceTracer.run_map"] == 5


def test_a_naive_block_is_seen_to_drop_the_siblings_coroutines(rig):
    assert naive_block(rig, "ainvoke", on_the_model=False)["coroutines never awaited"] >= 5


def naive_block(rig, way_name, *, on_the_model):
    way = next(way for way in WAYS if way.name == way_name)
    naive, tracers = NaiveBlocker(), rig.tracers()
    attached = Attached([naive], tracers) if on_the_model else Attached([], [*tracers, naive])
    traces = rig.watch(way, attached, BROKEN, times=5)
    assert [type(error) for error in traces.errors] == [NaiveBlockError] * 5
    assert traces.requests == 0
    return traces.left
