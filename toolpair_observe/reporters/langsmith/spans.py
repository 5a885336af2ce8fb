"""The run that LangSmith makes of a span, where its client writes runs as spans only.

The server makes the id of a run of the span's id, by a rule that the client publishes; the id that
LangChain gave the run is not part of what is sent. So there is a run to speak of only where the
span is known, and where it is sent to LangSmith at all: it goes wherever the application's own
provider sends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from toolpair_observe import semconv
from toolpair_observe.exporters import endpoint_of, exporters_of
from toolpair_observe.reporters.langsmith.address import Address, destination_of, is_span_only
from toolpair_observe.reporters.placement import langsmith_span

if TYPE_CHECKING:
    from langsmith import Client

    from toolpair_observe.record import TraceLink


class SpanRun(NamedTuple):
    """A run that LangSmith makes of a span.

    Attributes:
        address: The project that it is in.
        run_id: Its id there.
        trace_id: The id of its root run there, or None where that is not known.
    """

    address: Address
    run_id: UUID
    trace_id: UUID | None


def run_written_as_span(
    link: TraceLink, run_id: UUID, client: Client | None = None
) -> SpanRun | None:
    """Return the run that LangSmith makes of the span of a run.

    Args:
        link: LangSmith's side of the run.
        run_id: The run, by LangChain's id.
        client: The application's own client for feedback, or None for the tracer's.

    Returns:
        None where the run is written in another way, its span is not known (it is begun a moment
        after the run), it is not sent to LangSmith directly, or there are no credentials but those
        of its exporter.
    """
    if not is_span_only(link):
        return None
    span = langsmith_span(link.client, run_id)
    destination = destination_of(client or link.client)
    if span is None or not _is_sent_to(span, destination.api_url):
        return None
    if not (destination.api_key or destination.profile):
        return None
    root = langsmith_span(link.client, link.trace_id)
    is_root = root is not None and getattr(root, "parent", None) is None
    return SpanRun(
        Address(destination, link.project_name),
        _id_of(span),
        _id_of(root) if is_root else None,
    )


def _id_of(span: Any) -> UUID:  # noqa: ANN401 -- of the SDK, if it is known
    # Some releases of the client say the id themselves, and then that one holds.
    said = (getattr(span, "attributes", None) or {}).get(semconv.LANGSMITH_SPAN_ID)
    return UUID(said) if said else UUID(int=span.get_span_context().span_id)


def _is_sent_to(span: object, api_url: str) -> bool:
    """Whether an exporter sends a span to the server that takes the feedback."""
    server = f"{api_url.rstrip('/')}/"
    return any(endpoint_of(each).startswith(server) for each in exporters_of(span) or ())
