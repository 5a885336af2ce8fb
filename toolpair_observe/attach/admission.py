"""A verdict that waits for its request to start, and for no other one.

`guard` and the middleware judge a request before its callbacks start. What stands between that and
the start, a model class of the application or a middleware further in, may still change it. So the
verdict holds for the start only if every message is the same object with the same values as when
it was judged.
"""

from __future__ import annotations

from contextvars import ContextVar
from operator import is_
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.attach.judge import Judge, Verdict
    from toolpair_observe.attach.request import Request


class Admission:
    """A request that may start, with its verdict. It is good for one start.

    Args:
        judge: The judge whose verdict it is.
        request: The request.
        verdict: The verdict.
    """

    def __init__(self, judge: Judge, request: Request, verdict: Verdict) -> None:
        self._judge = judge
        self._request: Request | None = request
        self._messages = [_state(message) for message in request.messages]
        self._verdict = verdict
        _latest.set(self)

    def taken_by(self, judge: Judge, started: Request) -> Verdict | None:
        """Return the verdict if the request that starts is the one that was judged."""
        admitted = self._request
        if judge is not self._judge or admitted is None or not self._holds_for(started.messages):
            return None
        if not admitted.asks_as(started) and judge.identify(started) != self._verdict.target:
            return None
        self.release()
        return self._verdict

    def release(self) -> None:
        """Let go of the messages: the request has started, or never will."""
        self._request = None
        self._messages = []

    def _holds_for(self, messages: Sequence[BaseMessage]) -> bool:
        return len(messages) == len(self._messages) and all(
            map(_is_unchanged, map(_state, messages), self._messages)
        )


def latest() -> Admission | None:
    """Return the admission of this context that was made last, if there is one."""
    return _latest.get()


_latest: ContextVar[Admission | None] = ContextVar("toolpair_observe_admission", default=None)


# What the check reads of them, it reads of their text; a change inside changes no pair.
_ARGUMENTS: Final = frozenset({"args", "input"})


def _state(message: BaseMessage) -> list[Any]:
    """The message, its values, and the keys and values of all lists and dicts in them."""
    state: list[Any] = [message]
    waiting: list[Any] = [message.__dict__]
    seen: set[int] = set()
    while waiting:
        container = waiting.pop()
        if id(container) in seen:
            continue
        seen.add(id(container))
        if isinstance(container, dict):
            state += container
            values = [value for key, value in container.items() if key not in _ARGUMENTS]
        else:
            values = list(container)
        state += values
        waiting += [value for value in values if isinstance(value, dict | list | tuple)]
    return state


def _is_unchanged(state: list[Any], before: list[Any]) -> bool:
    return len(state) == len(before) and all(map(is_, state, before))
