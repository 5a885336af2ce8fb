"""The instrumentor behind `opentelemetry-instrument`.

Installed as the `opentelemetry_instrumentor` entry point `toolpair`, a name of its own: three
other packages share `langchain`. It imports the `opentelemetry-instrumentation` package, which is
there wherever the entry point is asked for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from toolpair_observe.attach.instrument import instrument, uninstrument
from toolpair_observe.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection

_logger = logging.getLogger("toolpair_observe")


class ToolPairInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Check every chat model of the process: `instrument` in OpenTelemetry's own form.

    `ToolPairInstrumentor().instrument(mode="strict")` takes the arguments of `ToolPairHandler`.
    Without any the environment decides, and what is wrong there is logged and not raised: the
    caller is OpenTelemetry's loader, which would leave out every instrumentor after this one.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what has to be installed for it to be of use."""
        return ("langchain-core >= 1.0",)

    def _instrument(self, **kwargs: Any) -> None:  # noqa: ANN401 -- the base class's own
        if kwargs:
            instrument(**kwargs)
            return
        try:
            instrument()
        except SettingsError as error:
            _logger.error("toolpair_observe is not attached: %s", error)  # noqa: TRY400 -- one line

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 -- the base class's own
        uninstrument()
