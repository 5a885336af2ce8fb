"""One request in flight, as the handler and the seam write it and as reporters read it.

The application's own function gets an `Observation` and nothing else. A LangSmith client with its
key and an OpenTelemetry context travel beside it in a `Trace`, which only reporters get.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from toolpair_observe.observation import Observation

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import Outcome
    from toolpair_observe.steps.blamed import Blame


class TraceLink(NamedTuple):
    """Where the model run lives in LangSmith, read from the run's own tracer by the seam.

    Attributes:
        trace_id: Id of the root run.
        project_name: LangSmith project (`session_name`) of the run.
        client: The tracer's `langsmith.Client`; endpoint and key come from it.
        run_tree: The model run's `RunTree` in the tracer's run map, for tags and metadata.
    """

    trace_id: UUID
    project_name: str | None
    client: object
    run_tree: object


class Place(NamedTuple):
    """Where the telemetry of a request belongs.

    Attributes:
        context: The OpenTelemetry context that its spans and events belong to (never attached).
        is_model: Whether the span in it is the model call's own.
        beside: The span that was current instead of the model's, or None.
        span: The model's own span, or None.
        outer: The place without it, or None.
    """

    context: Context
    is_model: bool = False
    beside: SpanContext | None = None
    span: Any = None
    outer: Place | None = None


class Trace(NamedTuple):
    """The place of a request in the traces of the application.

    Attributes:
        place: Its place in OpenTelemetry's.
        link: LangSmith's side of the run, or None where it is not traced there.
    """

    place: Place
    link: TraceLink | None = None


@dataclass
class Record:
    """What is known of one request so far. The handler and the seam write it, reporters never.

    It is made with what the check knows. What few requests ever have is the class's own until then:
    to set it costs every request more than the check does.

    Attributes:
        place: See `Trace`.
        link: See `Trace`.
        is_left_open: Whether no callback has reported the end of the run.
        awaits_reply: Whether what the model answers will be compared with later requests.

    All other attributes are those of `Observation`.
    """

    run_id: UUID
    report: PairingReport
    mode: str
    provider: str
    model: str
    conversation_id: str | None
    start_ns: int
    check_ns: int
    identified: bool
    blocked: bool
    place: Place
    node: str | None = None
    link: TraceLink | None = field(default=None, init=False)
    outcome: Outcome | None = field(default=None, init=False)
    rejected_kind: str | None = field(default=None, init=False)
    escape_fault: str | None = field(default=None, init=False)
    rejected_companion: str | None = field(default=None, init=False)
    poisoned_thread_id: str | None = field(default=None, init=False)
    blame: Blame | None = field(default=None, init=False)
    is_fresh: bool | None = field(default=None, init=False)
    langsmith_url: str | None = field(default=None, init=False)
    is_left_open: bool = field(default=False, init=False)
    awaits_reply: bool = field(default=False, init=False)

    def observation(self) -> Observation:
        """Return a frozen copy of what is known so far."""
        span = get_current_span(self.place.context).get_span_context()
        return Observation(
            run_id=self.run_id,
            report=self.report,
            mode=self.mode,
            provider=self.provider,
            model=self.model,
            conversation_id=self.conversation_id,
            start_ns=self.start_ns,
            check_ns=self.check_ns,
            identified=self.identified,
            blocked=self.blocked,
            outcome=self.outcome,
            rejected_kind=self.rejected_kind,
            escape_fault=self.escape_fault,
            rejected_companion=self.rejected_companion,
            node=self.node,
            poisoned_thread_id=self.poisoned_thread_id,
            blame=self.blame,
            is_fresh=self.is_fresh,
            langsmith_url=self.langsmith_url,
            trace_id=format_trace_id(span.trace_id) if span.is_valid else None,
            span_id=format_span_id(span.span_id) if span.is_valid else None,
        )

    def trace(self) -> Trace:
        """Return the place of the request in the application's traces, as far as it is known."""
        return Trace(self.place, self.link)
