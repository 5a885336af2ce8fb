"""LangChain's dumps: prompts, prompt values, and message stores with one message a row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.langchain import LANGCHAIN
from toolpair_observe.histories.dialects.table import is_message
from toolpair_observe.histories.envelopes.cells import first_text, unpacked
from toolpair_observe.histories.envelopes.envelope import Envelope, each_row
from toolpair_observe.histories.envelopes.message_lists import known_dialect
from toolpair_observe.histories.envelopes.second_lists import ANSWERS, reason_of_others
from toolpair_observe.histories.unit import Extent, Layer, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROMPT: Final = "langchain.prompt"
_STORE: Final = "langchain.message_store"
_COLUMN: Final = "langchain.dump"
_PROMPT_CLASSES: Final = frozenset(
    {"ChatPromptTemplate", "ChatPromptValue", "ChatPromptValueConcrete", "StructuredPrompt"}
)


def _is_prompt(data: dict[str, Any]) -> bool:
    path = data.get("id")
    return (
        data.get("lc") == 1
        and isinstance(path, list)
        and bool(path)
        and isinstance(path[-1], str)
        and path[-1] in _PROMPT_CLASSES
    )


def _read_prompt(row: Row) -> Iterator[Unit]:
    fields = row.data.get("kwargs")
    messages = fields.get("messages") if isinstance(fields, dict) else None
    if not isinstance(messages, list):
        reason = f"the prompt's messages are {json_type(messages)}, not a list"
        yield row.unreadable(_PROMPT, reason)
    elif not messages:
        yield row.unreadable(_PROMPT, "the list of messages is empty", "kwargs", "messages")
    else:
        yield row.request(
            _PROMPT, messages, "kwargs", "messages", layer=Layer.LANGCHAIN, dialect=LANGCHAIN
        )


# --- message stores -------------------------------------------------------------------------------

_SESSION_KEYS: Final = (
    "session_id",
    "SessionId",
    "thread_id",
    "conversation_id",
    "partition_id",
    "user_id",
)
_MESSAGE_KEYS: Final = ("message", "History", "body_blob")
# Sessions may be interleaved, so that all of them are kept until the end.
_MOST_KEPT: Final = 200_000


def _is_stored_message(data: dict[str, Any]) -> bool:
    return any(data.get(key) is not None for key in _SESSION_KEYS) and bool(_messages_of(data))


def _messages_of(data: dict[str, Any]) -> list[Any]:
    """Return the messages of a row, nearly always one."""
    for key in _MESSAGE_KEYS:
        value = unpacked(data.get(key))
        messages = value if isinstance(value, list) else [value]
        if messages and all(map(LANGCHAIN.claims, messages)):
            return messages
    # Some stores have a column for each field of a message.
    return [data] if "parts" not in data and is_message(data) else []


class StoreReader:
    """Collects the messages of each session."""

    def __init__(self) -> None:
        self._first: dict[str, Row] = {}
        self._messages: dict[str, list[Any]] = {}
        self._left = _MOST_KEPT
        self._torn = False
        self._with_holes: set[str] = set()

    def tear(self) -> None:
        """Take note of a row that can't be read: each session that goes on may have lost one."""
        self._torn = True

    def read(self, row: Row) -> Iterator[Unit]:
        """See `Reader`."""
        session = first_text(row.data, *_SESSION_KEYS)
        if session not in self._first:
            self._first[session] = Row(None, row.line, row.path)
        if self._torn:
            self._with_holes.add(session)
        messages = _messages_of(row.data)
        self._left -= len(messages)
        if self._left >= 0:
            self._messages.setdefault(session, []).extend(messages)
        else:
            self._messages[session] = []
        return iter(())

    def close(self) -> Iterator[Unit]:
        """See `Reader`."""
        for session, row in self._first.items():
            reason = self._reason(session)
            if reason:
                yield row.unreadable(_STORE, reason, thread_id=session)
                continue
            messages = self._messages[session]
            yield row.request(
                _STORE,
                messages,
                layer=Layer.LANGCHAIN,
                # A session that went on has lost its end, so that nobody knows what it waits for.
                extent=Extent.PREFIXES if self._torn else _extent_of(messages),
                thread_id=session,
            )

    def _reason(self, session: str) -> str:
        """Return why a session can't be read, or `""`."""
        messages = self._messages[session]
        if session in self._with_holes:
            return "a message of the session can't be read, so that the rest is another one"
        if len(messages) == 1:
            return "a single message of a session, which is no history"
        if messages:
            return ""
        return (
            f"the file has more than {_MOST_KEPT:,} messages of interleaved sessions: give a file "
            "for each part of the sessions"
        )


def _extent_of(messages: list[Any]) -> Extent:
    """Return which lists were sent: what is kept without an answer at its end is sent next."""
    dialect = known_dialect(messages)
    is_open = dialect is not None and not dialect.is_ai(messages[-1])
    return Extent.WHOLE if is_open else Extent.PREFIXES


STORE: Final = Envelope(_STORE, _is_stored_message, StoreReader, any_of=frozenset(_SESSION_KEYS))
ENVELOPES: Final = (each_row(_PROMPT, _is_prompt, _read_prompt, needs={"id", "lc"}), STORE)


# --- columns that hold what LangChain dumped ------------------------------------------------------

_DUMP: Final = re.compile(r'\s*(?:\[\s*)?\{\s*"lc":\s*1')


def _dumped(data: dict[str, Any]) -> dict[str, Any]:
    """Return what was dumped into the columns of a row, without answers."""
    return {
        key: value if isinstance(value, dict | list) else unpacked(value)
        for key, value in data.items()
        if key not in ANSWERS and _is_dump(value)
    }


def _is_dump(value: object) -> bool:
    if isinstance(value, str):
        return _DUMP.match(value) is not None
    if isinstance(value, list):
        return bool(value) and all(map(LANGCHAIN.claims, value))
    return isinstance(value, dict) and _is_prompt(value)


def _read_columns(row: Row) -> Iterator[Unit]:
    dumped = _dumped(row.data)
    reason = reason_of_others(row.data, dumped)
    if reason:
        yield row.unreadable(_COLUMN, reason)
        return
    for key, value in dumped.items():
        if isinstance(value, list) and value:
            yield row.request(_COLUMN, value, key, layer=Layer.LANGCHAIN)
        elif isinstance(value, dict) and _is_prompt(value):
            yield from _read_prompt(Row(value, row.line, row.place(key)))
        else:
            what = f"{keys_text([key])} holds neither messages nor a prompt of LangChain's"
            yield row.unreadable(_COLUMN, what, key)


def _has_dump(data: dict[str, Any]) -> bool:
    # A message may quote a dump, and is a message all the same.
    found = any(_is_dump(value) for key, value in data.items() if key not in ANSWERS)
    return found and not is_message(data)


COLUMNS: Final = (each_row(_COLUMN, _has_dump, _read_columns),)
"""They stand behind all others, which know their columns."""
