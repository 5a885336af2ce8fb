"""Every way of calling: one check and one outcome for each request, and no request when blocked."""

from __future__ import annotations

import asyncio
import gc
import inspect
import warnings

import pytest
from langchain_core._api import LangChainBetaWarning, LangChainDeprecationWarning

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.ways import WAYS
from toolpair_observe import InvalidToolResultsError

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


async def send(way, model, messages, handler):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangChainBetaWarning)
        warnings.simplefilter("ignore", LangChainDeprecationWarning)
        result = way.prepare(model)(messages, {"callbacks": [handler]})
        if inspect.isawaitable(result):
            await result
    # The newest streaming ends a run in a separate task, after its consumer has all events.
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


@every_way
async def test_a_sound_request_is_checked_once_and_accepted(way, make_handler):
    handler = make_handler("strict", feedback="off")
    model = CountingModel()
    await send(way, model, SOUND, handler)
    assert model.requests == way.sends
    assert handler.predictions == {("clean", "accepted"): way.sends}
    assert handler.checks == way.sends
    assert not handler.internal_errors
    assert handler.in_flight == 0


@every_way
@pytest.mark.parametrize("seam", [True, False], ids=["seam", "no-seam"])
async def test_observing_lets_a_broken_request_pass(way, seam, make_handler):
    handler = make_handler("observe", wrap_callbacks=seam)
    model = CountingModel()
    await send(way, model, BROKEN, handler)
    assert model.requests == way.sends
    assert handler.outcomes == {"accepted": way.sends}
    assert handler.checks == way.sends
    assert not handler.internal_errors


@every_way
async def test_strict_stops_a_broken_request_before_it_leaves(way, make_handler):
    handler = make_handler("strict")
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError) as caught:
        await send(way, model, BROKEN, handler)
    assert model.requests == 0
    assert caught.value.run_id is not None
    assert set(handler.outcomes) <= {"blocked", "cancelled"}
    assert handler.outcomes["blocked"] >= 1
    assert handler.outcomes.total() == handler.checks
    assert not handler.internal_errors
    assert handler.in_flight == 0


@every_way
# langchain-core leaves the other prompts' coroutines behind when a handler raises.
@pytest.mark.filterwarnings("ignore:coroutine 'ahandle_event' was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_strict_stops_it_without_the_seam_too(way, make_handler):
    handler = make_handler("strict", wrap_callbacks=False)
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        await send(way, model, BROKEN, handler)
    gc.collect()
    assert model.requests == 0
    assert handler.outcomes["blocked"] >= 1
    assert handler.outcomes["accepted"] == 0
    assert not handler.internal_errors
