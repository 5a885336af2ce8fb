"""One history of somebody else's tests: predicted, sent by the real client, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integrations.observe import observe_messages
from tests.integrations.predictions import Comparison
from toolpair_observe import Effect, check_messages

from .kept import ids_of, plain, unpaired
from .marks import marked

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from tests.integrations.recorders import Recorder


@dataclass(frozen=True)
class ConverterComparison(Comparison):
    """A comparison of messages that no timeline describes.

    Attributes:
        messages: What was sent.
    """

    messages: tuple[BaseMessage, ...] = ()

    @property
    def is_exception(self) -> bool:
        """Nothing is excused here."""
        return False

    @property
    def problem(self) -> str:
        """As for timelines, but which of two local errors comes first is not asked here."""
        return "" if self.predicted == self.happened == Effect.LOCAL_ERROR else super().problem

    @property
    def blamed_ids(self) -> set[str]:
        """Ids that the report names, and ids in the messages that it names."""
        violations = self.report.violations
        places = {v.message_index for v in violations} | {v.call_message_index for v in violations}
        ids = {v.tool_call_id or "" for v in violations}
        return ids.union(*(ids_of(one) for at, one in enumerate(self.messages) if at in places))

    def __str__(self) -> str:
        kinds = ", ".join(
            f"{v.kind.value}@{v.message_index}={v.effect.value}" for v in self.report.violations
        )
        return (
            f"{self.problem}\n    predicted {self.report.effect.value}: {kinds or 'clean'}\n"
            f"    observed  {self.observed.effect}: {self.observed.line or 'nothing changed'}\n"
            + "\n".join(f"      {_line(message)}" for message in self.messages)
        )


def _line(message: BaseMessage) -> str:
    fields = {
        name: value
        for name, value in message
        if value and name not in ("id", "usage_metadata") and name != "type"
    }
    return f"{type(message).__name__}({', '.join(f'{k}={v!r}' for k, v in fields.items())})"


def compare(recorder: Recorder, messages: list[BaseMessage]) -> ConverterComparison | None:
    """Predict and observe one history; None where something else than its pairs is refused.

    It is something else where the same calls and results pass without the pictures, files and
    unknown blocks around them, or where a client raises as well if no call and no result is left.
    """
    messages = marked(messages)
    compared = _compare(recorder, messages)
    if not (compared.problem and _is_about_content(compared)):
        return compared
    without = _compare(recorder, plain(messages))
    if without.observed.line != compared.observed.line and not _is_about_content(without):
        return without
    anyway = observe_messages(recorder, unpaired(messages))
    if anyway.error == compared.observed.error:
        return None
    return compared


def _is_about_content(compared: ConverterComparison) -> bool:
    """Whether a client or a judge stumbled, maybe over something that it cannot read."""
    kinds = {breach.kind for breach in compared.observed.breaches}
    return bool(compared.observed.error) or any(
        one == "schema" or one[:1].isupper() for one in kinds
    )


def _compare(recorder: Recorder, messages: list[BaseMessage]) -> ConverterComparison:
    integration = recorder.integration
    return ConverterComparison(
        steps=(),
        report=check_messages(
            messages,
            profile=integration.profile,
            integration_version=integration.version,
            **integration.facts,
        ),
        observed=observe_messages(recorder, messages),
        made_by=str(integration),
        is_sound=check_messages(messages).ok,
        messages=tuple(messages),
    )
