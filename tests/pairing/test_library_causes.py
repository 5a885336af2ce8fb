"""Causes, on histories that libraries really broke: recorded ones, and some broken here.

`caused.jsonl` has one history a mechanism, with contents taken out and ids renamed. `ran` says what
was run, `cause` what to call it, `group` what else leaves the same list.
"""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import Annotated, TypedDict

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode

from tests.pairing.build import ask
from toolpair_observe import check_messages

_FILE = Path(__file__).parent / "caused.jsonl"
ROWS = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
_CLASSES = {
    "human": HumanMessage,
    "ai": AIMessage,
    "chunk": AIMessageChunk,
    "tool": ToolMessage,
    "system": SystemMessage,
}
PROFILES = ("contract", "openai-chat", "anthropic", "google-genai", "ollama")


def history_of(row):
    messages = [dict(message) for message in row["messages"]]
    return [_CLASSES[message.pop("type")](**message) for message in messages]


def causes(history, profile="openai-chat") -> set[str]:
    return {violation.cause.value for violation in check_messages(history, profile).violations}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["mechanism"])
def test_a_mechanism_is_named_or_its_group(row, profile):
    history = history_of(row)
    assert causes(history, profile) <= set(row["group"])
    if profile == "openai-chat":
        assert causes(history, profile)


def test_most_mechanisms_are_named_exactly():
    exact = [causes(history_of(row)) <= set(row["cause"]) for row in ROWS]
    assert sum(exact) / len(exact) >= 0.95


class _Scripted(BaseChatModel):
    """A model that says what it was given to say, and keeps what it was asked."""

    script: list[AIMessage]
    seen: list[list[AnyMessage]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.seen.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=self.script.pop(0))])


@tool
def look(query: str = "") -> str:
    """Look."""
    return "seen"


@tool
def fail(query: str = "") -> str:
    """Fail."""
    raise LookupError(query)


class _Replaced(TypedDict):
    messages: list


class _Added(TypedDict):
    messages: Annotated[list, operator.add]


def graph(model, state):
    built = StateGraph(state)
    built.add_node("model", lambda held: {"messages": [model.invoke(held["messages"])]})
    built.add_node("tools", ToolNode([look]))
    built.add_edge(START, "model")
    built.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    built.add_edge("tools", "model")
    return built.compile()


def test_a_state_without_a_reducer_leaves_the_results_alone_and_the_hint_mends_it():
    model = _Scripted(script=[ask("a", "b"), AIMessage("Seen.")], seen=[])
    graph(model, _Replaced).invoke({"messages": [HumanMessage("And now?")]})
    (first, *_) = check_messages(model.seen[-1], "openai-chat").violations
    assert first.cause == "overwritten_state"
    assert "add_messages" in first.hint
    mended = _Scripted(script=[ask("a", "b"), AIMessage("Seen.")], seen=[])
    graph(mended, _Added).invoke({"messages": [HumanMessage("And now?")]})
    assert check_messages(mended.seen[-1], "openai-chat").ok


def asked_again(script, *middleware):
    """What an agent asks its model after a run that raised, and a new message."""
    agents = pytest.importorskip("langchain.agents")
    model = _Scripted(script=script, seen=[])
    agent = agents.create_agent(
        model, [look, fail], middleware=middleware, checkpointer=InMemorySaver()
    )
    thread = {"configurable": {"thread_id": "1"}}
    with pytest.raises(LookupError):
        agent.invoke({"messages": [HumanMessage("And now?")]}, thread)
    model.script.append(AIMessage("Well."))
    agent.invoke({"messages": [HumanMessage("And then?")]}, thread)
    return check_messages(model.seen[-1], "openai-chat").violations


def test_a_tool_that_raises_leaves_an_abandoned_turn():
    violations = asked_again([ask("a/fail")])
    assert {violation.cause.value for violation in violations} == {"abandoned_turn"}
    assert "ToolErrorMiddleware" in violations[0].hint


def test_a_limit_that_answered_before_a_tool_raised_is_no_partial_execution():
    middleware = pytest.importorskip("langchain.agents.middleware")
    limit = middleware.ToolCallLimitMiddleware(run_limit=1)
    violations = asked_again([ask("a/fail", "b", "c")], limit)
    assert {violation.cause.value for violation in violations} == {"abandoned_turn"}
    assert "ToolCallLimitMiddleware" in violations[0].hint
