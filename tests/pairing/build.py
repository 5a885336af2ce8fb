"""Short ways to write a history."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

H = HumanMessage("And now?")
S = SystemMessage("Be brief.")
SAID = AIMessage("Well.")


def ask(*ids: str | None, **fields) -> AIMessage:
    """An AI message that calls a tool under each id; `id/tool` names another tool."""
    calls = []
    for given in ids:
        call_id, _, tool = (given or "").partition("/")
        calls.append({"name": tool or "look", "args": {}, "id": call_id if given else given})
    return AIMessage(fields.pop("content", ""), tool_calls=calls, **fields)


def bad(*ids: str) -> AIMessage:
    """An AI message whose calls have arguments that are not JSON."""
    calls = [{"name": "look", "args": "{", "id": id_, "error": None} for id_ in ids]
    return AIMessage("", invalid_tool_calls=calls)


def got(call_id: str, **fields) -> ToolMessage:
    """A result."""
    return ToolMessage("seen", tool_call_id=call_id, **fields)
