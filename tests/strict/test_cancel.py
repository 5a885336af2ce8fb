"""A task that is canceled while a block is being closed: every sibling still sees the end."""

from __future__ import annotations

import asyncio

import pytest

from tests.amounts import times
from tests.strict.conversations import BROKEN
from tests.strict.rig import Traces, let_tasks_end
from tests.strict.siblings import HoldingSibling
from tests.strict.ways import WAYS
from toolpair_observe import InvalidToolResultsError

CALLS = times(50, elsewhere=10)
NEVER_SECONDS = 20
"""When a sibling that has not been told will never be."""
CANCELS = [1, 3]
"""How often a call is cancelled, by turns."""
CANCELLABLE = {
    "ainvoke": 1,
    "abatch": 2,
    "astream": 1,
    "astream_events-v2": 1,
    "agenerate": 1,
    "chain-ainvoke": 1,
    "agent-ainvoke": 1,
    "graph-ainvoke": 2,
    "fallbacks-ainvoke": 1,
    "retry-ainvoke": 1,
}
"""How many blocks are being closed at once. A cancel before all of them are is a cancel during the
start of the others, and leaves their siblings open as langchain-core itself does."""


async def cancel_in_the_middle(call, holding, callbacks, cancels) -> BaseException | None:
    """Start a call, cancel it while `holding` holds its end up, then let it go on."""
    holding.rearm()
    task = asyncio.ensure_future(call(BROKEN, {"callbacks": callbacks}))
    reached = asyncio.ensure_future(holding.reached.wait())
    try:
        await asyncio.wait(
            [task, reached], return_when=asyncio.FIRST_COMPLETED, timeout=NEVER_SECONDS
        )
        assert holding.reached.is_set(), "the siblings were not told, or not before the end"
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
    finally:
        reached.cancel()
        holding.release.set()
    try:
        await task
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the error is the result
        return error
    finally:
        await let_tasks_end()
    return None


@pytest.mark.parametrize("place", ["first", "last", "on-the-model"])
@pytest.mark.parametrize("name", sorted(CANCELLABLE))
def test_a_cancel_while_a_block_is_closed_leaves_nothing_open(rig, strict, name, place):
    way = next(way for way in WAYS if way.name == name)
    holding = HoldingSibling(CANCELLABLE[name])
    siblings = [*rig.tracers(), holding]
    callbacks = {
        "first": [strict, *siblings],
        "last": [*siblings, strict],
        "on-the-model": siblings,
    }[place]
    call = way.prepare(rig.model([strict] if place == "on-the-model" else []))
    traces = Traces()

    async def series():
        return [
            await cancel_in_the_middle(call, holding, callbacks, CANCELS[turn % len(CANCELS)])
            for turn in range(CALLS)
        ]

    with rig.detecting(traces, [*siblings, strict]):
        errors = rig.runner.run(series())
    ended_by = (InvalidToolResultsError, asyncio.CancelledError)
    assert all(isinstance(error, ended_by) for error in errors), {type(e) for e in errors}
    if CANCELLABLE[name] == 1:
        # Who cancels once learns why the call ended; who insists gets away at once.
        assert all(isinstance(error, InvalidToolResultsError) for error in errors[:: len(CANCELS)])
    assert traces.requests == 0
    assert traces.runs >= CALLS
    assert traces.runs_without_error == 0
    del traces.left["LangChainTracer.order_map"]
    assert not traces.left
