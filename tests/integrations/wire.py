"""Request bodies of every API family, reduced to turns of calls, results and texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .histories import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on the wire.

    Attributes:
        kind: `call`, `result`, `text`, `server_call`, `server_result` or `foreign` (a block that
            the API does not know).
        turn: Index of the turn that holds it.
        id: The id as it left, None where there is none.
        name: Name of the tool or type of the foreign block.
        tokens: The marks found inside, in order.
    """

    kind: str
    turn: int
    id: str | None = None
    name: str | None = None
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message on the wire.

    Attributes:
        role: Its role as the API calls it.
        items: What it holds, in order.
    """

    role: str
    items: tuple[Item, ...]

    def of(self, kind: str) -> list[Item]:
        """Return the items of one kind."""
        return [item for item in self.items if item.kind == kind]


def tokens_in(value: Any) -> tuple[str, ...]:
    """Return the marks inside any JSON value, in order."""
    return tuple(TOKEN.findall(value if isinstance(value, str) else json.dumps(value)))


def parse(wire: str, body: dict[str, Any]) -> list[Turn]:
    """Reduce a request body of the API family `wire` to turns."""
    return _PARSERS[wire](body)


def _texts(value: Any, turn: int) -> Iterator[Item]:
    if value not in (None, "", []):
        yield Item("text", turn, tokens=tokens_in(value))


_OPENAI_BLOCKS = {
    "text",
    "image_url",
    "input_audio",
    "file",
    "refusal",
    "document",
    "document_url",
    "thinking",
}
_ANTHROPIC_BLOCKS = {
    "text",
    "thinking",
    "redacted_thinking",
    "image",
    "document",
    "search_result",
    "container_upload",
    "tool_addition",
    "tool_removal",
}


def _openai_content(content: Any, turn: int) -> Iterator[Item]:
    if not isinstance(content, list):
        yield from _texts(content, turn)
        return
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else "text"
        if kind in _OPENAI_BLOCKS:
            yield from _texts(block, turn)
        else:
            yield Item("foreign", turn, name=str(kind), tokens=tokens_in(block))


def _openai(body: dict[str, Any]) -> list[Turn]:
    turns = []
    for at, message in enumerate(body.get("messages", ())):
        role = message["role"]
        items: list[Item] = []
        content = [*_openai_content(message.get("content"), at)]
        if role == "tool":
            items += [item for item in content if item.kind == "foreign"]
            tokens = tuple(t for item in content if item.kind == "text" for t in item.tokens)
            items.append(
                Item("result", at, message.get("tool_call_id"), message.get("name"), tokens)
            )
        else:
            items += content
            if message.get("tool_plan"):
                items += _texts(message["tool_plan"], at)
            for call in message.get("tool_calls") or ():
                function = call["function"]
                items.append(
                    Item("call", at, call.get("id"), function["name"], tokens_in(function))
                )
        turns.append(Turn(role, tuple(items)))
    return turns


_RESPONSES_CALLS = {
    "function_call",
    "custom_tool_call",
    "computer_call",
    "apply_patch_call",
    "local_shell_call",
    "shell_call",
}


def _responses(body: dict[str, Any]) -> list[Turn]:
    """Join the items of one side to a turn, since the API knows items only."""
    turns: list[Turn] = []
    for entry in body["input"]:
        kind = entry.get("type", "message")
        calls = kind in _RESPONSES_CALLS
        output = kind.endswith("_call_output")
        role = entry.get("role", "tool" if output else "assistant")
        joined = bool(turns) and turns[-1].role == role and role != "user"
        at = len(turns) - joined
        if calls or output:
            name, tokens = entry.get("name"), tokens_in(entry)
            # What runs on may be answered in a later request.
            asked = "server_call" if entry.get("async") else "call"
            items = [Item(asked if calls else "result", at, entry.get("call_id"), name, tokens)]
        elif kind == "message":
            items = list(_texts(entry["content"], at))
        else:
            items = [Item("server_call", at, entry.get("call_id"), kind, tokens_in(entry))]
        before = turns.pop().items if joined else ()
        turns.append(Turn(role, (*before, *items)))
    return turns


def _anthropic(body: dict[str, Any]) -> list[Turn]:
    turns = []
    if body.get("system"):
        turns.append(Turn("system", tuple(_texts(body["system"], 0))))
    for message in body.get("messages", ()):
        at = len(turns)
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        turns.append(Turn(message["role"], tuple(_anthropic_block(b, at) for b in blocks)))
    return turns


def _anthropic_block(block: dict[str, Any], at: int) -> Item:
    kind, tokens = block["type"], tokens_in(block)
    if kind == "tool_use":
        return Item("call", at, block.get("id"), block["name"], tokens)
    if kind == "tool_result":
        return Item("result", at, block.get("tool_use_id"), None, tokens)
    if kind in ("server_tool_use", "mcp_tool_use"):
        return Item("server_call", at, block.get("id"), block.get("name"), tokens)
    if kind.endswith("_tool_result") and "tool_use_id" in block:
        return Item("server_result", at, block.get("tool_use_id"), None, tokens)
    if kind in _ANTHROPIC_BLOCKS:
        return Item("text", at, tokens=tokens)
    return Item("foreign", at, name=kind, tokens=tokens)


def _gemini(body: dict[str, Any]) -> list[Turn]:
    turns = []
    system = body.get("systemInstruction") or body.get("system_instruction")
    if system:
        turns.append(Turn("system", tuple(_texts(system, 0))))
    for content in body.get("contents", ()):
        at = len(turns)
        items = tuple(_gemini_part(part, at) for part in content.get("parts") or ())
        turns.append(Turn(content.get("role", "user"), items))
    return turns


def _gemini_part(part: dict[str, Any], at: int) -> Item:
    if part.get("functionCall"):
        call = part["functionCall"]
        return Item("call", at, None, call.get("name"), tokens_in(call))
    if part.get("functionResponse"):
        answer = part["functionResponse"]
        return Item("result", at, None, answer.get("name"), tokens_in(answer))
    return Item("text", at, tokens=tokens_in(part))


def _converse(body: dict[str, Any]) -> list[Turn]:
    turns = []
    if body.get("system"):
        turns.append(Turn("system", tuple(_texts(body["system"], 0))))
    for message in body.get("messages", ()):
        at = len(turns)
        items = tuple(_converse_block(block, at) for block in message["content"])
        turns.append(Turn(message["role"], items))
    return turns


def _converse_block(block: dict[str, Any], at: int) -> Item:
    if "toolUse" in block:
        use = block["toolUse"]
        if use.get("type") == "server_tool_use":
            return Item("server_call", at, use["toolUseId"], use["name"], tokens_in(use))
        return Item("call", at, use["toolUseId"], use["name"], tokens_in(use))
    if "toolResult" in block:
        answer = block["toolResult"]
        if answer.get("type", "tool_result") != "tool_result":
            return Item("server_result", at, answer["toolUseId"], None, tokens_in(answer))
        return Item("result", at, answer["toolUseId"], None, tokens_in(answer))
    return Item("text", at, tokens=tokens_in(block))


_PARSERS: dict[str, Callable[[dict[str, Any]], list[Turn]]] = {
    "openai": _openai,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "converse": _converse,
    "converse-other": _converse,
    "mistral": _openai,
    "cohere": _openai,
    "deepseek": _openai,
    "groq": _openai,
    "lenient": _openai,
    "ollama": _openai,
}
