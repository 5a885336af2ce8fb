"""Our prediction beside what really happened, and how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe import Effect, check_messages

from .histories import messages_of, text_of
from .observe import Observed, observe

if TYPE_CHECKING:
    from toolpair_observe import PairingReport

    from .histories import Timeline
    from .recorders import Recorder

DECIDED = ("local_error", "reject", "silent_loss")
HARMLESS = "nothing decided"
REFUSED_OTHERWISE = "reject_other"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One history: predicted and observed.

    Attributes:
        steps: The history.
        report: What we predict.
        observed: What happened.
        made_by: The integration with its version.
    """

    steps: Timeline
    report: PairingReport
    observed: Observed
    made_by: str

    @property
    def predicted(self) -> str:
        """The predicted effect, as far as it commits itself."""
        return self.report.effect.value if self.report.effect in DECIDED else HARMLESS

    @property
    def happened(self) -> str:
        """The observed effect, as far as anything is known of it."""
        return self.observed.effect if self.observed.effect in DECIDED else HARMLESS

    @property
    def problem(self) -> str:
        """How prediction and observation differ, `""` where they agree."""
        if self.observed.effect == REFUSED_OTHERWISE and self.predicted != Effect.LOCAL_ERROR:
            return ""
        if self.predicted != self.happened:
            return f"predicted {self.predicted}, observed {self.happened}"
        if self.observed.error and self.error_class not in self.expected_errors:
            return f"predicted another error than {self.error_class}"
        if self.happened == Effect.SILENT_LOSS and self.lost_places - self.predicted_places:
            return f"loss at messages {sorted(self.lost_places - self.predicted_places)} unforeseen"
        return ""

    @property
    def error_class(self) -> str:
        """Bare name of the observed exception."""
        return self.observed.error.rpartition(".")[2]

    @property
    def expected_errors(self) -> str:
        """What the report says about local errors."""
        violations = self.report.violations
        return "\n".join(v.expected_error for v in violations if v.effect == Effect.LOCAL_ERROR)

    @property
    def lost_places(self) -> set[int]:
        """Messages of which something was lost on the way."""
        return {loss.message for loss in self.observed.silent}

    @property
    def predicted_places(self) -> set[int | None]:
        """Messages that the report names."""
        return {
            place
            for violation in self.report.violations
            for place in (violation.message_index, violation.call_message_index)
        }

    def __str__(self) -> str:
        kinds = ", ".join(
            f"{v.kind.value}@{v.message_index}={v.effect.value}" for v in self.report.violations
        )
        return (
            f"{text_of(self.steps)}\n"
            f"    {self.made_by}: {self.problem}\n"
            f"    predicted {self.report.effect.value}: {kinds or 'clean'}\n"
            f"    observed  {self.observed.effect}: {self.observed.line or 'nothing changed'}"
        )


def compare(recorder: Recorder, steps: Timeline) -> Comparison:
    """Predict and observe one history."""
    integration = recorder.integration
    messages = messages_of(steps)
    report = check_messages(messages, profile=integration.profile, **integration.facts)
    return Comparison(steps, report, observe(recorder, steps), str(integration))
