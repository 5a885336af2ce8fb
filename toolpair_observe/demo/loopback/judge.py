"""The pairing rule as OpenAI's Chat Completions API enforces it on the wire.

It judges the predictions, so it shares no code with `toolpair_observe.pairing`: it reads the JSON
that really arrived and answers with the provider's own error texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WireMessage = dict[str, Any]

MAX_ID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class WireError:
    """A refusal, in the shape of OpenAI's error object."""

    message: str
    param: str | None
    code: str | None = None
    type: str = "invalid_request_error"

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the response."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


def judge(messages: Sequence[WireMessage]) -> WireError | None:
    """Return the provider's refusal of `messages`, or None if it would answer.

    Like the provider, it names one fault at a time: schema faults first, then the first pairing
    fault in the order of the messages.
    """
    for fault in _schema_faults(messages):
        return fault
    for fault in _pairing_faults(messages):
        return fault
    return None


def _schema_faults(messages: Sequence[WireMessage]) -> Iterator[WireError]:
    for i, message in enumerate(messages):
        for j, call_id in enumerate(_call_ids(message)):
            if len(call_id) > MAX_ID_LENGTH:
                yield _too_long(f"messages[{i}].tool_calls[{j}].id", call_id)
        result_id = message.get("tool_call_id")
        if isinstance(result_id, str) and len(result_id) > MAX_ID_LENGTH:
            yield _too_long(f"messages[{i}].tool_call_id", result_id)


def _pairing_faults(messages: Sequence[WireMessage]) -> Iterator[WireError]:
    position = 0
    while position < len(messages):
        message = messages[position]
        calls = _call_ids(message) if message.get("role") == "assistant" else []
        position += 1
        if calls:
            end = _end_of_results(messages, position)
            yield from _faults_in_answers(messages, calls, position, end)
            position = end
        elif message.get("role") == "tool":
            yield _orphan(position - 1, message)


def _faults_in_answers(
    messages: Sequence[WireMessage], calls: list[str], start: int, end: int
) -> Iterator[WireError]:
    answered_at: dict[str, int] = {}
    for i in range(start, end):
        result_id = messages[i].get("tool_call_id")
        if not result_id:
            yield _without_id(i)
        elif result_id in answered_at:
            yield _duplicate(result_id, answered_at[result_id], i)
        elif result_id not in calls:
            yield _unknown_id(result_id, i)
        else:
            answered_at[result_id] = i
    unanswered = [call for call in calls if call not in answered_at]
    if unanswered:
        yield _unanswered(unanswered, end, len(messages))


def _end_of_results(messages: Sequence[WireMessage], start: int) -> int:
    end = start
    while end < len(messages) and messages[end].get("role") == "tool":
        end += 1
    return end


def _call_ids(message: WireMessage) -> list[str]:
    calls = message.get("tool_calls") or ()
    return [str(call.get("id") or "") for call in calls if isinstance(call, dict)]


def _too_long(where: str, value: str) -> WireError:
    return WireError(
        message=f"Invalid '{where}': string too long. Expected a string with maximum length "
        f"{MAX_ID_LENGTH}, but got a string with length {len(value)} instead.",
        param=where,
        code="string_above_max_length",
    )


def _orphan(index: int, message: WireMessage) -> WireError:
    if not message.get("tool_call_id"):
        return _without_id(index)
    return WireError(
        # "preceeding" is the provider's own spelling.
        message="Invalid parameter: messages with role 'tool' must be a response to a preceeding "
        "message with 'tool_calls'.",
        param=f"messages.[{index}].role",
    )


def _without_id(index: int) -> WireError:
    return WireError(
        message="Missing parameter 'tool_call_id': messages with role 'tool' must have a "
        "'tool_call_id'.",
        param=f"messages.[{index}].tool_call_id",
    )


def _duplicate(result_id: str, first: int, second: int) -> WireError:
    return WireError(
        message=f"Invalid parameter: Duplicate value for 'tool_call_id' of '{result_id}', in "
        f"messages[{first}] and messages[{second}].",
        param=f"messages.[{second}].tool_call_id",
    )


def _unknown_id(result_id: str, index: int) -> WireError:
    return WireError(
        message=f"Invalid parameter: 'tool_call_id' of '{result_id}' not found in 'tool_calls' of "
        "previous message.",
        param=f"messages.[{index}].tool_call_id",
    )


def _unanswered(call_ids: list[str], next_index: int, count: int) -> WireError:
    return WireError(
        message="An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'. The following tool_call_ids did not have response "
        f"messages: {', '.join(call_ids)}",
        param="messages" if next_index >= count else f"messages.[{next_index}].role",
    )
