"""What a generation of Langfuse got: whatever its producer wrote down as its input."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.envelopes.cells import parsed
from toolpair_observe.histories.envelopes.second_lists import reason_of_others

# Under these keys producers put the list of messages into an object.
_LISTS: Final = ("messages", "contents", "input")
_PROMPTS: Final = ("prompt", "prompts")
_BODY_KEYS: Final = ("instructions", "model")
_RESUMING_KEYS: Final = ("conversation", "previous_response_id")
_REDACTED: Final = "redacted-by-litellm"
# What masks and limits leave of an input.
_HIDDEN: Final = re.compile(
    r"\W+(?:(?:fully )?masked|redacted|hidden|truncated)\b|(?:masked|redacted|hidden)\W*$|\W+$",
    re.IGNORECASE,
)


class Input(NamedTuple):
    """The messages of a generation.

    Attributes:
        messages: The messages, None if there are none.
        place: Where they stand below the input.
        reason: Why there are none.
        is_other: Whether it is no chat request then, rather than unreadable.
        resumes: Whether they go on where the provider keeps what was before.
    """

    messages: list[Any] | None
    place: tuple[str, ...] = ()
    reason: str = ""
    is_other: bool = False
    resumes: bool = False


_COMPLETION: Final = Input(None, reason="text completion", is_other=True)


def messages_of(value: object) -> Input:
    """Return the messages that an input holds, or why it holds none."""
    value = _unwrapped(value)
    if value is None or value in ("", [], {}):
        return Input(None, reason="messages not recorded: the generation has no input")
    if isinstance(value, dict):
        return _messages_in(value)
    if isinstance(value, str):
        return _without_messages(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a list for each prompt
    if not isinstance(value, list):
        return Input(None, reason=f"'input' is {json_type(value)}, not a list of messages")
    if all(isinstance(each, str) for each in value):
        return _COMPLETION
    return _listed([each for each in value if not _is_answer(each)])


def _without_messages(text: str) -> Input:
    if text.lstrip()[:1] in ("[", "{"):
        return Input(None, reason="'input' is no JSON: it was cut")
    if _HIDDEN.match(text):
        return Input(None, reason="'input' was hidden or cut before it was stored")
    return _COMPLETION


def _listed(messages: list[Any], *place: str, resumes: bool = False) -> Input:
    if any(isinstance(each, dict) and each.get("content") == _REDACTED for each in messages):
        return Input(None, reason="LiteLLM has redacted the messages")
    return Input(messages, place, resumes=resumes)


def _unwrapped(value: object) -> object:
    """Return what an input holds that is written as JSON, once or (in traces) twice."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", '"'):
            return value
        data = parsed(value)
        if data is None:
            return value
        value = data
    return value


def _messages_in(value: dict[str, Any]) -> Input:
    for key in _LISTS:
        inner = value.get(key)
        if isinstance(inner, list) and inner:
            reason = reason_of_others(value, (key,))
            resumes = any(map(value.get, _RESUMING_KEYS))
            return Input(None, reason=reason) if reason else _listed(inner, key, resumes=resumes)
        if isinstance(inner, str) and key != "messages" and any(map(value.get, _BODY_KEYS)):
            # Gemini and Responses take one text for a user's message.
            return Input([{"role": "user", "content": inner}])
    if isinstance(value.get("role"), str) and ("content" in value or "parts" in value):
        return Input([value])
    if any(isinstance(value.get(key), str) for key in _PROMPTS):
        return _COMPLETION
    return Input(None, reason=f"'input' has no list of messages but the {keys_text(list(value))}")


def _is_answer(message: object) -> bool:
    return isinstance(message, dict) and message.get("event.name") == "gen_ai.choice"
