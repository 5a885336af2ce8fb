"""A handler that shows the record of every request that it is asked about."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tests.steps.recordings import replay
from toolpair_observe import ToolPairHandler
from toolpair_observe.steps.conversations import CONVERSATIONS
from toolpair_observe.steps.journal import JOURNAL
from toolpair_observe.steps.last_runs import LAST_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.steps.app import Recording
    from toolpair_observe.record import Record


class Watched(ToolPairHandler):
    """Keeps the record of each request, in order."""

    records: list[Record]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.records = []

    def _open_run(self, record: Record, *rest: Any) -> None:
        self.records.append(record)
        super()._open_run(record, *rest)


@cache
def judged(
    recording: Recording, retell: Callable[[str, list[Any]], Any] | None = None, **options: Any
) -> tuple[Record, ...]:
    """Play a recording to a new handler; return the records of its requests, in order.

    It is played once for all tests that ask for the same.

    Those of the sound turns are the first `recording.first` of them.

    Args:
        recording: The recording.
        retell: Changes the arguments of a callback, given its name; None to leave them.
        **options: The handler's.
    """
    handler = Watched(feedback="off", spans="off", **options)
    try:
        replay(recording.events, handler, retell)
    finally:
        handler.close()
        for memory in (JOURNAL, LAST_RUNS, CONVERSATIONS):
            memory.reset()
    return tuple(handler.records)
