"""Events of results that other software made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry._logs import SeverityNumber

from toolpair_observe import semconv
from toolpair_observe.observation import fresh_masked
from toolpair_observe.pairing.shown import clean

if TYPE_CHECKING:
    from opentelemetry._logs import Logger
    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.masked import MaskedResult


def write_masked(logger: Logger, observation: Observation, context: Context) -> None:
    """Write an event for each made-up result that is new in a request, a bounded number of them.

    Args:
        logger: Where events go.
        observation: The request.
        context: The context that the events belong to.
    """
    found = fresh_masked(observation.report.masked)
    shown = found[: semconv.MAX_MASKED_EVENTS]
    omitted = len(found) - len(shown)
    for position, masked in enumerate(shown, start=1):
        attributes = _described(masked)
        if omitted and position == len(shown):
            attributes[semconv.MASKED_OMITTED] = omitted
        logger.emit(
            timestamp=observation.start_ns + observation.check_ns,
            context=context,
            severity_number=SeverityNumber.INFO,
            severity_text=SeverityNumber.INFO.name,
            attributes=attributes,
            event_name=semconv.EVENT_MASKED,
        )


def _described(masked: MaskedResult) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.MASKED_KIND: masked.kind.value,
        semconv.MASKED_BY: clean(masked.by),
        semconv.MASKED_EVIDENCE: masked.evidence.value,
        semconv.MESSAGE_INDEX: masked.message_index,
    }
    named = {
        semconv.MASKED_STEP: masked.step,
        semconv.GEN_AI_TOOL_CALL_ID: masked.tool_call_id,
        semconv.GEN_AI_TOOL_NAME: masked.tool_name,
    }
    return attributes | {name: clean(value) for name, value in named.items() if value}
