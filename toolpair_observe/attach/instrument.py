"""Attach to every chat model of the process: one slot stands in every run for good.

`instrument` and `uninstrument` swap the handler in it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Unpack

from toolpair_observe.attach import runs
from toolpair_observe.attach.announce import PROCESS, described
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.options import check_handler
from toolpair_observe.attach.process_hook import ProcessHook
from toolpair_observe.attach.step_listener import StepListener
from toolpair_observe.counts import shared_counts
from toolpair_observe.deadline import Deadline
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.forks import in_child
from toolpair_observe.steps.journal import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.attach.options import HandlerOptions

_EXCHANGE_SECONDS: Final = 5.0


class _Slot(ProcessHook):
    """Stands in every chat-model run and passes callbacks on to the handler that is attached.

    The handlers of a context, which middleware attaches, come before it, the innermost first. Where
    a run has a handler of its own, that one comes first of all. The first one reports, and each of
    the others still blocks where it is strict: none can switch the protection of another one off.

    How a request goes on is also passed on once the handler that checked it has been taken out:
    every handler reports that in the name of the one that checked.

    Attributes:
        handler: The handler that checks, or None.
        latest: The handler that checks or was the last to do so, or None.
    """

    def __init__(self) -> None:
        super().__init__("_slot")
        self.handler: ToolPairHandler | None = None
        self.latest: ToolPairHandler | None = None

    def hold(self, handler: ToolPairHandler | None) -> None:
        """Attach `handler`; None detaches the one that is there."""
        self.handler = handler
        self.latest = handler or self.latest

    @property
    def ignore_llm(self) -> bool:
        """Whether no request is in flight and none will be checked."""
        return not self.handlers() and not runs.is_any_in_flight()

    @property
    def ignore_chat_model(self) -> bool:
        """Whether no handler is attached."""
        return not self.handlers()

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Have the request checked."""
        kwargs["run_id"] = runs.usable_id(kwargs.get("run_id"))
        for handler in self.handlers():
            handler.on_chat_model_start(*args, **kwargs)

    def handlers(self) -> tuple[ToolPairHandler, ...]:
        of_context, handler = _of_context.get(), self.handler
        if handler is None or any(each is handler for each in of_context):
            return of_context
        return (*of_context, handler)

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model answers."""
        if (latest := self.latest) is not None:
            latest.on_llm_new_token(*args, **kwargs)

    def on_stream_event(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model answers, in the newest form of streaming."""
        if (latest := self.latest) is not None:
            latest.on_stream_event(*args, **kwargs)

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model has answered."""
        if (latest := self.latest) is not None:
            latest.on_llm_end(*args, **kwargs)

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the request failed."""
        if (latest := self.latest) is not None:
            latest.on_llm_error(*args, **kwargs)

    @property
    def hears_steps(self) -> bool:
        """Whether a handler wants the steps of agents and their tools to be written down."""
        return any(handler.hears_steps for handler in self.handlers())

    def __repr__(self) -> str:
        return f"toolpair_observe's slot({self.handler!r})"


class _StepSlot(ProcessHook, StepListener):
    """Hears of the steps of every agent in the process, for the handlers in the other slot.

    It is inherited, unlike that one: LangGraph gives its nodes what their graph had, no more.
    """

    ignore_chat_model = True
    ignore_llm = True

    def __init__(self) -> None:
        super().__init__("_step_slot", is_inherited=True)
        self._journal = JOURNAL
        self._steps_guard = FailOpen(shared_counts(), "steps")

    @property
    def hears_steps(self) -> bool:
        """Whether a handler wants the steps to be written down, or some that are have to end."""
        return _slot.hears_steps or len(JOURNAL) > 0

    def on_chain_start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Note that a step starts, unless nobody wants to know it any more."""
        if _slot.hears_steps:
            super().on_chain_start(*args, **kwargs)


_slot = _Slot()
_step_slot = _StepSlot()
_of_context: ContextVar[tuple[ToolPairHandler, ...]] = ContextVar(
    "toolpair_observe_of_context", default=()
)


class _State:
    """How the handler in the slot was asked for.

    Attributes:
        by: Who asked for it.
        leaving: Handlers that `instrument` made and that are out of use, but not closed.
    """

    lock = threading.RLock()
    owns_handler = False
    by = ""
    options: HandlerOptions | None = None
    leaving: ClassVar[list[ToolPairHandler]] = []


def instrument(
    handler: ToolPairHandler | None = None, **options: Unpack[HandlerOptions]
) -> ToolPairHandler:
    """Check the requests of every chat model of this process.

    It also holds for models that were built before, for threads and tasks that run already, and in
    forked children. Where a model or a call has a `ToolPairHandler` of its own, that one checks and
    reports; a strict handler of the process still stops what it would stop.

    Args:
        handler: The handler that checks; None makes one from `options`.
        **options: See `HandlerOptions`.

    Returns:
        The handler. A second call without options, or with the same ones, changes nothing and
        returns it again; another handler or other options take its place. A strict mode stays
        unless the options name another mode, or environments.

    Raises:
        SettingsError: An option is unknown or has a value that it can't have. Nothing has changed.
        TypeError: `handler` is not a handler, or both a handler and options were given.
    """
    return attach("instrument()", handler, **options)


def attach(
    by: str, handler: ToolPairHandler | None = None, **options: Unpack[HandlerOptions]
) -> ToolPairHandler:
    """Do what `instrument` does, in the name of `by`, and say so."""
    check_handler("instrument()", handler, options)
    with _State.lock:
        current = _slot.handler
        if handler is None:
            is_the_same = not options or options == _State.options
        else:
            is_the_same = handler is current
        if current is not None and is_the_same:
            return current
        chosen = ToolPairHandler(**_no_weaker(options, current)) if handler is None else handler
        _exchange(chosen, is_own=handler is None, options=options)
        _State.by = by
        _slot.register()
        _step_slot.register()
    PROCESS.attach(partial(_describe, chosen, by) if chosen.settings.announce else None)
    _close_leaving(Deadline(_EXCHANGE_SECONDS))
    return chosen


def _no_weaker(options: HandlerOptions, current: ToolPairHandler | None) -> HandlerOptions:
    """Return the options, strict as now where they say nothing of the mode: nobody weakens it."""
    says_a_mode = any(options.get(name) is not None for name in ("mode", "strict_environments"))
    if says_a_mode or current is None or current.settings.mode != "strict":
        return options
    return {**options, "mode": "strict"}


def uninstrument(timeout: float = 5.0) -> None:
    """Stop checking, and close the handler if `instrument` made it.

    Of requests that are in flight the outcome is still reported.

    Args:
        timeout: Seconds to wait at most for what is still to be delivered.

    Raises:
        TypeError: `timeout` is no number. Nothing has changed.
        ValueError: `timeout` is infinite, or nearly.
    """
    deadline = Deadline(timeout)
    with _State.lock:
        _exchange(None, is_own=False, options=None)
    PROCESS.detach()
    _close_leaving(deadline)


def _exchange(
    handler: ToolPairHandler | None, *, is_own: bool, options: HandlerOptions | None
) -> None:
    if _State.owns_handler and _slot.handler is not None:
        _State.leaving.append(_slot.handler)
    _slot.hold(handler)
    _State.owns_handler = is_own
    _State.options = options


def _close_leaving(deadline: Deadline) -> None:
    """Close what is out of use. Who has requests in flight waits for the next time, or the exit."""
    with _State.lock:
        leaving = [one for one in _State.leaving if one is not _slot.handler]
        _State.leaving = []
    busy = [one for one in leaving if not one.retire(deadline.left)]
    with _State.lock:
        _State.leaving += busy


def instrumented_with() -> ToolPairHandler | None:
    """Return the handler that checks every chat model of the process, or None."""
    return _slot.handler


def instrumented_by() -> str | None:
    """Return who attached it, such as `instrument()` or `toolpair-observe run`, or None."""
    return _State.by if _slot.handler is not None else None


def _describe(handler: ToolPairHandler, by: str) -> str:
    return described(handler.settings.mode, handler.mode_reason, by)


@contextmanager
def attached(handler: ToolPairHandler) -> Iterator[None]:
    """Have `handler` check and report the chat models that are called in this context.

    Handlers that are attached around it still stop what they would stop.
    """
    _slot.register()
    _slot.latest = _slot.latest or handler
    others = (each for each in _of_context.get() if each is not handler)
    token = _of_context.set((handler, *others))
    try:
        yield
    finally:
        # A coroutine that is closed from elsewhere ends in another context than it began in.
        with suppress(ValueError):
            _of_context.reset(token)


@in_child
def _renew_lock() -> None:
    _State.lock = threading.RLock()  # another thread may have held it at the fork
