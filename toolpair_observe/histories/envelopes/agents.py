"""Rows of agent libraries: stores of pydantic-ai, OpenAI Agents and Vercel's AI SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import parse_text
from toolpair_observe.histories.dialects.dialect import keys_text
from toolpair_observe.histories.dialects.pydantic_ai import PYDANTIC_AI
from toolpair_observe.histories.dialects.ui_message import UI_MESSAGE
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.envelope import Envelope, each_row
from toolpair_observe.histories.envelopes.message_lists import told_by
from toolpair_observe.histories.unit import Extent, Layer, Row, Unit
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

# --- pydantic-ai ----------------------------------------------------------------------------------

_PYDANTIC_LISTS: Final = (
    "all_messages",
    "new_messages",
    "message_history",
    "message_list",
    "messages",
)


def _is_pydantic(value: object) -> bool:
    if isinstance(value, str) and '"part_kind"' in value:
        value = unpacked(value)
    return isinstance(value, list) and bool(value) and PYDANTIC_AI.claims(value[0])


def _read_pydantic(row: Row, key: str) -> Iterator[Unit]:
    messages: Any = unpacked(row.data[key])
    yield row.request(
        "pydantic_ai.messages",
        messages,
        key,
        layer=Layer.WIRE,
        extent=Extent.PREFIXES,
        **told_by(messages),
    )


# --- a row for each message ----------------------------------------------------------------------


class _ByThread:
    """Collects the messages of each conversation, whose rows may stand among those of others."""

    def __init__(
        self, form: str, thread_key: str, message_key: str | None, origin: Origin = NO_ORIGIN
    ) -> None:
        self._form = form
        self._origin = origin
        self._thread_key = thread_key
        self._message_key = message_key
        self._first: dict[str, Row] = {}
        self._messages: dict[str, list[Any]] = {}
        self._faults: dict[str, str] = {}

    def read(self, row: Row) -> Iterator[Unit]:
        thread = str(row.data[self._thread_key])
        self._first.setdefault(thread, row)
        message = row.data if self._message_key is None else row.data[self._message_key]
        if isinstance(message, str):
            try:
                message = parse_text(message)
            except HistoryFileError as error:
                self._faults.setdefault(thread, str(error))
            except json.JSONDecodeError:
                fault = f"a message under {keys_text([self._message_key])} is not JSON"
                self._faults.setdefault(thread, fault)
        self._messages.setdefault(thread, []).append(message)
        return iter(())

    def close(self) -> Iterator[Unit]:
        for thread, row in self._first.items():
            if thread in self._faults:
                yield row.unreadable(self._form, self._faults[thread], thread_id=thread)
                continue
            yield row.request(
                self._form,
                self._messages[thread],
                layer=Layer.WIRE,
                extent=Extent.PREFIXES,
                origin=self._origin,
                thread_id=thread,
            )


# --- Vercel's AI SDK ------------------------------------------------------------------------------


def _is_chat(data: dict[str, Any]) -> bool:
    """Whether it is what a page sends to its server, or a chat as the SDK's guides store it."""
    messages = data["messages"]
    return isinstance(messages, list) and bool(messages) and UI_MESSAGE.claims(messages[0])


def _read_chat(row: Row) -> Iterator[Unit]:
    data = row.data
    messages = data["messages"]
    # What a page sends is answered next; what is stored was answered, unless it ends before.
    sent = "trigger" in data or not UI_MESSAGE.is_ai(messages[-1])
    yield row.request(
        "ai_sdk.request" if sent else "ai_sdk.chat",
        messages,
        "messages",
        layer=Layer.WIRE,
        extent=Extent.WHOLE if sent else Extent.PREFIXES,
        thread_id=as_text(data.get("chatId")) or as_text(data.get("id")),
    )


ENVELOPES: Final = (
    *(
        each_row(
            "pydantic_ai.messages",
            lambda data, key=key: _is_pydantic(data[key]),  # type: ignore[misc]
            lambda row, key=key: _read_pydantic(row, key),  # type: ignore[misc]
            needs=(key,),
        )
        for key in _PYDANTIC_LISTS
    ),
    Envelope(
        "agents.session",
        lambda _: True,
        lambda: _ByThread("agents.session", "session_id", "message_data", Origin(api="responses")),
        frozenset({"session_id", "message_data"}),
    ),
    Envelope(
        "ai_sdk.ui_messages",
        UI_MESSAGE.claims,
        lambda: _ByThread("ai_sdk.ui_messages", "chatId", None),
        frozenset({"chatId", "role"}),
    ),
    each_row("ai_sdk.chat", _is_chat, _read_chat, needs=("messages",)),
)
