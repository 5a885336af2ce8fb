"""Coroutines, run from a thread that is not the event loop's."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from toolpair_observe.errors import ThreadStoreError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager

    from toolpair_observe.errors import ToolPairError

_T = TypeVar("_T")


class Bridge:
    """Runs coroutines on an event loop, for a thread that is not the loop's.

    Args:
        loop: The event loop, which runs in another thread.
        error: What is raised on the loop's own thread, which would wait for itself; None for a
            ThreadStoreError.
    """

    def __init__(self, loop: AbstractEventLoop, error: ToolPairError | None = None) -> None:
        self._loop = loop
        self._error = error or ThreadStoreError(
            "call adiagnose_threads: this would wait for the event loop that it runs on"
        )

    def __call__(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Return what a coroutine returns.

        Raises:
            ToolPairError: This is the thread of the loop, which would wait for itself.
        """
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            coroutine.close()
            raise self._error
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @contextmanager
    def entered(self, manager: AbstractAsyncContextManager[_T]) -> Iterator[_T]:
        """Hold an asynchronous context manager."""
        value = self(manager.__aenter__())
        try:
            yield value
        except BaseException:
            if not self(manager.__aexit__(*sys.exc_info())):
                raise
        else:
            self(manager.__aexit__(None, None, None))
