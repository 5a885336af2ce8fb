"""The kept histories, the continuations that make them decide something, and simpler copies."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Block = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the tests of one package fed to the functions of integrations.

    Attributes:
        histories: Each distinct history with the function that was given it first.
        unkept: How many could not be copied, since something in them was no message.
    """

    histories: tuple[tuple[str, list[BaseMessage]], ...]
    unkept: int


def read(path: Path) -> Kept:
    """Read what the plugin has written in the same environment."""
    histories, unkept = pickle.loads(path.read_bytes())
    return Kept(tuple((name, pickle.loads(data)) for name, data in histories), unkept)


def continuations(messages: list[BaseMessage]) -> Iterator[list[BaseMessage]]:
    """Yield a history, and what it becomes where its last calls are answered or passed over.

    A converter's test often ends with the message that it is about, and an API says nothing of a
    call at the end of a list.
    """
    starts = [[]] if isinstance(messages[0], (HumanMessage, SystemMessage)) else [[], [_human()]]
    for start in starts:
        yield [*start, *messages]
        asking = max((at for at, one in enumerate(messages) if ids_of_calls(one)), default=None)
        if asking is None:
            continue
        head = [*start, *messages[: asking + 1]]
        answered = {one.tool_call_id for one in messages if isinstance(one, ToolMessage)}
        ids = ids_of_calls(messages[asking])
        new = [ToolMessage("done", tool_call_id=id_) for id_ in ids if id_ not in answered]
        yield [*head, _human()]
        if new:
            yield [*start, *messages, *new]
            yield [*start, *messages, *new, _human()]


def _human() -> BaseMessage:
    return HumanMessage("Go on.")


def ids_of_calls(message: BaseMessage) -> list[str]:
    """Return each id under which a message carries a call, in whatever encoding."""
    if not isinstance(message, AIMessage):
        return []
    raw = message.additional_kwargs.get("tool_calls")
    calls: list[Any] = [*message.tool_calls, *message.invalid_tool_calls]
    calls += [*_blocks(message, is_call), *(raw if isinstance(raw, list) else [])]
    ids = [call.get("call_id") or call.get("id") or "" for call in calls if isinstance(call, dict)]
    return list(dict.fromkeys(id_ for id_ in ids if isinstance(id_, str)))


def ids_of(message: BaseMessage) -> set[str]:
    """Return every id in a message that a call or a result may have."""
    ids = set(ids_of_calls(message))
    if isinstance(message, ToolMessage):
        ids.add(message.tool_call_id)
    for block in _blocks(message, lambda _: True):
        ids |= {str(block[key]) for key in _IDS if isinstance(block.get(key), str)}
    return ids


_IDS = ("id", "call_id", "tool_use_id", "tool_call_id")
_CALLS = ("tool_use", "tool_call", "function_call", "custom_tool_call", "computer_call")
_RESULTS = ("tool_result", "_output")
_OF_SERVER = ("server_", "mcp_")


def is_call(block: dict[str, Any]) -> bool:
    """Whether a content block is a call that the client has to answer."""
    kind = str(block.get("type", ""))
    return kind.endswith(_CALLS) and not kind.startswith(_OF_SERVER)


def _blocks(message: BaseMessage, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    content = message.content if isinstance(message.content, list) else []
    return [block for block in content if isinstance(block, dict) and wanted(block)]


def plain(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Take away all content but texts, calls and results: pictures, files, what nobody knows.

    Numbers that JSON does not have go, too: that a client cannot write them says nothing of pairs.
    """
    return [_simple(_with(message, _is_plain)) for message in messages]


def _simple(message: BaseMessage) -> BaseMessage:
    changed: dict[str, Any] = {}
    if isinstance(message.content, list):
        changed["content"] = [_bare_text(part) for part in message.content]
    if isinstance(message, AIMessage):
        changed["invalid_tool_calls"] = [
            {**call, "args": _NOT_JSON.sub("0", call.get("args") or "")}
            for call in message.invalid_tool_calls
        ]
        kept = message.additional_kwargs.items()
        changed["additional_kwargs"] = {k: v for k, v in kept if k in _RAW_CALLS}
    return message.model_copy(update=changed)


def _bare_text(part: Block) -> Block:
    is_text = not isinstance(part, str) and part.get("type") == "text"
    return {"type": "text", "text": part["text"]} if is_text else part


_RAW_CALLS = ("tool_calls", "function_call", "tool_outputs")
_NOT_JSON = re.compile(r"-?Infinity|NaN")


def unpaired(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Take away every call and every result, so that what still fails is no matter of pairs."""
    kept = [one for one in messages if not isinstance(one, (ToolMessage, FunctionMessage))]
    return [_with(message, lambda block: not _pairs(block), bare=True) for message in kept]


def _is_plain(block: Block) -> bool:
    is_text = not isinstance(block, str) and isinstance(block.get("text"), str)
    return isinstance(block, str) or is_text or _pairs(block)


def _pairs(block: Block) -> bool:
    kind = "" if isinstance(block, str) else str(block.get("type", ""))
    return kind.endswith((*_CALLS, *_RESULTS))


def _with(
    message: BaseMessage, wanted: Callable[[Block], bool], *, bare: bool = False
) -> BaseMessage:
    changed: dict[str, Any] = {}
    if isinstance(message.content, list):
        changed["content"] = [part for part in message.content if wanted(part)] or "-"
    if bare and isinstance(message, AIMessage):
        kept = {k: v for k, v in message.additional_kwargs.items() if k not in _RAW_CALLS}
        changed |= {"tool_calls": [], "invalid_tool_calls": [], "additional_kwargs": kept}
        changed.setdefault("content", message.content or "-")
    return message.model_copy(update=changed)
