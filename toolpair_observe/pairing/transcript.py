"""How LangChain messages carry tool calls and tool results.

`read_transcript` keeps calls, results, breaks and positions, and no content. Only this module and
`first_look`, which recognizes the history that nearly every request has, know what carries what.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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

from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_core.messages import BaseMessage


EVERY_CALL = frozenset(
    {
        Carrier.TOOL_CALL,
        Carrier.INVALID_TOOL_CALL,
        Carrier.TOOL_USE,
        Carrier.FUNCTION_CALL_BLOCK,
        Carrier.RESPONSES_ITEM,
        Carrier.KEPT_ITEM,
        Carrier.STANDARD_BLOCK,
        Carrier.STANDARD_INVALID_BLOCK,
    }
)
EVERY_RESULT = frozenset(
    {
        Carrier.TOOL_MESSAGE,
        Carrier.TOOL_RESULT_IN_TOOL,
        Carrier.TOOL_RESULT_IN_HUMAN,
        Carrier.RESPONSES_OUTPUT,
        Carrier.CHAT_TOOL,
    }
)

# Blocks that stand for a call, and the key that holds its id.
_CALL_BLOCKS = {
    "tool_use": (Carrier.TOOL_USE, "id"),
    "tool_call": (Carrier.STANDARD_BLOCK, "id"),
    "invalid_tool_call": (Carrier.STANDARD_INVALID_BLOCK, "id"),
    "function_call": (Carrier.FUNCTION_CALL_BLOCK, "call_id"),
    "custom_tool_call": (Carrier.RESPONSES_ITEM, "call_id"),
    "computer_call": (Carrier.RESPONSES_ITEM, "call_id"),
    "apply_patch_call": (Carrier.RESPONSES_ITEM, "call_id"),
    "local_shell_call": (Carrier.RESPONSES_ITEM, "call_id"),
    "shell_call": (Carrier.RESPONSES_ITEM, "call_id"),
    "tool_search_call": (Carrier.RESPONSES_ITEM, "call_id"),
}
_OUTPUT_BLOCKS = frozenset({"tool_search_output"})
# Tools that the provider runs itself: the client does not answer these calls.
_SERVER_USE_BLOCKS = {
    "server_tool_use": frozenset({Carrier.SERVER_TOOL_USE}),
    "mcp_tool_use": frozenset({Carrier.MCP_TOOL_USE}),
    "server_tool_call": frozenset({Carrier.SERVER_TOOL_CALL}),
}
_STANDARD_BLOCKS = frozenset({Carrier.STANDARD_BLOCK, Carrier.STANDARD_INVALID_BLOCK})
_IN_TOOL_CALLS = frozenset({Carrier.TOOL_CALL})
_IN_INVALID_CALLS = frozenset({Carrier.INVALID_TOOL_CALL})
_RAW = frozenset({Carrier.RAW_CALL})
_KEPT = frozenset({Carrier.KEPT_ITEM})


@dataclass(slots=True, eq=False)
class Call:
    """A tool call that the client has to answer.

    Attributes:
        index: Position of its AI message in the list that was given.
        id: Its id, `""` where it has none.
        name: The tool's name, or None.
        carriers: Where it stands; the same call may stand in `tool_calls` and in the content.
        null_id: Whether the id is None rather than empty; the two do not match each other.
    """

    index: int
    id: str
    name: str | None
    carriers: frozenset[Carrier]
    null_id: bool = False


@dataclass(slots=True, eq=False)
class Result:
    """An answer to a call.

    Attributes:
        index: Position of its message in the list that was given.
        id: The id of the call that it answers, `""` where it has none.
        name: The tool's name as the message tells it, or None.
        carrier: Where it stands.
    """

    index: int
    id: str
    name: str | None
    carrier: Carrier


@dataclass(slots=True)
class Entry:
    """One message, reduced to what pairing needs.

    Attributes:
        index: Position in the list that was given.
        role: Who speaks.
        calls: The calls that the message makes, in order.
        results: The results that the message carries, in order.
        has_text: Whether the message says anything besides calls and results.
        results_first: Whether no other content stands before a result.
        server_uses: Calls that the provider runs itself.
        server_results: Ids that the provider's own results name.
        name: The message's `name`.
        response_id: `response_metadata["id"]`, the provider's id of the response.
        made_by: `response_metadata["model_provider"]`, the integration that made the message.
        is_standard: Whether the content is written in LangChain's own blocks.
        has_standard_result: Whether LangChain's own block for a result of a provider's tool stands
            in the content.
        cut_short: Whether the message is a stream's fragment or ended for want of tokens.
        is_summary: Whether the message reads as a summary of earlier ones.
        is_empty_list: Whether the content of a ToolMessage is a list without blocks.
    """

    index: int
    role: Role
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    has_text: bool = True
    results_first: bool = True
    server_uses: tuple[Call, ...] = ()
    server_results: tuple[str, ...] = ()
    name: str | None = None
    response_id: str | None = None
    made_by: str | None = None
    is_standard: bool = False
    has_standard_result: bool = False
    cut_short: bool = False
    is_summary: bool = False
    is_empty_list: bool = False


@dataclass(slots=True)
class Transcript:
    """A history without its content."""

    entries: list[Entry]


def read_transcript(messages: Iterable[BaseMessage]) -> Transcript:
    """Reduce `messages` to calls, results and breaks, whatever carries them."""
    return Transcript([_read_entry(index, message) for index, message in enumerate(messages)])


def _read_entry(index: int, message: BaseMessage) -> Entry:  # noqa: PLR0911 - one per class
    if isinstance(message, AIMessage):
        return _read_ai(index, message)
    if isinstance(message, ToolMessage):
        return _read_tool(index, message)
    if isinstance(message, HumanMessage):
        return _read_human(index, message)
    if isinstance(message, SystemMessage):
        return Entry(index, Role.SYSTEM, is_summary=_is_summary(vars(message)))
    if isinstance(message, FunctionMessage):
        result = Result(index, "", message.name, Carrier.FUNCTION)
        return Entry(index, Role.FUNCTION, results=[result], has_text=False)
    if isinstance(message, ChatMessage):
        if message.role == "tool":
            result = Result(index, "", _name(vars(message)), Carrier.CHAT_TOOL)
            return Entry(index, Role.CHAT, results=[result], has_text=False)
        return Entry(index, Role.CHAT)
    return Entry(index, Role.REMOVE if isinstance(message, RemoveMessage) else Role.OTHER)


def _blocks(message: BaseMessage) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the blocks of list content with their types; a bare string is a text block."""
    if not isinstance(message.content, list):
        return
    for block in message.content:
        if not isinstance(block, dict):
            yield "text", {"text": block}
            continue
        inner = block.get("value")
        if block.get("type") == "non_standard" and isinstance(inner, dict):
            block = inner  # noqa: PLW2901 - LangChain's v1 wrapper around a provider's own block
        kind = block.get("type")
        if kind == "text" and not block.get("text"):
            continue
        yield kind if isinstance(kind, str) else "", block


def _read_ai(index: int, message: AIMessage) -> Entry:
    fields = vars(message)
    calls = [_call(index, call, _IN_TOOL_CALLS) for call in _list(fields, "tool_calls")]
    calls += [_call(index, bad, _IN_INVALID_CALLS) for bad in _list(fields, "invalid_tool_calls")]
    metadata = _dict(fields, "response_metadata")
    content = fields.get("content")
    entry = Entry(
        index,
        Role.AI,
        calls=calls,
        has_text=bool(content),
        name=_name(fields),
        response_id=_text(metadata.get("id")) or None,
        made_by=_text(metadata.get("model_provider")) or None,
        is_standard=metadata.get("output_version") == "v1",
        cut_short=_is_cut_short(message, metadata),
        is_summary=_is_summary(fields),
    )
    if not isinstance(content, str):
        _read_ai_blocks(message, entry)
        entry.has_standard_result = _has_standard_result(content)
        _read_kept_items(_list(_dict(fields, "additional_kwargs"), "tool_outputs"), entry)
    raw = _dict(fields, "additional_kwargs").get("tool_calls")
    if isinstance(raw, list):
        raw_ids = {call.get("id") for call in raw if isinstance(call, dict)}
        for call in calls:
            if (None if call.null_id else call.id) in raw_ids:
                call.carriers |= _RAW
    return entry


def _call(index: int, call: dict[str, Any], carriers: frozenset[Carrier]) -> Call:
    call_id = call.get("id")
    return Call(index, _text(call_id), _text(call.get("name")) or None, carriers, call_id is None)


def _read_ai_blocks(message: AIMessage, entry: Entry) -> None:
    """Add what the content says beyond `tool_calls` and `invalid_tool_calls`."""
    unseen: dict[str, deque[Call]] = defaultdict(deque)
    for call in entry.calls:
        unseen[call.id].append(call)
    has_calls = bool(entry.calls)
    entry.has_text = False
    for kind, block in _blocks(message):
        if kind in _CALL_BLOCKS:
            carrier, key = _CALL_BLOCKS[kind]
            if _is_hosted(kind, block):
                continue
            call_id = _text(block.get(key))
            if carrier in _STANDARD_BLOCKS and has_calls and not unseen[call_id]:
                continue  # LangChain's own blocks mirror the attributes; these are what is sent
            if unseen[call_id]:
                unseen[call_id].popleft().carriers |= {carrier}
            else:
                name = _text(block.get("name")) or None
                entry.calls.append(Call(entry.index, call_id, name, frozenset({carrier})))
        elif kind in _SERVER_USE_BLOCKS:
            name = _text(block.get("name")) or None
            carriers = _SERVER_USE_BLOCKS[kind]
            entry.server_uses += (Call(entry.index, _text(block.get("id")), name, carriers),)
        elif _is_output(kind) or kind.endswith("_tool_result"):
            entry.server_results += (_result_id(block),)
        else:
            entry.has_text |= block.get("text") != ""  # an empty string starts some streams
    # A call whose output stands in the same message was run by the provider.
    done = set(entry.server_results)
    if done:
        entry.calls = [c for c in entry.calls if c.id not in done or c.carriers & _IN_TOOL_CALLS]


def _read_kept_items(items: list[dict[str, Any]], entry: Entry) -> None:
    """Add the calls that langchain-openai kept beside list content before `responses/v1`."""
    given = {call.id for call in entry.calls}
    done = {_result_id(item) for item in items if _is_output(_text(item.get("type")))}
    for item in items:
        kind = _text(item.get("type"))
        if kind not in _CALL_BLOCKS or _is_hosted(kind, item):
            continue
        call_id = _text(item.get(_CALL_BLOCKS[kind][1]))
        if call_id not in given | done:
            name = _text(item.get("name")) or None
            entry.calls.append(Call(entry.index, call_id, name, _KEPT))


def _has_standard_result(content: object) -> bool:
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "server_tool_result" for block in content
    )


def _is_hosted(kind: str, block: dict[str, Any]) -> bool:
    return kind == "tool_search_call" and block.get("execution") != "client"


def _is_cut_short(message: AIMessage, metadata: dict[str, Any]) -> bool:
    reason = metadata.get("finish_reason") or metadata.get("stop_reason")
    if reason in ("length", "max_tokens", "MAX_TOKENS", "incomplete"):
        return True
    # A complete stream is stored as a chunk too, but then knows how it ended.
    return (
        isinstance(message, AIMessageChunk)
        and not reason
        and getattr(message, "chunk_position", None) is None
    )


def _is_summary(fields: dict[str, Any]) -> bool:
    """Whether a message looks like a summary that replaced earlier ones.

    LangChain's own summarization marks its message with `lc_source`; hand-written ones say so in
    their first words. Only the marker and the leading words are looked at, nothing is kept.
    """
    if _dict(fields, "additional_kwargs").get("lc_source") == "summarization":
        return True
    content = fields.get("content")
    head = content[:80].lower() if isinstance(content, str) else ""
    return "summary" in head and ("conversation" in head or "previous" in head or "so far" in head)


def _read_tool(index: int, message: ToolMessage) -> Entry:
    fields = vars(message)
    own_id = _text(fields.get("tool_call_id"))
    name = _name(fields)
    own = Result(index, own_id, name, Carrier.TOOL_MESSAGE)
    entry = Entry(index, Role.TOOL, results=[own], has_text=False, name=name)
    if not isinstance(fields.get("content"), str):
        blocks = list(_blocks(message))
        entry.is_empty_list = fields.get("content") == []
        if any(_is_output(kind) for kind, _ in blocks):
            entry.results.append(Result(index, own_id, name, Carrier.OUTPUT_IN_TOOL))
        # A ToolMessage made only of tool_result blocks stands for those, not for its own id.
        if blocks and all(kind == "tool_result" for kind, _ in blocks):
            entry.results += [
                Result(index, _result_id(block), name, Carrier.TOOL_RESULT_IN_TOOL)
                for _, block in blocks
            ]
    return entry


def _read_human(index: int, message: HumanMessage) -> Entry:
    fields = vars(message)
    content = fields.get("content")
    entry = Entry(
        index,
        Role.HUMAN,
        has_text=bool(content),
        name=_name(fields),
        is_summary=_is_summary(fields),
    )
    if not isinstance(content, str):
        _read_human_blocks(message, entry)
    return entry


def _read_human_blocks(message: HumanMessage, entry: Entry) -> None:
    entry.has_text = False
    for kind, block in _blocks(message):
        if kind == "tool_result":
            carrier = Carrier.TOOL_RESULT_IN_HUMAN
        elif _is_output(kind):
            carrier = Carrier.RESPONSES_OUTPUT
        else:
            entry.has_text = True
            continue
        entry.results_first = entry.results_first and not entry.has_text
        entry.results.append(Result(entry.index, _result_id(block), None, carrier))


def _is_output(kind: str) -> bool:
    return kind.endswith("_call_output") or kind in _OUTPUT_BLOCKS


def _result_id(block: dict[str, Any]) -> str:
    return _text(block.get("tool_use_id") or block.get("call_id") or block.get("tool_call_id"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# What follows takes a message's fields, which are read several times as fast as its attributes.
# Messages that were built without validation may lack a field or hold something else in it.


def _name(fields: dict[str, Any]) -> str | None:
    return _text(fields.get("name")) or None


def _dict(fields: dict[str, Any], key: str) -> dict[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _list(fields: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = fields.get(key)
    if not value or not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]
