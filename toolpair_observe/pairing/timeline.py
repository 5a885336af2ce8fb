"""The messages around the violations, as far as a report shows and therefore keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import shown, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import Violation
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.pairing.transcript import Entry
    from toolpair_observe.pairing.words import Role

# Sound stretches longer than this many messages are folded into one line.
CONTEXT: Final = 2
MOST_VIOLATIONS: Final = 20
MOST_MASKED: Final = 20
_A_LINES_WORTH: Final = 8


@dataclass(frozen=True, slots=True, repr=False)
class Stop:
    """One message, as `explain()` shows it.

    Attributes:
        index: Position in the list that was given.
        role: Who speaks.
        calls: The first of its calls: the tool's name and the id.
        results: The first of the ids that its results name.
        more_calls: How many calls were left out.
        more_results: How many results were left out.
    """

    index: int
    role: Role
    calls: tuple[tuple[str, str], ...] = ()
    results: tuple[str, ...] = ()
    more_calls: int = 0
    more_results: int = 0

    def __repr__(self) -> str:
        return told(self)


def timeline(
    entries: Sequence[Entry],
    violations: Sequence[Violation],
    masked: Sequence[MaskedResult],
    show_id: ShowId,
) -> tuple[Stop, ...]:
    """Return the messages at and around the first violations and the last made-up results.

    Args:
        entries: The history.
        violations: What is wrong with it.
        masked: The results in it that were made up.
        show_id: How ids are shown.
    """
    near: set[int] = set()
    told_of: list[Violation | MaskedResult] = [
        *violations[:MOST_VIOLATIONS],
        *masked[-MOST_MASKED:],
    ]
    for found in told_of:
        for index in {found.message_index, found.call_message_index}:
            if index is not None:
                near.update(range(index - CONTEXT, index + CONTEXT + 1))
    return tuple(
        stop_of(entries[index], show_id) for index in sorted(near) if 0 <= index < len(entries)
    )


def stop_of(entry: Entry, show_id: ShowId) -> Stop:
    """Return a message without its content.

    Args:
        entry: The message.
        show_id: How ids are shown.
    """
    calls = [(shown(call.name or ""), show_id(call.id)) for call in entry.calls[:_A_LINES_WORTH]]
    results = [show_id(result.id) for result in entry.results[:_A_LINES_WORTH]]
    return Stop(
        entry.index,
        entry.role,
        tuple(calls),
        tuple(results),
        len(entry.calls) - len(calls),
        len(entry.results) - len(results),
    )
