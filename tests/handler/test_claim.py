"""Several handlers on one run: one reports it, and any strict one may stop it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.outputs import LLMResult

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach import judge as module


def test_a_handler_on_the_model_and_in_the_config_counts_once(make_handler):
    handler = make_handler()
    CountingModel(callbacks=[handler]).invoke(SOUND, {"callbacks": [handler]})
    assert handler.checks == 1
    assert handler.outcomes == {"accepted": 1}


def test_a_strict_handler_that_is_there_twice_looks_once(make_handler, monkeypatch):
    looks = []
    check = module.check
    monkeypatch.setattr(
        module, "check", lambda *args, **more: looks.append(args) or check(*args, **more)
    )
    handler = make_handler("strict")
    with pytest.raises(InvalidToolResultsError):
        CountingModel(callbacks=[handler]).invoke(BROKEN, {"callbacks": [handler, handler]})
    assert len(looks) == 1
    assert handler.outcomes == {"blocked": 1}


async def test_of_two_handlers_the_first_reports(make_handler):
    first, second = make_handler(), make_handler()
    model = CountingModel()
    model.invoke(BROKEN, {"callbacks": [first, second]})
    await model.ainvoke(BROKEN, {"callbacks": [first, second]})
    assert first.outcomes == {"accepted": 2}
    assert second.checks == 0
    assert first.in_flight == second.in_flight == 0


@pytest.mark.parametrize("seam", [True, False], ids=["seam", "no-seam"])
@pytest.mark.parametrize("strict_first", [True, False], ids=["strict-first", "strict-last"])
async def test_any_strict_handler_stops_the_run(make_handler, seam, strict_first):
    strict, lax = make_handler("strict", wrap_callbacks=seam), make_handler(wrap_callbacks=seam)
    both = [strict, lax] if strict_first else [lax, strict]
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, {"callbacks": both})
    if seam:
        with pytest.raises(InvalidToolResultsError):
            await model.ainvoke(BROKEN, {"callbacks": both})
    assert model.requests == 0
    assert both[0].outcomes == {"blocked": 1 + seam}
    assert not both[1].outcomes
    assert lax.in_flight == strict.in_flight == 0


def test_a_second_handler_judges_by_its_own_profile(make_handler):
    lax = make_handler("strict", profile="contract", block_unidentified=False)
    strict = make_handler("strict", profile="openai-chat")
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(BROKEN, {"callbacks": [lax, strict]})
    assert caught.value.report.profile == "openai-chat"
    assert lax.predictions == {("unknown", "blocked"): 1}


def test_a_handler_that_is_off_leaves_the_run_to_another(make_handler):
    off, on = make_handler("off"), make_handler()
    CountingModel().invoke(SOUND, {"callbacks": [off, on]})
    assert off.checks == 0
    assert on.outcomes == {"accepted": 1}


def test_the_run_of_a_handler_that_was_swapped_meanwhile_still_ends(make_handler):
    """What `instrument` does when it is called again while a request is under way."""
    first, second = make_handler(), make_handler()
    (manager,) = CallbackManager([first]).on_chat_model_start({}, [SOUND])
    manager.handlers = [second]
    manager.on_llm_end(LLMResult(generations=[]))
    assert first.outcomes == {"accepted": 1}


async def test_an_id_that_is_used_again_hides_no_request(make_handler):
    """Two requests at once with one configuration that names a run id."""
    handler, model = make_handler("strict"), CountingModel()
    config = {"callbacks": [handler], "run_id": uuid4()}
    sound = model.astream(SOUND, config)
    await anext(sound)
    with pytest.raises(InvalidToolResultsError):
        await model.ainvoke(BROKEN, config)
    async for _ in sound:
        pass
    assert model.requests == 1
    assert handler.predictions == {("clean", "accepted"): 1, ("reject", "blocked"): 1}


def test_each_of_two_requests_under_one_id_has_an_outcome(make_handler):
    handler = make_handler("strict")
    run_id = uuid4()
    managers = [
        CallbackManager([handler]).on_chat_model_start({}, [SOUND], run_id=run_id)[0]
        for _ in range(2)
    ]
    for manager in managers:
        manager.on_llm_end(LLMResult(generations=[]))
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}
