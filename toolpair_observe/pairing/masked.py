"""Masked results: what other software put where a tool's own result is missing.

Such a history pairs, so it is clean for the provider; but the model answers without what the tool
found, and nobody is told. A `MaskedResult` says where, who it was, and how that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from toolpair_observe.pairing.shown import clean, told

UNKNOWN_MENDER = "unknown"
"""`MaskedResult.by` where only the states of a run tell that somebody mended."""


class MaskedKind(StrEnum):
    """What was wrong before somebody mended it."""

    MISSING = "missing"
    MALFORMED = "malformed"


class MaskedEvidence(StrEnum):
    """What shows that a result was made up."""

    MARK = "mark"
    STATE = "state"
    TEXT = "text"


@dataclass(frozen=True, slots=True, repr=False)
class MaskedResult:
    """One result that other software made up.

    Attributes:
        message_index: Position of the made-up result in the list that was given.
        call_message_index: Position of the AI message that made the call, or None.
        tool_call_id: The id of the call, as given, or its hash where `hash_ids` is on.
        tool_name: Name of the tool, or None where the history does not tell.
        kind: `missing`: the call had no result. `malformed`: its arguments could not be read, so
            it never ran.
        by: The software that made the result up, `"unknown"` where only states of the run tell.
        evidence: `mark`: a field of the message says so. `text`: its whole text is what that
            software writes. `state`: the call stood unanswered in an earlier state of the run.
        fresh: Whether no AI message stands behind it, so that the model sees it for the first time.
        step: The node or middleware hook that made it up, where the run's states tell; else None.
    """

    message_index: int
    call_message_index: int | None
    tool_call_id: str
    tool_name: str | None
    kind: MaskedKind
    by: str
    evidence: MaskedEvidence
    fresh: bool
    step: str | None = None

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data, each id and name cut."""
        return {
            "message_index": self.message_index,
            "call_message_index": self.call_message_index,
            "tool_call_id": clean(self.tool_call_id),
            "tool_name": clean(self.tool_name) if self.tool_name else self.tool_name,
            "kind": self.kind.value,
            "by": clean(self.by),
            "evidence": self.evidence.value,
            "fresh": self.fresh,
            "step": clean(self.step) if self.step else self.step,
        }
