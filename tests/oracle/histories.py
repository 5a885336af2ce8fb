"""Hypothesis strategies: sound histories as LangChain holds them, and every way to break one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    ToolMessageChunk,
)

History = list[BaseMessage]
Draw = Callable[[st.SearchStrategy[Any]], Any]

NAMES = st.sampled_from(["get_weather", "search", "transfer_to_desk"])
TEXTS = st.sampled_from(["", "Fine.", "A longer line of text."])
LONG_ID = "chatcmpl-tool-0123456789abcdef0123456789abcdef"
IDS = st.sampled_from(
    ["call_0", "call_1", "call_2", "call_3", "call_4", "toolu_01AbC", "functions.f:301", "x" * 40],
)


def text_contents() -> st.SearchStrategy[str | list[Any]]:
    """Content that says something or nothing, in each shape that LangChain allows."""
    return st.one_of(
        TEXTS,
        TEXTS.map(lambda text: [{"type": "text", "text": text}]),
        TEXTS.map(lambda text: [text]),
        st.just([]),
    )


@st.composite
def calling_messages(draw: Draw, ids: Sequence[str | None]) -> AIMessage:
    """An AI message that makes calls with these ids, in one of the ways of carrying them."""
    names = [draw(NAMES) for _ in ids]
    way = draw(st.sampled_from(CARRIERS))
    return way(draw, ids, names)


def _calls(ids: Sequence[str | None], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "args": {}, "id": id_} for id_, name in zip(ids, names, strict=True)]


def _plain(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    return AIMessage(draw(text_contents()), tool_calls=_calls(ids, names))


def _chunk(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    arguments = draw(st.sampled_from(["{}", '{"city": "Oslo"}', '{"city": "Os']))
    pieces = [
        {"name": name, "args": arguments, "id": id_, "index": index}
        for index, (id_, name) in enumerate(zip(ids, names, strict=True))
    ]
    return AIMessageChunk(content=draw(text_contents()), tool_call_chunks=pieces)


def _partly_invalid(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    cut = draw(st.integers(0, len(ids)))
    invalid = [
        {"name": name, "args": '{"city": Oslo', "id": id_, "error": None}
        for id_, name in zip(ids[cut:], names[cut:], strict=True)
    ]
    return AIMessage(
        draw(text_contents()),
        tool_calls=_calls(ids[:cut], names[:cut]),
        invalid_tool_calls=invalid,
    )


def _raw(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    """Calls as OpenAI sent them, in `additional_kwargs`."""
    arguments = draw(st.sampled_from(["{}", "{oops"]))
    raw = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name in zip(ids, names, strict=True)
    ]
    message_class = draw(st.sampled_from([AIMessage, AIMessageChunk]))
    return message_class(content=draw(TEXTS), additional_kwargs={"tool_calls": raw})


def _repeated_in_content(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    """Blocks of another provider next to the calls; OpenAI's integration strips them."""
    kind = draw(st.sampled_from(["tool_use", "function_call"]))
    key = "id" if kind == "tool_use" else "call_id"
    blocks = [
        {"type": kind, key: id_, "name": name, "input": {}, "arguments": json.dumps({})}
        for id_, name in zip(ids, names, strict=True)
    ]
    text = [{"type": "text", "text": "Let me look."}] if draw(st.booleans()) else []
    return AIMessage([*text, *blocks], tool_calls=_calls(ids, names))


def _v1(draw: Draw, ids: Sequence[str | None], names: Sequence[str]) -> AIMessage:
    blocks = [
        {"type": "tool_call", "name": name, "args": {}, "id": id_}
        for id_, name in zip(ids, names, strict=True)
    ]
    metadata = {"output_version": "v1"} if draw(st.booleans()) else {}
    return AIMessage(content_blocks=blocks, response_metadata=metadata)


CARRIERS = [_plain, _chunk, _partly_invalid, _raw, _repeated_in_content, _v1]


@st.composite
def results(draw: Draw, id_: str) -> ToolMessage:
    """A result for the call with this id."""
    content = draw(
        st.one_of(
            text_contents(),
            st.just([{"type": "tool_result", "tool_use_id": id_, "content": "11"}]),
            st.just([{"type": "tool_result", "tool_use_id": "toolu_other", "content": "11"}]),
        ),
    )
    message_class = draw(st.sampled_from([ToolMessage, ToolMessage, ToolMessageChunk]))
    return message_class(
        content=content,
        tool_call_id=id_,
        name=draw(st.none() | NAMES),
        status=draw(st.sampled_from(["success", "error"])),
        artifact=draw(st.none() | st.just({"tool_call_id": "elsewhere"})),
    )


def humans() -> st.SearchStrategy[BaseMessage]:
    """A human message."""
    contents = st.one_of(
        text_contents(),
        st.just([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]),
    )
    return st.builds(
        lambda message_class, content: message_class(content=content),
        st.sampled_from([HumanMessage, HumanMessage, HumanMessageChunk]),
        contents,
    )


def systems() -> st.SearchStrategy[BaseMessage]:
    """A system message, or the developer message that OpenAI has in its place."""
    return st.builds(
        lambda content, extra: SystemMessage(content, additional_kwargs=extra),
        TEXTS,
        st.sampled_from([{}, {"__openai_role__": "developer"}]),
    )


def talking_messages() -> st.SearchStrategy[BaseMessage]:
    """An AI message that makes no call that OpenAI would see."""
    stray = [{"type": "tool_use", "id": "toolu_stripped", "name": "search", "input": {}}]
    plain = st.builds(
        lambda message_class, content: message_class(content=content),
        st.sampled_from([AIMessage, AIMessageChunk]),
        text_contents(),
    )
    return st.one_of(plain, st.just(AIMessage([{"type": "text", "text": "Hm."}, *stray])))


def bystanders() -> st.SearchStrategy[BaseMessage]:
    """A message that neither calls nor answers."""
    return st.one_of(
        humans(),
        systems(),
        talking_messages(),
        st.just(ChatMessage("Hello.", role="user")),
    )


@st.composite
def sound_histories(draw: Draw) -> History:
    """A history whose every call is answered at once; ids may come back in a later turn."""
    history: History = []
    for _ in range(draw(st.integers(0, 5))):
        history += draw(st.lists(bystanders(), max_size=2))
        if draw(st.integers(0, 3)):
            ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
            history.append(draw(calling_messages(ids)))
            history += [draw(results(id_)) for id_ in draw(st.permutations(ids))]
    return history + draw(st.lists(bystanders(), max_size=2))


@st.composite
def broken_histories(draw: Draw) -> History:
    """A sound history after one to four blows, which may cancel each other out."""
    history = draw(sound_histories())
    for _ in range(draw(st.integers(1, 4))):
        history = draw(st.sampled_from(BLOWS))(draw, history)
    return history


def _place(draw: Draw, history: History) -> int:
    return draw(st.integers(0, len(history)))


def _index(draw: Draw, history: History) -> int:
    return draw(st.integers(0, len(history) - 1))


def _drop(draw: Draw, history: History) -> History:
    if not history:
        return history
    index = _index(draw, history)
    return history[:index] + history[index + 1 :]


def _duplicate(draw: Draw, history: History) -> History:
    if not history:
        return history
    message = history[_index(draw, history)]
    return _inserted(draw, history, message)


def _duplicate_in_place(draw: Draw, history: History) -> History:
    if not history:
        return history
    index = _index(draw, history)
    return history[: index + 1] + history[index:]


def _swap(draw: Draw, history: History) -> History:
    if not history:
        return history
    one, other = _index(draw, history), _index(draw, history)
    swapped = list(history)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return swapped


def _move(draw: Draw, history: History) -> History:
    if not history:
        return history
    index = _index(draw, history)
    return _inserted(draw, history[:index] + history[index + 1 :], history[index])


def _truncate_head(draw: Draw, history: History) -> History:
    return history[_place(draw, history) :]


def _truncate_tail(draw: Draw, history: History) -> History:
    return history[: _place(draw, history)]


def _insert_bystander(draw: Draw, history: History) -> History:
    return _inserted(draw, history, draw(bystanders()))


def _insert_calls(draw: Draw, history: History) -> History:
    ids = draw(st.lists(IDS, min_size=1, max_size=3))
    return _inserted(draw, history, draw(calling_messages(ids)))


def _insert_result(draw: Draw, history: History) -> History:
    return _inserted(draw, history, draw(results(draw(IDS))))


def _insert_foreigner(draw: Draw, history: History) -> History:
    foreigner = draw(
        st.sampled_from(
            [
                FunctionMessage("11", name="get_weather"),
                ChatMessage("11", role="tool"),
                ChatMessage("Hello.", role="assistant"),
                RemoveMessage("some-message"),
            ],
        ),
    )
    return _inserted(draw, history, foreigner)


def _inserted(draw: Draw, history: History, message: BaseMessage) -> History:
    place = _place(draw, history)
    return [*history[:place], message, *history[place:]]


def _rename_result(draw: Draw, history: History) -> History:
    new = draw(st.sampled_from(["renamed", "", LONG_ID]) | IDS)
    return _changed(draw, history, ToolMessage, lambda message: {"tool_call_id": new})


def _rename_call(draw: Draw, history: History) -> History:
    new = draw(st.sampled_from(["renamed", "", None, LONG_ID]) | IDS)

    def rename(message: AIMessage) -> dict[str, Any]:
        calls = [dict(call) for call in message.tool_calls]
        if calls:
            calls[draw(st.integers(0, len(calls) - 1))]["id"] = new
        return {"tool_calls": calls}

    return _changed(draw, history, AIMessage, rename)


def _rename_both(draw: Draw, history: History) -> History:
    """Give a call and all results that name it an id that is too long."""
    calls = [
        (index, call["id"])
        for index, message in enumerate(history)
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    ]
    if not calls:
        return history
    _, old = draw(st.sampled_from(calls))
    renamed: History = []
    for message in history:
        if isinstance(message, AIMessage):
            new_calls = [
                {**call, "id": LONG_ID if call["id"] == old else call["id"]}
                for call in message.tool_calls
            ]
            renamed.append(message.model_copy(update={"tool_calls": new_calls}))
        elif isinstance(message, ToolMessage) and message.tool_call_id == old:
            renamed.append(message.model_copy(update={"tool_call_id": LONG_ID}))
        else:
            renamed.append(message)
    return renamed


def _changed(
    draw: Draw,
    history: History,
    message_class: type[BaseMessage],
    change: Callable[[Any], dict[str, Any]],
) -> History:
    places = [index for index, m in enumerate(history) if isinstance(m, message_class)]
    if not places:
        return history
    index = draw(st.sampled_from(places))
    message = history[index]
    changed = list(history)
    changed[index] = message.model_copy(update=change(message))
    return changed


BLOWS = [
    _drop,
    _duplicate,
    _duplicate_in_place,
    _swap,
    _move,
    _truncate_head,
    _truncate_tail,
    _insert_bystander,
    _insert_calls,
    _insert_result,
    _insert_foreigner,
    _rename_result,
    _rename_call,
    _rename_both,
]
