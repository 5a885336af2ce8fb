"""What OpenAI's messages hold beside calls and results: content parts, and keys without calls."""

from __future__ import annotations

from typing import Any, Final

from toolpair_observe.histories.dialects.dialect import (
    NotUnderstoodError,
    json_type,
    known_keys,
    word_or_type,
)

# What is said, shown or thought; none of them makes or answers a call. Beside OpenAI's own parts
# those of servers that speak its protocol: Mistral, Cohere, vLLM, Qwen, OpenRouter, LiteLLM.
PARTS: Final = frozenset(
    {
        "audio",
        "audio_url",
        "document",
        "document_url",
        "file",
        "file_url",
        "guarded_text",
        "image",
        "image_file",
        "image_url",
        "input_audio",
        "input_file",
        "input_image",
        "input_text",
        "output_text",
        "reasoning",
        "reasoning_text",
        "redacted_thinking",
        "reference",
        "refusal",
        "resource",
        "resource_link",
        "summary_text",
        "text",
        "thinking",
        "video",
        "video_url",
    }
)
# Parts of Qwen's and older templates have no type: their one key tells what they are.
_UNTYPED_PARTS: Final = frozenset({"audio", "image", "output", "text", "video"})
_PART_KEYS: Final = _UNTYPED_PARTS | {
    "annotations",
    "audio_url",
    "cache_control",
    "citations",
    "content",
    "data",
    "document",
    "document_url",
    "extras",
    "file",
    "file_url",
    "format",
    "image_file",
    "image_url",
    "input_audio",
    "logprobs",
    "metadata",
    "prompt_cache_breakpoint",
    "providerOptions",
    "provider_options",
    "reference_ids",
    "resource",
    "source",
    "summary",
    "thinking",
    "video_url",
}
# Lists and objects on a message that hold no calls.
HARMLESS_KEYS: Final = frozenset(
    {
        "annotations",
        "attachments",
        "audio",
        "cache_control",
        "citations",
        "context",
        "documents",
        "encrypted_content",
        "experimental_attachments",
        "files",
        "images",
        "logprobs",
        "meta",
        "metadata",
        "provider_specific_fields",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "search_results",
        "tags",
        "thinking",
        "thinking_blocks",
        "tool_plan",
        "tools",
        "usage",
        "videos",
    }
)


def read_content(content: object, where: str) -> tuple[int, bool]:
    """Return how many parts the content of a message has, and whether it says anything.

    Raises:
        NotUnderstoodError: A part could be a call or a result.
    """
    if isinstance(content, str):
        return int(bool(content)), bool(content)
    if isinstance(content, dict):
        content = [content] if content else []
    if not isinstance(content, list):
        return int(bool(content)), bool(content)
    count = 0
    for place, part in enumerate(content):
        if not isinstance(part, str):
            _check_part(part, f"{where}: content[{place}]")
            if part.get("type") == "text" and not part.get("text") and not part.get("content"):
                continue  # a stream leaves empty texts behind
        count += 1
    return count, count > 0


def _check_part(part: Any, where: str) -> None:  # noqa: ANN401 - whatever stands in the list
    if not isinstance(part, dict):
        msg = f"{where}: expected an object or text, got {json_type(part)}"
        raise NotUnderstoodError(msg)
    kind = part.get("type")
    if kind is None:
        if not part or not part.keys() <= _UNTYPED_PARTS:
            msg = f"{where}: a part without type{_looks_like(part)}"
            raise NotUnderstoodError(msg)
        return
    if not isinstance(kind, str) or kind not in PARTS:
        told = word_or_type(kind)
        msg = f"{where}: unknown type {told}{_looks_like(part)}"
        raise NotUnderstoodError(msg)
    known_keys(part, _PART_KEYS, where)


_FOREIGN: Final = (
    ("toolUse", "a call of Bedrock's Converse"),
    ("toolResult", "a result of Bedrock's Converse"),
    ("tool_use_id", "a result of Anthropic"),
    ("toolCallId", "a part of the AI SDK"),
    ("call_id", "an item of OpenAI's Responses"),
    ("functionCall", "a call of Gemini"),
    ("functionResponse", "a result of Gemini"),
    ("input", "a call of Anthropic"),
)


def _looks_like(part: dict[str, Any]) -> str:
    what = next((name for key, name in _FOREIGN if key in part), None)
    return f"; it looks like {what} among messages of OpenAI's form" if what else ""


def is_passive(content: object) -> bool:
    """Whether list content says something and is made of known parts; never raises."""
    if content.__class__ is not list or not content:
        return False
    for part in content:
        if not part:
            return False
        if part.__class__ is str:
            continue
        if part.__class__ is not dict:
            return False
        if part.get("type") == "text" and not part.get("text"):
            return False  # whether it counts is for the closer look
        try:
            _check_part(part, "")
        except NotUnderstoodError:
            return False
    return True
