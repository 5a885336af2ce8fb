"""How LangChain messages carry tool calls and tool results.

`read_transcript` keeps calls, results, breaks and positions, and no content. Only this module,
`encodings` and `first_look`, which recognizes the history that nearly every request has, know what
carries what. A message is read by its fields, so that one that is stored as JSON, and has the same
fields, is read by the same lines.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
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
from toolpair_observe.pairing.masked_content import made_up, made_up_block
from toolpair_observe.pairing.signs import read_signs, sign_of_result
from toolpair_observe.pairing.transcript import Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_core.messages import BaseMessage


def read_transcript(messages: Iterable[BaseMessage]) -> Transcript:
    """Reduce `messages` to calls, results and breaks, whatever carries them."""
    return Transcript([read_message(index, message) for index, message in enumerate(messages)])


def read_message(index: int, message: BaseMessage) -> Entry:
    """Reduce one message to its calls and results.

    Args:
        index: Its position in the history.
        message: The message.
    """
    role, is_chunk = _told_by_class(message.__class__)
    return read_fields(index, role, message.__dict__, is_chunk)


def read_fields(index: int, role: Role, fields: dict[str, Any], is_chunk: bool = False) -> Entry:  # noqa: FBT001, FBT002 - a keyword costs time with each message
    """Reduce one message to its calls and results.

    Args:
        index: Its position in the history.
        role: Who speaks, as the message's class tells.
        fields: Its fields, as a validated message has them.
        is_chunk: Whether it is an AIMessageChunk.
    """
    if role is Role.AI:
        return read_ai(index, fields, is_chunk=is_chunk)
    return _READERS[role](index, fields)


# Pydantic's classes take long to say whether they are others' bases.
@lru_cache(maxsize=128)
def _told_by_class(cls: type[BaseMessage]) -> tuple[Role, bool]:
    """Return who speaks, and whether it is an AIMessageChunk."""
    roles = (role for message_class, role in _ROLES if issubclass(cls, message_class))
    return next(roles, Role.OTHER), issubclass(cls, AIMessageChunk)


_ROLES: Final = (
    (AIMessage, Role.AI),
    (ToolMessage, Role.TOOL),
    (HumanMessage, Role.HUMAN),
    (SystemMessage, Role.SYSTEM),
    (FunctionMessage, Role.FUNCTION),
    (ChatMessage, Role.CHAT),
    (RemoveMessage, Role.REMOVE),
)


def _read_tool(index: int, fields: dict[str, Any]) -> Entry:
    own_id = as_text(fields.get("tool_call_id"))
    name = as_name(fields)
    sign, maker = sign_of_result(fields), made_up(fields, own_id)
    own = Result(index, own_id, name, Carrier.TOOL_MESSAGE, sign, 0, maker)
    entry = Entry(index, Role.TOOL, [], [own], has_text=False, name=name)
    content = fields.get("content")
    if not isinstance(content, str):
        blocks = list(blocks_of(content))
        entry.is_empty_list = content == []
        outputs = [block for kind, block in blocks if is_output(kind)]
        if outputs:
            output = Result(index, own_id, name, Carrier.OUTPUT_IN_TOOL)
            output.made_up = made_up_block(outputs[0], own_id) if len(outputs) == 1 else None
            entry.results.append(output)
        # A ToolMessage made only of tool_result blocks stands for those, not for its own id.
        if blocks and all(kind == "tool_result" for kind, _ in blocks):
            entry.results += [
                _result_in(block, place, index, name, Carrier.TOOL_RESULT_IN_TOOL)
                for place, (_, block) in enumerate(blocks)
            ]
            entry.blocks = len(blocks)
    return entry


def _result_in(
    block: dict[str, Any], place: int, index: int, name: str | None, carrier: Carrier
) -> Result:
    call_id = result_id(block)
    result = Result(index, call_id, name, carrier, block=place)
    result.made_up = made_up_block(block, call_id)
    return result


def _read_human(index: int, fields: dict[str, Any]) -> Entry:
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
        _read_human_blocks(content, entry)
    return entry


def _read_human_blocks(content: object, entry: Entry) -> None:
    entry.has_text = False
    entry.blocks = 0
    for place, (kind, block) in enumerate(blocks_of(content)):
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
        result = _result_in(block, place, entry.index, None, carrier)
        entry.results.append(result)
        if entry.has_text:
            entry.behind_text.append(result)


def _read_system(index: int, fields: dict[str, Any]) -> Entry:
    role = as_text(as_dict(fields, "additional_kwargs").get("__openai_role__"))
    entry = Entry(index, Role.SYSTEM, wire_role=role)
    entry.is_summary, _ = read_signs(fields)
    return entry


def _read_function(index: int, fields: dict[str, Any]) -> Entry:
    result = Result(index, "", as_name(fields), Carrier.FUNCTION, made_up=made_up(fields, ""))
    return Entry(index, Role.FUNCTION, results=[result], has_text=False)


def _read_chat(index: int, fields: dict[str, Any]) -> Entry:
    role = as_text(fields.get("role"))
    if role == "tool":
        result = Result(index, "", as_name(fields), Carrier.CHAT_TOOL, made_up=made_up(fields, ""))
        return Entry(index, Role.CHAT, results=[result], has_text=False)
    return Entry(index, Role.CHAT, wire_role=role)


_READERS: Final[Mapping[Role, Callable[[int, dict[str, Any]], Entry]]] = {
    Role.TOOL: _read_tool,
    Role.HUMAN: _read_human,
    Role.SYSTEM: _read_system,
    Role.FUNCTION: _read_function,
    Role.CHAT: _read_chat,
    Role.REMOVE: lambda index, _: Entry(index, Role.REMOVE),
    Role.OTHER: lambda index, _: Entry(index, Role.OTHER),
}
