"""The one place that touches langchain-core's callback managers.

langchain-core fires `on_chat_model_start` outside of the `try` whose `except` fires
`on_llm_error`. So a handler that raises there leaves every handler before it with a run that never
ends. The seam wraps the two managers' `on_chat_model_start` instead: when it returns, every
handler has started, and a blocked request is closed like any failed one before the error is
raised. It also gives our handler access to what a callback alone never sees: the run managers, the
other handlers, and LangSmith's side of the run.

A call without our handler costs one look at its list of handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import inspect
import logging
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Self

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler, CallbackManager
from langchain_core.outputs import LLMResult

from toolpair_observe import foreign
from toolpair_observe.attach import runs
from toolpair_observe.pairing.words import Outcome
from toolpair_observe.record import TraceLink

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from uuid import UUID

    from langchain_core.callbacks import Callbacks
    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.attach.request import Request
    from toolpair_observe.attach.runs import Run

    RunManager = Any  # CallbackManagerForLLMRun or its asynchronous counterpart

_logger = logging.getLogger("toolpair_observe")
_METHOD: Final = "on_chat_model_start"
_CLASSES: Final = (CallbackManager, AsyncCallbackManager)


class Participant(BaseCallbackHandler):
    """A handler that the seam serves: it hears of chat models, and of nothing else."""

    # On the caller's thread and before the handlers that do not care: the check has to see the
    # caller's task, and the outcome has to stand in LangSmith's run before its tracer sends it.
    run_inline = True
    # Only what strict mode stops gets out of `on_chat_model_start`.
    raise_error = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True


class StartCall:
    """One `on_chat_model_start` of a manager; the current one while its handlers are called.

    Args:
        is_async: Whether the manager is asynchronous.

    Attributes:
        runs: The runs that our handlers opened in it, one for each prompt.
        refusal: The error of the first prompt that has to be stopped, or None.
        refused: The runs of the prompts that have to be stopped.
        is_over: Whether every handler has been called.
    """

    __slots__ = ("_token", "is_async", "is_over", "refusal", "refused", "runs")

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async
        self.is_over = False
        self.runs: list[Run] = []
        self.refusal: Exception | None = None
        self.refused: set[UUID] = set()

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.is_over = True
        try:  # noqa: SIM105 -- a context manager here costs every call several times as much
            _current.reset(self._token)
        except ValueError:
            # A coroutine that is closed from elsewhere ends in another context than it began in,
            # and that one ends with it.
            pass
        if error is not None:
            # Another handler raised, or the caller was cancelled: langchain-core ends no run.
            for run in self.runs:
                run.end(Outcome.CANCELLED)

    def refuse(self, error: Exception, run_id: UUID) -> None:
        """Have the request stopped with `error` once every handler has started."""
        self.refused.add(run_id)
        if self.refusal is None:
            self.refusal = error


_current: ContextVar[StartCall | None] = ContextVar("toolpair_observe_start", default=None)


def current_call() -> StartCall | None:
    """Return the start that is going on, or None where no seam surrounds the caller."""
    call = _current.get()
    # A task that another handler left behind still has the context of a start that is over.
    return None if call is None or call.is_over else call


def refuse(error: Exception, run_id: UUID) -> None:
    """Stop the request that starts: the seam does it once every handler has started.

    Args:
        error: What the application gets.
        run_id: The run of the prompt at fault.

    Raises:
        Exception: `error`, where no seam surrounds the caller.
    """
    call = current_call()
    if call is None:
        runs.end_refused(run_id)
        raise error
    call.refuse(error, run_id)


class _Seam:
    """Whether the managers are wrapped, and their methods before and after."""

    lock = threading.RLock()
    active = False
    broken = False
    originals: dict[type, Callable[..., Any]] = {}  # noqa: RUF012 -- the process has one seam
    wrappers: dict[type, Callable[..., Any]] = {}  # noqa: RUF012


def install() -> bool:
    """Wrap both managers, unless they are wrapped already.

    Returns:
        Whether the seam is active. It is not where langchain-core's managers are not as expected;
        a warning is logged then.
    """
    with _Seam.lock:
        if _Seam.active or _Seam.broken:
            return _Seam.active
        for manager_class, is_async in zip(_CLASSES, (False, True), strict=True):
            original = getattr(manager_class, _METHOD, None)
            if original is None or inspect.iscoroutinefunction(original) is not is_async:
                _degrade(f"{manager_class.__name__}.{_METHOD} is not what it was")
                return False
        _set_wrapper(CallbackManager, _wrap)
        _set_wrapper(AsyncCallbackManager, _awrap)
        _Seam.active = True
        return True


def _set_wrapper(
    manager_class: type, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    # A wrapper that is still there was wrapped by others, so `uninstall` had to leave it.
    if manager_class not in _Seam.wrappers:
        original = getattr(manager_class, _METHOD)
        _Seam.originals[manager_class] = original
        _Seam.wrappers[manager_class] = wrap(original)
        setattr(manager_class, _METHOD, _Seam.wrappers[manager_class])


def uninstall() -> None:
    """Switch the seam off, and unwrap the managers unless others have wrapped them since."""
    with _Seam.lock:
        _Seam.active = False
        for manager_class, wrapper in list(_Seam.wrappers.items()):
            if getattr(manager_class, _METHOD) is wrapper:
                setattr(manager_class, _METHOD, _Seam.originals.pop(manager_class))
                del _Seam.wrappers[manager_class]


def is_active() -> bool:
    """Whether the seam surrounds the start of every chat-model call."""
    return _Seam.active


def _degrade(reason: str) -> None:
    with _Seam.lock:
        _Seam.active = False
        if _Seam.broken:
            return
        _Seam.broken = True
    with contextlib.suppress(Exception):
        _logger.warning(
            "langchain-core has a shape that toolpair_observe does not know (%s): strict mode "
            "raises from the callback, which leaves other handlers' runs open, and LangSmith gets "
            "no feedback",
            reason,
        )


def _wrap(original: Callable[..., Sequence[RunManager]]) -> Callable[..., Sequence[RunManager]]:
    @functools.wraps(original)
    def on_chat_model_start(self: object, *args: object, **kwargs: object) -> Sequence[RunManager]:
        if not (_Seam.active and _is_served(self)):
            return original(self, *args, **kwargs)
        with StartCall(is_async=False) as call:
            managers = original(self, *args, **kwargs)
        _connect(call, managers)
        refusal = call.refusal
        if refusal is not None:
            _close(call, managers, refusal)
            raise refusal from None
        return managers

    return on_chat_model_start


def _awrap(
    original: Callable[..., Coroutine[Any, Any, Sequence[RunManager]]],
) -> Callable[..., Coroutine[Any, Any, Sequence[RunManager]]]:
    @functools.wraps(original)
    async def on_chat_model_start(
        self: object, *args: object, **kwargs: object
    ) -> Sequence[RunManager]:
        if not (_Seam.active and _is_served(self)):
            return await original(self, *args, **kwargs)
        with StartCall(is_async=True) as call:
            managers = await original(self, *args, **kwargs)
        _connect(call, managers)
        refusal = call.refusal
        if refusal is not None:
            await _aclose(call, managers, refusal)
            raise refusal from None
        return managers

    return on_chat_model_start


def _is_served(manager: object) -> bool:
    # A loop, because `any` over a generator costs every call of the process several times as much.
    for handler in getattr(manager, "handlers", ()):
        # The hook of `instrument()` stays for good, also while no handler is behind it.
        if isinstance(handler, Participant) and not getattr(handler, "ignore_chat_model", False):
            return True
    return False


def _connect(call: StartCall, managers: Sequence[RunManager]) -> None:
    """Tie each run to its manager, and put our handlers before the others there."""
    try:
        for run in call.runs:
            record = run.record
            if record.run_id in call.refused:
                run.note_refusal()
            manager = managers[0] if len(managers) == 1 else _manager_of(record.run_id, managers)
            if not isinstance(manager.handlers[0], Participant):
                manager.handlers = sorted(manager.handlers, key=_is_sibling)
            run.watch_manager(manager)
            if run.always_linked or record.report.effect.is_near_miss:
                record.link = trace_link(manager)
        if len(call.runs) > 1 and not call.is_async:
            for run in call.runs:
                run.siblings = call.runs
    except (AttributeError, IndexError, TypeError, ValueError) as failure:
        _degrade(f"{type(failure).__name__} for what {_METHOD} returned")


def _manager_of(run_id: UUID, managers: Sequence[RunManager]) -> RunManager:
    (manager,) = [each for each in managers if each.run_id == run_id]
    return manager


def _is_sibling(handler: BaseCallbackHandler) -> bool:
    return not isinstance(handler, Participant)


def trace_link(manager: RunManager) -> TraceLink | None:
    """Return LangSmith's side of a run, or None where no tracer writes it.

    Args:
        manager: The run's manager. The tracer among its handlers may be a copy of the one that
            the application made; they share their runs.
    """
    for handler in _tracers_among(manager.handlers):
        tree = foreign.RUN_MAP.of(handler).get(str(manager.run_id))
        if tree is not None and not (tree.extra or {}).get("__disabled"):
            return TraceLink(
                trace_id=tree.trace_id,
                project_name=tree.session_name,
                client=foreign.TRACER_CLIENT.of(handler),
                run_tree=tree,
            )
    return None


@contextlib.contextmanager
def failing_run(
    request: Request,
    run_id: UUID,
    error: Exception,
    config: RunnableConfig,
    model_callbacks: Callbacks,
) -> Iterator[TraceLink | None]:
    """Show LangSmith's tracers a run that fails with `error`, and nobody else.

    Args:
        request: The request that is not made.
        run_id: The run's id.
        error: What it fails with.
        config: What the model would be called with.
        model_callbacks: The model's own callbacks.

    Yields:
        LangSmith's side of the run before it ends; None where the call is not traced, or where the
        seam is not active.
    """
    manager = _tracing_manager(request, config, model_callbacks) if _Seam.active else None
    if manager is None:
        yield None
        return
    (run,) = manager.on_chat_model_start(
        request.serialized,
        [list(request.messages)],
        run_id=run_id,
        name=config.get("run_name"),
        invocation_params=request.invocation_params,
    )
    try:
        yield trace_link(run)
    finally:
        run.on_llm_error(error, response=LLMResult(generations=[]))


def _tracing_manager(
    request: Request, config: RunnableConfig, model_callbacks: Callbacks
) -> CallbackManager | None:
    manager = CallbackManager.configure(
        inheritable_callbacks=config.get("callbacks"),
        local_callbacks=model_callbacks,
        inheritable_tags=config.get("tags"),
        local_metadata=request.metadata,
    )
    manager.handlers = _tracers_among(manager.handlers)
    return manager if manager.handlers else None


def _tracers_among(handlers: Iterable[BaseCallbackHandler]) -> list[Any]:
    module = sys.modules.get("langchain_core.tracers.langchain")
    if module is None:
        return []
    return [handler for handler in handlers if isinstance(handler, module.LangChainTracer)]


def _views(managers: Sequence[RunManager]) -> Iterator[RunManager]:
    """Yield a copy of each manager for each of its handlers, in the order of their closing.

    That is the reverse of their start, because contexts may be nested. Our handlers come first: the
    tracer sends LangSmith's run when it closes, and what they write has to be there by then.
    """
    for manager in reversed(managers):
        handlers = manager.handlers[::-1]
        handlers.sort(key=_is_sibling)
        for handler in handlers:
            view = copy.copy(manager)
            view.handlers = [handler]
            yield view


def _close(call: StartCall, managers: Sequence[RunManager], error: Exception) -> None:
    interrupt: BaseException | None = None
    with _closing(call):
        for view in _views(managers):
            try:
                view.on_llm_error(error, response=LLMResult(generations=[]))
            except (KeyboardInterrupt, SystemExit) as stop:
                interrupt = stop
            except BaseException as failure:  # noqa: BLE001 -- the refusal is raised
                _log_failure(view, failure)
    if interrupt is not None:
        raise interrupt


_unfinished: set[asyncio.Task[None]] = set()


async def _aclose(call: StartCall, managers: Sequence[RunManager], error: Exception) -> None:
    closing = asyncio.get_running_loop().create_task(_close_each(call, managers, error))
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        # The caller gets our error, which ends it as well. After one cancellation the handlers are
        # still waited for; after another one they end in the background.
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            _unfinished.add(closing)
            closing.add_done_callback(_unfinished.discard)


async def _close_each(call: StartCall, managers: Sequence[RunManager], error: Exception) -> None:
    interrupt: BaseException | None = None
    with _closing(call):
        for view in _views(managers):
            try:
                await view.on_llm_error(error, response=LLMResult(generations=[]))
            except (KeyboardInterrupt, SystemExit) as stop:
                interrupt = stop
            except BaseException as failure:  # noqa: BLE001 -- the refusal is raised
                _log_failure(view, failure)
    if interrupt is not None:
        raise interrupt


@contextlib.contextmanager
def _closing(call: StartCall) -> Iterator[None]:
    """Settle our runs in any case, and swallow only signs of an unknown langchain-core."""
    try:
        yield
    except (AttributeError, TypeError) as failure:
        _degrade(f"{type(failure).__name__} while closing a blocked request")
    finally:
        for run in call.runs:
            run.end(Outcome.BLOCKED if run.record.blocked else Outcome.CANCELLED)


def _log_failure(view: RunManager, failure: BaseException) -> None:
    # langchain-core has logged an `Exception` already.
    level = logging.DEBUG if isinstance(failure, Exception) else logging.WARNING
    with contextlib.suppress(Exception):
        _logger.log(
            level,
            "%s.on_llm_error raised %s for a blocked request; the other handlers are still told",
            type(view.handlers[0]).__name__,
            type(failure).__name__,
        )
