"""Threads of LangGraph: states, their history, threads, and the events of a stream.

A state is what is kept, not what was sent: its requests are the prefixes that end before an AI
message. A history repeats each state in all later ones, so that a thread's states make one unit
whose requests are counted once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.table import dialect_of, is_message
from toolpair_observe.histories.envelopes.cells import as_object, as_text, first_text, unpacked
from toolpair_observe.histories.envelopes.envelope import Envelope, each_row
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Row, Unit
from toolpair_observe.pairing.fields import as_dict
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_STATE: Final = "langgraph.state"
_THREAD: Final = "langgraph.thread"
_STREAM: Final = "langgraph.stream"
_STATE_KEYS: Final = frozenset(
    {"checkpoint", "checkpoint_id", "config", "next", "parent_checkpoint", "parent_config", "tasks"}
)
# What a person is asked, which may show messages of the state.
_SHOWN: Final = "__interrupt__"
# Values nest what they keep a few levels deep.
_DEEPEST: Final = 4
# Threads whose states may still be followed by others of theirs.
_MOST_OPEN: Final = 64
# Messages that the kept states of one thread have together.
_MOST_KEPT: Final = 200_000


# --- what stands in `values` ----------------------------------------------------------------------


def _lists_in(values: object) -> tuple[list[list[Any]], str]:
    """Return the lists of messages in a state's values, and why they can't be read, or `""`."""
    values = unpacked(values)
    if isinstance(values, list):
        return ([values] if _has_messages(values) else []), ""
    if not isinstance(values, dict):
        return [], ""
    lists = []
    for key, value in values.items():
        found = unpacked(value)
        if key == "messages" and found and not isinstance(found, list):
            return [], f"'values.messages' is {json_type(found)}, not a list of messages"
        if isinstance(found, list) and found and (key == "messages" or _has_messages(found)):
            lists.append(found)
    nested = [
        key
        for key, value in values.items()
        if key != _SHOWN and not _is_message(unpacked(value)) and _hides_messages(value, _DEEPEST)
    ]
    if nested:
        return [], f"messages somewhere under the {keys_text(nested)} of the values"
    return lists, ""


def _hides_messages(value: object, levels: int) -> bool:
    """Whether lists of messages stand somewhere below a value that is none itself."""
    found = unpacked(value)
    inner: Iterable[object] = ()
    if isinstance(found, dict) and not _is_message(found):
        inner = found.values()
    elif isinstance(found, list) and not _has_messages(found):
        inner = found
    return levels > 0 and any(
        _has_messages(unpacked(each)) or _hides_messages(each, levels - 1) for each in inner
    )


def _has_messages(value: object) -> bool:
    return isinstance(value, list) and any(map(_is_message, value))


def _is_message(value: object) -> bool:
    """Whether it is a message, and not a document that was dumped as messages are."""
    path = value.get("id") if isinstance(value, dict) and "lc" in value else None
    is_document = isinstance(path, list) and path[-1:] == ["Document"]
    return not is_document and is_message(value)


# --- states and their history ---------------------------------------------------------------------


def _is_state(data: dict[str, Any]) -> bool:
    return "values" in data and not _STATE_KEYS.isdisjoint(data) and not _is_thread(data)


def _is_thread(data: dict[str, Any]) -> bool:
    return "values" in data and "thread_id" in data and isinstance(data.get("status"), str)


class _Kept(NamedTuple):
    """A list of messages that no other state of its thread repeats as a whole.

    Attributes:
        messages: The messages.
        chain: For each of its prefixes what tells it from others.
        at: When it was kept.
    """

    messages: list[Any]
    chain: list[int]
    at: str


class _Thread:
    """The states of one thread."""

    def __init__(self, row: Row, form: str) -> None:
        self._row = Row(None, row.line, row.path)
        self._form = form
        self._kept: dict[int, _Kept] = {}
        self._prefixes: set[int] = set()
        self._size = 0
        self._reason = ""
        self._at = ""

    def add(self, values: object, at: str) -> None:
        """Take the values of a state."""
        lists, reason = _lists_in(values)
        self._reason = self._reason or reason
        self._at = max(self._at, at)
        for messages in lists:
            self._add(messages, at)

    def _add(self, messages: list[Any], at: str) -> None:
        chain = _chain(messages)
        if chain[-1] in self._prefixes:
            return
        for prefix in chain:
            shorter = self._kept.pop(prefix, None)
            self._size -= len(shorter.messages) if shorter else 0
        self._prefixes.update(chain)
        self._kept[chain[-1]] = _Kept(messages, chain, at)
        self._size += len(messages)
        if self._size > _MOST_KEPT:
            self._reason = f"the states of the thread have more than {_MOST_KEPT:,} messages"
            self._kept, self._prefixes, self._size = {}, set(), 0

    def unit(self, thread_id: str, run_id: str = "") -> Unit:
        """Return the unit of all states."""
        known: dict[str, Any] = {"thread_id": thread_id, "run_id": run_id, "at": self._at}
        if self._reason:
            return self._row.unreadable(self._form, self._reason, **known)
        if not self._kept:
            return self._row.no_request(self._form, "state without messages", **known)
        newest_first = sorted(self._kept.values(), key=lambda kept: kept.at, reverse=True)
        return Unit(
            line=self._row.line,
            row=self._row.path,
            format=self._form,
            layer=Layer.LANGCHAIN,
            extent=Extent.PREFIXES,
            conversations=_conversations(newest_first),
            origin=_origin([kept.messages for kept in newest_first]),
            **known,
        )


def _chain(messages: Sequence[Any]) -> list[int]:
    """Return for each prefix, the empty one first, what tells it from other prefixes."""
    chain = [0]
    for message in messages:
        chain.append(hash((chain[-1], json.dumps(message, sort_keys=True, default=str))))
    return chain


def _conversations(kept: Sequence[_Kept]) -> tuple[Conversation, ...]:
    """Return the lists, each with how much of it an earlier one has: its requests count once."""
    counted: set[int] = set()
    conversations = []
    for each in kept:
        ends = _ends(each.messages)
        known = max((end for end in ends if each.chain[end] in counted), default=0)
        counted.update(each.chain[end] for end in ends)
        conversations.append(Conversation(each.messages, known))
    return tuple(conversations)


def _ends(messages: Sequence[Any]) -> list[int]:
    """Return where requests end; nothing for messages that are not understood."""
    try:
        is_ai = dialect_of(messages).is_ai
    except HistoryFileError:
        return []
    return [end for end, message in enumerate(messages) if end and is_ai(message)]


def _origin(lists: Sequence[Sequence[Any]]) -> Origin:
    """Return who was asked, as the answers tell it."""
    return origin_of_answers(
        [
            metadata
            for messages in lists
            for message in reversed(messages)
            if (metadata := _response_metadata(message))
        ]
    )


def origin_of_answers(made: Sequence[Mapping[str, Any]]) -> Origin:
    """Return who gave answers, by their `response_metadata`, the newest first.

    It is the newest one's, where all are of one provider.
    """
    providers = {name for each in made if (name := as_text(each.get("model_provider")))}
    if not made or len(providers) > 1:
        return NO_ORIGIN
    provider = next(iter(providers), "")
    return Origin(
        provider=_CLASSES.get(provider, provider),
        api=_api(provider, [as_text(each.get("id")) for each in made]),
        model=next((t for each in made if (t := first_text(each, "model_name", "model"))), ""),
    )


# ChatBedrock calls itself by a name that others have for all of Bedrock.
_CLASSES: Final = {"bedrock": "ChatBedrock"}


def _response_metadata(message: object) -> dict[str, Any]:
    if not isinstance(message, dict):
        return {}
    fields = as_dict(message, "kwargs") or as_dict(message, "data") or message
    return as_dict(fields, "response_metadata")


def _api(provider: str, ids: Sequence[str]) -> str:
    if provider != "openai":
        return ""
    return "responses" if any(each.startswith("resp_") for each in ids) else "chat"


class _History:
    """Collects the states of each thread."""

    def __init__(self) -> None:
        self._open: dict[str, _Thread] = {}

    def read(self, row: Row) -> Iterator[Unit]:
        data = row.data
        thread_id = _thread_id(data)
        if thread_id not in self._open:
            if len(self._open) >= _MOST_OPEN:
                first = next(iter(self._open))
                yield self._open.pop(first).unit(first)
            self._open[thread_id] = _Thread(row, _STATE)
        for state in _states(data):
            self._open[thread_id].add(state["values"], as_text(state.get("created_at")))

    def close(self) -> Iterator[Unit]:
        for thread_id, thread in self._open.items():
            yield thread.unit(thread_id)


def _states(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a state, and those of the subgraphs that are at work in it."""
    yield data
    tasks = data.get("tasks")
    for task in tasks if isinstance(tasks, list) else ():
        state = as_dict(task, "state") if isinstance(task, dict) else {}
        if "values" in state:
            yield from _states(state)


def _thread_id(data: dict[str, Any]) -> str:
    config = as_object(as_object(data.get("config")).get("configurable"))
    places = (data, as_object(data.get("checkpoint")), config, as_object(data.get("metadata")))
    return next((text for each in places if (text := as_text(each.get("thread_id")))), "")


def _read_thread(row: Row) -> Iterator[Unit]:
    data = row.data
    thread = _Thread(row, _THREAD)
    thread.add(data["values"], as_text(data.get("updated_at")))
    yield thread.unit(as_text(data["thread_id"]))


# --- streams --------------------------------------------------------------------------------------

_EVENTS: Final = frozenset(
    {
        "checkpoints",
        "custom",
        "debug",
        "end",
        "error",
        "events",
        "feedback",
        "heartbeat",
        "messages",
        "messages-tuple",
        "messages/complete",
        "messages/metadata",
        "messages/partial",
        "metadata",
        "tasks",
        "updates",
        "values",
    }
)


def is_event(event: str | None) -> bool:
    """Whether an event's name is one of LangGraph's; those of subgraphs end in `|` and a path."""
    return event is not None and event.partition("|")[0] in _EVENTS


_PART_KEYS: Final = frozenset({"data", "event", "id"})


def part_of_stream(row: Row) -> Row | None:
    """Return the event that a row is, as LangGraph's client gives them, None for other rows."""
    data = row.data
    if "event" not in data or "data" not in data or not _PART_KEYS.issuperset(data):
        return None
    event = data["event"]
    if not isinstance(event, str) or not is_event(event):
        return None
    return Row(data["data"], row.line, row.place("data"), event)


class _Stream:
    """Collects the states of a stream: the last one repeats those before it."""

    def __init__(self) -> None:
        self._thread: _Thread | None = None
        self._seen = 0
        self._last: Row | None = None
        self._ids = {"thread_id": "", "run_id": ""}

    def read(self, row: Row) -> Iterator[Unit]:
        self._last = self._last or row
        kind = (row.event or "").partition("|")[0]
        if kind == "metadata":
            told = {key: first_text(as_object(row.data), key) for key in self._ids}
            if self._thread is not None and told["run_id"] != self._ids["run_id"]:
                yield from self.close()
                self._last = row
            self._ids = told
        elif kind == "values":
            self._thread = self._thread or _Thread(row, _STREAM)
            self._seen += 1
            self._thread.add(row.data, f"{self._seen:09}")

    def close(self) -> Iterator[Unit]:
        if self._thread is not None:
            yield self._thread.unit(**self._ids)
        elif self._last is not None:
            reason = (
                "a stream of LangGraph without 'values' events: stream with "
                'stream_mode="values", or save the thread\'s state'
            )
            yield self._last.unreadable(_STREAM, reason, **self._ids)
        self._thread, self._last = None, None


EVENTS: Final = Envelope(_STREAM, lambda _: False, _Stream)
"""The events of a stream, which `is_event` recognizes."""

ENVELOPES: Final = (
    each_row(_THREAD, _is_thread, _read_thread, needs={"status", "thread_id", "values"}),
    Envelope(_STATE, _is_state, _History, frozenset({"values"})),
)
