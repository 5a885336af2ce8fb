"""The two histories that the strict tests send."""

from __future__ import annotations

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

_QUESTION = HumanMessage("What is the weather in Oslo and in Bergen?")
_CALLS = AIMessage(
    "",
    tool_calls=[
        {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"},
        {"name": "get_weather", "args": {"city": "Bergen"}, "id": "call_bergen"},
    ],
)
_OSLO = ToolMessage("11 degrees", tool_call_id="call_oslo")
_BERGEN = ToolMessage("rain", tool_call_id="call_bergen")

SOUND: list[BaseMessage] = [_QUESTION, _CALLS, _OSLO, _BERGEN]
BROKEN: list[BaseMessage] = [_QUESTION, _CALLS, _OSLO]
"""OpenAI refuses it: the second call has no result."""
