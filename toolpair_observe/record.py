"""One request in flight, as the handler and the seam write it and as reporters read it.

The application's own function gets an `Observation` and nothing else. A LangSmith client with its
key and an OpenTelemetry context travel beside it in a `Trace`, which only reporters get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from toolpair_observe.observation import Observation

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import Outcome


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


class Trace(NamedTuple):
    """The place of a request in the traces of the application.

    Attributes:
        context: The OpenTelemetry context that its spans and events belong to (never attached).
        link: LangSmith's side of the run, or None where it is not traced there.
    """

    context: Context
    link: TraceLink | None = None


@dataclass(slots=True)
class Record:
    """What is known of one request so far. The handler and the seam write it, reporters never.

    Attributes:
        context: See `Trace`.
        link: See `Trace`.

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
    context: Context
    link: TraceLink | None = None
    outcome: Outcome | None = None
    rejected_kind: str | None = None
    escape_fault: str | None = None
    rejected_companion: str | None = None
    node: str | None = None
    poisoned_thread_id: str | None = None

    def observation(self) -> Observation:
        """Return a frozen copy of what is known so far."""
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
        )

    def trace(self) -> Trace:
        """Return the place of the request in the application's traces, as far as it is known."""
        return Trace(self.context, self.link)
