"""Where the telemetry of a request belongs: below the span of its own model call.

What is current at a callback is seldom that span. OpenInference never makes its spans current, so
the application's request is; Traceloop and the official GenAI instrumentation make the chain's
current; Langfuse's is lost in `ainvoke`, where it is attached in another task. So each is asked for
the span of the run, by the run's id. Nothing of them is imported, and nothing is ever attached.

Nobody but OpenInference promises what is read here. Where it has moved, the next one is asked, and
the current span is the parent at last: a worse place, but one in the same trace.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    get_current_span,
    set_span_in_context,
)

from toolpair_observe import foreign
from toolpair_observe.record import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler

    from toolpair_observe.fail_open import FailOpen
    from toolpair_observe.record import Record

    # Each returns the span of a run, or None: its arguments are the run's id and the handlers of
    # the run.
    Reader = Callable[[UUID, Iterable[BaseCallbackHandler]], Any]


def at_check() -> Place:
    """Return the place of a request that is being checked: what is current."""
    context = get_current()
    return Place(context) if context else _NOWHERE


def at_start(
    place: Place,
    run_id: UUID,
    handlers: Sequence[BaseCallbackHandler] | None,
    guard: FailOpen,
) -> Place:
    """Return the place of a request whose handlers have started.

    Args:
        place: Its place at the check.
        run_id: LangChain's run id of the chat-model run.
        handlers: The handlers of the run, which have all started; None outside of the seam, where
            they are not known.
        guard: Counts what fails in looking for the model's span.
    """
    here = get_current()
    fallback = Place(here) if _span_in(here).is_valid else place
    return _below(_model_span(run_id, handlers, guard), fallback)


def at_end(record: Record, guard: FailOpen) -> Place:
    """Return the place of a request whose outcome is known, better than before where that can be.

    A handler outside of the seam, and before the others, finds only now what they have started.
    And LangSmith's client writes a run as a span on a thread of its own, a moment after its start.

    Where a call is canceled, no callback tells anybody: a span of the model's that is still open
    then is never sent, and what stands below it would hang in the air.

    Args:
        record: The record of the request, with its place so far.
        guard: Counts what fails in looking for the model's span.
    """
    place, run_id, link = record.place, record.run_id, record.link
    if record.is_left_open:
        with guard:
            return place.outer if place.outer is not None and place.span.is_recording() else place
        return place
    if place.is_model:
        return place
    found = _model_span(run_id, None, guard)
    if found is None and link is not None:
        with guard:
            found = _valid(langsmith_span(link.client, run_id))
    return _below(found, place)


def langsmith_span(client: object, run_id: UUID) -> Any:  # noqa: ANN401 -- a span, as far as we know
    """Return the span that LangSmith's client writes a run as, or None.

    Args:
        client: The client of the run's tracer.
        run_id: The run's id.

    Returns:
        None where the client writes runs in another way, has not begun the span yet, or has ended
        it. Its ids can't be computed: those that the client derives from the run's are never sent.
    """
    spans = foreign.LANGSMITH_SPANS.of(foreign.OTEL_EXPORTER.of(client), {})
    kept = spans.get(run_id)
    name = foreign.LANGSMITH_SPAN.name
    # Older releases keep a mapping of each span.
    return kept.get(name) if isinstance(kept, Mapping) else foreign.LANGSMITH_SPAN.of(kept)


def _below(span: Any, place: Place) -> Place:  # noqa: ANN401 -- of another library
    if span is None:
        return place
    parent = span.get_span_context()
    current = _span_in(place.context)
    is_other = current.is_valid and (current.trace_id, current.span_id) != (
        parent.trace_id,
        parent.span_id,
    )
    below = set_span_in_context(NonRecordingSpan(parent), place.context)
    beside = current if is_other else None
    return Place(below, is_model=True, beside=beside, span=span, outer=place)


def _model_span(
    run_id: UUID, handlers: Sequence[BaseCallbackHandler] | None, guard: FailOpen
) -> Any:  # noqa: ANN401 -- of another library
    if sys.modules.keys().isdisjoint(_MODULES):
        return None
    if handlers is None:
        from langchain_core.callbacks import CallbackManager  # noqa: PLC0415 -- brings all messages

        # Instrumentors give theirs to every manager as it is made.
        handlers = CallbackManager(handlers=[]).handlers
    for read in _READERS:
        # Each by itself: one that has changed hides none of the others.
        try:
            found = _valid(read(run_id, handlers))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            guard.swallow(error, error.__traceback__)
        else:
            if found is not None:
                return found
    return None


def _valid(span: Any) -> Any:  # noqa: ANN401 -- of another library
    if span is None:
        return None
    context = span.get_span_context()
    return span if isinstance(context, SpanContext) and context.is_valid else None


def _span_in(context: Context) -> SpanContext:
    return get_current_span(context).get_span_context()


def _nothing(_: UUID) -> None:
    """Stand for a method that has moved: no run has a span."""


_NOWHERE: Final = Place(Context())
_OPENINFERENCE: Final = foreign.GET_SPAN.module


def _openinference(run_id: UUID, _: Iterable[BaseCallbackHandler]) -> Any:  # noqa: ANN401
    module = sys.modules.get(_OPENINFERENCE)
    if module is None:
        return None
    instrumentor = module.LangChainInstrumentor()
    # Without its tracer it prints a complaint.
    if not foreign.IS_INSTRUMENTED.of(instrumentor):
        return None
    return foreign.GET_SPAN.of(instrumentor, _nothing)(run_id)


def _traceloop(run_id: UUID, handlers: Iterable[BaseCallbackHandler]) -> Any:  # noqa: ANN401
    handler = foreign.TRACELOOP_SPANS.first_among(handlers)
    if handler is None:
        return None
    return foreign.TRACELOOP_SPAN.of(foreign.TRACELOOP_SPANS.of(handler, {}).get(run_id))


def _genai(run_id: UUID, handlers: Iterable[BaseCallbackHandler]) -> Any:  # noqa: ANN401
    handler = foreign.GENAI_INVOCATIONS.first_among(handlers)
    if handler is None:
        return None
    invocations = foreign.GENAI_INVOCATIONS.of(handler)
    return foreign.GENAI_SPAN.of(foreign.GENAI_INVOCATION.of(invocations, _nothing)(run_id))


def _langfuse(run_id: UUID, handlers: Iterable[BaseCallbackHandler]) -> Any:  # noqa: ANN401
    handler = foreign.LANGFUSE_RUNS.first_among(handlers)
    if handler is None:
        return None
    return foreign.LANGFUSE_SPAN.of(foreign.LANGFUSE_RUNS.of(handler, {}).get(run_id))


# Where none of these is imported nobody has a span, and nobody needs to be asked.
_MODULES: Final = frozenset(
    each.module
    for each in (
        foreign.GET_SPAN,
        foreign.TRACELOOP_SPANS,
        foreign.GENAI_INVOCATIONS,
        foreign.LANGFUSE_RUNS,
    )
)
_READERS: Final[tuple[Reader, ...]] = (_openinference, _traceloop, _genai, _langfuse)
