"""A history reduced to numbers: which messages stand where, and which calls they make and answer.

A message is known by its id, which LangGraph's reducer gives each one and no later step changes;
without an id by its type, its text and its call ids. All of it is hashed, so nothing of a message
can be read from an outline, and one takes some bytes a message.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NUMBER: Final = "q"


class Outline:
    """The messages of a history, in order.

    Attributes:
        keys: What tells each message from all others.
    """

    __slots__ = ("_at", "_ids", "_is_call", "by_text", "keys", "offset")

    def __init__(
        self,
        messages: Sequence[Any],
        most: int | None = None,
        *,
        before: int = 0,
        by_text: bool = False,
    ) -> None:
        """Reduce a history.

        Args:
            messages: The history.
            most: How many of its last messages are kept; None for all.
            before: How many messages stand before those that are given.
            by_text: Whether messages are known by their texts even where they have ids.

        Attributes:
            offset: How many messages stand before the first that is kept.
        """
        self.by_text = by_text
        skipped = max(0, len(messages) - most) if most is not None else 0
        self.offset = before + skipped
        self.keys = array(_NUMBER)
        self._at = array(_NUMBER)
        self._ids = array(_NUMBER)
        self._is_call = bytearray()
        self.extend(messages[skipped:] if skipped else messages)

    def extend(self, messages: Iterable[Any]) -> None:
        """Add messages at the end."""
        keys, position, has_ids = self.keys, len(self), not self.by_text
        for message in messages:
            fields = _fields_of(message)
            content = fields.get("content")
            # The rule comes first: where requests are compared, every message passes here.
            if content.__class__ is str and not any(map(fields.get, _BEARING)):
                ids = _NO_IDS
            else:
                ids = ids_of(message)
                for is_call, call_id in ids:
                    self._at.append(position)
                    self._ids.append(hash(call_id))
                    self._is_call.append(is_call)
            own_id = fields.get("id")
            keys.append(
                hash(own_id)
                if has_ids and own_id.__class__ is str and own_id
                else _text_key(fields, ids)
            )
            position += 1

    def shared_with(self, other: Outline) -> int:
        """Return how much two histories share: messages, and ids of calls and results."""
        ids = len(self.all_ids().intersection(other.all_ids()))
        return len(set(self.keys).intersection(other.keys)) + ids

    def __len__(self) -> int:
        return self.offset + len(self.keys)

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield the position and the key of each message."""
        return enumerate(self.keys, self.offset)

    def key_at(self, position: int) -> int:
        """Return what tells the message at a position from others."""
        return self.keys[position - self.offset]

    def first_shared(self, other: Outline) -> int:
        """Return the position of the first message that another history has, too."""
        theirs = set(other.keys)
        return next((place for place, key in self.places() if key in theirs), len(self))

    def bearers(self, ids: frozenset[int], *, is_call: bool) -> list[tuple[int, int]]:
        """Return where calls, or results, with one of these ids stand, as position and id."""
        return [(at, each) for at, each, kind in self._rows() if kind == is_call and each in ids]

    def ids_at(self, position: int) -> frozenset[int]:
        """Return the ids of the calls and results of one message."""
        return frozenset(each for at, each, _ in self._rows() if at == position)

    def ids_by_place(self) -> dict[int, frozenset[int]]:
        """Return the ids of the calls and results of each message that has some."""
        placed: dict[int, set[int]] = {}
        for at, each, _ in self._rows():
            placed.setdefault(at, set()).add(each)
        return {at: frozenset(ids) for at, ids in placed.items()}

    def call_ids(self) -> frozenset[int]:
        """Return the ids of all calls."""
        return frozenset(each for _, each, is_call in self._rows() if is_call)

    def result_ids(self) -> frozenset[int]:
        """Return the ids of all results."""
        return frozenset(each for _, each, is_call in self._rows() if not is_call)

    def all_ids(self) -> frozenset[int]:
        """Return the ids of all calls and results."""
        return frozenset(self._ids)

    def waiting(self) -> frozenset[int]:
        """Return the ids of the calls at the end that have no result yet."""
        last = max((at for at, _, is_call in self._rows() if is_call), default=None)
        if last is None:
            return frozenset()
        behind = [row for row in self._rows() if row[0] >= last]
        answers = {at for at, _, is_call in behind if not is_call}
        if any(place not in answers for place in range(last + 1, len(self))):
            return frozenset()
        answered = {each for _, each, is_call in behind if not is_call}
        return frozenset(each for _, each, is_call in behind if is_call) - answered

    def _rows(self) -> Iterator[tuple[int, int, int]]:
        return zip(self._at, self._ids, self._is_call, strict=True)


_NO_FIELDS: Final[dict[str, Any]] = {}


def _fields_of(message: object) -> dict[str, Any]:
    # Several times as fast as the attributes, those that are not there above all.
    return getattr(message, "__dict__", _NO_FIELDS)


def key_of(message: object) -> int:
    """Return what tells a message from all others."""
    identifier = _fields_of(message).get("id")
    if isinstance(identifier, str) and identifier:
        return hash(identifier)
    return text_key_of(message)


def text_key_of(message: object) -> int:
    """Return the same, as if it had no id."""
    return _text_key(_fields_of(message), ids_of(message))


def _text_key(fields: dict[str, Any], ids: Sequence[tuple[bool, str]]) -> int:
    text = fields.get("content", "")
    return hash((fields.get("type"), text if isinstance(text, str) else repr(text), *ids))


# The fields that bear ids of calls, where the content is a text.
_BEARING: Final = ("tool_call_id", "tool_calls", "invalid_tool_calls")
_NO_IDS: Final[Sequence[tuple[bool, str]]] = ()


def ids_of(message: object) -> list[tuple[bool, str]]:
    """Return the ids that a message bears: whether it is a call's, and the id."""
    fields = _fields_of(message)
    answers = fields.get("tool_call_id")
    if isinstance(answers, str) and answers:
        return [(False, answers)]
    made = fields.get("tool_calls")
    found = [(True, str(each["id"])) for each in made if each.get("id")] if made else []
    unread = fields.get("invalid_tool_calls")
    if unread:
        found += [(True, str(each["id"])) for each in unread if each.get("id")]
    content = fields.get("content")
    if isinstance(content, list):
        found = list(dict.fromkeys([*found, *_ids_of_blocks(content)]))
    return found


def bears(message: Any, ids: frozenset[str]) -> bool:  # noqa: ANN401 -- in any form
    """Whether a message makes or answers a call with one of these ids."""
    fields = _fields_of(message)
    if not fields:
        return True  # no message of LangChain's: it may be anything
    if fields.get("tool_call_id") in ids:
        return True
    made = fields.get("tool_calls") or fields.get("invalid_tool_calls")
    if not made and isinstance(fields.get("content"), str):
        return False
    return not ids.isdisjoint(identifier for _, identifier in ids_of(message))


# How the id of a message begins that LangChain made of a model's answer.
_REPLIES: Final = ("run-", "lc_run-")


def is_reply(message: object) -> bool:
    """Whether a message is a model's answer, as far as its id tells."""
    return str(_fields_of(message).get("id") or "").startswith(_REPLIES)


# What stands in content alone: the calls of a block stand in `tool_calls`, too, as a rule.
_ID_OF_BLOCK: Final = {
    "tool_use": (True, "id"),
    "function_call": (True, "call_id"),
    "tool_result": (False, "tool_use_id"),
    "function_call_output": (False, "call_id"),
}


def _ids_of_blocks(blocks: Sequence[Any]) -> Iterator[tuple[bool, str]]:
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind in _ID_OF_BLOCK:
            is_call, name = _ID_OF_BLOCK[kind]
            identifier = block.get(name)
            if isinstance(identifier, str) and identifier:
                yield is_call, identifier
