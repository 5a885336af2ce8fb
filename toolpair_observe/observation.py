"""`Observation`: one checked request, as handed to an application's own function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import told
from toolpair_observe.pairing.words import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.steps.blamed import Blame

UNKNOWN_KIND: Final = "unknown"


def is_finding(report: PairingReport, outcome: Outcome | None) -> bool:
    """Whether a request is worth reporting: it is a near miss, or an escape."""
    return report.effect.is_near_miss or outcome is Outcome.ESCAPED


def fresh_masked(masked: tuple[MaskedResult, ...]) -> tuple[MaskedResult, ...]:
    """Return the made-up results that the model sees for the first time.

    The others were told with the request in which they were new.
    """
    return tuple(each for each in masked if each.fresh)


@dataclass(frozen=True, slots=True, repr=False)
class Observation:
    """What is known of one request: its check and, once it has ended, its outcome.

    It holds no message content and refers to no client or key, so an application can log it, keep
    it and hand it to other threads.

    Attributes:
        run_id: LangChain's run id of the chat-model run.
        report: The verdict.
        mode: `"observe"` or `"strict"`.
        provider: The semantic conventions' provider name, or `""` when unknown.
        model: The model as requested, or `""` when unknown.
        conversation_id: `thread_id` of the run's metadata, cut to 256 characters, or None; its hash
            where `hash_ids` is on.
        start_ns: Wall clock at the start of the check, nanoseconds since the epoch.
        check_ns: Length of the check, nanoseconds.
        identified: Whether the provider is known. If not, LangChain's own contract was the measure.
        blocked: Whether strict mode stopped the request.
        outcome: None until the end of the run is known.
        rejected_kind: The kind of violation that the provider's own error names, or None.
        escape_fault: Of an escape, whose fault it is: `"check"` where the profile lacks a rule,
            `"server"` where a gateway's or a self-hosted server's converter broke a sound history.
            Otherwise None.
        rejected_companion: What stands beside a call and was refused, such as a thinking block's
            signature (`"thinking_signature"`), where the pairing was not the reason. Otherwise
            None.
        node: `langgraph_node` of the run's metadata, cut to 256 characters, or None.
        poisoned_thread_id: Of a near miss in a LangGraph node, the thread whose history is broken
            as its checkpointer stores it, so that every later turn meets a breach until the thread
            is mended; cut or hashed like `conversation_id`. None where the request alone is
            broken, and where it can't be told: no checkpointer, a state without a channel
            `messages`, one call of a subgraph.
        blame: Of a near miss, the step after which the history was broken; None where nothing
            tells.
        is_fresh: Of a near miss, whether its breach is new in its conversation; False where an
            earlier request had it, None where the conversation can't be told.
        langsmith_url: The model run's page in LangSmith, or None where it is not traced there. Its
            address has the ids of the workspace and of the project: it is None as long as neither
            the tracer's client nor feedback that was delivered has told them.
        trace_id: The OpenTelemetry trace that the telemetry of the check is part of, 32 lowercase
            hex digits, or None where there is none.
        span_id: The span that the check stands below, 16 lowercase hex digits, or None: that of the
            model's own call where an instrumentor has one, else what was current.
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
    blocked: bool = False
    outcome: Outcome | None = None
    rejected_kind: str | None = None
    escape_fault: str | None = None
    rejected_companion: str | None = None
    node: str | None = None
    poisoned_thread_id: str | None = None
    blame: Blame | None = None
    is_fresh: bool | None = None
    langsmith_url: str | None = None
    trace_id: str | None = None
    span_id: str | None = None

    def __repr__(self) -> str:
        return told(self)

    def explain(self, *, width: int | None = None, color: bool = False) -> str:
        """Return what `report.explain()` does, with what broke the history where that is known.

        Args:
            width: Columns, at least 60; None for those of the terminal, or 80 where there is none.
            color: Whether to color it for a terminal.
        """
        # Only for people.
        from toolpair_observe.pairing.explain import explain  # noqa: PLC0415
        from toolpair_observe.pairing.terminal import screen  # noqa: PLC0415
        from toolpair_observe.steps.told import tell  # noqa: PLC0415

        broken_by = tell(self.blame, self.report) if self.blame else ""
        return explain(self.report, broken_by=broken_by, screen=screen(width=width, color=color))

    @property
    def is_near_miss(self) -> bool:
        """Whether the history was flagged with an effect other than `accept`."""
        return self.report.effect.is_near_miss

    @property
    def is_finding(self) -> bool:
        """Whether the request is worth reporting: a near miss, or an escape."""
        return is_finding(self.report, self.outcome)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of violation, each once, the worst first.

        Of an escape it is the kind that the provider's error names: the check saw none that
        mattered.
        """
        if self.outcome is Outcome.ESCAPED:
            return (self.named_kind,)
        found = sorted(self.report.violations, key=lambda each: each.effect.rank)
        return tuple(dict.fromkeys(each.kind.value for each in found))

    @property
    def named_kind(self) -> str:
        """The kind of violation that the provider's error names, or `"unknown"`."""
        return str(self.rejected_kind or UNKNOWN_KIND)
