"""`blame_by_requests`: the blame for a near miss, as the requests before it tell it.

It needs no steps, so it is there for a model without a graph; and it can't name one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.report import worst_of
from toolpair_observe.steps.blamed import Blame, BlameChange
from toolpair_observe.steps.breach import ids_in
from toolpair_observe.steps.difference import compare, first
from toolpair_observe.steps.outline import is_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.steps.conversations import Seen
    from toolpair_observe.steps.outline import Outline


def blame_by_requests(
    messages: Sequence[BaseMessage], report: PairingReport, seen: Seen
) -> Blame | None:
    """Return what broke a history, or None where the requests before don't tell.

    Args:
        messages: The request.
        report: The near miss, with the ids as the messages have them.
        seen: What earlier requests tell of it, their outlines included.
    """
    before, after = seen.predecessor, seen.outline
    if before is None or after is None:
        # Nothing to compare with: all that can be told is that this process has not seen it.
        return Blame(None, None, began_elsewhere=True) if seen.began_elsewhere else None
    violation = worst_of(report.violations)
    found = compare(before, after, frozenset(map(hash, ids_in(violation))))
    change, inserted = found.change, found.inserted
    if change is BlameChange.INSERTED and _stands_before_its_call(violation):
        # The result was to come; only its place was not.
        change, inserted = BlameChange.REORDERED, ()
    elif change is BlameChange.NOT_APPENDED and _was_given(violation, messages, before):
        change = BlameChange.INSERTED
        inserted = first(inserted, [violation.message_index])
    return Blame(None, change, found.removed, inserted)


def _stands_before_its_call(violation: Violation) -> bool:
    call = violation.call_message_index
    return call is not None and violation.message_index < call


def _was_given(violation: Violation, messages: Sequence[BaseMessage], before: Outline) -> bool:
    """Whether a call without a result is none that a model has made, as far as its ids tell."""
    if violation.call_message_index is None:
        return False
    made = is_reply(messages[violation.call_message_index])
    return not made and hash(violation.tool_call_id) not in before.call_ids()
