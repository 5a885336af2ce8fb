"""Repair a history whose tool calls and tool results do not pair, and say what that changed.

Pure: a list of messages in, a `Repair` out; the given messages are never changed.

- `mend` decides what is repaired.
- `plan` moves, inserts and drops results.
- `copies` takes away copies of calls that an edit left behind.
- `thinking` finds the thinking that is valid only behind the messages it was made of.
- `report` is what a repair says of itself.
"""

from __future__ import annotations

from toolpair_observe.repair.mend import Choices, repair_history, repair_messages
from toolpair_observe.repair.report import Change, Repair, RepairAction, ThinkingPolicy
from toolpair_observe.repair.thinking import SignedAnswers

__all__ = [
    "Change",
    "Choices",
    "Repair",
    "RepairAction",
    "SignedAnswers",
    "ThinkingPolicy",
    "repair_history",
    "repair_messages",
]
