"""How LangChain messages carry tool calls and tool results.

`read_transcript` keeps calls, results, breaks and positions, and no content. Only this module,
`encodings` and `first_look`, which recognizes the history that nearly every request has, know what
carries what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from toolpair_observe.pairing.encodings import read_ai
from toolpair_observe.pairing.fields import (
    as_dict,
    as_name,
    as_text,
    blocks_of,
    is_output,
    result_id,
)
from toolpair_observe.pairing.signs import read_signs, sign_of_result
from toolpair_observe.pairing.transcript import Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage


def read_transcript(messages: Iterable[BaseMessage]) -> Transcript:
    """Reduce `messages` to calls, results and breaks, whatever carries them."""
    return Transcript([_read_entry(index, message) for index, message in enumerate(messages)])


def _read_entry(index: int, message: BaseMessage) -> Entry:  # noqa: PLR0911 - one per class
    if isinstance(message, AIMessage):
        return read_ai(index, message)
    if isinstance(message, ToolMessage):
        return _read_tool(index, message)
    if isinstance(message, HumanMessage):
        return _read_human(index, message)
    if isinstance(message, SystemMessage):
        fields = vars(message)
        role = as_text(as_dict(fields, "additional_kwargs").get("__openai_role__"))
        return Entry(index, Role.SYSTEM, is_summary=read_signs(fields)[0], wire_role=role)
    if isinstance(message, FunctionMessage):
        result = Result(index, "", as_name(vars(message)), Carrier.FUNCTION)
        return Entry(index, Role.FUNCTION, results=[result], has_text=False)
    if isinstance(message, ChatMessage):
        if message.role == "tool":
            result = Result(index, "", as_name(vars(message)), Carrier.CHAT_TOOL)
            return Entry(index, Role.CHAT, results=[result], has_text=False)
        return Entry(index, Role.CHAT, wire_role=as_text(message.role))
    return Entry(index, Role.REMOVE if isinstance(message, RemoveMessage) else Role.OTHER)


def _read_tool(index: int, message: ToolMessage) -> Entry:
    fields = vars(message)
    own_id = as_text(fields.get("tool_call_id"))
    name = as_name(fields)
    own = Result(index, own_id, name, Carrier.TOOL_MESSAGE, sign_of_result(fields))
    entry = Entry(index, Role.TOOL, results=[own], has_text=False, name=name)
    if not isinstance(fields.get("content"), str):
        blocks = list(blocks_of(message))
        entry.is_empty_list = fields.get("content") == []
        if any(is_output(kind) for kind, _ in blocks):
            entry.results.append(Result(index, own_id, name, Carrier.OUTPUT_IN_TOOL))
        # A ToolMessage made only of tool_result blocks stands for those, not for its own id.
        if blocks and all(kind == "tool_result" for kind, _ in blocks):
            entry.results += [
                Result(index, result_id(block), name, Carrier.TOOL_RESULT_IN_TOOL, block=place)
                for place, (_, block) in enumerate(blocks)
            ]
            entry.blocks = len(blocks)
    return entry


def _read_human(index: int, message: HumanMessage) -> Entry:
    fields = vars(message)
    content = fields.get("content")
    entry = Entry(
        index,
        Role.HUMAN,
        blocks=int(bool(content)),
        has_text=bool(content),
        name=as_name(fields),
    )
    entry.is_summary, entry.sign = read_signs(fields)
    if not isinstance(content, str):
        _read_human_blocks(message, entry)
    return entry


def _read_human_blocks(message: HumanMessage, entry: Entry) -> None:
    entry.has_text = False
    entry.blocks = 0
    for place, (kind, block) in enumerate(blocks_of(message)):
        entry.blocks += 1
        if kind == "tool_result":
            carrier = Carrier.TOOL_RESULT_IN_HUMAN
        elif kind == "toolResult":
            carrier = Carrier.CONVERSE_RESULT
        elif is_output(kind):
            carrier = Carrier.RESPONSES_OUTPUT
        else:
            entry.has_text = True
            continue
        result = Result(entry.index, result_id(block), None, carrier, block=place)
        entry.results.append(result)
        if entry.has_text:
            entry.behind_text.append(result)
