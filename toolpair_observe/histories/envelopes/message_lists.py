"""Lists of messages in a row of any form: what is one, and what its shape tells.

A list that stands alone is a request. The stores of some libraries are lists, too, and keep what
was answered: there each prefix before an answer was a request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import without_ids
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.table import dialect_of, is_message
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.lists import BARE
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Unit
from toolpair_observe.pairing.fields import as_dict, as_list, as_text
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.histories.dialects.dialect import Dialect

# How a list of these dialects is called where it stands alone, and keeps a whole conversation.
_TRAJECTORIES: Final = {
    "inspect": "inspect.messages",
    "pydantic-ai": "pydantic_ai.messages",
    "openai-responses": "agents.session",
    "sharegpt": "sharegpt.messages",
    "swe-agent": "swe_agent.history",
    "tagged-text": "tagged_text.messages",
    "ui-message": "ai_sdk.ui_messages",
    "value-blocks": "llama_factory.messages",
}
_REQUESTS: Final = {"ai-sdk": "ai_sdk.messages"}
# Messages that one provider's API alone takes: a list of them is the part of a body.
_OF_APIS: Final = {
    "anthropic": Origin(api="messages"),
    "converse": Origin(api="converse"),
    "gemini": Origin(api="generate_content"),
}
# These are sent as they are kept: one that does not end with an answer is about to be sent.
_ALSO_SENT: Final = frozenset({"openai-responses", "ui-message"})
_ITEMS_OF_MODELS: Final = frozenset({"function_call", "message", "reasoning"})


def is_list_of_messages(value: object) -> bool:
    """Whether a value is a list in which messages stand."""
    return isinstance(value, list) and any(map(is_message, value))


def as_stored(unit: Unit) -> Unit:
    """Return the unit of a list that no row tells more of, as what its messages tell it is.

    A list that is plainly sound and of OpenAI's form is none of these, and need not come by here.
    """
    if unit.format != BARE or unit.extent is not Extent.WHOLE or len(unit.conversations) != 1:
        return unit
    messages = unit.conversations[0].messages
    dialect = known_dialect(messages)
    if dialect is None:
        return unit
    name = dialect.name
    if name in _REQUESTS:
        return replace(unit, format=_REQUESTS[name], layer=Layer.WIRE, dialect=dialect)
    if name in _OF_APIS and unit.origin is NO_ORIGIN:
        return replace(unit, layer=Layer.WIRE, origin=_OF_APIS[name], dialect=dialect)
    if name not in _TRAJECTORIES or (name == "openai-responses" and not _is_session(messages)):
        return replace(unit, dialect=dialect)
    is_sent = name in _ALSO_SENT and not dialect.is_ai(messages[-1])
    told = told_by(messages) if name == "pydantic-ai" else {}
    return replace(
        unit,
        format=_TRAJECTORIES[name],
        layer=Layer.WIRE,
        extent=Extent.WHOLE if is_sent else Extent.PREFIXES,
        dialect=dialect,
        **told,
    )


def known_dialect(messages: Sequence[Any]) -> Dialect | None:
    """Return the dialect of a list, None where it is of none."""
    try:
        return dialect_of(messages)
    except NotUnderstoodError:
        return None


def dialect_by_order(messages: Sequence[Any]) -> Dialect | None:
    """Return the dialect of a list, for forms that may leave out the ids on both sides.

    None leaves it to the messages: there are ids, or there is no dialect.
    """
    if any(_has_ids(message) for message in messages):
        return None
    dialect = known_dialect(messages)
    return without_ids(dialect) if dialect is not None and dialect.has_ids else dialect


def _has_ids(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    # An empty id is one that was lost. Tables have null in every row for a field that is absent.
    calls = as_list(message, "tool_calls")
    return message.get("tool_call_id") is not None or any(
        call.get("id") is not None for call in calls
    )


def _is_session(items: Sequence[Any]) -> bool:
    """Whether items of the Responses API are as a model gave them: with id and status."""
    return any(
        isinstance(item, dict)
        and as_text(item.get("type")) in _ITEMS_OF_MODELS
        and bool(item.get("id"))
        and (bool(item.get("status")) or item.get("type") == "reasoning")
        for item in items
    )


def told_by(messages: Sequence[Any]) -> dict[str, Any]:
    """Return what pydantic-ai's messages tell of themselves, as fields of a unit."""
    fields = [each for each in messages if isinstance(each, dict)]
    responses = [each for each in fields if each.get("kind") == "response"]
    origin = Origin(
        provider=_only(responses, "provider_name"),
        model=_only(responses, "model_name"),
        url=_only(responses, "provider_url"),
    )
    kinds = [each for each in fields if each.get("kind") in ("request", "response")]
    return {
        "origin": origin if responses else NO_ORIGIN,
        "thread_id": _only(kinds, "conversation_id"),
        "run_id": _only(kinds, "run_id"),
    }


def _only(rows: Sequence[dict[str, Any]], key: str) -> str:
    """Return what all rows that tell it tell, `""` where they differ."""
    values = {as_text(row.get(key)) for row in rows} - {""}
    return values.pop() if len(values) == 1 else ""


def common_start(first: Sequence[Any], second: Sequence[Any]) -> int:
    """Return how many messages two lists begin with alike."""
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def conversations(*lists: Sequence[Any]) -> tuple[Conversation, ...]:
    """Return lists of which later ones may begin as the first does."""
    return tuple(
        Conversation(each, common_start(lists[0], each) if place else 0)
        for place, each in enumerate(lists)
    )


def messages_in(value: object) -> list[Any] | None:
    """Return the messages of a list, or of an object that holds them under `messages`."""
    if isinstance(value, dict):
        value = value.get("messages")
    value = unpacked(value)
    return value if isinstance(value, list) and is_list_of_messages(value) else None


def model_of(data: dict[str, Any]) -> Origin:
    """Return what a row tells of the model."""
    name = as_text(data.get("model")) or as_text(as_dict(data, "info").get("model"))
    return Origin(model=name) if name else NO_ORIGIN
