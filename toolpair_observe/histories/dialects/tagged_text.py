"""Messages of role and content whose calls stand in the content, without ids.

Hermes writes tags into the text; release 1 of LLaMA-Factory's own form has blocks with a `value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.dialect import Dialect, known_keys
from toolpair_observe.histories.dialects.neutral import (
    answered_by,
    call_at,
    objects,
    parts_at,
    refuse,
    result_at,
    said_by,
)
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT, calls_or_answers
from toolpair_observe.histories.dialects.tags import (
    calls_in,
    has_calls,
    has_results,
    json_calls,
    results_in,
)
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.transcript import Entry

_ROLES: Final = {
    "assistant": Role.AI,
    "developer": Role.SYSTEM,
    "model": Role.AI,
    "observation": Role.TOOL,
    "system": Role.SYSTEM,
    "tool": Role.TOOL,
    "user": Role.HUMAN,
}
_KEYS: Final = frozenset({"content", "tools"})
_BLOCKS: Final = frozenset(
    {"audio_url", "image_url", "reasoning", "text", "thinking", "tools", "video_url"}
)


def _claims_tagged(message: object) -> bool:
    if not isinstance(message, dict) or message.get("tool_calls") or message.get("tool_call_id"):
        return False
    role, content = _ROLES.get(as_text(message.get("role"))), message.get("content")
    if not isinstance(content, str):
        return False
    if role is Role.AI:
        return has_calls(content)
    return role in {Role.TOOL, Role.HUMAN} and _is_result(content)


def _is_result(text: str) -> bool:
    return text.lstrip().startswith("<tool_response>") and has_results(text)


def _claims_blocks(message: object) -> bool:
    if not isinstance(message, dict) or as_text(message.get("role")) not in _ROLES:
        return False
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(block, dict)
        and "value" in block
        and (as_text(block.get("type")) in _BLOCKS or block.get("type") == "tool_call")
        for block in content
    )


def _is_ai(message: Any) -> bool:  # noqa: ANN401 - a message of any shape
    return isinstance(message, dict) and _ROLES.get(as_text(message.get("role"))) is Role.AI


def _read(messages: Sequence[Any]) -> Transcript:
    joined: set[int] = set()
    entries = [_read_one(index, fields, joined) for index, fields in objects(messages)]
    pair_by_order(entries, joined)
    return Transcript(entries)


def _read_one(index: int, fields: dict[str, Any], joined: set[int]) -> Entry:
    where = f"message {index}"
    role = _ROLES.get(as_text(fields.get("role")))
    if role is None:
        refuse("role", fields.get("role"), where)
    known_keys(fields, _KEYS, where)
    names: list[str | None] = []
    content = fields.get("content")
    if isinstance(content, list):
        text = _read_blocks(fields, names, where)
    elif isinstance(content, str):
        text = content
    elif content is None:
        text = ""
    else:
        refuse("content", content, where)
    head = {"content": text}
    if role is Role.TOOL or (role is Role.HUMAN and _is_result(text)):
        several = results_in(text) if has_results(text) else 0
        if not several:
            joined.add(index)
        name = fields.get("name")
        return answered_by(index, [result_at(index, None, name) for _ in range(several or 1)], head)
    entry = said_by(index, role, head)
    if role is Role.AI:
        entry.calls = [call_at(index, None, name) for name in names or calls_in(text)]
    return entry


def _read_blocks(fields: dict[str, Any], names: list[str | None], where: str) -> str:
    """Add the calls of the blocks, and return their text."""
    texts: list[str] = []
    for place, block in enumerate(parts_at(fields, "content", where)):
        kind = as_text(block.get("type"))
        value = as_text(block.get("value")) or as_text(block.get("text"))
        if kind == "tool_call":
            names += json_calls(value)
        elif kind in _BLOCKS:
            texts.append(value if kind == "text" else "x")
        else:
            refuse("block", block.get("type"), f"{where}: content[{place}]")
    return "\n".join(texts)


def _variant(messages: Sequence[Any]) -> Dialect:
    # Beside calls of another form tags are talk of tags.
    return OPENAI_CHAT if any(map(calls_or_answers, messages)) else TAGGED_TEXT


TAGGED_TEXT: Final = Dialect(
    name="tagged-text",
    claims=_claims_tagged,
    read=_read,
    is_ai=_is_ai,
    has_ids=False,
    variant=_variant,
)
VALUE_BLOCKS: Final = TAGGED_TEXT._replace(name="value-blocks", claims=_claims_blocks, variant=None)
