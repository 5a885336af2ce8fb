"""One checked request, as handed from the handler to the reporters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import Outcome


@dataclass(slots=True)
class TraceLink:
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


@dataclass(slots=True)
class Observation:
    """What is known of one request, from its check to its outcome.

    Attributes:
        run_id: LangChain's run id of the chat-model run.
        report: The verdict.
        mode: `"observe"` or `"strict"`.
        provider: The semantic conventions' provider name, or `""` when unknown.
        model: The model as requested, or `""` when unknown.
        conversation_id: `thread_id` of the run's metadata, or None.
        context: The OpenTelemetry context that was current at the check (never attached).
        start_ns: Wall clock at the start of the check, nanoseconds since the epoch.
        check_ns: Length of the check, nanoseconds.
        identified: Whether the provider is known; otherwise the contract judged.
        blocked: Whether strict mode stopped the request.
        link: LangSmith's side of the run, or None where it is not traced there.
        outcome: None until the end of the run is known.
        rejected_kind: The kind of violation that the provider's own error names, or None.
    """

    run_id: UUID
    report: PairingReport
    mode: str
    provider: str
    model: str
    conversation_id: str | None
    context: Context
    start_ns: int
    check_ns: int
    identified: bool
    blocked: bool = False
    link: TraceLink | None = None
    outcome: Outcome | None = None
    rejected_kind: str | None = None

    @property
    def is_near_miss(self) -> bool:
        """Whether the history was flagged with an effect other than `accept`."""
        return self.report.effect.is_near_miss


class Reporter(Protocol):
    """A place where observations go.

    Every method is called inside the handler's fail-open guard, must not block on a network and
    must be safe to call from any thread.
    """

    def checked(self, observation: Observation) -> None:
        """Take note of a check, before the request leaves."""

    def finished(self, observation: Observation) -> None:
        """Take note of an outcome; called exactly once per observation."""

    def flush(self, timeout: float) -> bool:
        """Deliver what is queued within `timeout` seconds; say whether all of it went."""

    def close(self) -> None:
        """Stop workers. Nothing is delivered afterwards."""
