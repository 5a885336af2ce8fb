"""A request is identified once and checked once, whichever way it comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, guard, instrument, uninstrument
from toolpair_observe.attach import judge as module
from toolpair_observe.attach.admission import Admission
from toolpair_observe.attach.request import Request
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.pairing.providers import identify as identifying
from toolpair_observe.testing import Watch

PICTURE = {"type": "image", "source_type": "base64", "data": "aGk=", "mime_type": "image/png"}
WITH_PICTURE = [HumanMessage([{"type": "text", "text": "What is it?"}, PICTURE]), *SOUND]


@tool
def get_weather(city: str) -> str:
    """Look out of the window."""
    return f"18 degrees in {city}"


@pytest.fixture
def counted(monkeypatch):
    """Count how often the one place that judges identifies and checks."""
    counts: Counter[str] = Counter()

    def counting(home, name):
        original = getattr(home, name)

        def count(*args, **how):
            counts[name] += 1
            return original(*args, **how)

        return count

    # A judge imports the former when it is made.
    for home, name in ((identifying, "identify"), (module, "check")):
        monkeypatch.setattr(home, name, counting(home, name))
    return counts


class WithTools(CountingModel):
    """A model that takes tools, as the agent's factory wants it."""

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[{"type": "function", "name": each.name} for each in tools])


def agent(handler, **options):
    middleware = ToolPairMiddleware(handler, **options)
    made = create_agent(WithTools(), [get_weather], middleware=[middleware])
    return SimpleNamespace(invoke=lambda messages: made.invoke({"messages": messages}))


async def _drain(stream):
    return [chunk async for chunk in stream]


WAYS = {
    "handler": lambda h: CountingModel(callbacks=[h]).invoke,
    "handler, twice": lambda h: (
        lambda m: CountingModel(callbacks=[h]).invoke(m, {"callbacks": [h]})
    ),
    "guard": lambda h: guard(CountingModel(), h).invoke,
    "guard on a model with the handler": lambda h: guard(CountingModel(callbacks=[h]), h).invoke,
    "guard, tools bound": lambda h: guard(WithTools().bind_tools([get_weather]), h).invoke,
    "guard, stream": lambda h: lambda m: list(guard(CountingModel(), h).stream(m)),
    "guard, ainvoke": lambda h: lambda m: asyncio.run(guard(CountingModel(), h).ainvoke(m)),
    "guard, astream": lambda h: lambda m: asyncio.run(_drain(guard(CountingModel(), h).astream(m))),
    "guard, batch": lambda h: lambda m: guard(CountingModel(), h).batch([m])[0],
    "middleware": lambda h: agent(h).invoke,
    "middleware that repairs": lambda h: agent(h, repair="insert_error_results").invoke,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_sound_request(make_handler, counted, way, mode):
    handler = make_handler(mode)
    WAYS[way](handler)(SOUND)
    # A model that an agent calls converts its tools, so who judges is made sure of again.
    again = way.startswith("middleware") and (mode == "strict" or "repairs" in way)
    assert counted == {"identify": 1 + again, "check": 1}
    assert handler.checks == 1
    assert handler.outcomes == {"accepted": 1}


@pytest.mark.parametrize("way", [way for way in WAYS if "repairs" not in way])
def test_a_request_that_is_stopped(make_handler, counted, way):
    handler = make_handler("strict")
    with pytest.raises(InvalidToolResultsError):
        WAYS[way](handler)(BROKEN)
    assert counted == {"identify": 1, "check": 1}
    assert handler.checks == 1
    assert handler.outcomes == {"blocked": 1}


def test_a_request_that_is_mended(make_handler, counted):
    """The repair makes its own checks of the original and of the repaired history."""
    handler = make_handler("strict")
    agent(handler, repair="insert_error_results").invoke(BROKEN)
    assert counted == {"identify": 2, "check": 1}
    assert handler.outcomes == {"accepted": 1}


def test_a_message_that_is_copied_for_the_tracers_is_looked_at_again(make_handler, counted):
    guard(CountingModel(), make_handler("strict")).invoke(WITH_PICTURE)
    assert counted["check"] == 2


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_watched_request(counted, mode):
    watch = Watch(mode)
    try:
        CountingModel().invoke(SOUND)
    finally:
        watch.stop()
    assert counted == {"identify": 1, "check": 1}
    assert watch.requests.checked == 1


def test_an_instrumented_request(make_handler, counted):
    instrument(make_handler("strict"))
    try:
        CountingModel().invoke(SOUND)
    finally:
        uninstrument()
    assert counted == {"identify": 1, "check": 1}


class Meddling(CountingModel):
    """A model that drops the result on its way, as an inner wrapper could."""

    def invoke(self, messages, config=None, **kwargs):
        del messages
        return super().invoke(BROKEN, config, **kwargs)


def test_the_verdict_of_one_request_is_never_that_of_another(make_handler, counted):
    handler = make_handler("strict")
    with pytest.raises(InvalidToolResultsError):
        guard(Meddling(), handler).invoke(SOUND)
    assert counted == {"identify": 2, "check": 2}
    assert handler.outcomes == {"blocked": 1}


def test_a_verdict_is_good_for_one_start(make_handler, counted):
    handler = make_handler("strict")
    model = CountingModel(callbacks=[handler])
    guard(model, handler).invoke(SOUND)
    model.invoke(SOUND)
    assert counted == {"identify": 2, "check": 2}


def test_a_verdict_is_not_that_of_another_model_with_the_same_history(make_handler, counted):
    handler = make_handler("strict", profile="auto")
    request = Request(SOUND, {"id": ["a model that never starts"]})
    verdict, _ = handler.judge.decide(request, uuid4(), "observe")
    admission = Admission(handler.judge, request, verdict._replace(target=None))
    CountingModel(callbacks=[handler]).invoke(SOUND, {"metadata": {"toolpair_mode": "observe"}})
    admission.release()
    assert counted["check"] == 2
