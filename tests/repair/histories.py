"""Histories for the tests of the repair, and what a test wants to know of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

History = list[BaseMessage]
Draw = Callable[[st.SearchStrategy[Any]], Any]


def human(text: str = "Go on.") -> HumanMessage:
    return HumanMessage(text)


def calls(*ids: str, id: str | None = None) -> AIMessage:  # noqa: A002 - the field's name
    named = [{"name": f"tool_{call_id}", "args": {}, "id": call_id} for call_id in ids]
    return AIMessage("", tool_calls=named, id=id)


def result(call_id: str, text: str = "11 degrees") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call_id)


def shape(messages: History) -> list[str]:
    """The history in short: roles, with the ids that results answer."""
    return [
        f"{m.status} {m.tool_call_id}" if isinstance(m, ToolMessage) else m.type for m in messages
    ]


def is_synthetic(message: BaseMessage) -> bool:
    return "toolpair_repair" in message.additional_kwargs


def real_results(messages: History) -> list[BaseMessage]:
    return [m for m in messages if isinstance(m, ToolMessage) and not is_synthetic(m)]


def others(messages: History) -> list[BaseMessage]:
    return [m for m in messages if not isinstance(m, ToolMessage)]


def same(one: History, other: History) -> bool:
    """Whether both lists hold the very same objects in the same order."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def same_set(one: History, other: History) -> bool:
    """Whether both lists hold the very same objects, each equally often."""
    return sorted(map(id, one)) == sorted(map(id, other))


@st.composite
def mendable_histories(draw: Draw) -> tuple[History, History]:
    """A history some of whose results were lost, delayed or shuffled, and how it should be.

    Every id is used once. In the second one all that is left stands in the order of the calls, and
    what is lost is answered by an error.
    """
    history: History = [SystemMessage("Be brief.")] if draw(st.booleans()) else []
    history.append(human())
    ideal = list(history)
    late: History = []
    made = 0
    for _ in range(draw(st.integers(1, 4))):
        ids = [f"call0000{made + n}" for n in range(draw(st.integers(1, 4)))]
        made += len(ids)
        calling = calls(*ids)
        fates = {each: draw(st.sampled_from(["stays", "stays", "lost", "late"])) for each in ids}
        answers = {each: result(each) for each in ids if fates[each] != "lost"}
        order = [each for each in draw(st.permutations(ids)) if each in answers]
        history += [calling, *(answers[each] for each in order if fates[each] == "stays")]
        late += [answers[each] for each in order if fates[each] == "late"]
        ideal += [calling, *answers.values()]
        ideal += [ToolMessage("", tool_call_id=i, status="error") for i in ids if i not in answers]
        between = [AIMessage("Let me see.")] if draw(st.booleans()) else []
        between += [human()] if draw(st.booleans()) else []
        history += between
        ideal += between
        while late and draw(st.booleans()):
            history.append(late.pop(0))
    return [*history, *late], ideal


@st.composite
def crowded_histories(draw: Draw) -> History:
    """A history in which few ids are used over and over, also twice in one message."""
    few = st.sampled_from(["a", "b", "c"])
    turns = st.one_of(
        st.just(human()),
        st.lists(few, min_size=1, max_size=3).map(lambda ids: calls(*ids)),
        few.map(result),
        few.map(result),
    )
    return [turn.model_copy() for turn in draw(st.lists(turns, max_size=10))]


@dataclass
class OpenCall:
    """A call that nothing in its place answers."""

    index: int
    id: str


def open_calls(history: History) -> list[OpenCall]:
    """What a plain reading of a history with `tool_calls` and tool messages only leaves open."""
    unanswered: list[OpenCall] = []
    block: list[OpenCall] = []
    for index, message in enumerate(history):
        if isinstance(message, ToolMessage):
            answered = next((c for c in block if c.id == message.tool_call_id), None)
            if answered is not None:
                block.remove(answered)
                unanswered.remove(answered)
            continue
        made = message.tool_calls if isinstance(message, AIMessage) else []
        block = [OpenCall(index, call["id"]) for call in made]
        unanswered += block
    return unanswered
