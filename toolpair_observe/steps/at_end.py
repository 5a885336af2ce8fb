"""What is broken when a run ends: nobody sees it before the next request, when the states are gone.

It costs a look at the last state of each run, and only where that is broken a walk back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.steps.blame import Found, Walk
from toolpair_observe.steps.breach import Breach, is_waiting
from toolpair_observe.steps.outline import Outline
from toolpair_observe.steps.states import goes_on, readable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.steps.runs import Root

MOST_TRACED: Final = 4
"""Breaches of a last state that are traced."""
MOST_CHECKED: Final = 64
"""Messages that are looked at of a last state which the last step has only added to."""


class Traced(NamedTuple):
    """One breach of the last state of a run.

    Attributes:
        ids: The ids of the calls and results that it concerns.
        found: Where it came from.
    """

    ids: frozenset[str]
    found: Found


def traced_at_end(root: Root) -> tuple[Traced, ...]:
    """Return what is broken in the last state of a run, and by whom.

    Args:
        root: A run that has ended, with its states.
    """
    if not root.returned:
        return ()
    if _check(readable(_new_end(root, root.returned))).ok:
        return ()
    state = readable(root.returned)
    report = _check(state)
    waiting = Outline(state).waiting()
    broken = [each for each in report.violations if not is_waiting(each, waiting)]
    traced = []
    for violation in broken[:MOST_TRACED]:
        breach = Breach.of(violation, state, _check)
        if not root.traced.isdisjoint(breach.ids):
            continue  # a request had it already
        found = Walk(root, breach, state, lambda _: None).back_from_end()
        if found is not None:
            traced.append(Traced(breach.ids, found))
    return tuple(traced)


def _new_end(root: Root, returned: Sequence[Any]) -> Sequence[Any]:
    """Return what may be broken in the last state of a run, and no request has shown.

    Where its last step found all that is returned but the end, that is the end.
    """
    states = [step.messages for step in root.steps_of(root.run_id) if step.messages]
    if not states or not goes_on(states[-1], returned):
        return returned
    start = max(0, min(len(states[-1]), len(returned)) - MOST_CHECKED)
    while start and getattr(returned[start], "type", None) == "tool":
        start -= 1  # its call stands before it
    return returned[start:]


def _check(messages: Sequence[BaseMessage]) -> PairingReport:
    return check(messages, CONTRACT)
