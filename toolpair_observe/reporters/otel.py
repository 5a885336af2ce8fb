"""Spans and events through the OpenTelemetry API; the metrics are in `otel_metrics`.

Only the API is used, so all of it does nothing in an application without an SDK. A span and its
events are written once the outcome is known, with the times and the context of the check. So no
span stays open, and none depends on a context that may be gone by then.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from toolpair_observe import semconv
from toolpair_observe.otel_api import event_logger_of, is_taken, tracer_of
from toolpair_observe.pairing.shown import clean
from toolpair_observe.pairing.words import Effect, Outcome
from toolpair_observe.reporters.otel_masked import write_masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from toolpair_observe.fail_open import FailOpen
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.report import Violation
    from toolpair_observe.record import Trace, TraceLink
    from toolpair_observe.settings import Settings

_BROKEN = frozenset({Outcome.BLOCKED, Outcome.REJECTED, Outcome.ESCAPED})
_STOPPED = frozenset({Outcome.BLOCKED, Outcome.REJECTED})
_WORST_FIRST = {effect: rank for rank, effect in enumerate(Effect)}


class OtelReporter:
    """Report observations through OpenTelemetry.

    Args:
        settings: What to write.
        guard: Counts what fails in reading LangSmith's side of a run; the span goes without.
        tracer_provider: None for the application's global one.
        logger_provider: None for the application's global one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        guard: FailOpen,
        tracer_provider: TracerProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self.wants_sound = settings.spans == "all" or settings.evaluation_events
        self._tracer = tracer_of(tracer_provider)
        self._logger = event_logger_of(logger_provider)

    def flagged(self, observation: Observation, trace: Trace) -> None:
        """Wait for the outcome: a span that is open until then could be lost."""

    def finished(self, observation: Observation, trace: Trace) -> None:
        """Write the span and the events of the request."""
        wants_span = self._wants_span(observation)
        if not (wants_span or self._settings.evaluation_events):
            return
        place = trace.place
        context = place.context
        if wants_span:
            own_context = self._write(observation, trace)
            # What is evaluated is the model's call, and its span is where to look for a verdict.
            context = context if place.is_model else own_context
        if self._settings.evaluation_events:
            self._write_evaluation(observation, context)

    def mended(self, observation: Observation, trace: Trace) -> None:
        """Write the events of made-up results, in the context of the request itself."""
        write_masked(self._logger, observation, trace.place.context)

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 -- nothing is queued here
        """Return True: nothing is queued here, and the application flushes its own SDK."""
        return True

    def close(self, timeout: float = 0.0) -> None:
        """Do nothing: there is no worker."""

    def _wants_span(self, observation: Observation) -> bool:
        if self._settings.spans == "near_miss":
            return observation.is_finding
        return self._settings.spans == "all"

    def _write(self, observation: Observation, trace: Trace) -> Context:
        place = trace.place
        parent = place.context
        end_ns = observation.start_ns + observation.check_ns
        span = self._tracer.start_span(
            semconv.SPAN_CHECK,
            context=parent,
            kind=SpanKind.INTERNAL,
            # All that cost little to make: a sampler sees them, and an SDK takes its locks, and
            # looks at the mapping, each time.
            attributes=_attributes(observation),
            # The model's span may be of another trace than the application's, and joins them then.
            links=() if place.beside is None else (Link(place.beside),),
            start_time=observation.start_ns,
        )
        if span.is_recording():
            if trace.link is not None:
                span.set_attributes(self._nested(trace.link, observation))
            if observation.outcome in _BROKEN:
                span.set_status(Status(StatusCode.ERROR, _status_text(observation)))
        context = set_span_in_context(span, parent)
        self._write_violations(observation, context, end_ns)
        span.end(end_ns)
        return context

    def _nested(self, link: TraceLink, observation: Observation) -> dict[str, AttributeValue]:
        """Return what LangSmith nests the span by, below the run that its own tracer writes."""
        from toolpair_observe.reporters.langsmith.nesting import nesting_of  # noqa: PLC0415

        with self._guard:
            return nesting_of(link, observation.run_id, observation.start_ns)
        return {}

    def _write_violations(self, observation: Observation, context: Context, time_ns: int) -> None:
        report = observation.report
        if not report.violations:
            return
        # None of them is more severe than this one.
        most = _severity(report.effect, observation.outcome)
        if not is_taken(self._logger, semconv.EVENT_VIOLATION, most, context):
            return
        shown = _worst(report.violations, semconv.MAX_VIOLATION_EVENTS)
        omitted = report.violation_count - len(shown)
        for position, violation in enumerate(shown, start=1):
            severity = _severity(violation.effect, observation.outcome)
            attributes = self._describe(violation)
            if omitted and position == len(shown):
                attributes[semconv.VIOLATION_OMITTED] = omitted
            self._logger.emit(
                timestamp=time_ns,
                context=context,
                severity_number=severity,
                severity_text=severity.name,
                attributes=attributes,
                event_name=semconv.EVENT_VIOLATION,
            )

    def _describe(self, violation: Violation) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            semconv.VIOLATION_KIND: str(violation.kind),
            semconv.VIOLATION_EFFECT: str(violation.effect),
            semconv.VIOLATION_CAUSE: str(violation.cause),
            semconv.MESSAGE_INDEX: violation.message_index,
        }
        if violation.tool_call_id:
            attributes[semconv.GEN_AI_TOOL_CALL_ID] = clean(violation.tool_call_id)
        if violation.tool_name:
            attributes[semconv.GEN_AI_TOOL_NAME] = clean(violation.tool_name)
        return attributes

    def _write_evaluation(self, observation: Observation, context: Context) -> None:
        failed = observation.is_finding
        attributes: dict[str, AttributeValue] = {
            semconv.EVALUATION_NAME: semconv.EVALUATION_TOOL_PAIRING,
            semconv.EVALUATION_SCORE_VALUE: 0.0 if failed else 1.0,
            semconv.EVALUATION_SCORE_LABEL: (
                semconv.EVALUATION_FAIL if failed else semconv.EVALUATION_PASS
            ),
        }
        if kinds := observation.kinds:
            attributes[semconv.EVALUATION_EXPLANATION] = ", ".join(kinds)
        self._logger.emit(
            timestamp=observation.start_ns + observation.check_ns,
            context=context,
            severity_number=SeverityNumber.INFO,
            severity_text=SeverityNumber.INFO.name,
            attributes=attributes,
            event_name=semconv.EVENT_EVALUATION,
        )


def _attributes(observation: Observation) -> dict[str, AttributeValue]:
    report, outcome = observation.report, observation.outcome
    attributes: dict[str, AttributeValue] = {
        semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_GUARDRAIL,
        semconv.MODE: observation.mode,
        semconv.PROFILE: clean(report.profile),
        semconv.EFFECT: str(report.effect),
    }
    if outcome is not None:
        attributes[semconv.OUTCOME] = str(outcome)
    if outcome in _BROKEN:
        attributes[semconv.ERROR_TYPE] = semconv.ERROR_INVALID_TOOL_RESULTS
    if observation.provider:
        attributes[semconv.GEN_AI_PROVIDER_NAME] = clean(observation.provider)
    if observation.model:
        attributes[semconv.GEN_AI_REQUEST_MODEL] = clean(observation.model)
    if observation.conversation_id:
        attributes[semconv.GEN_AI_CONVERSATION_ID] = clean(observation.conversation_id)
    _add_details(attributes, observation)
    _add_hindsight(attributes, observation)
    return attributes


def _add_details(attributes: dict[str, AttributeValue], observation: Observation) -> None:
    report = observation.report
    attributes[semconv.MESSAGE_COUNT] = report.message_count
    attributes[semconv.CALL_COUNT] = report.call_count
    attributes[semconv.RESULT_COUNT] = report.result_count
    attributes[semconv.VIOLATION_COUNT] = report.violation_count
    attributes[semconv.LANGSMITH_RUN_ID] = str(observation.run_id)
    if report.violations:
        kinds: dict[str, None] = {}
        causes: dict[str, None] = {}
        for each in report.violations:
            kinds[str(each.kind)] = causes[str(each.cause)] = None
        attributes[semconv.VIOLATION_KINDS] = tuple(kinds)
        attributes[semconv.VIOLATION_CAUSES] = tuple(causes)
    if (omitted := report.violation_count - semconv.MAX_VIOLATION_EVENTS) > 0:
        attributes[semconv.VIOLATION_OMITTED] = omitted
    if observation.rejected_kind:
        attributes[semconv.REJECTED_KIND] = str(observation.rejected_kind)
    if observation.escape_fault:
        attributes[semconv.ESCAPE_FAULT] = str(observation.escape_fault)
    if observation.rejected_companion:
        attributes[semconv.REJECTED_COMPANION] = str(observation.rejected_companion)


def _add_hindsight(attributes: dict[str, AttributeValue], observation: Observation) -> None:
    """Add whether the breach is new, and what broke the history."""
    if observation.is_fresh is not None:
        attributes[semconv.BREACH_FRESH] = observation.is_fresh
    blame = observation.blame
    if blame is None:
        return
    if blame.step:
        attributes[semconv.BLAME_STEP] = clean(blame.step)
    if blame.change:
        attributes[semconv.BLAME_CHANGE] = blame.change.value
    if blame.requests_ago:
        attributes[semconv.BLAME_REQUESTS_AGO] = blame.requests_ago


def _status_text(observation: Observation) -> str:
    who = "strict mode" if observation.outcome is Outcome.BLOCKED else "the provider"
    what = ", ".join(observation.kinds) or "tool calls and results do not pair"
    return f"refused by {who}: {what}"


def _worst(violations: Sequence[Violation], limit: int) -> Sequence[Violation]:
    """The first `limit` violations, the worst effects first where there are more."""
    if len(violations) <= limit:
        return violations
    return nsmallest(limit, violations, key=lambda violation: _WORST_FIRST[violation.effect])


def _severity(effect: Effect, outcome: Outcome | None) -> SeverityNumber:
    if not effect.is_near_miss:
        return SeverityNumber.INFO
    return SeverityNumber.ERROR if outcome in _STOPPED else SeverityNumber.WARN
