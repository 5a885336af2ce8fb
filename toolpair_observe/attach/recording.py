"""The record of a request, of its verdict and of what steps and requests before it tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.attach.hindsight import Hindsight, Told
from toolpair_observe.pairing.shown import clean
from toolpair_observe.record import Record
from toolpair_observe.reporters import placement

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.attach.judge import Judge, Verdict
    from toolpair_observe.attach.request import Request
    from toolpair_observe.fail_open import FailOpen
    from toolpair_observe.option_values import Mode
    from toolpair_observe.settings import Settings


class Recorder:
    """Makes the records of a handler.

    Args:
        settings: The handler's own.
        judge: What names ids.
        guard: Counts a failure to look back; the record goes without.

    Attributes:
        replied: Notes what a model answered.
    """

    def __init__(self, settings: Settings, judge: Judge, guard: FailOpen) -> None:
        self._judge = judge
        self._guard = guard
        self._hindsight = Hindsight(settings)
        self.replied: Final = self._hindsight.replied

    def record(
        self,
        request: Request,
        run_id: UUID,
        mode: Mode,
        verdict: Verdict,
        parent_id: UUID | None = None,
    ) -> Record:
        """Return the record of a request.

        Args:
            request: The request.
            run_id: Its run.
            mode: The mode that holds for it.
            verdict: The verdict on it.
            parent_id: The run that asks, or None.
        """
        report, target = verdict.report, verdict.target
        conversation, node = request.origin()
        try:
            told = self._hindsight.of(request, run_id, parent_id, conversation, verdict)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._guard.swallow(error, error.__traceback__)
            told = Told(report.masked)
        if told.masked is not report.masked:
            report = replace(report, masked=told.masked)
        if told.blame is not None:
            # Of a near miss alone.
            from toolpair_observe.steps.told import with_hint  # noqa: PLC0415

            report = with_hint(report, told.blame)
        record = Record(
            run_id,
            report,
            mode,
            target.provider,
            target.model,
            clean(self._judge.name_id(conversation)) or None if conversation else None,
            verdict.start_ns,
            verdict.check_ns,
            target.identified,
            mode == "strict" and verdict.stops,
            placement.at_check(),
            clean(node) or None if node else None,
        )
        if told.awaits_reply:
            record.awaits_reply = True
        if report.effect.is_near_miss:
            record.poisoned_thread_id = clean(verdict.poisoned_thread_id) or None
            record.blame = told.blame
            record.is_fresh = told.is_fresh
        return record
