"""From an observation to everything that wants to know of it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from toolpair_observe.counts import Metric, shared_stats
from toolpair_observe.fail_open import FailOpen, tell
from toolpair_observe.reporters.log import LogReporter
from toolpair_observe.reporters.otel import OtelReporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langsmith import Client
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from toolpair_observe.counts import Stats
    from toolpair_observe.observation import Observation, Reporter
    from toolpair_observe.reporters.hook import NearMissHook
    from toolpair_observe.settings import Settings


class Pipeline:
    """The counts and the reporters of one handler. A reporter that fails stops no other.

    Args:
        settings: What to report where.
        tracer_provider: None for the application's global one.
        meter_provider: None for the application's global one.
        logger_provider: None for the application's global one.
        langsmith_client: None for the client of each run's own tracer.
        on_near_miss: The application's own function.

    Attributes:
        stats: The counts, shared by all handlers of a meter provider.
    """

    def __init__(  # noqa: PLR0913 -- each is a place of its own
        self,
        settings: Settings,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        langsmith_client: Client | None = None,
        on_near_miss: NearMissHook | None = None,
    ) -> None:
        self.stats: Stats = shared_stats(meter_provider, settings.max_label_values)
        reporters: dict[str, Reporter] = {
            "log": LogReporter(settings),
            "otel": OtelReporter(
                settings,
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                logger_provider=logger_provider,
                stats=self.stats,
            ),
        }
        if settings.feedback != "off":
            # Imports the LangSmith client, which takes longer than all the rest.
            from toolpair_observe.reporters.langsmith.feedback import LangSmithReporter  # noqa: PLC0415

            reporters["langsmith"] = LangSmithReporter(
                settings, client=langsmith_client, stats=self.stats
            )
        if on_near_miss is not None:
            from toolpair_observe.reporters.hook import HookReporter  # noqa: PLC0415

            reporters["hook"] = HookReporter(on_near_miss, self.stats)
        self.report_to(reporters)

    def report_to(self, reporters: Mapping[str, Reporter]) -> None:
        """Report to these and to no others, each under its name."""
        # A guard keeps nothing that the next use would mind, so each reporter needs one only.
        self._reporters = [
            (reporter, FailOpen(self.stats, name)) for name, reporter in reporters.items()
        ]
        self._on_checked = [(reporter.checked, guard) for reporter, guard in self._reporters]
        self._on_finished = [(reporter.finished, guard) for reporter, guard in self._reporters]

    def checked(self, observation: Observation) -> None:
        """Count and report a check."""
        report = observation.report
        add = self.stats.add
        provider, model = observation.provider, observation.model
        add(Metric.CHECKS, (report.effect, observation.mode, provider, model))
        for violation in report.violations:
            labels = (violation.kind, violation.effect, violation.cause, provider, model)
            add(Metric.VIOLATIONS, labels)
        tell(self._on_checked, observation)

    def finished(self, observation: Observation) -> None:
        """Count and report an outcome."""
        if observation.outcome is not None:
            labels = (
                observation.outcome,
                observation.report.effect,
                observation.provider,
                observation.model,
            )
            self.stats.add(Metric.OUTCOMES, labels)
        tell(self._on_finished, observation)

    def flush(self, timeout: float) -> bool:
        """Deliver what is queued within `timeout` seconds; say whether all of it went."""
        deadline = monotonic() + timeout
        delivered = True
        for reporter, guard in self._reporters:
            went = False
            with guard:
                went = reporter.flush(max(0.0, deadline - monotonic()))
            delivered = delivered and went
        return delivered

    def close(self) -> None:
        """Stop the reporters' workers."""
        for reporter, guard in self._reporters:
            with guard:
                reporter.close()
