"""The instrumentor behind `opentelemetry-instrument`.

Installed as the `opentelemetry_instrumentor` entry point `toolpair`. The name `langchain` is
shared by three other packages. The module imports the `opentelemetry-instrumentation` package,
which is installed wherever the entry point is loaded.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from toolpair_observe.attach.instrument import attach, uninstrument
from toolpair_observe.errors import SettingsError
from toolpair_observe.logs import log

if TYPE_CHECKING:
    from collections.abc import Collection


class ToolPairInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Check every chat model of the process: `instrument` in OpenTelemetry's form.

    `ToolPairInstrumentor().instrument(mode="strict")` takes the arguments of `ToolPairHandler`.
    Without arguments, the options come from the environment, and a wrong one is logged and not
    raised: the caller is OpenTelemetry's loader, which would skip all later instrumentors.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the packages without which it has no effect."""
        return ("langchain-core >= 1.0",)

    def _instrument(self, **kwargs: Any) -> None:  # noqa: ANN401 -- the base class's own
        if kwargs:
            attach("ToolPairInstrumentor", **kwargs)
            return
        try:
            attach("opentelemetry-instrument")
        except SettingsError as error:
            log(logging.ERROR, "toolpair_observe is not attached: %s", error)

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 -- the base class's own
        uninstrument()
