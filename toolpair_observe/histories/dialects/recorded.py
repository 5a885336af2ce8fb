"""Messages as tracing libraries record them, read as the LangChain messages that they were.

A recorder writes a message's role, text, calls and results in a form of its own. Each of those
forms brings its messages here as fields of LangChain's, so that they are read by the same lines as
live ones.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.reading import read_fields
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolpair_observe.pairing.transcript import Entry

ROLES: Final[Mapping[str, Role]] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.HUMAN,
    "human": Role.HUMAN,
    "assistant": Role.AI,
    "ai": Role.AI,
    "model": Role.AI,
    "tool": Role.TOOL,
    "function": Role.FUNCTION,
}
_RAW: Final = frozenset({Carrier.RAW_CALL})
# Blocks that make or answer a call, by their type.
_PAIRING_TYPES: Final = (
    "custom_tool_call",
    "custom_tool_call_output",
    "function_call",
    "function_call_output",
    "tool_call",
    "tool_result",
    "tool_use",
)
_LONGEST_BLOCKS: Final = 10_000_000


class Recorded(NamedTuple):
    """A message as a recorder kept it.

    Attributes:
        role: Who speaks.
        fields: The fields that LangChain's message had, as far as they were recorded.
    """

    role: Role
    fields: dict[str, Any]


def role_of(data: Mapping[str, Any], where: str) -> Role:
    """Return who speaks in a message.

    Raises:
        NotUnderstoodError: Its `role` is none that is known.
    """
    name = data.get("role")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        msg = f"{where}: its 'role' is that of no known message"
        raise NotUnderstoodError(msg)
    return role


def call_fields(call_id: object, name: object) -> dict[str, Any]:
    """Return a call as LangChain's `tool_calls` hold it. Its arguments are of no interest."""
    return {
        "id": call_id if isinstance(call_id, str) else None,
        "name": as_text(name),
        "args": {},
    }


def blocks_in(text: str) -> list[dict[str, Any]] | None:
    """Return the blocks that a recorder wrote down as a text, None where it is a text.

    Traceloop writes content that has blocks as JSON: the whole list, or each block by itself. They
    are of interest where one of them makes or answers a call.
    """
    if not text.startswith(('[{"', '{"type"')) or len(text) > _LONGEST_BLOCKS:
        return None
    if not any(f'"{kind}"' in text for kind in _PAIRING_TYPES):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    blocks = value if isinstance(value, list) else [value]
    kinds = [block.get("type") if isinstance(block, dict) else None for block in blocks]
    if not all(isinstance(kind, str) for kind in kinds):
        return None
    return blocks if any(kind in _PAIRING_TYPES for kind in kinds) else None


def entry_of(index: int, message: Recorded) -> Entry:
    """Read one message that a recorder reduced to LangChain's fields.

    Recorders keep one of the places where a call stands. Some integrations read another one, so
    that it is taken to stand there as well. OpenAI's first form has a place of its own.
    """
    entry = read_fields(index, message.role, message.fields)
    for call in entry.calls:
        if call.block is None and Carrier.LEGACY_CALL not in call.carriers:
            call.carriers |= _RAW
    return entry


def settle(
    entries: list[Entry], *, results_have_ids: bool = True, writes_blanks: bool = False
) -> Transcript:
    """Return the transcript, once the ids are there that the recorder left out.

    Where nobody has an id the recorder wrote none down, and calls and results pair in order.

    Args:
        entries: The messages.
        results_have_ids: Whether the recorder writes down the ids of results. Where it does not,
            and no result has one, results pair in order although the calls have ids.
        writes_blanks: Whether an id is there and empty: then ids were written down, as they were.

    Raises:
        NotUnderstoodError: The recorder left calls out.
    """
    _refuse_lost_calls(entries)
    calls = [call for entry in entries for call in entry.calls]
    results = [
        result
        for entry in entries
        for result in entry.results
        if result.carrier is not Carrier.FUNCTION
    ]
    named = any(call.id for call in calls) and results_have_ids
    unnamed = not (named or writes_blanks or any(result.id for result in results))
    if (results or calls) and unnamed:
        pair_by_order(entries)
    return Transcript(entries)


def _refuse_lost_calls(entries: Iterable[Entry]) -> None:
    """Refuse an AI message in which nothing is left, and behind it results of unknown calls.

    Recorders leave out calls whose arguments are not JSON, and the client answers those, too.
    """
    known: set[str] = set()
    for entry, after in pairwise(entries):
        known.update(call.id for call in entry.calls if call.id)
        says_nothing = not (entry.calls or entry.results or entry.has_text or entry.server_uses)
        is_answered = any(result.id not in known for result in after.results)
        if entry.role is Role.AI and says_nothing and is_answered:
            msg = (
                f"message {entry.index}: an AI message without text and calls, answered by a "
                "result: its calls were not recorded"
            )
            raise NotUnderstoodError(msg)
