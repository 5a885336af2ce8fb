"""Histories of any length, sound and broken, for the benchmarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TEXT = "The weather in Oslo is fine today, with some wind from the north in the evening."
ARGUMENTS = {"city": "Oslo", "unit": "celsius", "days": 3}


def call(*ids: str, content: Any = "") -> AIMessage:
    """A message with these calls."""
    calls = [{"name": "get_weather", "args": ARGUMENTS, "id": id_} for id_ in ids]
    # As OpenAI's integrations store them: ChatNVIDIA reads its calls from nowhere else.
    function = {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}
    raw = [{"id": id_, "type": "function", "function": function} for id_ in ids]
    return AIMessage(content, tool_calls=calls, additional_kwargs={"tool_calls": raw})


def result(id_: str) -> ToolMessage:
    """The result of a call."""
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
            call(f"call_{n:08x}"),
            result(f"call_{n:08x}"),
            AIMessage(TEXT),
        ],
        length,
    )


def parallel(length: int) -> list[BaseMessage]:
    """Three calls at once, their results in another order."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            call(f"a_{n}", f"b_{n}", f"c_{n}"),
            result(f"c_{n}"),
            result(f"a_{n}"),
            result(f"b_{n}"),
        ],
        length,
    )


def blocks(length: int) -> list[BaseMessage]:
    """Anthropic's content blocks, which repeat each call."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            call(
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
            result(f"toolu_{n}"),
            AIMessage(TEXT),
        ],
        length,
    )


def dangling(length: int) -> list[BaseMessage]:
    """Sound up to the last turn, whose call is never answered."""
    return [*agent(length - 2), call("call_last"), HumanMessage(TEXT)]


def two_calls(length: int) -> list[BaseMessage]:
    """Two calls at once, and an answer."""
    return _turns(
        lambda n: [
            HumanMessage(TEXT),
            call(f"a_{n}", f"b_{n}"),
            result(f"a_{n}"),
            result(f"b_{n}"),
            AIMessage(TEXT),
        ],
        length,
    )


def shuffled(length: int) -> list[BaseMessage]:
    """Three calls of three tools at once, their results in another order."""

    def turn(n: int) -> list[BaseMessage]:
        calls = [{"name": name, "args": ARGUMENTS, "id": f"{name}_{n}"} for name in "abc"]
        results = [ToolMessage(TEXT, tool_call_id=f"{name}_{n}", name=name) for name in "cab"]
        return [HumanMessage(TEXT), AIMessage("", tool_calls=calls), *results]

    return _turns(turn, length)


def unanswered(length: int) -> list[BaseMessage]:
    """Sound but for one call in the middle, which has no result."""
    messages, place = _with_middle_result(length)
    del messages[place]
    return messages


def orphan(length: int) -> list[BaseMessage]:
    """Sound but for one result in the middle, whose call is nowhere."""
    messages, place = _with_middle_result(length)
    messages.insert(place + 2, result("call_lost"))
    return messages


def duplicate(length: int) -> list[BaseMessage]:
    """Sound but for one result in the middle, which is there twice."""
    messages, place = _with_middle_result(length)
    messages.insert(place + 1, messages[place])
    return messages


def misplaced(length: int) -> list[BaseMessage]:
    """Sound but for one result in the middle, which comes after the next question."""
    messages, place = _with_middle_result(length)
    messages.insert(place + 2, messages.pop(place))
    return messages


def swapped(length: int) -> list[BaseMessage]:
    """Sound but for two calls of one tool in the middle, whose results are in another order."""
    messages, place = _with_middle_result(length)
    messages[place - 1 : place + 1] = [call("a", "b"), result("b"), result("a")]
    return messages


def _with_middle_result(length: int) -> tuple[list[BaseMessage], int]:
    """Return an agent's history and the position of a result in its middle."""
    messages = agent(length)
    places = [place for place, each in enumerate(messages) if isinstance(each, ToolMessage)]
    return messages, places[len(places) // 2]


def hopeless(length: int) -> list[BaseMessage]:
    """No call has its result."""
    return _turns(lambda n: [call(f"call_{n}"), HumanMessage(TEXT)], length)


SHAPES = {
    "agent": agent,
    "two calls at once": two_calls,
    "three at once, shuffled": parallel,
    "content blocks": blocks,
    "no call answered": hopeless,
}
BREAKS: Mapping[str, tuple[str, Callable[[int], list[BaseMessage]]]] = {
    "a call in the middle without a result": ("openai-chat", unanswered),
    "a call at the end without a result": ("openai-chat", dangling),
    "a result without a call": ("openai-chat", orphan),
    "a result given twice": ("openai-chat", duplicate),
    "a result in the wrong place": ("openai-chat", misplaced),
    "results swapped, Gemini": ("google-genai", swapped),
}
"""One breach in a sound history, and a profile under which it is one."""
