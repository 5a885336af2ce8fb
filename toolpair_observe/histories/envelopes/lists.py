"""Lists of messages without a producer's row around them, and rows that hold little else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type
from toolpair_observe.histories.dialects.responses import RESPONSES
from toolpair_observe.histories.envelopes.envelope import Envelope, each_row
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.outcome import Outcome, accepted
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Recorded, Row, Unit
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BARE: Final = "messages"
_NAME_LENGTH: Final = 120
_ITEMS: Final = Origin(api="responses")


def bare_list(row: Row) -> Unit:
    """Return the unit of a list of messages that stands alone: a request."""
    return _alone(row, row.data)


def _alone(row: Row, messages: list[Any]) -> Unit:
    if any(map(RESPONSES.claims, messages)):
        # Items are the API's own, which pairs them by ids wherever they stand.
        return row.request(BARE, messages, layer=Layer.WIRE, origin=_ITEMS)
    return row.request(BARE, messages, layer=Layer.LANGCHAIN)


class _OneMessageEach:
    """Rows that are one message each make one conversation."""

    def __init__(self) -> None:
        self._first: Row | None = None
        self._messages: list[Any] = []

    def read(self, row: Row) -> Iterator[Unit]:
        self._first = self._first or row
        self._messages.append(row.data)
        return iter(())

    def close(self) -> Iterator[Unit]:
        if self._first is None:
            return
        if len(self._messages) == 1:
            # A piece of a conversation says nothing of the conversation.
            yield self._first.unreadable(BARE, "a single message: give the whole conversation")
        else:
            yield _alone(self._first, self._messages)


LONE_MESSAGES: Final = Envelope("messages", lambda _: False, _OneMessageEach)

# --- rows of histories with a verdict ------------------------------------------------------------

_KINDS: Final[Mapping[str, ViolationKind]] = {
    "missing": ViolationKind.MISSING_RESULT,
    "orphan": ViolationKind.ORPHAN_RESULT,
    "duplicate": ViolationKind.DUPLICATE_RESULT,
    "mismatched": ViolationKind.MISMATCHED_RESULT,
    "misplaced": ViolationKind.MISPLACED_RESULT,
}


def _read_history(row: Row) -> Iterator[Unit]:
    data = row.data
    meta = data.get("meta") if isinstance(data.get("meta"), dict) else {}
    yield row.request(
        "history",
        data["langchain"],
        "langchain",
        layer=Layer.LANGCHAIN,
        extent=Extent.PREFIXES if data.get("prefixes") is True else Extent.WHOLE,
        name=as_text(data.get("id"))[:_NAME_LENGTH],
        unproven=row.unproven(),
        origin=Origin(
            provider=as_text(data.get("provider")),
            api=as_text(meta.get("format")),
            model=as_text(meta.get("model")),
            url=as_text(meta.get("url")),
            server_state=bool(meta.get("server_state")),
        ),
        **_verdict_in(data),
    )


def _verdict_in(data: dict[str, Any]) -> Outcome:
    verdict, kind = data.get("verdict"), _KINDS.get(as_text(data.get("kind")))
    if verdict == "accepted":
        return accepted()
    if verdict != "rejected":
        return Outcome()
    return Outcome(recorded=Recorded.REJECTED if kind else Recorded.FAILED, rejected_kind=kind)


HISTORIES: Final = (
    each_row(
        "history",
        lambda data: isinstance(data["langchain"], list),
        _read_history,
        needs=("langchain",),
        is_late=lambda _: True,
    ),
)

# --- rows of messages without a producer ---------------------------------------------------------

_READ: Final = frozenset({"messages"})


def _read_messages(row: Row) -> Iterator[Unit]:
    data = row.data
    messages = data["messages"]
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else json_type(messages)
        yield row.unreadable(BARE, f"'messages' is {what}, no list of messages")
        return
    if _is_alone(data):  # the rule, and nearly all that it costs is the making of objects
        yield Unit(
            line=row.line,
            row=f"{row.path}.messages" if row.path else "messages",
            format=BARE,
            layer=Layer.LANGCHAIN,
            conversations=(Conversation(messages),),
            unproven=row.unproven(),
        )
        return
    reason = reason_of_others(data, _READ)
    if reason:
        yield row.unreadable(BARE, reason)
        return
    if all(map(_is_list_of_messages, messages)):
        for position, each in enumerate(messages):
            yield row.request(BARE, each, "messages", position, layer=Layer.LANGCHAIN)
        return
    yield row.request(
        BARE,
        messages,
        "messages",
        layer=Layer.LANGCHAIN,
        extent=Extent.PREFIXES if data.get("prefixes") is True else Extent.WHOLE,
        name=as_text(data.get("id"))[:_NAME_LENGTH],
        origin=_origin_beside(data),
        **_verdict_in(data),
    )


def _is_alone(data: dict[str, Any]) -> bool:
    """Whether a row has one list, and nothing beside it."""
    messages = data["messages"]
    return (
        len(data) == 1
        and isinstance(messages, list)
        and bool(messages)
        and not isinstance(messages[0], list)
    )


def _is_list_of_messages(value: object) -> bool:
    """Whether it is a list of its own, and no message that is written as a pair."""
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _origin_beside(data: dict[str, Any]) -> Origin:
    provider, model = as_text(data.get("provider")), as_text(data.get("model"))
    return Origin(provider=provider, model=model) if provider or model else NO_ORIGIN


ROWS: Final = (
    each_row(BARE, lambda _: True, _read_messages, needs=("messages",), is_late=_is_alone),
)
"""They stand behind all others: whatever else a row tells makes it one of those."""
