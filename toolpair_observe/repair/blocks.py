"""Look at the blocks of a message's content, and take some of them away from a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.fields import as_dict, as_list, as_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from langchain_core.messages import BaseMessage


def unwrapped(block: object) -> dict[str, Any] | None:
    """Return the block, or what LangChain's v1 wrapper holds; None where it is not a block."""
    if not isinstance(block, dict):
        return None
    inner = block.get("value")
    return inner if block.get("type") == "non_standard" and isinstance(inner, dict) else block


def content_blocks(message: BaseMessage) -> list[tuple[int, dict[str, Any]]]:
    """Return the blocks of list content with their positions; a bare string is a text block."""
    content = vars(message).get("content")
    if not isinstance(content, list):
        return []
    return [(at, unwrapped(block) or {"type": "text"}) for at, block in enumerate(content)]


def attribute_calls(message: BaseMessage) -> list[dict[str, Any]]:
    """Return the calls in `tool_calls` and `invalid_tool_calls`."""
    fields = vars(message)
    return [*as_list(fields, "tool_calls"), *as_list(fields, "invalid_tool_calls")]


def dicts_in(value: object) -> list[tuple[int, dict[str, Any]]]:
    """Return the dicts in a list with their positions; nothing where it is no list."""
    items = value if isinstance(value, list) else []
    return [(at, item) for at, item in enumerate(items) if isinstance(item, dict)]


def kind_of(block: dict[str, Any]) -> str:
    """Return the type of a block, `""` where it has none."""
    return as_text(block.get("type"))


def extras_of(message: BaseMessage) -> dict[str, Any]:
    """Return `additional_kwargs`, empty where there are none."""
    return as_dict(vars(message), "additional_kwargs")


def without(
    message: BaseMessage, positions: Collection[int], extras: dict[str, Any]
) -> BaseMessage:
    """Return a copy of the message without the blocks at `positions`, and with other extras."""
    update: dict[str, Any] = {}
    if positions:
        content = vars(message)["content"]
        update["content"] = [block for at, block in enumerate(content) if at not in positions]
    if extras is not extras_of(message):
        update["additional_kwargs"] = extras
    return message.model_copy(update=update)
