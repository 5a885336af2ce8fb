"""What a dialect is: it reads a list of messages, all of it or not at all.

Each dialect has closed lists of the messages, blocks and keys that it knows. What is outside of
them and could hold a call makes the whole list unreadable: nothing is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from toolpair_observe.histories.containers.key_marks import Marks
    from toolpair_observe.pairing.first_look import Plain
    from toolpair_observe.pairing.transcript import Transcript


class NotUnderstoodError(HistoryFileError):
    """A message, block or key that is in no list of the dialect. The text has no content."""


class FastPass(Protocol):
    """See `Dialect.plain_calls`."""

    def __call__(
        self, messages: Sequence[Any], plain: Plain, marks: Marks | None = None, /
    ) -> int | None:
        """Count the calls."""


class Dialect(NamedTuple):
    """One way to write messages.

    Attributes:
        name: Its name, such as `openai-chat`.
        claims: Whether one message is written so, told by what no other dialect has. Plain messages
            of a role and a text belong to all, and none claims them but `openai-chat`.
        read: Reads a list. Raises `NotUnderstoodError` for whatever is not understood.
        is_ai: Whether a message is the model's, so that a request ends before it.
        has_ids: Whether calls and results have ids. Where not, `read` pairs them by order and
            gives both sides ids of nine letters and digits, which suit every provider.
        plain_calls: Counts the calls of a list that is plainly sound, or returns None where it
            takes a closer look; see `pairing.first_look`. None if the dialect has no such pass. It
            is asked before anybody knows whose the list is, and says None for every message that
            another dialect reads otherwise. It never raises. Where it gets marks and counts calls,
            it adds the keys and strings of the list to them.
        variant: Where the whole list tells more than one message does, returns the dialect that
            reads it; None where there is one way only.
        unfold: Turns a list into one whose messages are a turn each, where one stored message
            may hold several: `read` and `is_ai` then get those. Raises `NotUnderstoodError`.
    """

    name: str
    claims: Callable[[Any], bool]
    read: Callable[[Sequence[Any]], Transcript]
    is_ai: Callable[[Any], bool]
    has_ids: bool = True
    plain_calls: FastPass | None = None
    unfold: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    variant: Callable[[Sequence[Any]], Dialect] | None = None


_MOST_KEYS: Final = 8


def known_keys(fields: dict[str, Any], known: Collection[str], where: str) -> None:
    """Refuse an object with an unknown key behind which calls can hide.

    Text, numbers and empty values hide nothing.

    Args:
        fields: The object.
        known: The keys that the dialect knows, whatever stands under them.
        where: The object's place for the error, such as `message 3: content[1]`.

    Raises:
        NotUnderstoodError: There is such a key.
    """
    unknown = [k for k, v in fields.items() if v and isinstance(v, dict | list) and k not in known]
    if unknown:
        msg = f"{where}: unknown {keys_text(unknown)}"
        raise NotUnderstoodError(msg)


def keys_text(keys: Collection[object]) -> str:
    """Return `key 'a'` or `keys 'a', 'b'`, cut, for a reason; `no keys` where there are none."""
    if not keys:
        return "no keys"
    shown = ", ".join(quoted(str(key)) for key in list(keys)[:_MOST_KEYS])
    more = len(keys) - _MOST_KEYS
    return f"key{'s' if len(keys) != 1 else ''} {shown}" + (f" and {more} more" if more > 0 else "")


def object_at(value: object, where: str) -> dict[str, Any]:
    """Return an object.

    Raises:
        NotUnderstoodError: It is none.
    """
    if not isinstance(value, dict):
        msg = f"{where}: expected an object, got {json_type(value)}"
        raise NotUnderstoodError(msg)
    return value


def list_at(value: object, where: str) -> list[Any]:
    """Return a list.

    Raises:
        NotUnderstoodError: It is none.
    """
    if not isinstance(value, list):
        msg = f"{where}: expected a list, got {json_type(value)}"
        raise NotUnderstoodError(msg)
    return value


def field_is(key: str, *values: str) -> Callable[[Any], bool]:
    """Return what tells whether a message is an object with one of the texts under the key."""

    def test(message: Any) -> bool:  # noqa: ANN401 - a message of any shape
        return isinstance(message, dict) and message.get(key) in values

    return test


def word_or_type(value: object) -> str:
    """Return a role or a type as a reason tells it, and of what is no text its JSON type."""
    return quoted(value) if isinstance(value, str) else json_type(value)


def json_type(value: object) -> str:
    """Return what kind of JSON value this is, for a reason."""
    for kinds, name in _JSON_TYPES:
        if isinstance(value, kinds):
            return name
    return "an object"


_JSON_TYPES: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((bool,), "a boolean"),
    ((type(None),), "null"),
    ((str,), "a string"),
    ((int, float), "a number"),
    ((list,), "a list"),
)
