"""The name of the environment that the process runs in, such as staging or production."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_tracer_provider

from toolpair_observe import foreign

VARIABLE: Final = "OTEL_RESOURCE_ATTRIBUTES"
# The attribute of the semantic conventions, and its name before version 1.27.
_KEYS: Final = ("deployment.environment.name", "deployment.environment")
_GLOBAL_PROVIDERS: Final[tuple[Callable[[], object], ...]] = (
    get_tracer_provider,
    get_meter_provider,
    get_logger_provider,
)


class Environment(NamedTuple):
    """The environment of a process.

    Attributes:
        name: Its name, as given.
        source: Who says so.
    """

    name: str
    source: str

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether it is one of `names`, letter case aside."""
        return self.name.casefold() in {name.casefold() for name in names}


def find_environment(
    providers: Iterable[object] = (), environ: Mapping[str, str] | None = None
) -> Environment | None:
    """Return the environment that OpenTelemetry's resource names, or None.

    Args:
        providers: OpenTelemetry providers of the handler, which come before the global ones.
        environ: Environment variables; None for the process's own.
    """
    places = (
        (provider, "the resource of the OpenTelemetry provider that was given")
        for provider in providers
    )
    for provider, source in (*places, *_global_providers()):
        name = _name_in(_resource_of(provider))
        if name:
            return Environment(name, source)
    return environment_of(os.environ if environ is None else environ)


def environment_of(environ: Mapping[str, str]) -> Environment | None:
    """Return the environment that OpenTelemetry's environment variable names, or None."""
    name = _name_in(_attributes(environ.get(VARIABLE, "")))
    return Environment(name, VARIABLE) if name else None


def _global_providers() -> Iterator[tuple[object, str]]:
    for get_provider in _GLOBAL_PROVIDERS:
        with contextlib.suppress(Exception):  # a variable names one that is not there
            yield get_provider(), "the resource of the application's OpenTelemetry provider"


def _resource_of(provider: Any) -> Mapping[str, object]:  # noqa: ANN401 -- of any class
    # The placeholder of the API has no resource.
    with contextlib.suppress(Exception):
        holder = foreign.METERS_CONFIG.of(provider, provider)
        attributes = holder.resource.attributes
        return attributes if isinstance(attributes, Mapping) else {}
    return {}


def _name_in(attributes: Mapping[str, object]) -> str:
    names = (attributes.get(key) for key in _KEYS)
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), "")


@lru_cache(maxsize=4)
def _attributes(text: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, _, value in pairs}
