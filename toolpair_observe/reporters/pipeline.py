"""The way from a checked request to counts, metrics and reporters."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

from toolpair_observe import semconv
from toolpair_observe.arguments import check_hook, check_objects
from toolpair_observe.counts import shared_counts
from toolpair_observe.deadline import Deadline
from toolpair_observe.fail_open import FailOpen, tell
from toolpair_observe.observation import fresh_masked, is_finding
from toolpair_observe.pairing.report import worst_of
from toolpair_observe.pairing.shown import clean
from toolpair_observe.pairing.words import Outcome
from toolpair_observe.reporters import placement
from toolpair_observe.reporters.log import LogReporter
from toolpair_observe.reporters.otel import OtelReporter
from toolpair_observe.reporters.otel_metrics import CheckMetrics
from toolpair_observe.reporters.worker import JOIN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.callbacks import BaseCallbackHandler
    from langsmith import Client
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from toolpair_observe.counts import Counts
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.record import Record, Trace
    from toolpair_observe.reporters.hook import ObservationHook
    from toolpair_observe.settings import Settings

    Listener = tuple[Callable[[Observation, Trace], None], FailOpen]


_WANTS_SOUND: Final = attrgetter("wants_sound")


class Reporter(Protocol):
    """A place that observations go to.

    Every method is called under a fail-open guard, must not block on a network and must be safe to
    call from any thread.
    """

    @property
    def wants_sound(self) -> bool:
        """Whether `finished` is to be called for a request that ends now and is no finding."""

    def flagged(self, observation: Observation, trace: Trace) -> None:
        """Take note of a near miss, before the request leaves."""

    def finished(self, observation: Observation, trace: Trace) -> None:
        """Take note of the outcome of a finding and, if `wants_sound`, of any other request."""

    def mended(self, observation: Observation, trace: Trace) -> None:
        """Take note of results that other software made up, once the outcome is known.

        It is called for any request in which the model sees such a result for the first time, after
        `finished`.
        """

    def flush(self, timeout: float) -> bool:
        """Deliver what is queued within `timeout` seconds; return whether all of it went."""

    def close(self, timeout: float) -> None:
        """Stop workers within `timeout` seconds. Nothing is delivered afterward."""


class Pipeline:
    """The counts, the metrics and the reporters of one handler. One that fails stops no other.

    Args:
        settings: What to report where.
        tracer_provider: None for the application's global one.
        meter_provider: None for the application's global one.
        logger_provider: None for the application's global one.
        langsmith_client: None for the client of each run's own tracer.
        on_near_miss: The application's own function for near misses and escapes.
        on_masked: The application's own function for results that other software made up.

    Attributes:
        counts: The counts, shared by all handlers of a meter provider.

    Raises:
        SettingsError: A provider, the client or a function is of no use.
    """

    def __init__(  # noqa: PLR0913 -- each is a place of its own
        self,
        settings: Settings,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        langsmith_client: Client | None = None,
        on_near_miss: ObservationHook | None = None,
        on_masked: ObservationHook | None = None,
    ) -> None:
        check_objects(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            logger_provider=logger_provider,
            langsmith_client=langsmith_client,
        )
        hooks = {"on_near_miss": on_near_miss, "on_masked": on_masked}
        for name, hook in hooks.items():
            check_hook(name, hook, "one Observation", awaited=True)
        self.counts: Counts = shared_counts(meter_provider, settings.max_label_values)
        self._tells_all = "all" in {settings.feedback, settings.spans} or settings.evaluation_events
        self._otel_guard = FailOpen(self.counts, "otel")
        self._langsmith_guard = FailOpen(self.counts, "langsmith")
        self._metrics = CheckMetrics(meter_provider, self.counts)
        reporters: dict[str, Reporter] = {
            "log": LogReporter(docs_url=settings.docs_url),
            "otel": OtelReporter(
                settings,
                guard=self._langsmith_guard,
                tracer_provider=tracer_provider,
                logger_provider=logger_provider,
            ),
        }
        if settings.feedback != "off":
            # Imports an HTTP client, which nothing else here needs.
            from toolpair_observe.reporters.langsmith.feedback import LangSmithReporter  # noqa: PLC0415
            from toolpair_observe.reporters.shared import FeedbackSeat  # noqa: PLC0415

            reporters["langsmith"] = FeedbackSeat(
                (LangSmithReporter, id(self.counts), settings.feedback, id(langsmith_client)),
                partial(LangSmithReporter, settings, client=langsmith_client, counts=self.counts),
            )
        for name, hook in hooks.items():
            if hook is not None:
                # Imports threads for functions, which few handlers have.
                from toolpair_observe.reporters.shared import HOOK_SEATS  # noqa: PLC0415

                reporters[name] = HOOK_SEATS[name](hook, self.counts)
        self.report_to(reporters)

    def report_to(self, reporters: Mapping[str, Reporter]) -> None:
        """Report to these and to no others, each under its name."""
        # One guard for all calls of a reporter: no use of it depends on an earlier one.
        self._reporters = [
            (reporter, FailOpen(self.counts, name)) for name, reporter in reporters.items()
        ]
        self._only_reporters = list(reporters.values())
        self._on_flagged = [(reporter.flagged, guard) for reporter, guard in self._reporters]
        self._on_finished = [(reporter.finished, guard) for reporter, guard in self._reporters]
        self._on_mended = [(reporter.mended, guard) for reporter, guard in self._reporters]

    def tells_of(self, report: PairingReport) -> bool:
        """Whether a request is told of in LangSmith or in traces, whatever becomes of it."""
        return self._tells_all or report.effect.is_near_miss or bool(report.masked)

    def place(self, record: Record, handlers: Sequence[BaseCallbackHandler] | None = None) -> None:
        """Find the span of the model call, where telemetry of the request will be written.

        Args:
            record: The record of the request.
            handlers: The handlers of its run, None where they are not known.
        """
        record.place = placement.at_start(record.place, record.run_id, handlers, self._otel_guard)

    def checked(self, record: Record) -> None:
        """Count and measure a check, and report a near miss."""
        report = record.report
        labels = (report.effect, record.mode, record.provider, record.model)
        number = self.counts.add(semconv.CHECKS, labels)
        # The first of its sort, so that the series is there at once, and from then on a sample.
        is_sampled = number % semconv.CHECKS_PER_DURATION == 1
        if report.violations or report.masked:
            self._count_findings(record)
        if report.effect.is_near_miss:
            self._measure(record, timed=is_sampled or record.is_fresh is not False)
            tell(self._on_flagged, self._observation(record), record.trace())
        elif is_sampled:
            self._measure(record, timed=True)

    def _count_findings(self, record: Record) -> None:
        report, provider, model = record.report, record.provider, record.model
        add = self.counts.add
        for violation in report.violations:
            labels = (violation.kind, violation.effect, violation.cause, provider, model)
            add(semconv.VIOLATIONS, labels)
        for masked in fresh_masked(report.masked):
            add(semconv.MASKED, (masked.kind, clean(masked.by), provider, model))
        if record.is_fresh:
            add(semconv.BREACHES, (*_breach_of(record), provider, model))

    def _measure(self, record: Record, *, timed: bool) -> None:
        try:
            self._metrics.measure(record, timed=timed)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._otel_guard.swallow(error, error.__traceback__)

    def checked_without_end(self, record: Record) -> None:
        """Do the same for a request whose end can't be told from that of another one."""
        self.checked(record)
        record.outcome = Outcome.BLOCKED if record.blocked else Outcome.ABANDONED
        self.finished(record)

    def finished(self, record: Record) -> None:
        """Count and report an outcome."""
        report, outcome, fault = record.report, record.outcome, record.escape_fault or ""
        if outcome is not None:
            labels = (outcome, report.effect, record.provider, record.model, fault)
            self.counts.add(semconv.OUTCOMES, labels)
        is_told = report.effect.is_near_miss or report.masked or outcome is not Outcome.ACCEPTED
        if is_told or any(map(_WANTS_SOUND, self._only_reporters)):
            self._tell_end(record)

    def _tell_end(self, record: Record) -> None:
        is_mended = bool(fresh_masked(record.report.masked))
        listeners = self._listeners(record)
        if listeners or is_mended:
            # Many a request has no listener, and an observation costs more than a count.
            record.place = placement.at_end(record, self._otel_guard)
            observation, trace = self._observation(record), record.trace()
            tell(listeners, observation, trace)
            tell(self._on_mended if is_mended else (), observation, trace)

    def _listeners(self, record: Record) -> Sequence[Listener]:
        """Return who hears of an outcome."""
        if is_finding(record.report, record.outcome):
            return self._on_finished
        # The log alone says of a failure that the pairing was not the reason.
        names_companion = record.rejected_companion is not None
        return [
            (reporter.finished, guard)
            for reporter, guard in self._reporters
            if reporter.wants_sound or (names_companion and isinstance(reporter, LogReporter))
        ]

    def _observation(self, record: Record) -> Observation:
        if record.link is not None and record.langsmith_url is None:
            from toolpair_observe.reporters.langsmith.pages import page_of  # noqa: PLC0415

            with self._langsmith_guard:
                record.langsmith_url = page_of(record.link, record.run_id)
        return record.observation()

    def flush(self, timeout: float) -> bool:
        """Deliver what is queued within `timeout` seconds; return whether all of it went."""
        deadline = Deadline(timeout)
        delivered = True
        for reporter, guard in self._reporters:
            went = False
            with guard:
                went = reporter.flush(deadline.left)
            delivered = delivered and went
        return delivered

    def close(self, timeout: float = JOIN_SECONDS) -> None:
        """Stop the reporters' workers within `timeout` seconds."""
        deadline = Deadline(timeout)
        for reporter, guard in self._reporters:
            with guard:
                reporter.close(deadline.left)


def _breach_of(record: Record) -> tuple[str, str, str]:
    """Return the kind and the cause of the worst violation, and what broke the history, or `""`."""
    worst = worst_of(record.report.violations)
    change = record.blame.change if record.blame is not None else None
    return worst.kind, worst.cause, change or ""
