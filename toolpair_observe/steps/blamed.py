"""`Blame`: the step after which a history was broken, and what became of the calls concerned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.shown import clean, told

if TYPE_CHECKING:
    from uuid import UUID

BETWEEN_RUNS = "between_runs"
"""The step of a change that the application made after one run and before the next."""
TOOLS = "tools"
"""The step of a breach that the tools left: one that raised, was canceled or paused."""
MODEL = "model"
"""The step of a change that was made inside the node which asks the model."""


class BlameChange(StrEnum):
    """What a step did to the history."""

    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    IDS_CHANGED = "ids_changed"
    NOT_APPENDED = "not_appended"


class Fate(StrEnum):
    """What became of a tool call, as the tool's own callbacks tell."""

    FINISHED = "finished"
    RAISED = "raised"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    NEVER_STARTED = "never_started"


@dataclass(frozen=True, slots=True, repr=False)
class CallFate:
    """What became of one call that a near miss concerns.

    Attributes:
        tool_call_id: The call's id, or its hash where `hash_ids` is on.
        tool_name: Name of the tool, or None where nothing tells.
        fate: What became of it. `finished`: the tool ran to its end, so its result was lost.
        error_type: The class of the error that the tool raised, or None.
    """

    tool_call_id: str
    tool_name: str | None
    fate: Fate
    error_type: str | None = None

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fate as JSON-able data, each id and name cut."""
        return {
            "tool_call_id": clean(self.tool_call_id),
            "tool_name": clean(self.tool_name) if self.tool_name else self.tool_name,
            "fate": self.fate.value,
            "error_type": clean(self.error_type) if self.error_type else self.error_type,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Blame:
    """The first step after which the breach of a near miss stood.

    Attributes:
        step: The node or middleware hook, `"between_runs"`, `"tools"` or `"model"`; None where the
            change is known and the step is not, because only requests are compared.
        change: What it did.
        removed: Positions, in the history before the step, of messages that it took away, at most
            16 of them.
        inserted: Positions, in the request, of messages that it put in, at most 16 of them.
        fates: What became of the concerned calls.
        since_run_id: The model run of the first request that had this breach: this one's own where
            it is new.
        requests_ago: How many requests of the conversation ago that was, 0 where it is new.
        last_sound_run_id: The last model run of the conversation whose request was sound, or None
            where this process has seen none.
        began_elsewhere: Whether the conversation has messages that this process never saw made, so
            that the step may have happened in another process.
    """

    step: str | None
    change: BlameChange | None
    removed: tuple[int, ...] = ()
    inserted: tuple[int, ...] = ()
    fates: tuple[CallFate, ...] = ()
    since_run_id: UUID | None = None
    requests_ago: int = 0
    last_sound_run_id: UUID | None = None
    began_elsewhere: bool = False

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the blame as JSON-able data, each id and name cut."""
        return {
            "step": clean(self.step) if self.step else self.step,
            "change": self.change.value if self.change else None,
            "removed": list(self.removed),
            "inserted": list(self.inserted),
            "fates": [each.to_dict() for each in self.fates],
            "since_run_id": str(self.since_run_id) if self.since_run_id else None,
            "requests_ago": self.requests_ago,
            "last_sound_run_id": str(self.last_sound_run_id) if self.last_sound_run_id else None,
            "began_elsewhere": self.began_elsewhere,
        }
