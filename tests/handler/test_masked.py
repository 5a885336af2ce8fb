"""Results that other software made up, from a request to whoever is told of them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.strict.conversations import SOUND
from toolpair_observe import (
    ToolPairHandler,
    guard,
    instrument,
    repair_messages,
    semconv,
    uninstrument,
)
from toolpair_observe.attach.hindsight import Hindsight
from toolpair_observe.hashed import is_hash
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.testing import Watch

CALL = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
CALLED = [HumanMessage("Hi."), AIMessage("", tool_calls=[CALL])]
MADE_UP = ToolMessage(
    "Tool call get_weather with id call_oslo did not complete - no result was recorded. It may "
    "have been cancelled or interrupted.",
    tool_call_id="call_oslo",
    status="error",
)
MENDED = [*CALLED, MADE_UP, HumanMessage("And?")]
LATER = [*MENDED, AIMessage("I do not know."), HumanMessage("Why?")]
COUNTED = ("missing", "deepagents", "openai", "")


@pytest.fixture
def told():
    return []


@pytest.fixture
def handler(make_handler, told):
    return make_handler("strict", on_masked=told.append)


def test_a_mended_request_is_clean_passes_strict_mode_and_is_told_once(handler, told):
    model = CountingModel()
    for history in (MENDED, LATER, SOUND):
        model.invoke(history, {"callbacks": [handler]})
    assert handler.flush()

    assert model.requests == 3
    assert handler.predictions == {("clean", "accepted"): 3}
    assert handler.counted(semconv.MASKED).total() == 1
    (observation,) = told
    assert (observation.outcome, observation.is_near_miss) == ("accepted", False)
    (masked,) = observation.report.masked
    assert (masked.message_index, masked.tool_call_id, masked.tool_name) == (
        2,
        "call_oslo",
        "get_weather",
    )
    assert (masked.by, masked.kind, masked.evidence) == ("deepagents", "missing", "text")


def test_an_escape_is_told_to_both(make_handler, told):
    escapes = []
    handler = make_handler(on_masked=told.append, on_near_miss=escapes.append)
    with pytest.raises(RefusedError):
        CountingModel(before=refuse_pairing).invoke(MENDED, {"callbacks": [handler]})
    assert handler.flush()

    assert [each.outcome for each in (*told, *escapes)] == ["escaped"] * 2


def test_our_own_repair_is_one_of_them(handler, told):
    repair = repair_messages([*CALLED, HumanMessage("And?")])
    CountingModel().invoke(repair.messages, {"callbacks": [handler]})
    assert handler.flush()

    (masked,) = told[0].report.masked
    assert (masked.by, masked.evidence) == ("toolpair_observe", "mark")


@pytest.mark.parametrize("made_by", [guard, instrument, ToolPairMiddleware])
def test_every_way_to_attach_takes_the_function(made_by, told):
    options = {"on_masked": told.append, "feedback": "off", "profile": "openai-chat"}
    model = CountingModel()
    if made_by is guard:
        guarded = guard(model, **options)
        guarded.invoke(MENDED)
        handler = guarded.handler
    elif made_by is instrument:
        handler = instrument(**options)
        model.invoke(MENDED)
    else:
        handler = ToolPairMiddleware(**options).handler
        model.invoke(MENDED, {"callbacks": [handler]})
    assert handler.flush()
    uninstrument()
    handler.close()

    assert len(told) == 1


async def test_a_coroutine_function_is_awaited_on_the_loop_of_the_request(make_handler, told):
    done = asyncio.Event()

    async def on_masked(observation):
        told.append((observation.outcome, asyncio.get_running_loop()))
        done.set()

    handler = make_handler(on_masked=on_masked)
    await CountingModel().ainvoke(MENDED, {"callbacks": [handler]})
    await done.wait()

    assert told == [("accepted", asyncio.get_running_loop())]


def test_a_function_that_fails_is_counted_under_its_own_name(make_handler):
    handler = make_handler(on_masked=lambda _: 1 / 0)
    CountingModel().invoke(MENDED, {"callbacks": [handler]})
    assert handler.flush()

    assert handler.internal_errors == {("ZeroDivisionError", "on_masked"): 1}


def test_one_function_for_both_is_called_for_each(make_handler, told):
    handler = make_handler(on_masked=told.append, on_near_miss=told.append)
    CountingModel().invoke([*MENDED[:-1], MADE_UP], {"callbacks": [handler]})
    assert handler.flush()

    assert [each.is_near_miss for each in told] == [True, True]


def test_no_id_gets_out_where_ids_are_hashed(make_handler, told, caplog):
    caplog.set_level("INFO", "toolpair_observe")
    handler = make_handler(hash_ids=True, on_masked=told.append)
    CountingModel().invoke(MENDED, {"callbacks": [handler]})
    assert handler.flush()

    (masked,) = told[0].report.masked
    assert is_hash(masked.tool_call_id)
    assert "call_oslo" not in caplog.text + repr(told)
    assert masked.tool_call_id in caplog.text


def test_who_cannot_be_asked_costs_the_request_nothing(make_handler, told, monkeypatch):
    """What the request's own texts show is told all the same."""

    def fail(*_):
        raise RecursionError

    monkeypatch.setattr(Hindsight, "of", fail)
    handler = make_handler(on_masked=told.append)
    CountingModel().invoke(MENDED, {"callbacks": [handler]})
    assert handler.flush()

    assert handler.internal_errors == {("RecursionError", "steps"): 1}
    assert len(told) == 1


def test_it_has_to_be_a_function_of_one_argument():
    with pytest.raises(ValueError, match="your on_masked does not take one argument"):
        ToolPairHandler(on_masked=lambda: None)


def test_a_watch_takes_no_breach_away_from_a_handler(make_handler, told):
    """Both look at the same requests, and only the handler says which of them are new."""
    handler = make_handler(on_near_miss=told.append)
    watch = Watch("observe", profile="openai-chat")
    try:
        config = {"callbacks": [handler], "metadata": {"thread_id": str(uuid4())}}
        for _ in range(2):
            CountingModel().invoke(CALLED, config)
        assert handler.flush()
    finally:
        watch.stop()

    assert len(watch.requests.reports) == 2
    assert [each.is_fresh for each in told] == [True, False]
