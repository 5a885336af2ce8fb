"""One breach of a request, to be looked for in the states before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.words import ViolationKind
from toolpair_observe.steps.outline import Outline, bears, key_of
from toolpair_observe.steps.states import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport, Violation

    Check = Callable[[Sequence[BaseMessage]], PairingReport]


@dataclass(frozen=True)
class Breach:
    """What does not pair in a request, and how it is looked for elsewhere.

    Attributes:
        violation: The breach, with the ids as the messages have them.
        ids: The ids of the calls and results that it concerns.
        key: What tells the offending message from others.
        check: Checks a list of messages as the request was checked.
        is_local: Whether the messages about those with its ids decide about it, as they do in the
            request; otherwise whole histories are checked.
    """

    violation: Violation
    ids: frozenset[str]
    key: int
    check: Check
    is_local: bool = False

    @classmethod
    def of(cls, violation: Violation, messages: Sequence[BaseMessage], check: Check) -> Breach:
        """Return what a violation of a request is about."""
        ids = ids_in(violation)
        key = key_of(messages[violation.message_index])
        local = cls(violation, ids, key, check, is_local=bool(ids))
        if ids and local.stands_in(messages, may_wait=False):
            return local
        return replace(local, is_local=False)

    @property
    def hashes(self) -> frozenset[int]:
        """The ids as an outline has them."""
        return frozenset(map(hash, self.ids))

    def stands_in(self, messages: Sequence[Any], *, may_wait: bool) -> bool:
        """Whether a history has the breach.

        Args:
            messages: The history, such as the state before a step.
            may_wait: Whether calls at its end may still wait for their results.
        """
        history = readable(self._around(messages) if self.is_local else messages)
        violations = self.check(history).violations
        found = [each for each in violations if self._is_same(each, history)]
        if may_wait and found:
            waiting = Outline(history).waiting()
            found = [each for each in found if not is_waiting(each, waiting)]
        return bool(found)

    def _around(self, messages: Sequence[Any]) -> list[Any]:
        """Return what decides about the breach: the messages with its ids, and those about them."""
        last = len(messages) - 1
        kept: set[int] = set()
        end = 0
        for place, message in enumerate(messages):
            # Behind the first of a row of results the whole row is kept already.
            if place < end or not bears(message, self.ids):
                continue
            first = place
            while first > 0 and _only_answers(messages[first]):
                first -= 1
            end = place + 1
            while end <= last and _only_answers(messages[end]):
                end += 1
            kept.update(range(first, min(end, last) + 1))
        return [messages[place] for place in sorted(kept)]

    def _is_same(self, other: Violation, messages: Sequence[BaseMessage]) -> bool:
        if self.ids:
            return not self.ids.isdisjoint(ids_in(other))
        same_kind = other.kind is self.violation.kind
        return same_kind and key_of(messages[other.message_index]) == self.key


def ids_in(violation: Violation) -> frozenset[str]:
    """Return the ids of the call and the result that a violation concerns."""
    return frozenset({violation.tool_call_id, violation.call_id} - {""})


def is_waiting(violation: Violation, waiting: frozenset[int]) -> bool:
    """Whether a violation says no more than that a call at the end has no result yet."""
    missing = violation.kind is ViolationKind.MISSING_RESULT
    return missing and hash(violation.tool_call_id) in waiting


def _only_answers(message: Any) -> bool:  # noqa: ANN401 -- in any form
    return getattr(message, "type", None) == "tool"
