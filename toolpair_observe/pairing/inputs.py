"""Everything that LangChain takes as chat input, as a list of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue

from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput

# What nearly every history consists of.
_USUAL: Final = {AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage}


def as_messages(value: LanguageModelInput) -> list[BaseMessage]:
    """Convert chat input to messages, as a chat model would.

    Args:
        value: A list of messages, `(role, content)` tuples or message dicts (LangChain's own or in
            OpenAI format), a `PromptValue`, or a string.

    Raises:
        TypeError: `value` is not chat input.
        ValueError: An element is not a message; the text names its position.
    """
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, str):
        return convert_to_messages([value])
    if not isinstance(value, Sequence):
        msg = (  # type: ignore[unreachable]  # callers may not be typed
            f"chat input has to be a list of messages, a PromptValue or a string, "
            f"not {type_name(value)}"
        )
        raise TypeError(msg)
    if set(map(type, value)) <= _USUAL:
        return list(value)  # type: ignore[arg-type]
    return [_as_message(position, element) for position, element in enumerate(value)]


def _as_message(position: int, element: object) -> BaseMessage:
    if isinstance(element, BaseMessage):
        return element
    try:
        (message,) = convert_to_messages([element])  # type: ignore[list-item]
    except Exception as error:  # noqa: BLE001 - whatever it was, the element is no message
        # The converter's own text quotes the element, and with it content.
        msg = (
            f"element {position} of the chat input is not a message "
            f"({type_name(element)}, {type_name(error)}): give a BaseMessage, a "
            "(role, content) tuple or a message dict with 'role' and 'content'"
        )
        raise ValueError(msg) from None
    return message
