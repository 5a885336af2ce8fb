"""The four cases of LangChain's page on INVALID_TOOL_RESULTS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_QUESTION: Final = "What is the weather in Rome and in Oslo?"
_CALLS: Final = {"call_rome": "Rome", "call_oslo": "Oslo"}
_RESULTS: Final = {"call_rome": "clear, 18 degrees", "call_oslo": "rain, 7 degrees"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case.

    Attributes:
        title: The case in a few words.
        story: How an application produces such a history.
        messages: The messages sent to the model.
    """

    title: str
    story: str
    messages: tuple[BaseMessage, ...]

    def texts(self) -> dict[int, list[str]]:
        """Return the texts to show for each message: one per call, or a single one."""
        return {index: _texts(message) for index, message in enumerate(self.messages)}


def _texts(message: BaseMessage) -> list[str]:
    if isinstance(message, AIMessage) and message.tool_calls:
        return [_as_code(call["name"], call["args"]) for call in message.tool_calls]
    return [message.text]


def _as_code(name: str, arguments: dict[str, object]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _question_and_calls() -> tuple[BaseMessage, ...]:
    calls = [
        {"name": "get_weather", "args": {"city": city}, "id": call_id}
        for call_id, city in _CALLS.items()
    ]
    return HumanMessage(_QUESTION), AIMessage("", tool_calls=calls)


def _result(call_id: str) -> ToolMessage:
    return ToolMessage(_RESULTS[call_id], tool_call_id=call_id)


SCENARIOS: Final = (
    Scenario(
        "Two calls, one result",
        "A loop ran the first tool call and forgot the second.",
        (*_question_and_calls(), _result("call_rome")),
    ),
    Scenario(
        "Two calls, two results",
        "Nothing is wrong here, so nothing may be reported or blocked.",
        (*_question_and_calls(), _result("call_rome"), _result("call_oslo")),
    ),
    Scenario(
        "Two calls, and a duplicate result",
        "A retried step appended its result again.",
        (*_question_and_calls(), _result("call_rome"), _result("call_oslo"), _result("call_oslo")),
    ),
    Scenario(
        "A result on its own",
        "A node returned its result into a state that keeps only the newest messages.",
        (_result("call_rome"),),
    ),
)
