"""Where an AI message holds its calls: one call may stand in several places at once.

`tool_calls` and `invalid_tool_calls` are what people edit. Providers' own blocks, LangChain's
content blocks and `additional_kwargs` may repeat a call, hold one alone, or keep a copy that an
edit forgot. Which of them is sent differs by client, so every copy is read, and a profile decides.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.fields import (
    as_dict,
    as_list,
    as_name,
    as_text,
    blocks_of,
    is_output,
    result_id,
)
from toolpair_observe.pairing.masked_content import made_up_block
from toolpair_observe.pairing.signs import read_signs
from toolpair_observe.pairing.transcript import Call, Entry, Result
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

# Blocks that stand for a call, and the key that holds its id.
_CALL_BLOCKS: Final = {
    "tool_use": (Carrier.TOOL_USE, "id"),
    "toolUse": (Carrier.CONVERSE_BLOCK, "toolUseId"),
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
CALL_ID_KEYS: Final = {kind: key for kind, (_, key) in _CALL_BLOCKS.items()}
"""The key of the call's id in each kind of block that stands for a call."""

# Clients convert LangChain's own blocks by another road where the message says that it holds them.
_IN_V1: Final = {
    Carrier.STANDARD_BLOCK: Carrier.V1_BLOCK,
    Carrier.STANDARD_INVALID_BLOCK: Carrier.V1_INVALID_BLOCK,
}
# Tools that the provider runs itself: the client does not answer these calls.
_SERVER_USE_BLOCKS: Final = {
    "server_tool_use": frozenset({Carrier.SERVER_TOOL_USE}),
    "mcp_tool_use": frozenset({Carrier.MCP_TOOL_USE}),
    "server_tool_call": frozenset({Carrier.SERVER_TOOL_CALL}),
}
_IN_TOOL_CALLS: Final = frozenset({Carrier.TOOL_CALL})
_IN_INVALID_CALLS: Final = frozenset({Carrier.INVALID_TOOL_CALL})
_RAW: Final = frozenset({Carrier.RAW_CALL})
_LEGACY: Final = frozenset({Carrier.LEGACY_CALL})
_KEPT: Final = frozenset({Carrier.KEPT_ITEM})
# What langchain-openai kept in `additional_kwargs` beside list content, before `responses/v1`.
_KEPT_BESIDE_CONTENT: Final = frozenset(
    {"reasoning", "tool_outputs", "refusal", "__openai_function_call_ids__"}
)


def read_ai(index: int, fields: dict[str, Any], *, is_chunk: bool) -> Entry:
    """Reduce an AI message to its calls, each with all the places where it stands.

    Args:
        index: Its position in the history.
        fields: Its fields.
        is_chunk: Whether it is a stream's fragment, or a sum of them.
    """
    calls = [_call(index, call, _IN_TOOL_CALLS) for call in as_list(fields, "tool_calls")]
    if fields.get("invalid_tool_calls"):
        bad_calls = as_list(fields, "invalid_tool_calls")
        calls += [_call(index, bad, _IN_INVALID_CALLS) for bad in bad_calls]
    metadata = as_dict(fields, "response_metadata")
    extra = as_dict(fields, "additional_kwargs")
    content = fields.get("content")
    entry = Entry(
        index,
        Role.AI,
        calls,
        has_text=bool(content),
        name=as_name(fields),
    )
    if metadata:
        entry.response_id = as_text(metadata.get("id")) or None
        entry.made_by = as_text(metadata.get("model_provider")) or None
        entry.is_standard = metadata.get("output_version") == "v1"
    if metadata or is_chunk:
        entry.cut_short = _is_cut_short(fields, metadata, is_chunk=is_chunk)
    if content or "lc_source" in extra:
        entry.is_summary, entry.sign = read_signs(fields)
    if isinstance(content, str):
        entry.blocks = int(bool(content))
    else:
        _read_blocks(content, entry)
        entry.has_standard_result = _has_standard_result(content)
        entry.is_rebuilt = _is_rebuilt(content, extra, fields.get("id"), entry.response_id)
        _read_kept_items(as_list(extra, "tool_outputs"), entry)
    if "tool_calls" in extra:
        _read_raw_calls(as_list(extra, "tool_calls"), entry)
    if "function_call" in extra:
        _read_legacy_call(as_dict(extra, "function_call"), entry)
    return entry


def _call(index: int, call: dict[str, Any], carriers: frozenset[Carrier]) -> Call:
    call_id, name = call.get("id"), call.get("name")
    return Call(
        index,
        call_id if isinstance(call_id, str) else "",
        name if isinstance(name, str) else None,
        carriers,
        call_id is None,
        _says_async(call),
    )


def _says_async(call: dict[str, Any]) -> bool:
    if call.get("async") is True:
        return True
    return "extras" in call and as_dict(call, "extras").get("async") is True


class _Unseen:
    """The calls of a message that no further copy has been found of yet, by id."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._by_id: dict[str, deque[Call]] = defaultdict(deque)
        for call in calls:
            self._by_id[call.id].append(call)

    def take(self, call_id: str) -> Call | None:
        """Return the next call under the id, once; None where there is none left."""
        calls = self._by_id[call_id]
        return calls.popleft() if calls else None


def _read_blocks(content: object, entry: Entry) -> None:
    """Add what the content says beyond `tool_calls` and `invalid_tool_calls`."""
    unseen = _Unseen(entry.calls)
    entry.has_text = False
    entry.blocks = 0
    for kind, block in blocks_of(content):
        place, entry.blocks = entry.blocks, entry.blocks + 1
        if kind in _CALL_BLOCKS and not _is_hosted(kind, block):
            _read_call_block(kind, block, entry, unseen).block = place
            entry.says_more_after_calls = entry.more_than_text_after_calls = False
            continue
        if entry.calls:
            # A stream leaves empty texts behind.
            entry.says_more_after_calls |= block.get("text") != ""
            entry.more_than_text_after_calls |= kind != "text"
        if kind in _SERVER_USE_BLOCKS:
            name = as_text(block.get("name")) or None
            carriers = _SERVER_USE_BLOCKS[kind]
            entry.server_uses.append(Call(entry.index, as_text(block.get("id")), name, carriers))
        elif is_output(kind) or kind.endswith("_tool_result"):
            entry.server_results.append(result_id(block))
        elif kind in ("tool_result", "toolResult"):
            result = Result(entry.index, result_id(block), None, Carrier.TOOL_RESULT_IN_AI)
            result.block, result.made_up = place, made_up_block(block, result.id)
            entry.results.append(result)
        else:
            entry.has_text |= block.get("text") != ""  # an empty string starts some streams
    # A call whose output stands in the same message was run by the provider.
    done = set(entry.server_results)
    if done:
        entry.calls = [c for c in entry.calls if c.id not in done or c.carriers & _IN_TOOL_CALLS]


def _read_call_block(kind: str, block: dict[str, Any], entry: Entry, unseen: _Unseen) -> Call:
    carrier, key = _CALL_BLOCKS[kind]
    if entry.is_standard:
        carrier = _IN_V1.get(carrier, carrier)
    call_id = as_text(block.get(key))
    call = unseen.take(call_id)
    if call is None:
        name = as_text(block.get("name")) or None
        call = Call(entry.index, call_id, name, frozenset({carrier}))
        entry.calls.append(call)
    else:
        call.carriers |= {carrier}
    if carrier is Carrier.TOOL_USE and "input" not in block:
        call.carriers |= {Carrier.BARE_TOOL_USE}
    call.is_async = call.is_async or _says_async(block)
    return call


def _read_kept_items(items: list[dict[str, Any]], entry: Entry) -> None:
    """Add the calls that langchain-openai kept beside list content before `responses/v1`."""
    known = {call.id for call in entry.calls}
    known |= {result_id(item) for item in items if is_output(as_text(item.get("type")))}
    for item in items:
        kind = as_text(item.get("type"))
        if kind not in _CALL_BLOCKS or _is_hosted(kind, item):
            continue
        call_id = as_text(item.get(_CALL_BLOCKS[kind][1]))
        if call_id not in known:
            name = as_text(item.get("name")) or None
            entry.calls.append(Call(entry.index, call_id, name, _KEPT, is_async=_says_async(item)))


def _read_raw_calls(raw: list[dict[str, Any]], entry: Entry) -> None:
    """Add the calls as OpenAI's chat API gave them, which an edit of `tool_calls` leaves behind."""
    unseen = _Unseen(entry.calls)
    for copy in raw:
        call_id = copy.get("id")
        call = unseen.take(as_text(call_id))
        if call is None:
            name = as_text(as_dict(copy, "function").get("name")) or None
            call = Call(entry.index, as_text(call_id), name, _RAW, null_id=call_id is None)
            entry.calls.append(call)
        else:
            call.carriers |= _RAW


def _read_legacy_call(copy: dict[str, Any], entry: Entry) -> None:
    """Add the call as it was before there were several: it has a name and no id.

    Gemini's integrations keep the last of the calls there, too.
    """
    name = as_text(copy.get("name"))
    if not name:
        return
    repeated = [call for call in entry.calls if call.name == name]
    if repeated:
        repeated[-1].carriers |= _LEGACY
    else:
        entry.calls.append(Call(entry.index, "", name, _LEGACY, null_id=True))


def _is_rebuilt(
    content: object, extra: dict[str, Any], message_id: object, response_id: str | None
) -> bool:
    """Decide as langchain-core does (its `_convert_from_v03_ai_message`)."""
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return False
    return not _KEPT_BESIDE_CONTENT.isdisjoint(extra) or (
        as_text(message_id).startswith("msg_") and (response_id or "").startswith("resp_")
    )


def _has_standard_result(content: object) -> bool:
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") == "server_tool_result" for block in content
    )


def _is_hosted(kind: str, block: dict[str, Any]) -> bool:
    return kind == "tool_search_call" and block.get("execution") != "client"


def _is_cut_short(fields: dict[str, Any], metadata: dict[str, Any], *, is_chunk: bool) -> bool:
    reason = metadata.get("finish_reason") or metadata.get("stop_reason")
    if reason in ("length", "max_tokens", "MAX_TOKENS", "incomplete"):
        return True
    # A complete stream is stored as a chunk too, but then knows how it ended.
    return is_chunk and not reason and fields.get("chunk_position") is None
