"""What a repair says of itself: the repaired history, and each change with its place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from toolpair_observe.pairing.shown import told

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport

ThinkingPolicy = Literal["keep", "strip"]
"""What a repair does with signed thinking behind a change: leave it, or take it away."""


class RepairAction(StrEnum):
    """What a repair did with one call, one result or one block of thinking."""

    INSERTED = "inserted_error_result"
    """An error result was inserted for a call that had no result."""

    MOVED = "moved_result"
    """A result was moved to its call."""

    DROPPED = "dropped_result"
    """A result was dropped: it answered no call, or a call that already had an answer."""

    UNCOPIED = "removed_stale_copy"
    """A copy of a call was taken away that an edit of the calls had left in another place."""

    RELEASED = "removed_companion"
    """What belonged to such a copy alone was taken away with it: a reasoning item, a signature."""

    STRIPPED = "stripped_thinking"
    """Signed thinking was taken away, because something before it was changed."""


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """One change that a repair made.

    Attributes:
        action: The kind of change.
        tool_call_id: The id of the call and of its result; `""` where there is none.
        tool_name: Name of the tool, or None if the history does not contain it.
        message_index: Position in the original history, from 0: of the result, of an inserted
            result's call, or of the message from which something was taken away.
        new_index: Position of the result or the message in the repaired history, from 0, or None
            for a dropped result.
        place: Where on the message something was taken away, such as `tool_use content block`;
            None for results.
        breaks_thinking: Whether signed thinking stands behind the change. Claude 5.1 and later
            take such thinking only while everything before it is as it was.
    """

    action: RepairAction
    tool_call_id: str
    tool_name: str | None
    message_index: int
    new_index: int | None
    place: str | None = None
    breaks_thinking: bool = False

    def __repr__(self) -> str:
        return told(self)


@dataclass(frozen=True, slots=True, repr=False)
class Repair:
    """A repaired history and its changes.

    Attributes:
        messages: The history to send. If nothing was changed, it is the given list itself.
        changes: The changes, in the order of the repaired history; dropped results come last.
        before: The check of the original history.
        after: The check of the repaired history. Violations in it could not be repaired without
            loss.
        broken_thinking: Positions in the repaired history of AI messages with signed thinking
            that follows a change. Claude 5.1 and later refuse such thinking (`Invalid signature
            in thinking block`), and accept the request without it: `thinking="strip"`.
    """

    messages: list[BaseMessage] = field(repr=False)
    changes: tuple[Change, ...]
    before: PairingReport
    after: PairingReport
    broken_thinking: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return told(self)

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.changes)

    @property
    def breaks_thinking(self) -> bool:
        """Whether signed thinking in the repaired history follows a change."""
        return bool(self.broken_thinking)

    def summary(self) -> str:
        """Return one line for a log, without message content."""
        counted = Counter(change.action for change in self.changes)
        done = ", ".join(f"{counted[each]} {each}" for each in RepairAction if counted[each])
        after = "tool calls and results pair" if self.after.ok else self.after.summary()
        line = f"{done or 'nothing changed'}; before: {self.before.summary()}; after: {after}"
        if not self.broken_thinking:
            return line
        first, *others = self.broken_thinking
        more = f" and {len(others)} more" if others else ""
        return (
            f"{line}; signed thinking in message {first}{more} follows a change: Claude 5.1 and "
            'later refuse it, thinking="strip" takes it away'
        )
