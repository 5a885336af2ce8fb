"""The verdict on a request: what judges it, what is wrong with it, and whether it may leave."""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe import semconv
from toolpair_observe.attach.admission import Admission, latest
from toolpair_observe.attach.stored_thread import poisoned_thread_id
from toolpair_observe.errors import CheckFailedError, InvalidToolResultsError
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.hashed import id_namer
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.stopping import stopping_effects

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.attach.request import Request
    from toolpair_observe.counts import Counts
    from toolpair_observe.errors import ToolPairError
    from toolpair_observe.option_values import Mode
    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind
    from toolpair_observe.settings import Settings

_NO_KINDS: Final[frozenset[ViolationKind]] = frozenset()


class Verdict(NamedTuple):
    """What was found.

    Attributes:
        target: Whose rules judged.
        report: What does not pair, and what will happen.
        stopping: The kinds of the violations for which strict mode has to stop the request, none
            where it may leave.
        start_ns: Wall clock at the start of the check, nanoseconds since the epoch.
        check_ns: Length of the check, nanoseconds.
        poisoned_thread_id: The stored thread whose own history is broken, too, or `""`.
    """

    target: Target
    report: PairingReport
    stopping: frozenset[ViolationKind]
    start_ns: int
    check_ns: int
    poisoned_thread_id: str = ""

    @property
    def stops(self) -> bool:
        """Whether strict mode has to stop the request."""
        return bool(self.stopping)


class Judge:
    """Say of each request what it is judged by, what is wrong with it and whether it may leave.

    Args:
        settings: The operator's profile, what strict mode stops, and whether ids are hashed. Of
            an id that is hashed, no report tells anything else.
        counts: Where a check that fails is counted.
        component: Under which name.

    Attributes:
        name_id: Returns what is carried in place of an id.
    """

    def __init__(self, settings: Settings, counts: Counts, component: str = "check") -> None:
        # The providers come with the first handler, not with its class.
        from toolpair_observe.pairing.providers.identify import identify  # noqa: PLC0415

        self._identify = identify
        self._settings = settings
        self._counts = counts
        self._guard = FailOpen(counts, component)
        self.name_id = id_namer(hash_ids=settings.hash_ids)

    def identify(self, request: Request) -> Target:
        """Return what the request is judged by. Never raises."""
        target = self._identify(
            request.serialized,
            request.metadata,
            request.invocation_params,
            self._settings.profile,
        )
        if target.elsewhere:
            self._tell_elsewhere(target.elsewhere)
        return target

    def _tell_elsewhere(self, asked: str) -> None:
        # Few profiles are measured.
        from toolpair_observe.attach.measured import tell_elsewhere  # noqa: PLC0415 - see above

        with self._guard:
            tell_elsewhere(self._settings.profile, asked)

    def decide(
        self, request: Request, run_id: UUID, mode: Mode, target: Target | None = None
    ) -> tuple[Verdict | None, ToolPairError | None]:
        """Return the verdict, and the error that has to stop the request.

        Args:
            request: The request. Where it was admitted, its verdict is the one of that time.
            run_id: Its run.
            mode: The mode that holds for it.
            target: What it is judged by, where that is known already.

        Returns:
            None for the verdict where the check failed; None for the error where the request may
            leave.
        """
        try:
            admission = latest()
            verdict = self._admitted(admission, request) if admission is not None else None
            if verdict is None:
                verdict = self._judge(request, target)
            stops = mode == "strict" and verdict.stops
            return verdict, InvalidToolResultsError(verdict.report, run_id) if stops else None
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._guard.swallow(error, error.__traceback__)
            return None, self.unchecked(error, run_id, mode)

    def unchecked(
        self, failure: Exception | None, run_id: UUID, mode: Mode
    ) -> CheckFailedError | None:
        """Count a request that could not be checked; return the error that has to stop it, or None.

        Args:
            failure: Why not.
            run_id: Its run.
            mode: The mode that holds for it.
        """
        name = type_name(failure)
        with self._guard:
            self._counts.add(semconv.UNCHECKED, (name,))
        is_stopped = mode == "strict" and self._settings.on_internal_error == "block"
        return CheckFailedError(name, run_id) if is_stopped else None

    def _admitted(self, admission: Admission, request: Request) -> Verdict | None:
        # Whatever fails here, the request is checked.
        with self._guard:
            return admission.taken_by(self, request)
        return None

    def _judge(self, request: Request, target: Target | None) -> Verdict:
        start_ns, began = time_ns(), perf_counter_ns()
        if target is None:
            target = self.identify(request)
        report = check(
            request.messages, target.profile, target.facts, self.name_id, only_fresh=True
        )
        if not report.violations:
            return Verdict(target, report, _NO_KINDS, start_ns, perf_counter_ns() - began)
        stopping = self.stopping_kinds(report, identified=target.identified)
        verdict = Verdict(target, report, stopping, start_ns, perf_counter_ns() - began)
        return self._with_thread(verdict, request) if report.effect.is_near_miss else verdict

    def _with_thread(self, verdict: Verdict, request: Request) -> Verdict:
        # A request that is flagged has time for it, and stays flagged whatever fails here.
        with self._guard:
            thread_id = poisoned_thread_id(
                request.messages,
                verdict.report,
                lambda messages: check(messages, verdict.target.profile, verdict.target.facts),
            )
            if thread_id:
                return verdict._replace(poisoned_thread_id=self.name_id(thread_id))
        return verdict

    def stopping_kinds(
        self, report: PairingReport, *, identified: bool
    ) -> frozenset[ViolationKind]:
        """Return the kinds of the violations for which strict mode stops a request.

        Args:
            report: The report of the request.
            identified: Whether its model is identified.
        """
        effects = stopping_effects(
            self._settings.block_on,
            block_unidentified=self._settings.block_unidentified,
            profile=report.profile,
            identified=identified,
        )
        if report.effect not in effects:
            return frozenset()
        return frozenset(each.kind for each in report.violations if each.effect in effects)
