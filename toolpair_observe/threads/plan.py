"""What a mend would do to a stored thread, and did: `MendPlan`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from toolpair_observe.errors import MendError
from toolpair_observe.pairing.shown import clean, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.threads.diagnosis import FoundResult, ThreadVerdict


@dataclass(frozen=True, slots=True, repr=False)
class MadeUpResult:
    """An error result that stands in for a result that is nowhere stored.

    Attributes:
        tool_call_id: The call.
        tool_name: Name of the tool, None where it is not told.
    """

    tool_call_id: str
    tool_name: str | None

    def __repr__(self) -> str:
        return told(self)


class Surgery(Protocol):
    """What carries a plan out. It is the graph's own API behind it that writes."""

    def apply(self) -> str:
        """Write the mend and return the new head's id. Raises MendError, and then undoes it."""

    def rollback(self) -> str:
        """Make the old head the head again, and return the id of its copy. Raises MendError."""


@dataclass(slots=True, kw_only=True, repr=False, eq=False)
class MendPlan:
    """What a mend does to one thread in one namespace. Making it changes nothing.

    Attributes:
        thread_id: The thread.
        namespace: `""` for the graph itself, else the subgraph's.
        checkpoint_id: The head that is mended.
        verdict: What the thread is.
        channel: The channel of messages; None where there is none.
        before: The check of the list that a new message makes.
        after: The same after the mend; None where there is none to make.
        found: Real results that come back, each with its checkpoint and task.
        made_up: Calls that get an error result, since no result of theirs is stored.
        restored_calls: Ids of the calls whose message comes back, for results that had lost it.
        next_before: The nodes that a resume would run.
        next_after: Those that it runs after the mend.
        as_node: The node in whose name the list is written; None for none.
        refused: Why the thread is left alone; `""` where the plan can be applied, or where there
            is nothing to mend.
        new_checkpoint_id: The head that `apply` has made; `""` before.
    """

    thread_id: str
    namespace: str
    checkpoint_id: str
    verdict: ThreadVerdict
    channel: str | None = None
    before: PairingReport | None = None
    after: PairingReport | None = None
    found: tuple[FoundResult, ...] = ()
    made_up: tuple[MadeUpResult, ...] = ()
    restored_calls: tuple[str, ...] = ()
    next_before: tuple[str, ...] = ()
    next_after: tuple[str, ...] = ()
    as_node: str | None = None
    refused: str = ""
    new_checkpoint_id: str = ""
    # It holds the messages that it writes.
    surgery: Surgery | None = field(default=None, repr=False)

    @property
    def is_needed(self) -> bool:
        """Whether there is something to mend."""
        return self.verdict.is_finding

    @property
    def can_be_applied(self) -> bool:
        """Whether `apply` writes."""
        return self.surgery is not None and not self.refused and not self.new_checkpoint_id

    def apply(self) -> None:
        """Write the mend, and read it back.

        Raises:
            MendError: It was refused, the thread has moved on meanwhile, or what was written is
                not what was planned; then the old head is the head again.
        """
        if self.surgery is None or self.refused:
            raise MendError(self.refused or "there is nothing to mend in this thread")
        if self.new_checkpoint_id:
            msg = f"the plan has been applied already, as checkpoint {self.new_checkpoint_id}"
            raise MendError(msg)
        self.new_checkpoint_id = self.surgery.apply()

    async def aapply(self) -> None:
        """Do what `apply` does, for a plan of `amend_thread`.

        Raises:
            MendError: See `apply`.
        """
        await asyncio.to_thread(self.apply)

    def rollback(self) -> None:
        """Make the thread what it was before `apply`, with its next nodes.

        Nothing is deleted: a copy of the old head becomes the head.

        Raises:
            MendError: Nothing was applied, or the thread has moved on meanwhile.
        """
        if self.surgery is None or not self.new_checkpoint_id:
            msg = "there is nothing to roll back: the plan has not been applied"
            raise MendError(msg)
        self.surgery.rollback()
        self.new_checkpoint_id = ""

    async def arollback(self) -> None:
        """Do what `rollback` does, for a plan of `amend_thread`.

        Raises:
            MendError: See `rollback`.
        """
        await asyncio.to_thread(self.rollback)

    def explain(self) -> str:
        """Return what the mend does, or why the thread is left alone."""
        from toolpair_observe.threads.plan_text import explain  # noqa: PLC0415 - only for people

        return explain(self)

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self, name_id: Callable[[str], str] = str) -> dict[str, Any]:
        """Return it as JSON-able data without content.

        Args:
            name_id: Returns what stands in place of an id.
        """

        def shown(identifier: str) -> str:
            return clean(name_id(identifier)) if identifier else ""

        return {
            "thread_id": shown(self.thread_id),
            "namespace": shown(self.namespace),
            "channel": self.channel and clean(self.channel),
            "verdict": self.verdict.value,
            "checkpoint_id": self.checkpoint_id,
            "before": self.before and self.before.to_dict(),
            "after": self.after and self.after.to_dict(),
            "found": [each.to_dict(name_id) for each in self.found],
            "made_up": [
                {
                    "tool_call_id": shown(each.tool_call_id),
                    "tool_name": each.tool_name and clean(each.tool_name),
                }
                for each in self.made_up
            ],
            "restored_calls": [shown(each) for each in self.restored_calls],
            "next_before": [clean(node) for node in self.next_before],
            "next_after": [clean(node) for node in self.next_after],
            "as_node": self.as_node and clean(self.as_node),
            "refused": self.refused,
            "new_checkpoint_id": self.new_checkpoint_id,
        }
