"""Find the span that OpenInference opened for a LangChain run.

OpenInference never makes its spans current, so the OpenTelemetry context does not lead to them.
The module is looked up in `sys.modules`, so OpenInference is not imported where it is not in use.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan

from toolpair_observe import foreign

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

_MODULE: Final = "openinference.instrumentation.langchain"


def has_span(context: Context) -> bool:
    """Whether there is a current span in `context`."""
    return trace.get_current_span(context).get_span_context().is_valid


def with_parent(context: Context, run_id: UUID) -> Context:
    """Return the context that the telemetry of a run belongs to.

    Args:
        context: The context of the model call.
        run_id: LangChain's run id of the chat-model run.

    Returns:
        `context` itself where it has a span or OpenInference has none; else `context` with
        OpenInference's span of the run in it.
    """
    if has_span(context):
        return context
    parent = span_context_of(run_id)
    if parent is None or not parent.is_valid:
        return context
    return trace.set_span_in_context(NonRecordingSpan(parent), context)


def span_context_of(run_id: UUID) -> SpanContext | None:
    """Return the context of OpenInference's span for `run_id`.

    Args:
        run_id: LangChain's run id of the chat-model run.

    Returns:
        The span's context; None where OpenInference is not active or has no open span for the
        run (it has not started it yet, or ended it already).
    """
    module = sys.modules.get(_MODULE)
    if module is None:
        return None
    instrumentor = module.LangChainInstrumentor()
    if not foreign.IS_INSTRUMENTED.of(instrumentor):
        return None
    span = foreign.GET_SPAN.of(instrumentor)(run_id)
    return None if span is None else span.get_span_context()
