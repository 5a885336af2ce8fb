"""A message's fields, whatever they hold.

Fields are read several times as fast as a message's attributes. Messages that were built without
validation may lack a field or hold something else in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESULT_IDS: Final = ("tool_use_id", "call_id", "tool_call_id", "toolUseId")
_OUTPUT_BLOCKS: Final = frozenset({"tool_search_output"})


def blocks_of(content: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the blocks of list content with their types; a bare string is a text block."""
    if not isinstance(content, list):
        return
    for block in content:
        if not isinstance(block, dict):
            yield "text", {"text": block}
            continue
        if "type" not in block:
            yield from _bare_blocks(block)
            continue
        inner = block.get("value")
        if block.get("type") == "non_standard" and isinstance(inner, dict):
            block = inner  # noqa: PLW2901 - LangChain's v1 wrapper around a provider's own block
        kind = block.get("type")
        if kind == "text" and not block.get("text"):
            continue
        yield kind if isinstance(kind, str) else "", block


def _bare_blocks(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a block of Bedrock's Converse, which has no type: its only key tells what it is."""
    for kind in ("toolUse", "toolResult"):
        inner = block.get(kind)
        if isinstance(inner, dict):
            yield kind, inner
            return
    yield "", block


def is_output(kind: str) -> bool:
    """Whether a block of this type is the output of a Responses API call."""
    return kind.endswith("_call_output") or kind in _OUTPUT_BLOCKS


def result_id(block: dict[str, Any]) -> str:
    """Return the id of the call that a result's block names, `""` where it names none."""
    for key in _RESULT_IDS:
        if block.get(key):
            return as_text(block[key])
    return ""


def as_text(value: object) -> str:
    """Return `value` if it is a string, `""` for anything else."""
    return value if isinstance(value, str) else ""


def as_name(fields: dict[str, Any]) -> str | None:
    """Return the message's `name`, or None."""
    name = fields.get("name")
    return name if name and isinstance(name, str) else None


def as_dict(fields: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the dictionary under `key`, an empty one for anything else."""
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def as_list(fields: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the dictionaries of the list under `key`."""
    value = fields.get(key)
    if not value or not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]
