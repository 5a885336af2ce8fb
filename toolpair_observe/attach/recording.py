"""The record of a request, of its verdict and of what steps and requests before it tell."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from toolpair_observe.attach.hindsight import Hindsight, Told
from toolpair_observe.pairing.shown import clean
from toolpair_observe.record import Record
from toolpair_observe.reporters import placement

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.outputs import LLMResult

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
    """

    def __init__(self, settings: Settings, judge: Judge, guard: FailOpen) -> None:
        self._judge = judge
        self._guard = guard
        self._hindsight = Hindsight(settings)

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
        report, conversation = verdict.report, request.conversation_id
        told = self._look_back(request, run_id, parent_id, verdict)
        if told.masked is not report.masked:
            report = replace(report, masked=told.masked)
        if told.blame is not None:
            # Of a near miss alone.
            from toolpair_observe.steps.told import with_hint  # noqa: PLC0415

            report = with_hint(report, told.blame)
        return Record(
            run_id=run_id,
            report=report,
            mode=mode,
            provider=_clean_name(verdict.target.provider),
            model=_clean_name(verdict.target.model),
            conversation_id=_clean_or_none(conversation and self._judge.name_id(conversation)),
            node=_clean_or_none(request.node),
            poisoned_thread_id=_clean_or_none(verdict.poisoned_thread_id),
            start_ns=verdict.start_ns,
            check_ns=verdict.check_ns,
            identified=verdict.target.identified,
            blocked=mode == "strict" and verdict.stops,
            place=placement.at_check(),
            blame=told.blame,
            is_fresh=told.is_fresh,
        )

    def replied(self, run_id: UUID, reply: LLMResult | None) -> None:
        """Note what a model answered."""
        if reply is not None:
            self._hindsight.replied(run_id, reply)

    def _look_back(
        self, request: Request, run_id: UUID, parent_id: UUID | None, verdict: Verdict
    ) -> Told:
        try:
            return self._hindsight.of(request, run_id, parent_id, verdict)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._guard.swallow(error, error.__traceback__)
            return Told(verdict.report.masked)


# An application asks for few models.
_clean_name = lru_cache(maxsize=512)(clean)


def _clean_or_none(text: str | None) -> str | None:
    return clean(text) or None if text else None
