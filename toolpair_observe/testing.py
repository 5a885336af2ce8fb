"""Watch the chat-model requests of a test, independently of other handlers on the models.

The pytest plugin uses this module. Other test runners can use it, too:

    watch = Watch("observe")
    try:
        agent.invoke(...)
        assert not watch.requests.reports
    finally:
        watch.stop()
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

from toolpair_observe.attach import seam
from toolpair_observe.attach.judge import Judge
from toolpair_observe.attach.process_hook import ProcessHook
from toolpair_observe.attach.request import Request
from toolpair_observe.counts import shared_counts
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport

__all__ = ["Requests", "Watch"]


class Requests:
    """The requests of one test.

    Attributes:
        checked: The number of chat-model requests.
        reports: The reports of the requests that are near misses.
    """

    checked: int
    reports: list[PairingReport]

    def __init__(self) -> None:
        self.checked = 0
        self.reports = []
        self._lock = threading.Lock()

    def add(self, report: PairingReport) -> None:
        """Record one request."""
        with self._lock:
            self.checked += 1
            if not report.ok:
                self.reports.append(report)


class Watch:
    """Check every chat-model request of the process until `stop`.

    A watch also checks requests that a handler of the application checks. It does not count or
    report them as a handler does.

    Args:
        mode: `"observe"` only checks; `"strict"` also stops the requests that strict mode stops.
            The other options come from the environment.

    Attributes:
        requests: The recorded requests; replace it to start a new record.

    Raises:
        SettingsError: The value of an environment variable is not allowed.
    """

    requests: Requests

    def __init__(self, mode: Literal["strict", "observe"]) -> None:
        self.requests = Requests()
        self._settings = Settings.resolve(mode=mode)
        self._counts = shared_counts(None, self._settings.max_label_values)
        self._judge = Judge(self._settings, self._counts, "testing")
        if mode == "strict" and self._settings.wrap_callbacks:
            seam.install()
        _hook.add(self)

    def stop(self) -> None:
        """End the watch."""
        _hook.remove(self)

    def started(self, request: Request, run_id: UUID) -> None:
        """Check a request when it starts, and stop it if strict mode does.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and the seam is off.
            CheckFailedError: The check failed, and `on_internal_error` is `"block"`.
        """
        mode = self._settings.mode_for(request.metadata)
        if mode == "off":
            return
        verdict, refusal = self._judge.decide(request, run_id, mode)
        if verdict is not None:
            with FailOpen(self._counts, "testing"):
                self.requests.add(verdict.report)
        if refusal is not None:
            seam.refuse(refusal, run_id)


class _WatchHook(ProcessHook):
    """Takes part in every chat-model run, next to the handlers of the application."""

    ignore_llm = True

    def __init__(self) -> None:
        super().__init__("_hook")
        self._watches: tuple[Watch, ...] = ()
        self._watches_lock = threading.Lock()

    def add(self, watch: Watch) -> None:
        """Pass requests on to `watch`."""
        with self._watches_lock:
            self._watches += (watch,)
        self.register()

    def remove(self, watch: Watch) -> None:
        """Stop passing requests on to `watch`."""
        with self._watches_lock:
            self._watches = tuple(each for each in self._watches if each is not watch)

    @property
    def ignore_chat_model(self) -> bool:
        """Whether there is no watch."""
        return not self._watches

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- langchain-core's own signature
    ) -> None:
        """Pass a request on to each watch."""
        request = Request(messages[0], serialized, metadata, kwargs.get("invocation_params"))
        for watch in self._watches:
            watch.started(request, run_id)


_hook = _WatchHook()
