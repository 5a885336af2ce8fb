"""Read the providers' own messages of the corpora, as far as pairing goes.

A plain converter of the tests' own: it shows the profiles of captured bodies what a body says,
whatever the package's readers make of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = dict[str, Any]

_ROLES = {
    "user": Role.HUMAN,
    "assistant": Role.AI,
    "chatbot": Role.AI,
    "model": Role.AI,
    "tool": Role.TOOL,
    "function": Role.FUNCTION,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_RESPONSES_CALLS = {
    "function_call",
    "custom_tool_call",
    "computer_call",
    "apply_patch_call",
    "shell_call",
    "local_shell_call",
}


def read_body(messages: list[Item], form: str) -> Transcript:
    """Reduce the messages of a body in one of the corpora's forms to calls and results."""
    read = _READERS.get(form.partition(" ")[0], _openai)
    entries: list[Entry] = []
    for entry in read(messages):
        entry.index = len(entries)
        for each in (*entry.calls, *entry.results, *entry.server_uses):
            each.index = entry.index
        entries.append(entry)
    return Transcript(entries)


def _openai(messages: list[Item]) -> Iterator[Entry]:
    for message in messages:
        entry = _entry(message["role"])
        content = message.get("content")
        entry.has_text = bool(content)
        for call in message.get("tool_calls") or ():
            function = call.get("function")
            name = function.get("name") if isinstance(function, dict) else function
            entry.calls.append(_call(call.get("id"), name, Carrier.TOOL_CALL))
        if entry.role is Role.TOOL:
            _answer(entry, message.get("tool_call_id"), Carrier.TOOL_MESSAGE)
        yield entry


def _responses(items: list[Item]) -> Iterator[Entry]:
    said: Entry | None = None  # what the model says in one go
    for item in items:
        kind = item.get("type") or "message"
        is_result = kind.endswith("_output")
        speaks = item.get("role") == "assistant" or (kind != "message" and not is_result)
        if "execution" in item and item["execution"] != "client":
            continue
        if speaks:
            said = said or _entry("assistant")
            said.has_text |= kind == "message"
            if kind in _RESPONSES_CALLS or (kind == "tool_search_call"):
                said.calls.append(_call(item.get("call_id"), item.get("name"), Carrier.TOOL_CALL))
            continue
        if said is not None:
            yield said
            said = None
        entry = _entry("tool" if is_result else item["role"])
        if is_result:
            _answer(entry, item.get("call_id"), Carrier.RESPONSES_OUTPUT)
        yield entry
    if said is not None:
        yield said


def _anthropic(messages: list[Item]) -> Iterator[Entry]:
    for message in messages:
        yield _of_blocks(message["role"], message["content"], _anthropic_block)


def _anthropic_block(block: Item, entry: Entry) -> bool:
    kind = block["type"]
    if kind == "tool_use":
        entry.calls.append(_call(block["id"], block["name"], Carrier.TOOL_USE))
    elif kind == "tool_result" and entry.role is not Role.AI:
        _answer(entry, block["tool_use_id"], Carrier.TOOL_RESULT_IN_HUMAN)
    elif kind in {"server_tool_use", "mcp_tool_use"}:
        entry.server_uses.append(_call(block["id"], block["name"], Carrier.SERVER_TOOL_USE))
    elif kind.endswith("_tool_result"):
        entry.server_results.append(block["tool_use_id"])
    else:
        return False
    return True


def _converse(messages: list[Item]) -> Iterator[Entry]:
    for message in messages:
        yield _of_blocks(message["role"], message["content"], _converse_block)


def _converse_block(block: Item, entry: Entry) -> bool:
    if "toolUse" in block:
        use = block["toolUse"]
        entry.calls.append(_call(use["toolUseId"], use["name"], Carrier.CONVERSE_BLOCK))
    elif "toolResult" in block:
        is_ai = entry.role is Role.AI
        carrier = Carrier.TOOL_RESULT_IN_AI if is_ai else Carrier.CONVERSE_RESULT
        _answer(entry, block["toolResult"]["toolUseId"], carrier)
    else:
        return False
    return True


def _gemini(contents: list[Item]) -> Iterator[Entry]:
    asked: list[Call] = []
    made = 0
    for content in contents:
        entry = _of_blocks(content.get("role") or "user", content.get("parts") or [], _gemini_part)
        if entry.calls:
            asked = list(entry.calls)
        for call in entry.calls:
            call.id = call.id or f"call{made:05}"
            made += 1
        for result in entry.results:
            # By name, then by order.
            meant = next((c for c in asked if c.name == result.name), None) or next(
                iter(asked), None
            )
            if not result.id:
                result.id = meant.id if meant else "stray0000"
            if meant:
                asked.remove(meant)
        yield entry


def _gemini_part(part: Item, entry: Entry) -> bool:
    calls = part.get("functionCall") or part.get("function_call")
    answers = part.get("functionResponse") or part.get("function_response")
    if calls:
        entry.calls.append(_call(calls.get("id") or "", calls["name"], Carrier.TOOL_CALL))
    elif answers:
        _answer(entry, answers.get("id"), Carrier.TOOL_MESSAGE)
        entry.results[-1].name = answers["name"]
    else:
        return False
    return True


def _ollama(messages: list[Item]) -> Iterator[Entry]:
    waiting: list[str] = []
    for entry in _openai(messages):
        for call in entry.calls:
            call.id = f"call{len(waiting):05}"
            waiting.append(call.id)
        for result in entry.results:
            result.id = waiting.pop(0) if waiting else "stray0000"
        yield entry


def _of_blocks(role: str, content: Any, read: Callable[[Item, Entry], bool]) -> Entry:
    entry = _entry(role)
    if isinstance(content, str):
        return entry
    entry.has_text = False
    for block in content:
        calls, results = len(entry.calls), len(entry.results)
        if not read(block, entry):
            entry.has_text |= block.get("text") != ""
            entry.says_more_after_calls |= bool(entry.calls)
        if len(entry.results) > results and entry.has_text:
            entry.behind_text.append(entry.results[-1])
        if len(entry.calls) > calls:
            entry.says_more_after_calls = False
    return entry


def _entry(role: str) -> Entry:
    return Entry(0, _ROLES[role.lower()])


def _call(call_id: str | None, name: str | None, carrier: Carrier) -> Call:
    return Call(0, call_id or "", name, frozenset({carrier}), null_id=call_id is None)


def _answer(entry: Entry, call_id: str | None, carrier: Carrier) -> None:
    entry.results.append(Result(0, call_id or "", None, carrier, block=len(entry.results)))
    if entry.role in {Role.TOOL, Role.FUNCTION}:
        entry.has_text = False


_READERS: dict[str, Callable[[list[Item]], Iterator[Entry]]] = {
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "bedrock-converse": _converse,
    "google": _gemini,
    "ollama": _ollama,
}
