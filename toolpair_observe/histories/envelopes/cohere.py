"""Bodies of Cohere's first chat API. Those of its second one are read as OpenAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.cohere_v1 import COHERE_V1
from toolpair_observe.histories.dialects.dialect import json_type
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.openai import outcome_beside
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.unit import Layer
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

_FORM: Final = "cohere.v1"
_READ: Final = frozenset({"chat_history", "message", "tool_results", "documents", "connectors"})


def _is_body(data: dict[str, Any]) -> bool:
    history = data.get("chat_history")
    return (
        isinstance(data["message"], str)
        and "messages" not in data
        and (
            isinstance(data.get("tool_results"), list)
            or (isinstance(history, list) and all(map(COHERE_V1.claims, history)))
        )
    )


def _read(row: Row) -> Iterator[Unit]:
    data = row.data
    history = data.get("chat_history") or []
    reason = reason_of_others(data, _READ)
    if not isinstance(history, list):
        reason = f"'chat_history' is {json_type(history)}, no list of messages"
    if reason:
        yield row.unreadable(_FORM, reason)
        return
    now: dict[str, Any] = {"role": "USER", "message": data["message"]}
    if data.get("tool_results"):
        now["tool_results"] = data["tool_results"]
    yield row.request(
        _FORM,
        [*history, now],
        layer=Layer.WIRE,
        dialect=COHERE_V1,
        origin=Origin(
            provider="cohere",
            api="cohere-v1",
            model=as_text(data.get("model")),
            server_state=bool(data.get("conversation_id")),
            tools_bound=bool(data.get("tools")),
        ),
        thread_id=as_text(data.get("conversation_id")),
        **outcome_beside(data),
    )


ENVELOPES: Final = (each_row(_FORM, _is_body, _read, needs=("message",)),)
