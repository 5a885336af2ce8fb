"""Bodies and answers of Ollama's own chat API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.envelopes.body import (
    Fields,
    any_key,
    is_body,
    not_a_request,
    object_at,
    read_messages,
    text_at,
)
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

BODY_FORM: Final = "ollama.body"
_ANSWER: Final = "ollama.answer"
_BODY_KEYS: Final = frozenset({"messages", "tools"})


def fits(data: Fields) -> bool:
    """Whether an object is a body of this API, rather than of OpenAI's, whose messages it takes."""
    messages = data.get("messages")
    if not isinstance(messages, list) or not is_body(data):
        return False
    if any_key(data, ("keep_alive", "options")):
        return True
    return any_key(data, ("format", "stream", "think")) and _tells(_first_of_tools(messages))


def _first_of_tools(messages: list[Any]) -> Fields:
    """Return the first message that calls or answers, an empty one where there is none."""
    for message in messages:
        if isinstance(message, dict) and (message.get("tool_calls") or message.get("tool_name")):
            return message
    return {}


def _tells(message: Fields) -> bool:
    """Whether a message names a tool beside its result, or calls one without an id."""
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls else None
    if not isinstance(call, dict):
        return "tool_name" in message
    arguments = object_at(call, "function").get("arguments")
    return not call.get("id") and isinstance(arguments, dict)


def read_body(row: Row, form: str = BODY_FORM) -> Iterator[Unit]:
    """Read a body."""
    origin = Origin(
        api="ollama",
        model=text_at(row.data, "model"),
        tools_bound=bool(row.data.get("tools")),
    )
    yield read_messages(row, form, "messages", dialect=None, origin=origin, known=_BODY_KEYS)


def _is_answer(data: Fields) -> bool:
    return isinstance(data.get("message"), dict) and isinstance(data.get("done"), bool)


BODY: Final = each_row(BODY_FORM, fits, read_body, needs=("messages", "model"))
ENVELOPES: Final = (
    each_row(_ANSWER, _is_answer, not_a_request(_ANSWER, "response"), needs=("message", "done")),
    BODY,
)
