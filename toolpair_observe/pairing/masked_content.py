"""Whether one result was made up, by its marks and its whole content.

The content has to be one of the known texts from its first letter to its last: a log or a search
result that quotes one is real. Where a text names a call's id, it has to be the id that the result
answers. Nothing of a content is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind
from toolpair_observe.pairing.masked_texts import FIRST_LETTERS, MARKS, STARTS, object_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# Types of a block that says a text and nothing else; Converse's have none.
_TEXT_BLOCKS: Final = ("text", "output_text", "input_text", None)
# The keys under which Google's form wraps a result that is a text.
_WRAPPING: Final = frozenset({"content", "error", "output", "result"})
# What stands for a name that a library did not know.
_NO_NAMES: Final = frozenset({"", "None", "null", "undefined", "unknown", "unknown_tool"})
# Codex gives the outputs that it makes up an id which it derives from the call's.
_CODEX_ID: Final = r"fco_[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}"


class MadeUp(NamedTuple):
    """How a result was made up.

    Attributes:
        by: Who did it.
        kind: What was wrong with the call.
        evidence: What tells.
        tool: The name of the tool that its text names, `""` where it names none.
    """

    by: str
    kind: MaskedKind
    evidence: MaskedEvidence
    tool: str = ""


def made_up(fields: Mapping[str, Any], call_id: str) -> MadeUp | None:
    """Return how a result was made up, None where nothing says that it was.

    Args:
        fields: The result's, as a ToolMessage has them: `content`, `status`, `additional_kwargs`,
            `response_metadata` and `id`, as far as there are any.
        call_id: The id of the call that it answers, `""` where it names none.
    """
    extra = fields.get("additional_kwargs")
    if extra and isinstance(extra, dict):
        for key, mark in MARKS.items():
            if extra.get(key):
                return MadeUp(mark.by, mark.kind, MaskedEvidence.MARK)
    content = fields.get("content")
    if content.__class__ is str and content[FIRST_LETTERS] not in STARTS:
        return None  # the rule
    found = _found(content)
    if found is None or _is_decided(fields):
        return None
    row, (tool, named_id) = found
    if named_id is not None and named_id != call_id:
        return None
    if row.only_errors and fields.get("status") != "error" and not _is_codex(fields):
        return None
    tool = "" if tool is None or tool in _NO_NAMES else tool
    return MadeUp(row.by, row.kind, MaskedEvidence.TEXT, tool)


def made_up_block(block: dict[str, Any], call_id: str) -> MadeUp | None:
    """Return how a result was made up that stands in a block of content, or None.

    Args:
        block: The block: Anthropic's `tool_result`, Converse's `toolResult` or an output of
            OpenAI's Responses.
        call_id: The id of the call that it answers, `""` where it names none.
    """
    failed = block.get("is_error") is True or block.get("status") == "error"
    said = {
        "content": block.get("output", block.get("content")),
        "status": "error" if failed else None,
        "id": block.get("id"),
    }
    return made_up(said, call_id)


def may_be_made_up(fields: Mapping[str, Any]) -> bool:
    """Whether a ToolMessage is worth the closer look, by its content and marks alone."""
    extra = fields.get("additional_kwargs")
    if extra and isinstance(extra, dict) and not MARKS.keys().isdisjoint(extra):
        return True
    return holds_made_up(fields["content"])


def holds_made_up(content: object) -> bool:
    """Whether a content is a known text, whatever it names. Mostly its first letters tell."""
    content = content if content.__class__ is str else _text_in(content)
    return (
        content.__class__ is str
        and content[FIRST_LETTERS] in STARTS
        and text_of(content) is not None
    )


def _found(content: object) -> Any:  # noqa: ANN401 - a row of either table, and what it names
    content = _text_in(content)
    if isinstance(content, dict):
        found = object_of(content)
        if found is not None:
            return found
        # Google's form wraps a text into an object.
        (value,) = content.values() if len(content) == 1 else (None,)
        content = value if content.keys() <= _WRAPPING else None
    if isinstance(content, str) and content[FIRST_LETTERS] in STARTS:
        return text_of(content)
    return None


def _text_in(content: object) -> object:
    """Return the text of a list of one block, and anything else as it is."""
    if not isinstance(content, list) or len(content) != 1:
        return content
    (block,) = content
    if not isinstance(block, dict):
        return block
    if block.get("type") in _TEXT_BLOCKS:
        return block.get("json", block.get("text"))
    return None


def _is_decided(fields: Mapping[str, Any]) -> bool:
    """Whether marks say that a person decided, or that a real result was cleared to save room."""
    extra, metadata = fields.get("additional_kwargs"), fields.get("response_metadata")
    return (isinstance(extra, dict) and extra.get("lc_source") == "hitl_interrupt_decision") or (
        isinstance(metadata, dict) and "context_editing" in metadata
    )


def _is_codex(fields: Mapping[str, Any]) -> bool:
    return re.fullmatch(_CODEX_ID, as_text(fields.get("id"))) is not None
