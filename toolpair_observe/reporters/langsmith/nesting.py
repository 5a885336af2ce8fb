"""How LangSmith finds the place of a span of ours below a run that its own tracer writes.

An OpenTelemetry span id is too short to name a run. So LangSmith takes the place of a span from
attributes with the ids of its own, where an application sends its spans there, too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid5

from toolpair_observe import foreign, semconv
from toolpair_observe.pairing.shown import clean
from toolpair_observe.reporters.langsmith.address import copy_of, project_of

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.util.types import AttributeValue

    from toolpair_observe.record import TraceLink


def nesting_of(link: TraceLink, run_id: UUID, start_ns: int) -> dict[str, AttributeValue]:
    """Return the attributes that nest the span of a check below its run.

    Args:
        link: LangSmith's side of the run.
        run_id: The run.
        start_ns: When the check started, nanoseconds since the epoch.

    Returns:
        Nothing where the run is not written under that id: a parent that does not exist would hide
        the span.
    """
    order = foreign.DOTTED_ORDER.of(link.run_tree)
    copy = copy_of(link)
    if copy is None or not order:
        return {}
    # Made of what the span stands for, so that one that is sent twice stays one.
    span_id = str(uuid5(run_id, semconv.SPAN_CHECK))
    started = datetime.fromtimestamp(start_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%S%fZ")
    attributes: dict[str, AttributeValue] = {
        semconv.LANGSMITH_TRACE_ID: str(link.trace_id),
        semconv.LANGSMITH_PARENT_ID: str(run_id),
        semconv.LANGSMITH_SPAN_ID: span_id,
        semconv.LANGSMITH_DOTTED_ORDER: f"{order}.{started}{span_id}",
        semconv.LANGSMITH_SPAN_KIND: semconv.LANGSMITH_CHAIN,
    }
    if project := project_of(link, copy):
        attributes[semconv.LANGSMITH_PROJECT] = clean(project)
    return attributes
