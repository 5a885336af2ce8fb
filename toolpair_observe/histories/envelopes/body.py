"""What the bodies of all providers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.envelopes.cells import json_in
from toolpair_observe.histories.envelopes.openai import outcome_beside
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.unit import Layer, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.pairing.providers.recorded import Origin

Fields: TypeAlias = "dict[str, Any]"

# Rows of logs hold a body's keys among others.
_OF_NO_BODY: Final = frozenset(
    {"call_type", "custom_llm_provider", "inputs", "langchain", "run_type", "traceId"}
)


def is_body(data: Fields) -> bool:
    """Whether an object with messages may be a body, rather than the row of a log."""
    return _OF_NO_BODY.isdisjoint(data)


def read_messages(  # noqa: PLR0913 - what a body has
    row: Row,
    form: str,
    key: str,
    *,
    dialect: Dialect | None,
    origin: Origin,
    known: Collection[str],
) -> Unit:
    """Return the unit of a body.

    Args:
        row: The body.
        form: Its name.
        key: Where its messages stand.
        dialect: How they are written.
        origin: Who was asked.
        known: The keys that the provider's API has; messages or calls under another one make the
            body unreadable.
    """
    data = row.data
    messages = data.get(key)
    if isinstance(messages, str):
        messages = json_in(messages)
    if not isinstance(messages, list):
        found = json_type(data.get(key))
        return row.unreadable(form, f"{keys_text([key])}: expected a list, got {found}", key)
    if not messages:
        return row.unreadable(form, "the list of messages is empty", key)
    reason = reason_of_others(data, known)
    if reason:
        return row.unreadable(form, reason)
    return row.request(
        form,
        messages,
        key,
        layer=Layer.WIRE,
        dialect=dialect,
        origin=origin,
        **outcome_beside(data),
    )


def text_at(data: Fields, *keys: str) -> str:
    """Return the first string that stands under one of the keys, `""` where none does."""
    return next((value for key in keys if isinstance(value := data.get(key), str)), "")


def object_at(data: Fields, *keys: str) -> Fields:
    """Return the first object that stands under one of the keys, an empty one where none does."""
    return next((value for key in keys if isinstance(value := data.get(key), dict)), {})


def any_key(data: Fields, keys: Iterable[str]) -> bool:
    """Whether something stands under one of the keys."""
    return any(data.get(key) is not None for key in keys)


def not_a_request(form: str, what: str) -> Callable[[Row], Iterator[Unit]]:
    """Return the reader of rows that never were a request."""

    def read(row: Row) -> Iterator[Unit]:
        yield row.no_request(form, what)

    return read
