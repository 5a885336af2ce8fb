"""Nothing between verdict and refusal loses the refusal, and no request passes uncounted."""

from __future__ import annotations

import logging
from contextvars import Context
from unittest.mock import Mock
from uuid import uuid4

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.tracers.langchain import LangChainTracer

from tests.handler.models import CountingModel
from tests.handler.siblings import AsyncSibling, Sibling
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import (
    CheckFailedError,
    InvalidToolResultsError,
    fail_open,
    guard,
    once,
    semconv,
)
from toolpair_observe.attach import runs, seam
from toolpair_observe.attach.instrument import instrument, uninstrument
from toolpair_observe.deadline import Deadline


class Unreadable:
    """What an application may put where a string is expected."""

    def __str__(self):
        raise ZeroDivisionError

    __repr__ = __str__


class Unhashable(Unreadable):
    __hash__ = None


class NoMapping:
    """Metadata that is none."""

    def __bool__(self):
        raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _say_everything_anew(monkeypatch):
    monkeypatch.setattr(once, "_said", set())


with_and_without_seam = pytest.mark.parametrize("seam_on", [True, False], ids=["seam", "no-seam"])


@with_and_without_seam
@pytest.mark.parametrize("way", ["handler", "guard", "process"])
@pytest.mark.parametrize(
    "config",
    [
        {"metadata": {"thread_id": Unreadable()}},
        {"metadata": {"thread_id": Unhashable()}},
        {"metadata": {"toolpair_mode": Unreadable()}},
        {"metadata": {Unreadable(): 1}},
        {"run_id": ["not", "hashable"]},
        {"run_id": "not a UUID"},
        {"run_name": Unreadable()},
    ],
    ids=["thread", "unhashable-thread", "mode", "key", "unhashable-run", "text-run", "name"],
)
async def test_what_an_application_passes_by_loses_no_refusal(make_handler, config, way, seam_on):
    strict, model = make_handler("strict", wrap_callbacks=seam_on), CountingModel()
    asked = model
    if way == "handler":
        config = {**config, "callbacks": [strict]}
    elif way == "guard":
        asked = guard(model, strict)
    else:
        instrument(strict)
    try:
        with pytest.raises(InvalidToolResultsError):
            asked.invoke(BROKEN, config)
        if seam_on:  # without it, langchain-core leaves the coroutines of other handlers behind
            with pytest.raises(InvalidToolResultsError):
                await asked.ainvoke(BROKEN, config)
        if "run_id" not in config:  # langchain-core itself refuses such an answer
            asked.invoke(SOUND, config)
    finally:
        uninstrument()
    assert model.requests == ("run_id" not in config)
    assert strict.checks == 1 + seam_on + ("run_id" not in config)


@pytest.mark.parametrize("part", ["_recorder.record", "_runs.checked", "_runs.placed"])
@with_and_without_seam
def test_a_record_that_cannot_be_made_loses_no_refusal(make_handler, monkeypatch, part, seam_on):
    strict, model = make_handler("strict", wrap_callbacks=seam_on), CountingModel()

    def fail(*args):
        raise ZeroDivisionError

    owner, _, name = part.partition(".")
    monkeypatch.setattr(getattr(strict, owner), name, fail)
    monkeypatch.setattr(fail_open, "_logged", set())
    sibling = Sibling()
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, {"callbacks": [sibling, strict]})
    assert model.requests == 0
    assert bool(sibling.open) == (not seam_on)
    if part == "_runs.placed" and not seam_on:
        assert not strict.internal_errors  # no manager is known there, so nobody asks
        return
    where = "seam" if seam_on and part != "_recorder.record" else "handler"
    assert strict.internal_errors == {("ZeroDivisionError", where): 1}


@pytest.mark.parametrize("settles", ["end", "note_refusal", "watch_manager"])
async def test_a_run_that_cannot_be_settled_loses_no_refusal(make_handler, monkeypatch, settles):
    strict, model = make_handler("strict"), CountingModel()

    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(runs.Run, settles, fail)
    for sibling in (Sibling(), AsyncSibling()):
        with pytest.raises(InvalidToolResultsError):
            model.invoke(BROKEN, {"callbacks": [sibling, strict]})
        with pytest.raises(InvalidToolResultsError):
            await model.ainvoke(BROKEN, {"callbacks": [sibling, strict]})
        assert not sibling.open
    assert model.requests == 0
    assert seam.is_active()
    assert {component for _, component in strict.internal_errors} <= {"seam", "outcome", "handler"}
    assert strict.internal_errors
    monkeypatch.undo()
    runs.abandon_everything(Deadline(5.0))


def test_an_id_that_is_in_use_hides_no_request_without_the_seam(make_handler):
    strict, model = make_handler("strict", wrap_callbacks=False), CountingModel()
    config = {"callbacks": [strict], "run_id": uuid4()}
    sound = model.stream(SOUND, config)
    next(sound)
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, config)
    model.invoke(SOUND, config)
    assert model.requests == 2
    assert strict.checks == 3


def test_a_handler_that_is_there_twice_checks_once_without_the_seam(make_handler):
    handler = make_handler("observe", wrap_callbacks=False)
    CallbackManager([handler, handler]).on_chat_model_start({}, [SOUND])
    assert handler.checks == 1
    assert next(iter(handler._runs._mine.values())).messages is SOUND
    runs.abandon_everything(Deadline(5.0))


@pytest.mark.parametrize("on_internal_error", ["allow", "block"])
@pytest.mark.parametrize("start", [{"messages": []}, {"messages": None}, {"messages": [None]}])
def test_what_cannot_be_checked_is_counted_and_can_be_stopped(
    make_handler, start, on_internal_error
):
    strict = make_handler("strict", on_internal_error=on_internal_error, wrap_callbacks=False)
    stopped = False
    try:
        strict.on_chat_model_start({}, run_id=uuid4(), **start)
    except CheckFailedError:
        stopped = True
    assert stopped == (on_internal_error == "block")
    assert strict.counted(semconv.UNCHECKED).total() == 1
    assert strict.internal_errors.total() == 1
    assert strict.checks == 0


def test_metadata_that_is_none_is_held_to_the_mode_of_the_operator(make_handler):
    strict = make_handler("strict", wrap_callbacks=False)
    with pytest.raises(InvalidToolResultsError):
        strict.on_chat_model_start({}, [BROKEN], run_id=uuid4(), metadata=NoMapping())


async def test_callbacks_take_what_langchain_core_may_add_or_leave_out(make_handler):
    handler = make_handler("observe")
    handler.on_chat_model_start({}, [SOUND], "new", run_id=uuid4(), also_new=1)
    handler.on_chat_model_start({}, [SOUND])
    for end in (handler.on_llm_new_token, handler.on_stream_event, handler.on_llm_end):
        end("what it is about", "new", also_new=1)
    handler.on_llm_error(ValueError(), "new", also_new=1)
    assert handler.checks == 2
    assert not handler.internal_errors


class Explosive(LangChainTracer):
    """A tracer that falls apart at the touch of its client or its runs."""

    def __init__(self, part, error):
        super().__init__(client=Mock())
        self.part, self.error, self.touched = part, error, 0

    def __getattribute__(self, name):
        own = super().__getattribute__("__dict__")
        if name != own.get("part"):
            return super().__getattribute__(name)
        own["touched"] += 1
        raise own["error"]

    def copy_with_metadata_defaults(self, **kwargs):
        return self

    def on_chat_model_start(self, *args, **kwargs):
        """Do nothing: others look at the tracer."""

    on_llm_end = on_llm_error = on_chat_model_start


@pytest.mark.parametrize("error", [OSError(), KeyError(), TypeError(), AttributeError()])
async def test_a_tracer_that_falls_apart_harms_one_request_and_not_the_process(
    make_handler, error, caplog
):
    strict, model = make_handler("strict", feedback="all"), CountingModel()
    sibling, tracer = Sibling(), Explosive("run_map", error)
    callbacks = {"callbacks": [tracer, sibling, strict]}
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        model.invoke(SOUND, callbacks)
        await model.ainvoke(SOUND, callbacks)
        with pytest.raises(InvalidToolResultsError):
            model.invoke(BROKEN, callbacks)
        with pytest.raises(InvalidToolResultsError):
            await model.ainvoke(BROKEN, callbacks)
    assert tracer.touched >= 4
    assert model.requests == 2
    assert not sibling.open
    assert seam.is_active()
    assert not seam._Seam.broken
    assert strict.outcomes == {"accepted": 2, "blocked": 2}
    assert strict.internal_errors == {(type(error).__name__, "seam"): 4}
    assert not [line for line in caplog.messages if "has a shape" in line]


class OwnManager(CallbackManager):
    """A manager of the application that returns what nobody else returns."""

    def on_chat_model_start(self, *args, **kwargs):
        super().on_chat_model_start(*args, **kwargs)
        return []


def test_a_manager_of_the_application_proves_nothing_about_langchain_core(make_handler):
    strict = make_handler("strict")
    with pytest.raises(InvalidToolResultsError):
        OwnManager([strict]).on_chat_model_start({}, [BROKEN])
    OwnManager([strict]).on_chat_model_start({}, [SOUND])
    assert seam.is_active()


def test_a_start_outside_of_the_seam_is_said_once(make_handler, caplog):
    """Such as in the worker thread of a manager of the application, without the context."""
    strict = make_handler("strict")
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        for _ in range(2):
            with pytest.raises(InvalidToolResultsError):
                Context().run(strict.on_chat_model_start, {}, [BROKEN], run_id=uuid4())
    assert sum("outside of langchain-core's callback managers" in m for m in caplog.messages) == 1
    assert strict.outcomes == {"blocked": 2}
