"""Feedback on the runs that an audit has found broken: as the live reporter would have sent it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from toolpair_observe.histories.unit import Recorded
from toolpair_observe.observation import Observation
from toolpair_observe.pairing.report import PairingReport
from toolpair_observe.pairing.shown import MAX_TEXT
from toolpair_observe.pairing.words import Effect, Outcome
from toolpair_observe.reporters.delivery import Delivery, DeliveryLimits
from toolpair_observe.reporters.langsmith.address import Address, destination_of
from toolpair_observe.reporters.langsmith.client import FeedbackApi, Submission
from toolpair_observe.reporters.langsmith.feedback import body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langsmith import Client

    from toolpair_observe.audit.langsmith.runs import Project
    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.reporters.delivery import DeliveryResult

MODE: Final = "audit"

_PAGE_SECONDS: Final = 300.0
# The runs are known to be there, so that one that is missing has been deleted.
_LIMITS: Final = DeliveryLimits(max_items=1000, max_attempts=6, max_age=240.0)


class AuditFeedback:
    """Writes feedback on runs, once each.

    Args:
        client: LangSmith's client.
        project: The project of the runs.
        sends: Whether it is sent; otherwise it is only counted.
        name_id: Returns what stands in place of an id.
        limits: How long it is tried.

    Attributes:
        counts: Runs by what came of them: `sent` or `would be sent`, `there already`, and `failed`
            with the reason.
    """

    def __init__(
        self,
        client: Client,
        project: Project,
        *,
        sends: bool,
        name_id: Callable[[str], str],
        limits: DeliveryLimits = _LIMITS,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._project = project
        self._sends = sends
        self._name_id = name_id
        self._address = Address(destination_of(client), project.name, UUID(project.id))
        self._api = FeedbackApi()
        self._delivery: Delivery[Submission] = Delivery(self._api.send, self._settled, limits)
        self._found: dict[str, Observation] = {}

    def see(self, judged: Judged) -> None:
        """Note a unit. Several prompts of one run are one run; the worst one counts."""
        observation = observation_of(judged, self._name_id)
        if observation is None or not observation.is_finding:
            return
        run_id = str(observation.run_id)
        known = self._found.get(run_id)
        if known is None or observation.report.effect.rank < known.report.effect.rank:
            self._found[run_id] = observation

    def end_page(self, runs: list[Any]) -> None:
        """Send what was noted of these runs, and wait until it is settled."""
        found, self._found = self._found, {}
        if not found:
            return
        there = self._project.runs_with_feedback(list(found))
        self.counts["there already"] += len(there & found.keys())
        rows = {str(run.get("id")): run for run in runs if isinstance(run, dict)}
        for run_id, observation in found.items():
            if run_id in there:
                continue
            if not self._sends:
                self.counts["would be sent"] += 1
                continue
            self._put(observation, rows.get(run_id, {}))
        self._delivery.flush(_PAGE_SECONDS)

    def close(self) -> None:
        """Give up what is not sent yet."""
        if self._delivery.close():
            self._api.close()

    def _put(self, observation: Observation, run: Mapping[str, Any]) -> None:
        trace_id = str(run.get("trace_id") or observation.run_id)
        started = run.get("start_time")
        body = body_of(observation, trace_id, started if isinstance(started, str) else "")
        self._delivery.put(lambda: Submission(self._address, body), self._address.destination)

    def _settled(self, result: DeliveryResult, reason: str) -> None:
        self.counts["sent" if result == "sent" else f"failed ({reason})"] += 1


def observation_of(judged: Judged, name_id: Callable[[str], str]) -> Observation | None:
    """Return what the live check would have observed; None for what is no request with a run id."""
    unit, target = judged.unit, judged.target
    if target is None:
        return None
    try:
        run_id = UUID(unit.run_id)
    except ValueError:
        return None
    profile = target.profile.name
    report = judged.worst or PairingReport(profile, (), Effect.CLEAN, judged.messages, 0, 0)
    return Observation(
        run_id=run_id,
        report=report,
        mode=MODE,
        provider=target.provider,
        model=target.model,
        conversation_id=name_id(unit.thread_id)[:MAX_TEXT] if unit.thread_id else None,
        start_ns=0,
        check_ns=0,
        identified=target.identified,
        outcome=_outcome(judged),
        rejected_kind=unit.rejected_kind.value if unit.rejected_kind else None,
    )


def _outcome(judged: Judged) -> Outcome:
    recorded = judged.unit.recorded
    if recorded is Recorded.REJECTED:
        return Outcome.REJECTED if judged.effect.is_near_miss else Outcome.ESCAPED
    if recorded is Recorded.ACCEPTED:
        return Outcome.ACCEPTED
    return Outcome.FAILED if recorded is Recorded.FAILED else Outcome.ABANDONED
