"""An agent's conversations, and the ways in which applications break them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    Messages = list[BaseMessage]

_CITIES: Final = ("Rome", "Oslo", "Lima", "Cairo", "Quito", "Hanoi")
_ids = count(1)


def conversation(turns: int, before: Messages | None = None) -> Messages:
    """Return a sound conversation that ends with the results of the last turn's calls.

    Args:
        turns: How many questions the user asks.
        before: What was asked, called and answered before them.
    """
    history = list(before or ())
    for turn in range(turns):
        if history and history[-1].type != "ai":
            history.append(AIMessage("Anything else?"))
        history += _turn(turn, [f"call_{next(_ids)}" for _ in range(2)])
    return history


def _turn(turn: int, ids: Sequence[str]) -> Messages:
    cities = [_CITIES[(turn + place) % len(_CITIES)] for place in range(len(ids))]
    calls = [
        {"name": "get_weather", "args": {"city": city}, "id": each}
        for each, city in zip(ids, cities, strict=True)
    ]
    return [
        HumanMessage(f"What is the weather in {' and in '.join(cities)}?"),
        AIMessage("", tool_calls=calls),
        *(ToolMessage("clear, 18 degrees", tool_call_id=each) for each in ids),
    ]


def trimmed(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation cut to a window of its last messages, which starts with results."""
    return conversation(turns, before)[2:]


def aborted(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation whose user wrote again while the tools were still running."""
    history = conversation(turns, before)
    return [*history[:-2], HumanMessage("Never mind. What about tomorrow?")]


def partly_run(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation whose last turn ran only the first of two calls."""
    return conversation(turns, before)[:-1]


def retried(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation whose last step was retried and appended its result again."""
    history = conversation(turns, before)
    return [*history, history[-1]]


def mended(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation whose last result is lost, and made up as deepagents does it."""
    *history, last = conversation(turns, before)
    call_id = str(getattr(last, "tool_call_id", ""))
    text = (
        f"Tool call get_weather with id {call_id} did not complete - no result was recorded. It "
        "may have been cancelled or interrupted."
    )
    return [*history, ToolMessage(text, tool_call_id=call_id, status="error")]


def with_numbers_as_ids(turns: int, before: Messages | None = None) -> Messages:
    """Return a conversation whose agent numbers the calls of each turn from one."""
    history = list(before or ())
    for turn in range(turns):
        if history and history[-1].type != "ai":
            history.append(AIMessage("Anything else?"))
        history += _turn(turn, ["call_1", "call_2"])
    return history


def interrupted(turns: int) -> Messages:
    """Return a conversation with a note between a call and its results."""
    history = conversation(turns)
    return [*history[:-2], HumanMessage("(the user is still online)"), *history[-2:]]
