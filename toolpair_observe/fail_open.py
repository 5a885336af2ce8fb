"""The one place that keeps failures of this package away from the application."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVarTuple

from toolpair_observe import semconv
from toolpair_observe.logs import warn
from toolpair_observe.pairing.shown import shown, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from toolpair_observe.counts import Counts

_MAX_PLACES: Final = 256
# Folders of what stands between a function of the application and its caller.
_CALLERS: Final = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, asyncio.__file__))
_logged: set[tuple[str, str]] = set()

News = TypeVarTuple("News")


class FailOpen:
    """Count, log once and swallow an exception of this package.

    Only an `Exception` is swallowed: a `KeyboardInterrupt` or a cancellation has to get through.
    Nothing is kept of it, so any threads may share a guard, and no failure keeps a request alive.

    Args:
        counts: Where the failure is counted.
        component: The part that failed, for metric and log.
    """

    __slots__ = ("_component", "_counts")
    _TEXT = (
        "toolpair_observe failed in %s (%s at %s); the application is not affected. "
        "Further failures of this sort are counted and not logged"
    )

    def __init__(self, counts: Counts, component: str) -> None:
        self._counts = counts
        self._component = component

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.swallow(error, traceback)
        return True

    def swallow(self, error: BaseException, traceback: TracebackType | None) -> None:
        """Count a failure, and log the first of its sort."""
        with contextlib.suppress(Exception):
            self._report(type_name(error), traceback)

    def _report(self, kind: str, traceback: TracebackType | None) -> None:
        self._counts.add(semconv.INTERNAL_ERRORS, (kind, self._component))
        place = self._place(traceback)
        if (kind, place) in _logged or len(_logged) >= _MAX_PLACES:
            return
        _logged.add((kind, place))
        # Neither the exception's text nor its traceback: both can quote message content.
        warn(self._TEXT, self._component, kind, place)

    def _place(self, traceback: TracebackType | None) -> str:
        *_, last = (None, *_frames(traceback))
        return _where(last)


class HookFailed(FailOpen):
    """The same for a function of the application: the log says whose it is.

    The component is the argument that holds the function.
    """

    __slots__ = ()
    _TEXT = (
        "your %s raised %s at %s; the request is not affected. Further failures of this sort are "
        "counted and not logged"
    )

    def _place(self, traceback: TracebackType | None) -> str:
        """Return the first place that is the application's: deeper ones tell it less."""
        for frame in _frames(traceback):
            if not frame.tb_frame.f_code.co_filename.startswith(_CALLERS):
                return _where(frame)
        return super()._place(traceback)


def tell(listeners: Iterable[tuple[Callable[[*News], None], FailOpen]], *news: *News) -> None:
    """Call each listener; one that fails stops no other.

    This does the same as a `FailOpen` around each call at a fraction of the cost: it runs for every
    request, and a `try` without an exception is free.
    """
    for listener, guard in listeners:
        try:
            listener(*news)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            guard.swallow(error, error.__traceback__)


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _where(frame: TracebackType | None) -> str:
    if frame is None:
        return "an unknown place"
    return f"{shown(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
