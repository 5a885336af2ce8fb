"""What stands in every chat-model run of the process, by langchain-core's public configure hook.

A hook can't be unregistered, and a `ContextVar`'s default can't be changed. So the default is one
object that stays for good and ignores everything while it has nothing to do. The default, unlike a
value that is set, is there in every thread, task and forked child.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from langchain_core.tracers.context import register_configure_hook

from toolpair_observe.attach.participant import Participant
from toolpair_observe.forks import reset_in_child

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler


class ProcessHook(Participant):
    """One object for the process; copied or pickled it is itself.

    Args:
        name: The module's global that holds it.
        is_inherited: Whether a run hands it on to its children. Otherwise each run finds it by
            itself, where langchain-core configures its callbacks.
    """

    def __init__(self, name: str, *, is_inherited: bool = False) -> None:
        super().__init__()
        self._name = name
        self._is_inherited = is_inherited
        self._lock = threading.Lock()
        self._is_registered = False
        reset_in_child(self)
        self._variable: ContextVar[BaseCallbackHandler | None] = ContextVar(
            f"toolpair_observe{name}", default=self
        )

    def register(self) -> None:
        """Stand in every run from now on."""
        with self._lock:
            if not self._is_registered:
                register_configure_hook(self._variable, inheritable=self._is_inherited)
                self._is_registered = True

    def reset(self) -> None:
        """Leave a lock behind that another thread may have held at a fork."""
        self._lock = threading.Lock()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> str:
        return self._name
