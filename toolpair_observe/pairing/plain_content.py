"""What plain content may hold: texts, and blocks that repeat the calls beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PASSIVE_BLOCKS: Final = frozenset(
    {
        "audio",
        "code_interpreter_call",
        "compaction",
        "document",
        "file",
        "file_search_call",
        "image",
        "image_generation_call",
        "image_url",
        "mcp_call",
        "mcp_list_tools",
        "reasoning",
        "reasoning_content",
        "redacted_thinking",
        "refusal",
        "search_result",
        "text",
        "thinking",
        "web_search_call",
    }
)
"""Blocks that neither make nor answer a call."""
_TEXT = {"type": "text"}
# The blocks that usually repeat an entry of `tool_calls` in a provider's own form.
_REPEATING_BLOCKS = {"tool_use": "id", "tool_call": "id", "function_call": "call_id"}


def stand_in_raw_calls(calls: Sequence[Any], fields: dict[str, Any]) -> bool:
    """Whether the calls in OpenAI's form, as `additional_kwargs` keeps them, are these calls.

    Raises:
        LookupError: None are kept, or calls have another shape.
        TypeError: What is kept has another shape.
    """
    raw = fields["additional_kwargs"]["tool_calls"]
    if len(raw) == len(calls) == 1:  # the rule, for which two lists would cost too much
        return bool(raw[0]["id"] == calls[0]["id"])
    return [call["id"] for call in raw] == [call["id"] for call in calls]


def repeats_calls(content: list[Any], calls: Sequence[Any], refused: Collection[str]) -> bool:
    """Whether the content says text, and then perhaps repeats the calls of `tool_calls`, each once.

    No block may be of a kind that is refused.

    What some providers make of content behind a call is for the closer look.
    """
    repeated = 0
    try:
        for block in content:
            kind = block["type"]
            if kind in PASSIVE_BLOCKS:
                if repeated:
                    return False
            elif kind not in refused and block[_REPEATING_BLOCKS[kind]] == calls[repeated]["id"]:
                repeated += 1
            else:
                return False
    except TypeError:  # a stream may leave bare strings between the blocks
        if all(block.__class__ is not str for block in content):
            return False
        blocks = [_TEXT if block.__class__ is str else block for block in content]
        return repeats_calls(blocks, calls, refused)
    return not repeated or repeated == len(calls)


def says_nothing(content: Any) -> bool:  # noqa: ANN401 -- a message's own content
    """Whether plain content is empty, or made of empty texts."""
    if content.__class__ is str:
        return not content
    return not any(
        block if block.__class__ is str else block.get("text", block["type"] != "text")
        for block in content
    )


def is_passive(content: list[Any]) -> bool:
    """Whether a list of blocks neither makes nor answers a call, and is not left out."""
    for block in content:
        if block.__class__ is not str and block["type"] not in PASSIVE_BLOCKS:
            return False
    return bool(content)  # some integrations leave a message out whose list is empty
