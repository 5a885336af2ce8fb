"""The prediction, the observed effect, and their differences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe import Effect, check_messages

from .histories import messages_of, text_of
from .observe import Observed, observe

if TYPE_CHECKING:
    from toolpair_observe import PairingReport

    from .histories import Timeline
    from .recorders import Recorder

UNKNOWN_CONTENT = re.compile(
    r"[Uu]nsupported (message|content block)|Only text, image_url|Unrecognized message part"
    r"|AssistantChatMessageV2|Unmarshaller|Invalid user message|has no content|Got unknown type"
    r"|Unexpected message with type|^'(toolUseId|function|chat|remove)'$"
)
"""Local errors about a message type or content block that the integration does not take."""
MESSAGE_ORDER = re.compile(
    r"non-consecutive system|model prefilling|last message is not|contents are required"
    r"|requires at least one"
)
"""Local errors about the order of messages, which a history without a call can have as well."""
EXCEPTIONS = (
    # Merging neighbors, langchain-core reads cut-off arguments again, and takes them for whole.
    ("bedrock-converse", r"\bA\S* A[^ ]*\S*![a-z]|![a-z]\S* A"),
    # Of Anthropic's blocks for a valid and an invalid call it makes the valid call twice.
    ("bedrock-converse", r"\bA\^\((?=\S*!)[^ ]*,"),
    # Merging neighbors whose calls share an id, Converse's conversion keeps one of them.
    ("bedrock-converse", r"\bA\S*\([^ ]*?\b([a-z])\b\S*\) A\S*\((?:\S*,)?\1\b"),
)
"""Profiles, and timelines that they are known to misjudge: too rare for a rule."""
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
        is_sound: Whether the history keeps LangChain's contract.
    """

    steps: Timeline
    report: PairingReport
    observed: Observed
    made_by: str
    is_sound: bool

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
        if self.is_exception:
            return ""
        if self.is_no_matter_of_pairing and self.predicted != Effect.LOCAL_ERROR:
            return ""
        if self.predicted != self.happened:
            return f"predicted {self.predicted}, observed {self.happened}"
        if self.observed.error and self.error_class not in self.expected_errors:
            return f"predicted another error than {self.error_class}"
        if self.happened == Effect.SILENT_LOSS and self.lost_ids - self.blamed_ids:
            return f"unforeseen loss at {sorted(self.lost_ids - self.blamed_ids)}"
        return ""

    @property
    def is_exception(self) -> bool:
        """Whether this is one of the misjudged histories that are known."""
        text = text_of(self.steps)
        return any(
            self.report.profile.startswith(profile) and re.search(pattern, text)
            for profile, pattern in EXCEPTIONS
        )

    @property
    def is_no_matter_of_pairing(self) -> bool:
        """Whether the history fails for a reason that has nothing to do with its pairs.

        An order that is refused is none either where all that the contract misses is the answer to
        an invalid call which is not sent.
        """
        if UNKNOWN_CONTENT.search(self.observed.text):
            return True
        if MESSAGE_ORDER.search(self.observed.text):
            return self.is_sound or not self.report.violations
        return self.observed.effect == REFUSED_OTHERWISE

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
    def lost_ids(self) -> set[str]:
        """Ids of the calls and results of which something was lost on the way."""
        return {loss.id or "" for loss in self.observed.silent}

    @property
    def blamed_ids(self) -> set[str]:
        """Ids that the report names, and ids in the messages that it names."""
        violations = self.report.violations
        places = {v.message_index for v in violations} | {v.call_message_index for v in violations}
        refs = [ref for at, step in enumerate(self.steps) if at in places for ref in step.refs]
        return {v.tool_call_id for v in violations} | {ref.id or "" for ref in refs}

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
    report = check_messages(
        messages,
        profile=integration.profile,
        integration_version=integration.version,
        **integration.facts,
    )
    is_sound = check_messages(messages).ok
    return Comparison(steps, report, observe(recorder, steps), str(integration), is_sound)
