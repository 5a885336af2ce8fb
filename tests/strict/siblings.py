"""Handlers next to ours, and the objects left in each of them.

The tracers are the real ones. The handlers of our own making are those whose behaviour no library
offers on demand: one that raises, one that is slow to end, one that blocks naively.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span


class OpenSpans:
    """A span processor that knows which spans have started and not ended."""

    def __init__(self) -> None:
        self.open: dict[int, str] = {}
        self.ended = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a span that is open now."""
        self.open[span.context.span_id] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        """Note that it isn't any more."""
        self.open.pop(span.context.span_id, None)
        self.ended += 1

    def _on_ending(self, span: Span) -> None:
        """The SDK asks for it."""

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is queued."""
        return True


class AsyncSibling(AsyncCallbackHandler):
    """A handler of the application that keeps a run map, as most tracers do."""

    def __init__(self) -> None:
        self.runs: dict[UUID, str] = {}
        self.errors: list[BaseException] = []
        self.started = 0

    async def on_chat_model_start(self, serialized, messages, *, run_id: UUID, **_: Any) -> None:
        """Take a run in."""
        await asyncio.sleep(0)
        self.started += 1
        self.runs[run_id] = "started"

    async def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Let it go."""
        await asyncio.sleep(0)
        self.runs.pop(run_id, None)

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Let it go."""
        await asyncio.sleep(0)
        self.errors.append(error)
        self.runs.pop(run_id, None)


class HoldingSibling(AsyncSibling):
    """An async handler that waits in the end of a failed run until it may continue.

    Args:
        expected: How many runs have to be held up for `reached` to be set.
    """

    def __init__(self, expected: int) -> None:
        super().__init__()
        self._expected = expected
        self._held = 0
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    def rearm(self) -> None:
        """Hold up the next runs again."""
        self._held = 0
        self.reached.clear()
        self.release.clear()

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Say that the end was reached, and wait."""
        self._held += 1
        if self._held == self._expected:
            self.reached.set()
        await self.release.wait()
        self.errors.append(error)
        self.runs.pop(run_id, None)


class RogueError(Exception):
    """What the rogue raises."""


class Rogue(BaseCallbackHandler):
    """A sync handler that raises when a run fails."""

    def __init__(self, *, raise_error: bool) -> None:
        self.raise_error = raise_error
        self.runs: dict[UUID, str] = {}
        self.raised = 0

    def on_chat_model_start(self, serialized, messages, *, run_id: UUID, **_: Any) -> None:
        """Take a run in."""
        self.runs[run_id] = "started"

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Let it go."""
        self.runs.pop(run_id, None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Let it go, and raise."""
        self.runs.pop(run_id, None)
        self.raised += 1
        msg = "this handler is broken"
        raise RogueError(msg)


class AsyncRogue(AsyncSibling):
    """An async handler that raises when a run fails."""

    def __init__(self, *, raise_error: bool) -> None:
        super().__init__()
        self.raise_error = raise_error

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Let it go, and raise."""
        await super().on_llm_error(error, run_id=run_id)
        msg = "this handler is broken"
        raise RogueError(msg)


class NaiveBlockError(ValueError):
    """What the naive handler raises."""


class NaiveBlocker(BaseCallbackHandler):
    """What one would write first: a callback that raises. It leaks everybody else's runs."""

    raise_error = True
    run_inline = True

    def on_chat_model_start(self, serialized, messages, **_: Any) -> None:
        """Raise where the number of calls and results differs."""
        for history in messages:
            calls = sum(len(getattr(message, "tool_calls", ())) for message in history)
            if calls != sum(message.type == "tool" for message in history):
                msg = "calls and results differ"
                raise NaiveBlockError(msg)


def held(handler: object) -> dict[str, int]:
    """Count the entries of every map and set that a handler keeps, whatever their names."""
    return {
        f"{type(handler).__name__}.{name}": len(value)
        for name, value in vars(handler).items()
        if hasattr(value, "__len__") and not isinstance(value, str | bytes | list | tuple)
    }
