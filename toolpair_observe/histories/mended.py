"""Mend stored conversations, in the form in which they are written.

A conversation is taken apart into pieces, each one message or one result of it as it was written.
The repair works on bare messages that stand for the pieces, and the pieces are put together again
in its order. So nothing of what was written passes through another form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    message_to_dict,
)

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.histories.unit import Extent, Unit
from toolpair_observe.pairing.words import Role
from toolpair_observe.repair.mend import Choices, repair_history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.pairing.transcript import Entry
    from toolpair_observe.repair.report import Repair


@dataclass(slots=True, eq=False)
class _Piece:
    """What one bare message stands for.

    Attributes:
        written: The message as it was written; of a result that stands in a block, the block; of
            what stands beside such blocks, the list of blocks.
        origin: Position of the message that it was taken from, None for an inserted result.
        is_part: Whether it is a part of that message rather than all of it.
    """

    written: Any
    origin: int | None
    is_part: bool = False


def mend(
    unit: Unit,
    target: Target,
    data: object,
    *,
    drop_unpaired: bool = False,
    name_id: Callable[[str], str] = str,
) -> list[Repair]:
    """Mend the conversations of a unit in place, as far as nothing is lost by it.

    Args:
        unit: The unit.
        target: Who judges it.
        data: The value that it was found in; the lists of messages in it are changed.
        drop_unpaired: Whether results that answer nothing are dropped.
        name_id: Returns what the repairs have in place of an id.

    Returns:
        What was done, one repair for each list. Positions are those of the pieces.

    Raises:
        HistoryFileError: The conversation is written in a form that can't be written back, or it
            can't be read; the text says which.
    """
    lists = [each.messages for each in unit.conversations]
    for messages in lists:
        if not _holds(data, messages):
            msg = "its messages are gathered from several places, and can't be written back"
            raise HistoryFileError(msg)
    choices = Choices(drop_unpaired=drop_unpaired, name_id=name_id)
    return [_mend_list(unit, messages, target, choices) for messages in lists]


def _holds(data: object, messages: object) -> bool:
    """Whether the very list stands in the value, so that a change of it is one of the value."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if value is messages:
            return True
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _mend_list(unit: Unit, messages: Sequence[Any], target: Target, choices: Choices) -> Repair:
    dialect = unit.dialect or dialect_of(messages)
    writer = _WRITERS.get(dialect.name)
    if writer is None or dialect.unfold is not None or not isinstance(messages, list):
        known = ", ".join(_WRITERS)
        msg = f"conversations in the form {dialect.name} are not mended; those that are: {known}"
        raise HistoryFileError(msg)
    entries = dialect.read(messages).entries
    pieces: dict[int, _Piece] = {}
    bare: list[BaseMessage] = []
    for entry, written in zip(entries, messages, strict=True):
        for message, piece in _taken_apart(entry, written):
            bare.append(message)
            pieces[id(message)] = piece
    choices = replace(choices, pending=_open_at_end(unit, bare))
    repair = repair_history(bare, target.profile, target.facts, choices)
    if repair.changed:
        made = writer(messages)
        whole = [
            pieces.get(id(message)) or _Piece(made(message), None, is_part=made is _block)
            for message in repair.messages
        ]
        messages[:] = _put_together(whole, messages)
    return repair


def _open_at_end(unit: Unit, bare: Sequence[BaseMessage]) -> list[str]:
    """Return the ids of the calls in the last answer, which is no request yet."""
    if unit.extent is Extent.WHOLE or not bare or not isinstance(bare[-1], AIMessage):
        return []
    return [call["id"] for call in bare[-1].tool_calls if call["id"]]


_TEXT: Final = "x"  # stands for content, of which the repair knows only whether there is any


def _taken_apart(entry: Entry, written: Any) -> list[tuple[BaseMessage, _Piece]]:  # noqa: ANN401 - JSON
    text = _TEXT if entry.has_text else ""
    whole = _Piece(written, entry.index)
    if entry.role is Role.AI:
        calls: list[ToolCall] = [
            {"name": call.name or "", "args": {}, "id": call.id or None, "type": "tool_call"}
            for call in entry.calls
        ]
        return [(AIMessage(text, tool_calls=calls), whole)]
    if entry.role is Role.SYSTEM:
        return [(SystemMessage(_TEXT), whole)]
    if not entry.results:
        return [(HumanMessage(text), whole)]
    if entry.role not in (Role.HUMAN, Role.TOOL):
        msg = f"message {entry.index}: results in a message of this role are not mended"
        raise HistoryFileError(msg)
    if entry.role is Role.TOOL:
        return [(ToolMessage(_TEXT, tool_call_id=entry.results[0].id), whole)]
    return _blocks_apart(entry, written)


def _blocks_apart(entry: Entry, written: dict[str, Any]) -> list[tuple[BaseMessage, _Piece]]:
    """Take a message apart whose results are blocks of its content."""
    results = {result.block: result for result in entry.results}
    parts: list[tuple[BaseMessage, _Piece]] = []
    rest: _Piece | None = None
    for place, block in enumerate(written["content"]):
        if place in results:
            rest = None
            piece = _Piece(block, entry.index, is_part=True)
            parts.append((ToolMessage(_TEXT, tool_call_id=results[place].id), piece))
        elif rest is None:
            rest = _Piece([block], entry.index, is_part=True)
            parts.append((HumanMessage(_TEXT), rest))
        else:
            rest.written.append(block)
    return parts


def _put_together(pieces: Sequence[_Piece], messages: Sequence[Any]) -> list[Any]:
    """Return the messages that the pieces make; parts that follow each other make one."""
    made: list[Any] = []
    blocks: list[Any] | None = None  # of the message that is being put together
    moved = False  # whether one of them stood elsewhere
    origin: int | None = None
    for piece in pieces:
        if not piece.is_part:
            content = _content_of(piece.written) if moved and blocks is not None else None
            if content is not None and blocks is not None:
                # Results come first in the user's next message.
                made[-1] = {**piece.written, "content": [*blocks, *content]}
            else:
                made.append(piece.written)
            blocks, moved = None, False
            continue
        given = piece.written if isinstance(piece.written, list) else [piece.written]
        if blocks is None:
            kept = messages[piece.origin] if piece.origin is not None else {"role": "user"}
            blocks = [*given]
            made.append({**kept, "content": blocks})
            moved = piece.origin is None
        else:
            blocks += given
            moved = moved or piece.origin != origin
        origin = piece.origin
    return made


def _content_of(written: Any) -> list[Any] | None:  # noqa: ANN401 - JSON
    """Return the blocks of a user's message, None for another's."""
    if written.get("role") != "user":
        return None
    content = written.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block(message: BaseMessage) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": _id_of(message),
        "content": message.content,
        "is_error": True,
    }


def _openai(message: BaseMessage) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": _id_of(message), "content": message.content}


def _id_of(message: BaseMessage) -> str:
    return message.tool_call_id if isinstance(message, ToolMessage) else ""


def _flat(message: BaseMessage) -> dict[str, Any]:
    return message.model_dump(mode="json")


def written_like(messages: Sequence[Any]) -> Callable[[BaseMessage], dict[str, Any]]:
    """Return what writes an inserted message as LangChain's others in the list are written."""
    forms = [each for each in messages if isinstance(each, dict)]
    if any(each.get("lc") == 1 for each in forms):
        return dumpd
    if any(isinstance(each.get("data"), dict) for each in forms):
        return message_to_dict
    return _openai if all("role" in each for each in forms) else _flat


_WRITERS: Final[
    Mapping[str, Callable[[Sequence[Any]], Callable[[BaseMessage], dict[str, Any]]]]
] = {
    "openai-chat": lambda _: _openai,
    "langchain": written_like,
    "anthropic": lambda _: _block,
}
