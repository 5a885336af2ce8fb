"""After many blocked calls: our error each time, no request, and nothing open anywhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.amounts import times
from tests.strict.arrangements import ARRANGEMENTS
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.rig import BY_THEMSELVES
from tests.strict.ways import RACING_GRAPH, WAYS
from toolpair_observe import InvalidToolResultsError

if TYPE_CHECKING:
    from tests.strict.arrangements import Arrangement
    from tests.strict.rig import Traces
    from tests.strict.ways import Way

CALLS = times(30, elsewhere=10)
SOUND_CALLS = 2
THOROUGH = {"last", "on-the-model"}
"""Where the ways that run through a whole graph make all their calls, too; they take long."""


@pytest.fixture(scope="module")
def left_by_peers(rig):
    """What the peers themselves leave after calls without a block."""
    known: dict[tuple[str, object], Traces] = {}

    def left_by_peers(way: Way, arrangement: Arrangement, strict) -> Traces:
        key = (way.name, arrangement.place)
        if key not in known:
            attached = arrangement.place(strict, rig.tracers(), [])
            traces = rig.watch(way, attached, SOUND, times=SOUND_CALLS)
            assert traces.errors == [None] * SOUND_CALLS
            assert traces.requests == SOUND_CALLS * way.sends
            known[key] = traces
        return known[key]

    return left_by_peers


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda one: one.name)
def test_a_block_leaves_nothing_open(rig, strict, left_by_peers, way, arrangement):
    allowed = left_by_peers(way, arrangement, strict)
    calls = CALLS if way.is_direct or arrangement.name in THOROUGH else CALLS // 5
    attached = arrangement.place(strict, rig.tracers(), arrangement.rogues())
    traces = rig.watch(way, attached, BROKEN, times=calls)
    assert [type(error) for error in traces.errors] == [InvalidToolResultsError] * calls
    assert traces.requests == 0
    assert traces.runs >= calls
    assert traces.runs_without_error == 0
    assert beyond(traces, allowed) == {}


@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda one: one.name)
def test_a_node_that_is_cancelled_at_any_moment_leaves_nothing_of_ours(rig, strict, arrangement):
    attached = arrangement.place(strict, rig.tracers(), arrangement.rogues())
    traces = rig.watch(RACING_GRAPH, attached, BROKEN, times=CALLS)
    assert [type(error) for error in traces.errors] == [InvalidToolResultsError] * CALLS
    assert traces.requests == 0
    assert {name for name in traces.left if name.startswith(("our", "ToolPair"))} == set()


def beyond(traces: Traces, allowed: Traces) -> Counter[str]:
    """What is left beyond what the same peers leave after as many runs that were not blocked."""
    by_themselves = {
        name: count * traces.runs / allowed.runs
        for name, count in allowed.left.items()
        if name != "current span"
    }
    return Counter(
        {
            name: n
            for name, n in traces.left.items()
            # A tracer has these of every run, and one that is not collected yet has them still.
            if n > by_themselves.get(name, 0) and name not in BY_THEMSELVES
        },
    )
