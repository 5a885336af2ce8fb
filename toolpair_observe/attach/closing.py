"""The end of a run that strict mode stops: every handler that has started is told.

Whatever a handler does then, the others are told as well, and the caller gets the refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from typing import TYPE_CHECKING, Any

from toolpair_observe.logs import log
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.outputs import LLMResult

    RunManager = Any  # CallbackManagerForLLMRun or its asynchronous counterpart
    IsSibling = Callable[[BaseCallbackHandler], bool]

GRACE_SECONDS = 1.0
"""How long a canceled caller still waits for the handlers of a request that is stopped."""


def close(managers: Sequence[RunManager], error: Exception, is_sibling: IsSibling) -> None:
    """End each run with `error`.

    Args:
        managers: The managers of the runs.
        error: The refusal.
        is_sibling: Whether a handler is not ours.

    Raises:
        KeyboardInterrupt: A handler was interrupted; all others were told.
        SystemExit: The same.
    """
    interrupt: BaseException | None = None
    for view in _views(managers, is_sibling):
        try:
            view.on_llm_error(error, response=no_result())
        except (KeyboardInterrupt, SystemExit) as stop:
            interrupt = stop
        except BaseException as failure:  # noqa: BLE001 -- the refusal is raised
            _log_failure(view, failure)
    if interrupt is not None:
        raise interrupt


async def aclose(managers: Sequence[RunManager], error: Exception, is_sibling: IsSibling) -> None:
    """End each asynchronous run with `error`; see `close`.

    The caller gets our error, which ends it as well as its cancellation would. After a cancellation
    the handlers are waited for a moment more; then, or after another one, they end in the
    background.
    """
    closing = asyncio.get_running_loop().create_task(close_each(managers, error, is_sibling))
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({closing}, timeout=GRACE_SECONDS)
        if closing.done():
            await closing
        else:
            _unfinished.add(closing)
            closing.add_done_callback(_unfinished.discard)


async def close_each(
    managers: Sequence[RunManager], error: Exception, is_sibling: IsSibling
) -> None:
    """End each asynchronous run with `error`, on the task that awaits it."""
    interrupt: BaseException | None = None
    for view in _views(managers, is_sibling):
        try:
            await view.on_llm_error(error, response=no_result())
        except (KeyboardInterrupt, SystemExit) as stop:
            interrupt = stop
        except BaseException as failure:  # noqa: BLE001 -- the refusal is raised
            _log_failure(view, failure)
    if interrupt is not None:
        raise interrupt


def no_result() -> LLMResult:
    """Return what a run that fails has answered."""
    from langchain_core.outputs import LLMResult  # noqa: PLC0415 -- brings all messages

    return LLMResult(generations=[])


# An event loop keeps only weak references to its tasks.
_unfinished: set[asyncio.Task[None]] = set()


def _views(managers: Sequence[RunManager], is_sibling: IsSibling) -> Iterator[RunManager]:
    """Yield a copy of each manager for each of its handlers, in the order of their closing.

    That is the reverse of their start, because contexts may be nested. Our handlers come first: the
    tracer sends LangSmith's run when it closes, and what they write has to be there by then.
    """
    for manager in reversed(managers):
        handlers = manager.handlers[::-1]
        handlers.sort(key=is_sibling)
        for handler in handlers:
            view = copy.copy(manager)
            view.handlers = [handler]
            yield view


def _log_failure(view: RunManager, failure: BaseException) -> None:
    # langchain-core has logged an `Exception` already.
    level = logging.DEBUG if isinstance(failure, Exception) else logging.WARNING
    with contextlib.suppress(Exception):
        log(
            level,
            "%s.on_llm_error raised %s for a blocked request; the other handlers are still told",
            type_name(view.handlers[0]),
            type_name(failure),
        )
