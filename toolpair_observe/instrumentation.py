"""Attach to every chat model of the process, through langchain-core's public configure hook.

A hook can't be unregistered, and a `ContextVar`'s default can't be changed. So the default is one
slot that stays for good, and what `instrument` and `uninstrument` swap is the handler in it. The
default, unlike a value that is set, is there in every thread, task and forked child.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from toolpair_observe import seam
from toolpair_observe.handler import ToolPairHandler

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Slot(BaseCallbackHandler, seam.Participant):
    """Stands in every chat-model run and passes on to the handler of the day, if there is one."""

    run_inline = True
    raise_error = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    def __init__(self) -> None:
        super().__init__()
        self.handler: ToolPairHandler | None = None

    @property
    def ignore_llm(self) -> bool:
        """Whether there is nobody to tell."""
        return self.handler is None

    @property
    def ignore_chat_model(self) -> bool:
        """Whether there is nobody to tell."""
        return self.handler is None

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Have the request checked."""
        if (handler := self.handler) is not None:
            handler.on_chat_model_start(*args, **kwargs)

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model answers."""
        if (handler := self.handler) is not None:
            handler.on_llm_new_token(*args, **kwargs)

    def on_stream_event(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model answers, in the newest form of streaming."""
        if (handler := self.handler) is not None:
            handler.on_stream_event(*args, **kwargs)

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the model has answered."""
        if (handler := self.handler) is not None:
            handler.on_llm_end(*args, **kwargs)

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Pass on that the request failed."""
        if (handler := self.handler) is not None:
            handler.on_llm_error(*args, **kwargs)

    def __copy__(self) -> _Slot:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Slot:
        return self

    def __reduce__(self) -> str:
        return "_slot"

    def __repr__(self) -> str:
        return f"toolpair_observe's slot({self.handler!r})"


_slot = _Slot()
_attached: ContextVar[BaseCallbackHandler | None] = ContextVar(
    "toolpair_observe_attached", default=_slot
)


class _State:
    """Whether the hook is registered, and how the handler in the slot was asked for."""

    lock = threading.RLock()
    is_registered = False
    owns_handler = False
    arguments: dict[str, Any] | None = None


def instrument(
    handler: ToolPairHandler | None = None,
    **arguments: Any,  # noqa: ANN401 -- the arguments of ToolPairHandler
) -> ToolPairHandler:
    """Check the requests of every chat model of this process.

    It also holds for models that were built before, for threads and tasks that run already, and in
    forked children. Where a model or a call has a `ToolPairHandler` of its own, that one checks.

    Args:
        handler: The handler that checks; None makes one from `arguments`.
        **arguments: The arguments of `ToolPairHandler`.

    Returns:
        The handler. A second call without arguments, or with the same ones, changes nothing and
        returns it again; other ones take its place.

    Raises:
        SettingsError: An option is unknown or has a value that it can't have. Nothing has changed.
        TypeError: Both a handler and arguments for one were given.
    """
    if handler is not None and arguments:
        msg = f"instrument() takes a handler or the options of one, not both: {sorted(arguments)}"
        raise TypeError(msg)
    with _State.lock:
        current = _slot.handler
        if handler is None:
            is_the_same = not arguments or arguments == _State.arguments
        else:
            is_the_same = handler is current
        if current is not None and is_the_same:
            return current
        chosen = ToolPairHandler(**arguments) if handler is None else handler
        replaced = current if _State.owns_handler else None
        _slot.handler = chosen
        _State.owns_handler = handler is None
        _State.arguments = arguments
        _register()
    if replaced is not None:
        replaced.close()
    return chosen


def uninstrument(timeout: float = 5.0) -> None:
    """Stop checking, and close the handler if `instrument` made it.

    Args:
        timeout: Seconds to wait at most for what is still to be delivered.
    """
    with _State.lock:
        current = _slot.handler if _State.owns_handler else None
        _slot.handler = None
        _State.owns_handler = False
        _State.arguments = None
    if current is not None:
        current.close(timeout)


def instrumented_with() -> ToolPairHandler | None:
    """Return the handler that checks every chat model of the process, or None."""
    return _slot.handler


@contextmanager
def attached(handler: ToolPairHandler) -> Iterator[None]:
    """Have `handler` check the chat models that are called in this context, and no other one."""
    with _State.lock:
        _register()
    token = _attached.set(handler)
    try:
        yield
    finally:
        # A coroutine that is closed from elsewhere ends in another context than it began in.
        with suppress(ValueError):
            _attached.reset(token)


def _register() -> None:
    if not _State.is_registered:
        # Not inheritable: each run finds the hook by itself. With the class, so that a handler
        # which is there already keeps the slot out.
        register_configure_hook(_attached, inheritable=False, handle_class=ToolPairHandler)
        _State.is_registered = True


def _after_fork_in_child() -> None:
    _State.lock = threading.RLock()  # another thread may have held it at the fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
