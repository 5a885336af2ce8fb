"""What messages say of how they came about, read off their metadata and first words.

A library that answers a call itself, replaces messages or stops a turn marks what it writes, or
says so in fixed words at the start. Only marks and leading words are looked at, nothing is kept.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from toolpair_observe.pairing.late_pattern import LatePattern


class Sign(StrEnum):
    """How a message came about, where it tells."""

    LIMIT = "a limit of calls was reached"
    REFUSED = "a person or a policy decided on a call before it ran"
    STRUCTURED = "a framework took a call for its structured output"
    CANCELLED = "a call or a turn was canceled"
    FAILED = "a tool failed"
    HANDED_OFF = "a hand-off took place"


# Results that stand in the history before any tool of the message has run.
BEFORE_TOOLS: Final = frozenset({Sign.LIMIT, Sign.REFUSED, Sign.STRUCTURED})

# What libraries write in place of a tool's own result.
_IN_RESULT = LatePattern(
    r"(?P<LIMIT>tool call limit (?:exceeded|reached)"
    r"|execution stopped before this tool call could run)"
    r"|(?P<REFUSED>user rejected the tool call|the tool call `[^`]*` was blocked because)"
    r"|(?P<STRUCTURED>returning structured response)"
    r"|(?P<CANCELLED>\W*(?:tool (?:call|use|execution) )?(?:was )?"
    r"(?:cancell?ed|interrupted|aborted)\b|\W*request interrupted by user"
    r"|(?:the )?tool (?:call )?was (?:interrupted|cancelled)"
    r"|tool call \S+ with id \S+ (?:was cancelled|was interrupted|did not complete))"
    r"|(?P<HANDED_OFF>(?:successfully )?(?:transferr(?:ed|ing)|handed (?:off|over)"
    r"|handing (?:off|over)|assigned|delegated)(?: back)? to\b)"
)
# What they write as the last words of a turn that a limit ended, and for a person's abort.
_IN_MESSAGE = LatePattern(
    r"(?P<LIMIT>(?:'[^']*' )?(?:tool |model |agent )?(?:call |step |iteration |recursion )?limits?"
    r" (?:exceeded|reached|hit)\b"
    r"|(?:the )?max(?:imum)? (?:number of )?(?:tool |model )?(?:calls|steps|iterations|turns)"
    r" (?:exceeded|reached)\b"
    r"|agent stopped due to (?:max iterations|iteration limit)|sorry, need more steps)"
    r"|(?P<CANCELLED>\W*(?:tool use|request|response|generation) (?:was )?"
    r"(?:interrupted|cancell?ed|aborted|stopped)\b)"
)
# "Summary of the conversation", "Here is a brief summary of earlier messages", "## Summary": the
# word stands among the first, and what follows is its object or the summary itself. A request for
# a summary has a verb there.
_SUMMARY = LatePattern(
    r"\W*(?:(?:here(?:'s| is)|this is|(?:the following|below) is|what follows is)\s+)?"
    r"(?:an?\s+|the\s+|our\s+|your\s+)?"
    r"(?:(?:brief|short|concise|running|rolling|current|previous|prior|earlier|past|conversation"
    r"|chat|session|context|history|message|discussion)\s+){0,3}"
    r"summary\s*(?:[:\n>\])}-]|of\s+(?:\w+\s+){0,2}(?:conversation|chat|messages?|discussion"
    r"|history|context|session|exchange|interactions?|turns)\b)"
)
# The same without the word: "Conversation so far", "Context from earlier", "Previous messages:".
_EARLIER = LatePattern(
    r"\W*(?:the\s+)?(?:"
    r"(?:conversation|chat|context|history|messages|discussion)\s+(?:history\s+)?"
    r"(?:so far|up to|to date|until now|(?:(?:has|have) been )?\(?"
    r"(?:summari[sz]ed|compacted|condensed))"
    r"|(?:context|notes) from (?:earlier|previous|prior|past)\b"
    r"|(?:earlier|previous|prior|past|older)\s+"
    r"(?:conversation|chat|context|messages|discussion|history|turns)\b[^:\]\n]{0,40}"
    r"(?:[:\]\n]|summari[sz]ed|compacted|condensed))"
)


def sign_of_result(fields: dict[str, Any]) -> Sign | None:
    """What a ToolMessage's fields say of how it came about, or None."""
    kwargs, metadata = fields.get("additional_kwargs"), fields.get("response_metadata")
    if kwargs and isinstance(kwargs, dict) and kwargs.get("lc_source") == _DECISION:
        return Sign.REFUSED
    if metadata and isinstance(metadata, dict) and not _HANDOFF_MARKS.isdisjoint(metadata):
        return Sign.HANDED_OFF
    sign = _sign(_IN_RESULT, _head(fields))
    return Sign.FAILED if sign is None and fields.get("status") == "error" else sign


def read_signs(fields: dict[str, Any]) -> tuple[bool, Sign | None]:
    """What another message's fields say of it.

    LangChain's own summarization marks its message with `lc_source`; others say so in their first
    words.

    Returns:
        Whether it looks like a summary that replaced earlier messages, and what it says of the turn
        that it ends or follows.
    """
    kwargs = fields.get("additional_kwargs")
    marked = isinstance(kwargs, dict) and kwargs.get("lc_source") == "summarization"
    head = _head(fields)
    if not head:
        return marked, None
    sign = _sign(_IN_MESSAGE, head)
    return marked or _reads_as_summary(head), sign


def _reads_as_summary(head: str) -> bool:
    if "summary" in head:
        near = head[:80]
        known = "conversation" in near or "previous" in near or "so far" in near
        if (known and "summary" in near) or _SUMMARY.match(head):
            return True
    return _EARLIER.match(head) is not None


_LOOK = 120
_DECISION = "hitl_interrupt_decision"
# What langgraph-supervisor puts on the messages of a hand-off.
_HANDOFF_MARKS = frozenset({"__handoff_destination", "__is_handoff_back"})


def _sign(words: LatePattern, head: str) -> Sign | None:
    found = words.match(head)
    return Sign[found.lastgroup] if found and found.lastgroup else None


def _head(fields: dict[str, Any]) -> str:
    content = fields.get("content")
    if isinstance(content, str):
        return content[:_LOOK].lower()
    first = content[0] if content and isinstance(content, list) else None
    text = first.get("text") if isinstance(first, dict) else first
    return text[:_LOOK].lower() if isinstance(text, str) else ""
