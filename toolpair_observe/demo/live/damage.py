"""Conversations as an agent keeps them, and the ways in which applications break them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    History = list[BaseMessage]

_CITIES: Final = ("Rome", "Oslo", "Lima", "Cairo", "Quito", "Hanoi")
_ids = count(1)


def conversation(turns: int, calls: int = 2) -> History:
    """Return a sound conversation that ends with the results of the last turn's calls.

    Args:
        turns: How often the user asks.
        calls: How many tool calls each turn has.
    """
    history: History = []
    for turn in range(turns):
        if turn:
            history.append(AIMessage("Anything else?"))
        history += _turn(turn, [f"call_{next(_ids)}" for _ in range(calls)])
    return history


def _turn(turn: int, ids: Sequence[str]) -> History:
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


def trimmed(turns: int) -> History:
    """Return what a window of the last messages leaves: it starts with results."""
    return conversation(turns)[2:]


def aborted(turns: int) -> History:
    """Return a conversation whose user asked on while the tools were still running."""
    history = conversation(turns)
    return [*history[:-2], HumanMessage("Never mind. What about tomorrow?")]


def partly_run(turns: int) -> History:
    """Return a conversation whose last turn ran the first of two calls only."""
    return conversation(turns)[:-1]


def retried(turns: int) -> History:
    """Return a conversation whose last step was retried and appended its result again."""
    history = conversation(turns)
    return [*history, history[-1]]


def with_numbers_as_ids(turns: int) -> History:
    """Return a conversation of an agent that numbers the calls of each turn from one."""
    history: History = []
    for turn in range(turns):
        if turn:
            history.append(AIMessage("Anything else?"))
        history += _turn(turn, ["call_1", "call_2"])
    return history


def interrupted(turns: int) -> History:
    """Return a conversation in which a note stands between a call and its results."""
    history = conversation(turns)
    return [*history[:-2], HumanMessage("(the user is still online)"), *history[-2:]]
