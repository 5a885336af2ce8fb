"""The end of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolpair_observe.pairing.words import Outcome

if TYPE_CHECKING:
    from toolpair_observe.attach.runs import Run
    from toolpair_observe.pairing.refusals.companions import Companion
    from toolpair_observe.pairing.refusals.fault import Fault
    from toolpair_observe.pairing.words import ViolationKind


class Ending(NamedTuple):
    """How a request ended.

    Attributes:
        outcome: What became of it.
        kind: The kind of breach that the error names.
        fault: Of an escape, whose fault it is.
        companion: What was refused beside a call, where the pairing was not the reason.
    """

    outcome: Outcome
    kind: ViolationKind | None = None
    fault: Fault | None = None
    companion: Companion | None = None


def settle(run: Run, ending: Ending) -> None:
    """End a run, and find first where an escape stands in the application's traces.

    Nobody has looked for that before: it was a sound request until now.
    """
    if ending.outcome is Outcome.ESCAPED and not run.wants_place and run.manager is not None:
        run.owner.placed(run.record, run.manager)
    run.end(*ending)
