"""Tests that do not mention tool calls. The gate is in pytest.ini: `toolpair = strict`."""

import pytest
from history import keep_last, keep_last_carelessly
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

CALL = {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_rome"}
HISTORY: list[BaseMessage] = [
    HumanMessage("What is the weather in Rome?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("clear", tool_call_id="call_rome"),
    HumanMessage("And tomorrow?"),
]


def answer_to(history: list[BaseMessage]) -> str:
    """Ask a model that needs no key."""
    return str(FakeListChatModel(responses=["Clear, too."]).invoke(history).text)


def test_the_model_is_asked_with_what_fits() -> None:
    """Passes: the history is cut before a human message."""
    assert answer_to(keep_last(HISTORY, 2)) == "Clear, too."  # noqa: S101 -- a test


@pytest.mark.toolpair_expect("orphan_result")
def test_a_known_fault() -> None:
    """Fails without the marker, although the fake model answers everything."""
    assert answer_to(keep_last_carelessly(HISTORY, 2)) == "Clear, too."  # noqa: S101 -- a test
