"""Read histories from files: the lists of messages in each JSON value, with their metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.limits import ReadLimits, too_many_messages, too_many_prefixes
from toolpair_observe.histories.shapes import LIST_KEYS, looks_like_message, messages_from
from toolpair_observe.histories.values import Unreadable, Value, read_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import BaseMessage

    from toolpair_observe.histories.source import Progress

DEFAULT_LIMITS: Final = ReadLimits()

_WRONG_SHAPE: Final = (
    "wrong shape: expected a list of chat messages, or an object with such a list under "
    "'messages' or 'langchain'"
)
_NAME_LENGTH: Final = 120
_REST_UNREAD: Final = "the rest was not read: give a file of histories"


@dataclass(frozen=True, slots=True)
class History:
    """One conversation of a file.

    Attributes:
        path: The file, as the caller named it.
        line: The line on which it starts, from 1.
        name: The row's id, `""` if it has none.
        messages: The whole conversation.
        position: Its position in a list of histories, from 0; None if there is no such list.
        has_prefixes: Whether every prefix that ends right before the first of a run of AI messages
            was a request; otherwise the whole list is the only request.
        provider: The provider, as the row names it, or `""`.
        api: The provider's API, as the row names its format, or `""`.
        model: The model, as the row names it, or None.
        has_server_state: Whether the provider may hold earlier turns.
        verdict: The provider's verdict, `"accepted"` or `"rejected"`; None if it is not known.
        kind: The pairing fault that the provider named, `"other"` for another reason, or None.
    """

    path: str
    line: int
    name: str
    messages: list[BaseMessage]
    position: int | None = None
    has_prefixes: bool = False
    provider: str = ""
    api: str = ""
    model: str | None = None
    has_server_state: bool = False
    verdict: str | None = None
    kind: str | None = None

    def requests(self) -> Iterator[list[BaseMessage]]:
        """Yield the lists of messages that were, or would be, sent to a model."""
        if not self.has_prefixes:
            yield self.messages
            return
        for end in range(1, len(self.messages)):
            starts_run = not isinstance(self.messages[end - 1], AIMessage)
            if starts_run and isinstance(self.messages[end], AIMessage):
                yield self.messages[:end]


def read_histories(
    path: str, limits: ReadLimits = DEFAULT_LIMITS, *, progress: Progress | None = None
) -> Iterator[History | Unreadable]:
    """Yield every history of a file, and every part of it that can't be read.

    The file is read as data only: no class that it names is instantiated. It may hold rows
    with `langchain` or `messages`, lists of OpenAI messages, `messages_to_dict` output or
    LangChain's flat or serialized message dicts, as JSON or JSON Lines, plain or gzip.

    Args:
        path: The file; `-` is standard input.
        limits: How much of it is read.
        progress: Called with the number of bytes read and the size of the file.
    """
    unreadable = 0
    for found in _all_histories(path, limits, progress):
        yield found
        if isinstance(found, Unreadable):
            unreadable += 1
            if unreadable >= limits.unreadable_parts:
                text = f"{unreadable:,} parts of the file can't be read; {_REST_UNREAD}"
                yield Unreadable(path, found.line, text, ends_file=True)
                return


def _all_histories(
    path: str, limits: ReadLimits, progress: Progress | None
) -> Iterator[History | Unreadable]:
    found = read_values(path, limits, belongs_to_list=looks_like_message, progress=progress)
    for value in found:
        if isinstance(value, Unreadable):
            yield value
        else:
            yield from _histories_in(path, value, limits)


def _histories_in(path: str, value: Value, limits: ReadLimits) -> Iterator[History | Unreadable]:
    data = value.data
    row: dict[str, Any] = data if isinstance(data, dict) else {}
    try:
        items = _items_of(data)
        if _are_histories(items):
            for position, item in enumerate(items):
                yield from _histories_in(path, Value(value.line, item, position), limits)
        else:
            yield _history(path, value, row, items, limits)
    except HistoryFileError as error:
        which = "" if value.position is None else f"history {value.position}: "
        yield Unreadable(path, value.line, f"{which}{error}")


def _items_of(data: object) -> list[Any]:
    if looks_like_message(data):
        msg = f"{_WRONG_SHAPE}; this is a single message"
        raise HistoryFileError(msg)
    if isinstance(data, dict):
        data = next((data[key] for key in LIST_KEYS if key in data), None)
    if not isinstance(data, list):
        raise HistoryFileError(_WRONG_SHAPE)
    if not data:
        msg = "the list of messages is empty"
        raise HistoryFileError(msg)
    return data


def _are_histories(items: list[Any]) -> bool:
    """Whether these are histories; a single bad one does not change the answer."""
    return any(isinstance(item, dict | list) for item in items) and not any(
        map(looks_like_message, items)
    )


def _history(
    path: str, value: Value, row: dict[str, Any], items: list[Any], limits: ReadLimits
) -> History:
    has_prefixes = row.get("prefixes") is True
    if len(items) > limits.messages:
        raise HistoryFileError(too_many_messages(limits))
    if has_prefixes and len(items) > limits.prefix_messages:
        raise HistoryFileError(too_many_prefixes(limits.prefix_messages, "messages"))
    messages = messages_from(items)
    if has_prefixes and sum(map(_parts, messages)) > limits.prefix_parts:
        together = "messages, calls and blocks together"
        raise HistoryFileError(too_many_prefixes(limits.prefix_parts, together))
    meta = row.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    verdict = row.get("verdict")
    return History(
        path=path,
        line=value.line,
        position=value.position,
        name=_text(row.get("id"))[:_NAME_LENGTH],
        messages=messages,
        has_prefixes=has_prefixes,
        provider=_text(row.get("provider")),
        api=_text(meta.get("format")),
        model=_text(meta.get("model")) or _text(row.get("model")) or None,
        has_server_state=bool(meta.get("server_state")),
        verdict=verdict if verdict in ("accepted", "rejected") else None,
        kind=_text(row.get("kind")) or None,
    )


def _parts(message: BaseMessage) -> int:
    blocks = len(message.content) if isinstance(message.content, list) else 0
    if not isinstance(message, AIMessage):
        return 1 + blocks
    return 1 + blocks + len(message.tool_calls) + len(message.invalid_tool_calls)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
