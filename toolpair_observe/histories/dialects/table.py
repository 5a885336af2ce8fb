"""All dialects, and which of them a list of messages is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.agent_logs import INSPECT, SWE_AGENT
from toolpair_observe.histories.dialects.ai_sdk import AI_SDK
from toolpair_observe.histories.dialects.anthropic import ANTHROPIC
from toolpair_observe.histories.dialects.cohere_v1 import COHERE_V1
from toolpair_observe.histories.dialects.converse import CONVERSE
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    json_type,
    keys_text,
)
from toolpair_observe.histories.dialects.frameworks import FRAMEWORKS
from toolpair_observe.histories.dialects.gemini import GEMINI, GEMINI_WITH_IDS
from toolpair_observe.histories.dialects.genai import GENAI
from toolpair_observe.histories.dialects.langchain import LANGCHAIN
from toolpair_observe.histories.dialects.langchain_scan import owns as is_langchains
from toolpair_observe.histories.dialects.langfuse import LANGFUSE
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT
from toolpair_observe.histories.dialects.openai_scan import owns
from toolpair_observe.histories.dialects.pydantic_ai import PYDANTIC_AI
from toolpair_observe.histories.dialects.responses import RESPONSES
from toolpair_observe.histories.dialects.sharegpt import SHAREGPT
from toolpair_observe.histories.dialects.short_form import SHORT_FORM
from toolpair_observe.histories.dialects.span_attributes import EVENTS
from toolpair_observe.histories.dialects.tagged_text import TAGGED_TEXT, VALUE_BLOCKS
from toolpair_observe.histories.dialects.ui_message import UI_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.histories.dialects.dialect import FastPass

# The first that claims a message has it: what tells more stands before what tells less.
DIALECTS: Final[tuple[Dialect, ...]] = (
    LANGFUSE,
    EVENTS,
    GENAI,
    PYDANTIC_AI,
    UI_MESSAGE,
    INSPECT,
    AI_SDK,
    SHAREGPT,
    VALUE_BLOCKS,
    SWE_AGENT,
    *FRAMEWORKS,
    LANGCHAIN,
    ANTHROPIC,
    CONVERSE,
    GEMINI_WITH_IDS,
    GEMINI,
    TAGGED_TEXT,
    SHORT_FORM,
    RESPONSES,
    COHERE_V1,
    OPENAI_CHAT,  # it claims plain messages, and so comes last
)
_OPENAI_CHAT: Final = DIALECTS.index(OPENAI_CHAT)
_LANGCHAIN: Final = DIALECTS.index(LANGCHAIN)
# None passes what another would pass, so that the form of most lists may be tried first.
FAST_PASSES: Final[tuple[tuple[Dialect, FastPass], ...]] = tuple(
    (dialect, dialect.plain_calls)
    for dialect in reversed(DIALECTS)
    if dialect.plain_calls is not None
)


def is_message(data: object) -> bool:
    """Whether a JSON value is one message, in any dialect, rather than a row."""
    return any(dialect.claims(data) for dialect in DIALECTS)


def dialect_of(messages: Sequence[Any], *, at: str = "message") -> Dialect:
    """Return the dialect of a list: the first one in the table's order that claims a message.

    Plain messages of a role and a text could be of several, so that a single message that tells
    more decides for all.

    Raises:
        NotUnderstoodError: A message is of no dialect.
    """
    if not messages:
        msg = "the list of messages is empty"
        raise NotUnderstoodError(msg)
    best = len(DIALECTS)
    for index, message in enumerate(messages):
        if owns(message):
            best = min(best, _OPENAI_CHAT)
            continue
        if is_langchains(message):
            best = min(best, _LANGCHAIN)
            continue
        place = next((n for n, d in enumerate(DIALECTS) if d.claims(message)), None)
        if place is None:
            msg = f"{at} {index}: {_what(message)}"
            raise NotUnderstoodError(msg)
        best = min(best, place)
    dialect = DIALECTS[best]
    return dialect.variant(messages) if dialect.variant is not None else dialect


def _what(message: object) -> str:
    if isinstance(message, str) and ("{{" in message or "{%" in message):
        return "a template stands for messages: give them as they are after rendering"
    if not isinstance(message, dict):
        return f"expected an object, got {json_type(message)}"
    return f"a message of no known form, with the {keys_text(message)}"
