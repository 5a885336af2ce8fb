"""The callbacks of a handler that tell how a request goes on, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.attach import parts
from toolpair_observe.attach.participant import Participant
from toolpair_observe.errors import ToolPairError

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.outputs import LLMResult

    from toolpair_observe.attach.recording import Recorder
    from toolpair_observe.fail_open import FailOpen


class OutcomeListener(Participant):
    """Settles the outcome of each request in flight, whichever handler has checked it."""

    _outcome_guard: FailOpen
    _recorder: Recorder

    # What langchain-core may add to these calls, or leave out, does not matter to them.

    def on_llm_new_token(self, *args: Any, run_id: UUID | None = None, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Note that the model answers: from now on the request counts as accepted."""
        run = parts.runs.find(run_id)
        if run is not None:
            run.streamed = True

    def on_stream_event(self, *args: Any, run_id: UUID | None = None, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Note that the model answers, in the newest form of streaming."""
        run = parts.runs.find(run_id)
        if run is not None:
            run.streamed = True

    def on_llm_end(
        self,
        response: LLMResult | None = None,
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Settle the outcome of a request that the model answered."""
        run = parts.runs.find(run_id)
        if run is None:
            return
        try:
            run.end(parts.Outcome.ACCEPTED)
            if run.record.awaits_reply:
                self._recorder.replied(run.record.run_id, response)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._outcome_guard.swallow(error, error.__traceback__)

    def on_llm_error(
        self,
        error: BaseException,
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Settle the outcome of a request that failed."""
        with self._outcome_guard:
            run = parts.runs.find(run_id)
            if run is None:
                return
            # The wordings of refusals are many, and most requests do not fail.
            from toolpair_observe.attach.outcomes import outcome_of  # noqa: PLC0415

            siblings = run.siblings
            parts.settle(run, outcome_of(run, error))
            if not isinstance(error, ToolPairError):
                for sibling in siblings:
                    sibling.end(parts.Outcome.CANCELLED)
