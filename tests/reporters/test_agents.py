"""What a handler says of real agents: who made a result up, and which step broke a history."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import before_model
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.message import REMOVE_ALL_MESSAGES

from tests.handler.models import CountingModel
from toolpair_observe import ToolPairHandler
from toolpair_observe.logs import LOGGER_NAME

CALL = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
ABANDONED = [HumanMessage("Oslo?"), AIMessage("", tool_calls=[CALL]), HumanMessage("hush")]


@tool
def get_weather(city: str) -> str:
    """Return the weather."""
    return f"11 degrees in {city}"


class Scripted(CountingModel):
    """Calls the tool where nobody has done so, and answers otherwise."""

    def _generate(self, messages, *args, **kwargs):
        result = super()._generate(messages, *args, **kwargs)
        if isinstance(messages[-1], HumanMessage) and len(messages) == 1:
            result.generations[0].message = AIMessage("", tool_calls=[CALL])
        return result


@before_model
def answer_open_calls(state: Any, runtime: Any) -> Any:
    """Answer in the application's own words, which no list has."""
    del runtime
    messages: list[Any] = []
    answered = {each.tool_call_id for each in state["messages"] if isinstance(each, ToolMessage)}
    for message in state["messages"]:
        messages.append(message)
        open_ids = {call["id"] for call in getattr(message, "tool_calls", ())} - answered
        messages += [ToolMessage("hush, nothing came", tool_call_id=each) for each in open_ids]
    return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), *messages]}


@before_model
def keep_the_last(state: Any, runtime: Any) -> Any:
    """Cut a result from its call."""
    del runtime
    return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), state["messages"][-1]]}


class Said(NamedTuple):
    """What a handler said of an agent."""

    sdk: Any
    lines: list[tuple[str, str]]
    told: list[Any]


@pytest.fixture
def said(sdk, caplog):
    """Run an agent with one middleware, some turns of one thread, under a handler."""
    caplog.set_level("INFO", LOGGER_NAME)

    def run(middleware: Any, *turns: list[Any]) -> Said:
        told: list[Any] = []
        handler = ToolPairHandler(
            profile="openai-chat",
            feedback="off",
            announce=False,
            tracer_provider=sdk.tracer_provider,
            meter_provider=sdk.meter_provider,
            logger_provider=sdk.logger_provider,
            on_masked=told.append,
            on_near_miss=told.append,
        )
        agent: Any = create_agent(
            Scripted(),
            [get_weather],
            middleware=[] if middleware is None else [middleware],
            checkpointer=InMemorySaver(),
        )
        config = {"callbacks": [handler], "configurable": {"thread_id": str(uuid4())}}
        for turn in turns:
            agent.invoke({"messages": turn}, config)
        assert handler.flush()
        handler.close()
        return Said(sdk, [(each.levelname, each.getMessage()) for each in caplog.records], told)

    return run


def test_a_repair_in_own_words_is_told_once_with_its_step(said):
    sdk, lines, told = said(answer_open_calls, ABANDONED, [HumanMessage("And now?")])

    assert [(m.by, m.step, m.fresh) for each in told for m in each.report.masked] == [
        ("unknown", "answer_open_calls.before_model", True)
    ]
    ((labels, count),) = sdk.points("toolpair.masked").items()
    assert (labels[:2], count) == (("missing", "unknown"), 1)
    (event,) = sdk.events("toolpair.masked")
    assert event.attributes["toolpair.masked.evidence"] == "state"
    assert event.attributes["toolpair.masked.step"] == "answer_open_calls.before_model"
    assert sdk.spans == ()
    ((level, text),) = lines
    assert level == "INFO"
    assert "made up by other software in step answer_open_calls.before_model: missing" in text
    assert "hush" not in text


def test_the_step_that_broke_a_history_is_named_everywhere(said):
    sdk, lines, told = said(keep_the_last, [HumanMessage("Oslo?")])

    (observation,) = told
    blame = observation.blame
    assert (blame.step, blame.change) == ("keep_the_last.before_model", "removed")
    (span,) = sdk.spans
    assert span.attributes["toolpair.blame.step"] == "keep_the_last.before_model"
    assert span.attributes["toolpair.blame.change"] == "removed"
    assert "node keep_the_last.before_model removed message" in lines[0][1]
    assert "tool get_weather finished and its result was lost" in lines[0][1]


def test_a_thread_that_stays_broken_is_one_breach(said):
    """Every later turn is a near miss, and says since when."""
    asked = [HumanMessage("Oslo?"), AIMessage("", tool_calls=[CALL]), HumanMessage("hush")]
    sdk, lines, told = said(None, asked, [HumanMessage("And now?")])

    assert [each.is_fresh for each in told] == [True, False]
    assert sum(sdk.points("toolpair.breaches").values()) == 1
    assert [span.attributes["toolpair.breach.fresh"] for span in sdk.spans] == [True, False]
    first, second = told
    assert [each.attributes.get("toolpair.blame.requests_ago") for each in sdk.spans] == [None, 1]
    assert second.blame.since_run_id == first.run_id
    (_, line), (_, counted) = lines
    assert line.startswith("near miss: ")
    assert counted.startswith("… and 1 more like it in the minute after")
    assert "hush" not in line + counted
