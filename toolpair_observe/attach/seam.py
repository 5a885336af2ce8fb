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

import contextlib
import functools
import inspect
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Self

from langchain_core.version import VERSION

from toolpair_observe.attach import closing, runs
from toolpair_observe.attach.participant import Participant
from toolpair_observe.counts import shared_counts
from toolpair_observe.errors import is_deliberate
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.forks import in_child
from toolpair_observe.logs import warn
from toolpair_observe.once import warn_once
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.pairing.words import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler

    from toolpair_observe.attach.runs import Run

    RunManager = Any  # CallbackManagerForLLMRun or its asynchronous counterpart

__tracebackhide__ = is_deliberate
_METHOD: Final = "on_chat_model_start"
_MOST_CHANGES: Final = 2


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

    # As nearly every start is: to set them costs each request more than to read them here.
    is_over = False
    refusal: Exception | None = None
    refused: frozenset[UUID] = frozenset()

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async
        self.runs: list[Run] = []

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
                with self.fail_open():
                    run.end(Outcome.CANCELLED)

    def fail_open(self) -> FailOpen:
        """Return a guard that counts a failure of the seam in this start, and swallows it."""
        counts = self.runs[0].owner.counts if self.runs else shared_counts()
        return FailOpen(counts, "seam")

    def swallow(self, error: Exception) -> None:
        """Count a failure of the seam in this start."""
        self.fail_open().swallow(error, error.__traceback__)

    def refuse(self, error: Exception, run_id: UUID) -> None:
        """Have the request stopped with `error` once every handler has started."""
        if self.refusal is None:
            self.refusal = error
        self.refused |= {runs.usable_id(run_id)}


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


def note_start_outside() -> None:
    """Say once that a handler of ours has started outside of the seam, although there is one."""
    if _Seam.active:
        warn_once(
            "start outside of the seam",
            "a chat model's callbacks run outside of langchain-core's callback managers, or in "
            "another context than theirs: strict mode raises from the callback there, which leaves "
            "other handlers' runs open, and LangSmith gets no feedback on such requests",
        )


class _Seam:
    """Whether the managers are wrapped, and their methods before and after."""

    lock = threading.RLock()
    active = False
    broken = False
    changes = 0  # starts in a row that did not return run managers
    originals: dict[type, Callable[..., Any]] = {}  # noqa: RUF012 -- the process has one seam
    wrappers: dict[type, Callable[..., Any]] = {}  # noqa: RUF012
    known: set[type] = set()  # noqa: RUF012 -- classes of run managers that are as expected


def _manager_classes() -> tuple[type, type]:
    # They bring all messages and models of langchain-core, which nothing needs until a model does.
    from langchain_core.callbacks import AsyncCallbackManager, CallbackManager  # noqa: PLC0415

    return CallbackManager, AsyncCallbackManager


def install() -> bool:
    """Wrap both managers, unless they are wrapped already.

    Returns:
        Whether the seam is active. It is not where langchain-core's managers are not as expected;
        a warning is logged then.
    """
    with _Seam.lock:
        if _Seam.active or _Seam.broken:
            return _Seam.active
        plain_class, async_class = _manager_classes()
        for manager_class, is_async in ((plain_class, False), (async_class, True)):
            original = getattr(manager_class, _METHOD, None)
            if original is None or inspect.iscoroutinefunction(original) is not is_async:
                _degrade(f"{manager_class.__name__}.{_METHOD} is not what it was")
                return False
        _set_wrapper(plain_class, _wrap)
        _set_wrapper(async_class, _awrap)
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


def is_broken() -> bool:
    """Whether langchain-core has a shape that the seam does not know."""
    return _Seam.broken


def wrappers() -> dict[type, Callable[..., Any]]:
    """Return what the seam has put around each manager's method."""
    return dict(_Seam.wrappers)


def _degrade(change: str) -> None:
    """Give up for good, because langchain-core has changed."""
    with _Seam.lock:
        _Seam.active = False
        if _Seam.broken:
            return
        _Seam.broken = True
    with contextlib.suppress(Exception):
        warn(
            "langchain-core %s has a shape that toolpair_observe does not know (%s): strict mode "
            "raises from the callback, which leaves other handlers' runs open, and LangSmith gets "
            "no feedback",
            VERSION,
            change,
        )


def _wrap(original: Callable[..., Sequence[RunManager]]) -> Callable[..., Sequence[RunManager]]:
    @functools.wraps(original)
    def on_chat_model_start(self: object, *args: object, **kwargs: object) -> Sequence[RunManager]:
        if not (_Seam.active and _is_served(self)):
            return original(self, *args, **kwargs)
        with StartCall(is_async=False) as call:
            managers = original(self, *args, **kwargs)
        _connect(call, managers, self)
        refusal = call.refusal
        if refusal is not None:
            try:
                with call.fail_open():
                    closing.close(managers, refusal, _is_sibling)
            finally:
                _settle(call)
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
        _connect(call, managers, self)
        refusal = call.refusal
        if refusal is not None:
            try:
                with call.fail_open():
                    await closing.aclose(managers, refusal, _is_sibling)
            finally:
                _settle(call)
            raise refusal from None
        return managers

    return on_chat_model_start


def _is_served(manager: object) -> bool:
    try:
        # A loop, because `any` over a generator costs every call of the process several times as
        # much.
        for handler in getattr(manager, "handlers", ()):
            # The hook of `instrument()` stays for good, also while no handler is behind it.
            if isinstance(handler, Participant) and not getattr(
                handler, "ignore_chat_model", False
            ):
                return True
    except Exception:  # noqa: BLE001 -- handlers of any class; langchain-core says what is wrong
        return False
    return False


def _connect(call: StartCall, managers: Sequence[RunManager], starter: object) -> None:
    """Tie each run to its manager, and put our handlers before the others there."""
    # A try, because a guard costs every request several times as much where nothing fails.
    try:
        change = _change_in(managers)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
        change = "cannot be read"
        call.swallow(error)
    if change:
        _note_change(starter, change)
        for run in call.runs:
            with call.fail_open():
                run.check()
        return
    _Seam.changes = 0
    for run in call.runs:
        try:
            _connect_run(call, run, managers)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            call.swallow(error)
    if len(call.runs) > 1 and not call.is_async:
        for run in call.runs:
            run.siblings = call.runs


def _connect_run(call: StartCall, run: Run, managers: Sequence[RunManager]) -> None:
    if call.refused and run.record.run_id in call.refused:
        run.note_refusal()
    manager = managers[0] if len(managers) == 1 else _manager_of(run.record.run_id, managers)
    run.watch_manager(manager)
    handlers = manager.handlers
    # Who hears of steps alone is inherited, and so may stand before siblings of the model's own.
    if len(handlers) > 1 and (_is_sibling(handlers[0]) or handlers[0].ignore_llm):
        manager.handlers = sorted(handlers, key=_is_sibling)
    if run.wants_place:
        run.owner.placed(run.record, manager)
    run.check()


def _note_change(starter: object, change: str) -> None:
    """Give up where langchain-core's own managers return something else twice in a row.

    Once may be a patch of another library, for one request. A manager class of the application
    proves nothing.
    """
    if type(starter) not in _manager_classes():
        return
    _Seam.changes += 1
    if _Seam.changes >= _MOST_CHANGES:
        _degrade(f"{type(starter).__name__}.{change}")


def _change_in(managers: object) -> str:
    """Say what langchain-core's method returned other than its run managers; `""` if nothing."""
    if not isinstance(managers, list | tuple):
        return f"{_METHOD} returned {type_name(managers)}, not a list of run managers"
    for manager in managers:
        if type(manager) not in _Seam.known:
            for name in ("run_id", "handlers", "on_llm_error"):
                if not hasattr(manager, name):
                    return f"{_METHOD} returned {type_name(manager)} without {name}"
            _Seam.known.add(type(manager))
    return ""


def _manager_of(run_id: UUID, managers: Sequence[RunManager]) -> RunManager:
    (manager,) = [each for each in managers if each.run_id == run_id]
    return manager


def _is_sibling(handler: BaseCallbackHandler) -> bool:
    return not isinstance(handler, Participant)


def _settle(call: StartCall) -> None:
    """End the runs of a request that is stopped, where no handler was told."""
    for run in call.runs:
        with call.fail_open():
            run.end(Outcome.BLOCKED if run.record.blocked else Outcome.CANCELLED)


@in_child
def _renew_lock() -> None:
    _Seam.lock = threading.RLock()  # another thread may have held it at the fork
