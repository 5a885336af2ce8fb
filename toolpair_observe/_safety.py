"""The one context manager through which everything of ours fails open."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final, Self

from toolpair_observe.stats import Metric

if TYPE_CHECKING:
    from types import TracebackType

    from toolpair_observe.stats import Stats

_logger = logging.getLogger("toolpair_observe")
_MAX_PLACES: Final = 256
_logged: set[tuple[str, str]] = set()


class FailOpen:
    """Count, log once and swallow an exception of ours.

    Only `Exception` is swallowed: what stops a thread or a task has to go on doing so.

    Args:
        stats: Where the failure is counted.
        component: Which part failed, for metric and log.

    Attributes:
        failure: What was swallowed, or None.
    """

    __slots__ = ("_component", "_stats", "failure")

    def __init__(self, stats: Stats, component: str) -> None:
        self._stats = stats
        self._component = component
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        self.failure = error
        with contextlib.suppress(Exception):
            self._report(type(error).__name__, traceback)
        return True

    def _report(self, kind: str, traceback: TracebackType | None) -> None:
        self._stats.add(Metric.INTERNAL_ERRORS, (kind, self._component))
        place = _place(traceback)
        if (kind, place) in _logged or len(_logged) >= _MAX_PLACES:
            return
        _logged.add((kind, place))
        # Neither the exception's text nor its traceback: both can quote message content.
        _logger.warning(
            "toolpair_observe failed in %s (%s at %s); the application is not affected. "
            "Further failures of this sort are counted and not logged",
            self._component,
            kind,
            place,
        )


def _place(traceback: TracebackType | None) -> str:
    if traceback is None:
        return "an unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
