"""Marks in a history that somebody else wrote, so that each part can be found again on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, FunctionMessage, ToolMessage

from tests.integrations.wire import tokens_in

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARGUMENTS = ("args", "arguments", "input")
_RESULT_TEXTS = ("content", "output", "text")
_CUSTOM_INPUT = "__arg1"
_MARK = "mark"


class _Marks:
    """The same mark for every copy of one call, however it is encoded."""

    def __init__(self) -> None:
        self._count = 0
        self._calls: dict[tuple[int, str | None, int], str] = {}

    def new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}token{self._count:03d}x"

    def of_call(self, message: int, key: str | None, nth: int) -> str:
        known = self._calls.get((message, key, nth))
        return known or self._calls.setdefault((message, key, nth), self.new("call"))


def marked(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Copy a history, with a mark in every call, every result and every text."""
    marks = _Marks()
    return [
        _marked(at, message.model_copy(deep=True), marks) for at, message in enumerate(messages)
    ]


def _marked(at: int, message: BaseMessage, marks: _Marks) -> BaseMessage:
    if isinstance(message, FunctionMessage):
        message.content = marks.new("result")
        return message
    kind = "result" if isinstance(message, ToolMessage) else "text"
    if isinstance(message.content, str):
        message.content = _joined(message.content, marks.new(kind))
    elif isinstance(message.content, list):
        message.content = [
            _joined(block, marks.new(kind)) if isinstance(block, str) else block
            for block in message.content
        ]
        blocks = [block for block in message.content if isinstance(block, dict)]
        _mark_calls(at, [block for block in blocks if _is_call(block)], marks)
        for block in blocks:
            _mark_block(block, kind, marks)
    # A computer's output is a picture alone: a text beside it is left out.
    is_picture = message.additional_kwargs.get("type") == "computer_call_output"
    is_marked = is_picture or bool(tokens_in(repr(message.content)))
    if isinstance(message, ToolMessage) and not is_marked:
        _mark_nothing(message, marks.new("result"))
    if isinstance(message, AIMessage):
        for calls in (message.tool_calls, message.invalid_tool_calls):
            _mark_calls(at, calls, marks)
        for key in ("tool_calls", "tool_outputs"):
            raw = message.additional_kwargs.get(key)
            _mark_calls(at, raw if isinstance(raw, list) else [], marks)
    return message


def _joined(text: str, mark: str) -> str:
    return f"{text} {mark}" if text.strip() else text


def _mark_nothing(message: ToolMessage, mark: str) -> None:
    """Give a result without any text one, so that its loss is seen, too."""
    if isinstance(message.content, list):
        message.content = [*message.content, {"type": "text", "text": mark}]
    else:
        message.content = mark


def _is_call(block: dict[str, Any]) -> bool:
    kind = str(block.get("type", ""))
    return kind.endswith(("tool_use", "_call")) or kind == "function"


def _mark_block(block: dict[str, Any], kind: str, marks: _Marks) -> None:
    block_type = str(block.get("type", ""))
    if _is_call(block):
        return
    if block_type.endswith(("tool_result", "_output")):
        for key in _RESULT_TEXTS:
            if isinstance(block.get(key), str):
                block[key] = _joined(block[key], marks.new("result"))
            elif isinstance(block.get(key), list):
                for part in block[key]:
                    if isinstance(part, dict) and isinstance(part.get("text"), str):
                        part["text"] = _joined(part["text"], marks.new("result"))
    elif block_type == "text" and isinstance(block.get("text"), str):
        block["text"] = _joined(block["text"], marks.new(kind))


def _mark_calls(at: int, calls: Sequence[Any], marks: _Marks) -> None:
    seen: dict[str | None, int] = {}
    for call in calls:
        if not isinstance(call, dict):
            continue
        key = call.get("call_id") or call.get("id")
        seen[key] = seen.get(key, -1) + 1
        mark = marks.of_call(at, key, seen[key])
        function = call.get("function")
        holder = function if isinstance(function, dict) else call
        for name in _ARGUMENTS:
            if name in holder:
                holder[name] = _with_mark(holder[name], mark)
        if not any(name in holder for name in _ARGUMENTS):
            # A tool_use block of a test that cares for other keys is made whole.
            holder |= {"input": {_MARK: mark}} if call.get("type") == "tool_use" else {_MARK: mark}


def _with_mark(arguments: Any, mark: str) -> Any:
    """Add a mark without making what can be read unreadable, or the other way round."""
    if isinstance(arguments, dict):
        if isinstance(arguments.get(_CUSTOM_INPUT), str):
            return arguments | {_CUSTOM_INPUT: f"{arguments[_CUSTOM_INPUT]} {mark}"}
        return arguments | {_MARK: mark}
    if not isinstance(arguments, str) or not arguments.strip():
        return arguments
    try:
        read = json.loads(arguments)
    except ValueError:
        return arguments + mark
    return json.dumps(_with_mark(read, mark)) if isinstance(read, (dict, str)) else arguments
