"""Histories of any length, sound and broken, for the benchmarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "The weather in Oslo is fine today, with some wind from the north in the evening."
ARGUMENTS = {"city": "Oslo", "unit": "celsius", "days": 3}


def _call(*ids: str, content: Any = "") -> AIMessage:
    calls = [{"name": "get_weather", "args": ARGUMENTS, "id": id_} for id_ in ids]
    # As OpenAI's integrations store them: ChatNVIDIA reads its calls from nowhere else.
    function = {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}
    raw = [{"id": id_, "type": "function", "function": function} for id_ in ids]
    return AIMessage(content, tool_calls=calls, additional_kwargs={"tool_calls": raw})


def _result(id_: str) -> ToolMessage:
    return ToolMessage(TEXT, tool_call_id=id_)


def _turns(turn: Callable[[int], list[BaseMessage]], length: int) -> list[BaseMessage]:
    """Repeat `turn` and cut the head, so that the end stays whole."""
    messages: list[BaseMessage] = []
    number = 0
    while len(messages) < length:
        messages += turn(number)
        number += 1
    head = [HumanMessage(TEXT)] * (len(messages) - length)
    return messages if not head else _turns_of_exactly(turn, length)


def _turns_of_exactly(turn: Callable[[int], list[BaseMessage]], length: int) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    number = 0
    while len(messages) + len(turn(number)) <= length:
        messages += turn(number)
        number += 1
    return [HumanMessage(TEXT)] * (length - len(messages)) + messages


def agent(length: int) -> list[BaseMessage]:
    """A question, a call, its result, an answer; over and over."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            _call(f"call_{n:08x}"),
            _result(f"call_{n:08x}"),
            AIMessage(TEXT),
        ],
        length,
    )


def parallel(length: int) -> list[BaseMessage]:
    """Three calls at once, their results in another order."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            _call(f"a_{n}", f"b_{n}", f"c_{n}"),
            _result(f"c_{n}"),
            _result(f"a_{n}"),
            _result(f"b_{n}"),
        ],
        length,
    )


def blocks(length: int) -> list[BaseMessage]:
    """Anthropic's content blocks, which repeat each call."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            _call(
                f"toolu_{n}",
                content=[
                    {"type": "text", "text": TEXT},
                    {
                        "type": "tool_use",
                        "id": f"toolu_{n}",
                        "name": "get_weather",
                        "input": ARGUMENTS,
                    },
                ],
            ),
            _result(f"toolu_{n}"),
            AIMessage(TEXT),
        ],
        length,
    )


def dangling(length: int) -> list[BaseMessage]:
    """Sound up to the last turn, whose call is never answered."""
    return [*agent(length - 2), _call("call_last"), HumanMessage(TEXT)]


def hopeless(length: int) -> list[BaseMessage]:
    """No call has its result."""
    return _turns(lambda n: [_call(f"call_{n}"), HumanMessage(TEXT)], length)


SHAPES = {
    "agent": agent,
    "parallel, shuffled": parallel,
    "content blocks": blocks,
    "last call unanswered": dangling,
    "no call answered": hopeless,
}
