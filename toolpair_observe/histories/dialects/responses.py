"""The items of OpenAI's Responses API, in requests and in the sessions of OpenAI's Agents SDK.

What a model says in one go is a run of items. Its calls are read as those of the last one, so that
results which follow the run follow its calls, as they do where one message holds them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    json_type,
    known_keys,
    object_at,
    word_or_type,
)
from toolpair_observe.histories.dialects.openai_parts import read_content
from toolpair_observe.pairing.fields import as_name
from toolpair_observe.pairing.masked_content import made_up_block
from toolpair_observe.pairing.signs import read_signs, sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Data = dict[str, Any]

# The client answers these.
_CALLS: Final[Mapping[str, Carrier]] = {
    "function_call": Carrier.FUNCTION_CALL_BLOCK,
    "custom_tool_call": Carrier.RESPONSES_ITEM,
    "computer_call": Carrier.RESPONSES_ITEM,
    "local_shell_call": Carrier.RESPONSES_ITEM,
    "shell_call": Carrier.RESPONSES_ITEM,
    "apply_patch_call": Carrier.RESPONSES_ITEM,
    "tool_search_call": Carrier.RESPONSES_ITEM,
}
_OUTPUTS: Final = frozenset(
    {
        "function_call_output",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "shell_call_output",
        "apply_patch_call_output",
        "tool_search_output",
    }
)
# What the model or the provider's own tools did; nobody answers it.
_DONE: Final = frozenset(
    {
        "agent_message",
        "code_interpreter_call",
        "compaction",
        "compaction_summary",
        "file_search_call",
        "image_generation_call",
        "item_reference",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "multi_agent_call",
        "multi_agent_call_output",
        "program",
        "program_output",
        "reasoning",
        "web_search_call",
    }
)
# What the client says beside messages and outputs.
_SAID: Final = frozenset(
    {"additional_tools", "compaction_trigger", "configuration_update", "mcp_approval_response"}
)
_TYPES: Final = frozenset({*_CALLS, *_OUTPUTS, *_DONE, *_SAID, "message"})
# Parts of a message by which it is told from one of the chat API.
_PARTS: Final = frozenset({"input_text", "input_image", "input_file", "output_text"})
_ROLES: Final[Mapping[str, Role]] = {
    "user": Role.HUMAN,
    "assistant": Role.AI,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_MESSAGE_KEYS: Final = frozenset(
    {
        "annotations",
        "content",
        "internal_chat_message_metadata_passthrough",
        "logprobs",
        "metadata",
        "provider_data",
        "provider_specific_fields",
        "usage",
    }
)
# Everything that the items of the API hold.
_ITEM_KEYS: Final = frozenset(
    {
        "acknowledged_safety_checks",
        "action",
        "actions",
        "annotations",
        "arguments",
        "caller",
        "content",
        "created_by",
        "environment",
        "error",
        "metadata",
        "operation",
        "output",
        "outputs",
        "pending_safety_checks",
        "provider_data",
        "provider_specific_fields",
        "queries",
        "reasoning",
        "result",
        "results",
        "summary",
        "svg_usage",
        "text",
        "tools",
    }
)


def claims(data: Any) -> bool:  # noqa: ANN401 - any JSON value
    """See `Dialect.claims`."""
    if not isinstance(data, dict):
        return False
    kind = data.get("type")
    if isinstance(kind, str):
        if kind == "message":
            return isinstance(data.get("role"), str) and "content" in data
        # A part or a row of somebody else's may be called the same; theirs have other keys.
        return kind in _TYPES and ("role" not in data or kind == "additional_tools")
    content = data.get("content")
    return (
        isinstance(data.get("role"), str)
        and isinstance(content, list)
        and any(
            isinstance(part, dict) and isinstance(of := part.get("type"), str) and of in _PARTS
            for part in content
        )
    )


def is_ai(item: Any) -> bool:  # noqa: ANN401 - any JSON value
    """See `Dialect.is_ai`."""
    if not isinstance(item, dict):
        return False
    kind = item.get("type")
    if item.get("role") is not None:
        return bool(item["role"] == "assistant")
    if not isinstance(kind, str):
        return True  # a reference to an earlier answer
    if kind == "tool_search_output":
        return item.get("execution") == "server"
    return kind in _CALLS or kind in _DONE


def read(items: Sequence[Any]) -> Transcript:
    """See `Dialect.read`. Outputs whose call may lie with the provider are left out."""
    transcript = _read(items)
    if any(isinstance(item, dict) and _is_reference(item) for item in items):
        _leave_out_strangers(transcript)
    return transcript


def _read_resumed(items: Sequence[Any]) -> Transcript:
    transcript = _read(items)
    _leave_out_strangers(transcript)
    return transcript


def _is_reference(item: _Data) -> bool:
    return item.get("type") == "item_reference" or item.keys() == {"id"}


def _leave_out_strangers(transcript: Transcript) -> None:
    """Leave out the results of calls that are not in the list."""
    made = {call.id for entry in transcript.entries for call in entry.calls}
    for entry in transcript.entries:
        entry.results = [result for result in entry.results if result.id in made]


def _read(items: Sequence[Any]) -> Transcript:
    entries: list[Entry] = []
    hosted: set[str] = set()
    for index, item in enumerate(items):
        where = f"item {index}"
        entry = _entry(index, object_at(item, where), where, hosted)
        if entry.role is Role.AI and entries and entries[-1].role is Role.AI:
            entry.calls = entries[-1].calls + entry.calls
            entries[-1].calls = []
        entries.append(entry)
    return Transcript(entries)


def _entry(index: int, item: _Data, where: str, hosted: set[str]) -> Entry:
    kind = item.get("type")
    if kind == "message" or (kind is None and "role" in item):
        return _message(index, item, where)
    if kind is None and _is_reference(item):
        kind = "item_reference"
    if not isinstance(kind, str) or kind not in _TYPES:
        told = word_or_type(kind)
        msg = f"{where}: unknown type {told} among the items of OpenAI's Responses"
        raise NotUnderstoodError(msg)
    known_keys(item, _ITEM_KEYS, where)
    if kind in _CALLS:
        return _call(index, item, where, hosted)
    if kind in _OUTPUTS:
        return _output(index, item, where, hosted)
    role = Role.AI if kind in _DONE else Role.SYSTEM
    return Entry(index, role, blocks=0, has_text=False)


def _message(index: int, item: _Data, where: str) -> Entry:
    told = item.get("role")
    role = _ROLES.get(told) if isinstance(told, str) else None
    if role is None:
        what = word_or_type(told)
        msg = f"{where}: unknown role {what} among the items of OpenAI's Responses"
        raise NotUnderstoodError(msg)
    known_keys(item, _MESSAGE_KEYS, where)
    blocks, has_text = read_content(item.get("content"), where)
    entry = Entry(index, role, blocks=blocks, has_text=has_text, name=as_name(item))
    entry.is_summary, entry.sign = read_signs(item)
    if role is Role.SYSTEM and told == "developer":
        entry.wire_role = "developer"
    return entry


def _call(index: int, item: _Data, where: str, hosted: set[str]) -> Entry:
    kind = item["type"]
    call_id, is_null = _id(item, where)
    entry = Entry(index, Role.AI, blocks=0, has_text=False)
    if _is_hosted(item):
        if call_id:
            hosted.add(call_id)
        return entry
    name = item.get("name")
    entry.calls.append(
        Call(
            index,
            call_id,
            name if isinstance(name, str) else None,
            frozenset({_CALLS[kind]}),
            null_id=is_null,
            is_async=item.get("async") is True,
        )
    )
    return entry


def _output(index: int, item: _Data, where: str, hosted: set[str]) -> Entry:
    call_id, _ = _id(item, where)
    if call_id in hosted or (
        item["type"] == "tool_search_output" and item.get("execution") == "server"
    ):
        return Entry(index, Role.AI, blocks=0, has_text=False)
    sign = sign_of_result({"content": item.get("output")})
    result = Result(index, call_id, as_name(item), Carrier.RESPONSES_OUTPUT, sign)
    result.made_up = made_up_block(item, call_id)
    return Entry(index, Role.TOOL, results=[result], has_text=False)


def _is_hosted(item: _Data) -> bool:
    """Whether the provider runs the call, in its own search or its own container."""
    if item["type"] == "tool_search_call":
        return item.get("execution") != "client"
    environment = item.get("environment")
    return (
        item["type"] == "shell_call"
        and isinstance(environment, dict)
        and environment.get("type") not in (None, "local")
    )


def _id(item: _Data, where: str) -> tuple[str, bool]:
    """Return the id that calls and outputs are paired by, and whether it is null."""
    call_id = item.get("call_id")
    if call_id is None and item["type"] == "local_shell_call_output":
        call_id = item.get("id")  # the one output that has its call's id there
    if call_id is None:
        return "", True
    if not isinstance(call_id, str):
        msg = f"{where}: 'call_id' is {json_type(call_id)}"
        raise NotUnderstoodError(msg)
    return call_id, False


RESPONSES: Final = Dialect("openai-responses", claims, read, is_ai)
RESUMED_RESPONSES: Final = Dialect("openai-responses after others", claims, _read_resumed, is_ai)
"""The same beside earlier turns that lie with the provider."""
