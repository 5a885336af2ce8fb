"""Find the span that OpenInference opened for a LangChain run.

OpenInference never makes its spans current, so the OpenTelemetry context does not lead to them.
It is looked up among the modules that are loaded already: a process that does not use it neither
needs nor imports it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

_MODULE: Final = "openinference.instrumentation.langchain"


def has_span(context: Context) -> bool:
    """Whether a span of anybody's is current in `context`."""
    return trace.get_current_span(context).get_span_context().is_valid


def with_parent(context: Context, run_id: UUID) -> Context:
    """Return the context that what is written of a run belongs to.

    Args:
        context: The context that is current where the application calls the model.
        run_id: LangChain's run id of the chat-model run.

    Returns:
        `context` itself where it has a span or OpenInference has none; else the same one with
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
    if not instrumentor.is_instrumented_by_opentelemetry:
        return None
    span = instrumentor.get_span(run_id)
    return None if span is None else span.get_span_context()
