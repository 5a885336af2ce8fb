"""Our own failures: counted, logged without content, and never the application's problem."""

from __future__ import annotations

import gc
import logging
import weakref
from uuid import uuid4

import pytest
from langchain_core.outputs import Generation, LLMResult

from tests.handler.models import CountingModel
from tests.handler.siblings import Sibling
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import fail_open
from toolpair_observe.attach import judge, outcomes, runs
from toolpair_observe.errors import CheckFailedError, InvalidToolResultsError

SECRET = "the launch code is 0000"


@pytest.fixture
def broken_check(monkeypatch):
    def fail(*args, **how):
        raise KeyError(SECRET)

    monkeypatch.setattr(judge, "check", fail)


@pytest.fixture(autouse=True)
def _log_everything_anew(monkeypatch):
    monkeypatch.setattr(fail_open, "_logged", set())


@pytest.mark.usefixtures("broken_check")
@pytest.mark.parametrize("mode", ["observe", "strict"])
async def test_a_request_that_cannot_be_checked_passes(make_handler, mode, caplog):
    ours = make_handler(mode)
    model = CountingModel()
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        model.invoke(BROKEN, {"callbacks": [ours]})
        await model.ainvoke(BROKEN, {"callbacks": [ours]})
    assert model.requests == 2
    assert ours.internal_errors == {("KeyError", "check"): 2}
    assert ours.in_flight == 0
    lines = [line for line in caplog.messages if "failed in check" in line]
    assert len(lines) == 1
    assert "KeyError at " in lines[0]
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("broken_check")
@pytest.mark.parametrize("seam", [True, False], ids=["seam", "no-seam"])
def test_strict_can_hold_what_it_could_not_check(make_handler, seam):
    ours = make_handler("strict", on_internal_error="block", wrap_callbacks=seam)
    sibling = Sibling()
    model = CountingModel()
    with pytest.raises(CheckFailedError) as caught:
        model.invoke(SOUND, {"callbacks": [ours, sibling]})
    assert model.requests == 0
    assert SECRET not in repr(caught.value)
    assert "KeyError" in str(caught.value)
    assert caught.value.run_id is not None
    assert not sibling.open


@pytest.mark.usefixtures("broken_check")
def test_observing_holds_nothing_whatever_happens(make_handler):
    model = CountingModel()
    model.invoke(SOUND, {"callbacks": [make_handler(on_internal_error="block")]})
    assert model.requests == 1


class Broken:
    """A reporter all of whose methods raise."""

    wants_sound = True

    def fail(self, *args):
        raise ZeroDivisionError(SECRET)

    flagged = finished = mended = flush = close = fail


def test_a_reporter_that_raises_stops_neither_the_others_nor_the_application(make_handler):
    seen = []

    class Working:
        wants_sound = True

        def flagged(self, observation, trace):
            seen.append("flagged")

        def finished(self, observation, trace):
            seen.append("finished")

        def mended(self, observation, trace):
            seen.append("mended")

        def flush(self, timeout):
            seen.append("flush")
            return True

        def close(self, timeout):
            seen.append("close")

    ours = make_handler("strict")
    ours._pipeline.report_to({"mine": Broken(), "other": Working()})
    CountingModel().invoke(SOUND, {"callbacks": [ours]})
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [ours]})
    assert seen == ["finished", "flagged", "finished"]
    assert ours.flush() is False
    assert ours.close() is False
    assert seen[3:] == ["flush", "flush", "close"]
    assert ours.internal_errors == {("ZeroDivisionError", "mine"): 6}
    ours._pipeline.report_to({})


def test_an_outcome_that_cannot_be_settled_is_our_problem_only(make_handler, monkeypatch):
    ours = make_handler()

    def fail(*args, **options):
        raise RecursionError(SECRET)

    monkeypatch.setattr(outcomes, "read_rejection", fail)
    with pytest.raises(RuntimeError, match="application"):
        CountingModel(before=_raise_in_application).invoke(SOUND, {"callbacks": [ours]})
    assert ours.internal_errors == {("RecursionError", "outcome"): 1}
    monkeypatch.undo()
    ours.close()
    assert ours.outcomes.total() == 1


def _raise_in_application(*_):
    msg = "the application's own"
    raise RuntimeError(msg)


def test_what_stops_a_thread_goes_on(make_handler, monkeypatch):
    ours = make_handler()

    def interrupt(*args, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(judge, "check", interrupt)
    with pytest.raises(KeyboardInterrupt):
        CountingModel().invoke(SOUND, {"callbacks": [ours]})
    assert not ours.internal_errors
    assert not runs._open


def test_odd_callback_data_is_no_failure(make_handler):
    ours = make_handler(profile="auto")
    CountingModel().invoke(SOUND, {"callbacks": [ours], "metadata": {"thread_id": object()}})
    CountingModel().invoke("hello", {"callbacks": [ours]})
    assert not ours.internal_errors
    assert ours.outcomes == {"accepted": 2}


@pytest.mark.parametrize(
    "answer",
    [
        LLMResult(generations=[]),
        LLMResult(generations=[[]]),
        LLMResult(generations=[[Generation(text="a")]]),
        None,
        "an answer",
    ],
    ids=["none", "no candidate", "a text", "nothing", "no result"],
)
@pytest.mark.parametrize("blame", ["steps", "requests"])
def test_a_model_that_ends_without_a_message_is_no_failure_of_ours(make_handler, answer, blame):
    ours = make_handler(blame=blame)
    run_id = uuid4()
    ours.on_chat_model_start({}, [SOUND], run_id=run_id)
    ours.on_llm_end(answer, run_id=run_id)
    assert ours.internal_errors == {}
    assert ours.in_flight == 0


def test_a_failure_of_ours_keeps_no_request_alive(make_handler, monkeypatch):
    """A guard that all threads share keeps nothing of what it swallows."""
    monkeypatch.setattr(judge, "poisoned_thread_id", _raise_in_application)
    handler = make_handler()
    messages = [each.model_copy() for each in BROKEN]
    gone = weakref.ref(messages[0])

    CountingModel(callbacks=[handler]).invoke(messages)
    assert handler.internal_errors == {("RuntimeError", "check"): 1}
    del messages
    gc.collect()

    assert gone() is None
