"""What sends the records of an OpenTelemetry provider, and where to.

None of the attributes on the way from a provider to its exporters is public. Where one is missing,
the provider is one of which nothing is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe import foreign

if TYPE_CHECKING:
    from collections.abc import Iterable

_WAYS: Final = (
    (foreign.SPAN_PROCESSOR, foreign.SPAN_PROCESSORS),
    (foreign.PROCESSOR_OF_SPAN, foreign.SPAN_PROCESSORS),
    (foreign.METERS_CONFIG, foreign.READERS_OF_CONFIG),
    (foreign.METRIC_READERS,),
    (foreign.LOG_PROCESSOR, foreign.LOG_PROCESSORS),
)
_TO_EXPORTER: Final = (
    (foreign.SPAN_EXPORTER,),
    (foreign.EXPORTER,),
    (foreign.BATCH_PROCESSOR, foreign.EXPORTER),
)


def exporters_of(source: Any) -> list[object] | None:  # noqa: ANN401 -- of any class
    """Return what sends the records of a provider, or a span; None where that can't be told."""
    for way in _WAYS:
        found = _follow(way, source)
        if isinstance(found, list | tuple | set | frozenset):
            return [_sender(member) for member in found]
    return None


def endpoint_of(exporter: object) -> str:
    """Return the URL that an exporter sends to, `""` where it has none."""
    url = foreign.OTLP_ENDPOINT.of(exporter)
    return url if isinstance(url, str) else ""


def _follow(way: Iterable[foreign.ForeignName], thing: object) -> object:
    for name in way:
        thing = name.of(thing)
    return thing


def _sender(member: object) -> object:
    """Return the exporter of a processor or reader, or itself where it has none."""
    found = (_follow(way, member) for way in _TO_EXPORTER)
    return next((each for each in found if each is not None), member)
