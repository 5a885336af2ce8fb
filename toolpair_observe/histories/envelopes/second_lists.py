"""Messages and calls that stand in a row beside the list that is read: they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import keys_text
from toolpair_observe.histories.dialects.table import is_message

if TYPE_CHECKING:
    from collections.abc import Collection

# What the model answered or should have answered, and what it may call: no part of a request.
ANSWERS: Final = frozenset(
    {
        "answer",
        "choices",
        "chosen",
        "completion",
        "expected",
        "expected_output",
        "generated",
        "generation",
        "ideal",
        "label",
        "non_preferred_output",
        "output",
        "outputs",
        "predicted",
        "prediction",
        "preferred_output",
        "reference",
        "reference_answer",
        "reference_outputs",
        "rejected",
        "response",
        "result",
        "target",
    }
)
_DEFINITIONS: Final = frozenset(
    {"available_tools", "functions", "response_format", "tool_choice", "tools"}
)
_CALLING_KEYS: Final = frozenset(
    {
        "call_id",
        "functionCall",
        "functionResponse",
        "function_call",
        "toolCallId",
        "toolResult",
        "toolUse",
        "tool_call_id",
        "toolCalls",
        "toolInvocations",
        "tool_calls",
        "tool_use_id",
    }
)
_ARGUMENTS: Final = ("args", "arguments")
# Rows nest what they say of a conversation a few levels deep.
_DEEPEST: Final = 4


def reason_of_others(data: dict[str, Any], read: Collection[str]) -> str:
    """Return why a row can't be read by some of its keys alone, `""` where it can.

    Args:
        data: The row.
        read: The keys under which everything is read.
    """
    others = [
        key
        for key, value in data.items()
        if value
        and isinstance(value, dict | list)
        and key not in read
        and key not in ANSWERS
        and key not in _DEFINITIONS
        and _holds_messages(value, _DEEPEST)
    ]
    if not others:
        return ""
    return f"messages or calls stand under the {keys_text(others)} as well: give each list a row"


def _holds_messages(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        if _is_call(value) or is_message(value):
            return True
        inner = [each for key, each in value.items() if key not in _DEFINITIONS]
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return levels > 0 and any(
        isinstance(each, dict | list) and _holds_messages(each, levels - 1) for each in inner
    )


def _is_call(value: dict[str, Any]) -> bool:
    function = value.get("function")
    return (
        any(value.get(key) for key in _CALLING_KEYS)
        or (isinstance(function, dict) and "arguments" in function)
        or ("name" in value and any(key in value for key in _ARGUMENTS))
    )
