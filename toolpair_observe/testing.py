"""Watch the chat-model requests of a test, whatever else is attached to the models.

The pytest plugin uses it. Other test runners can, too:

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
        checked: How many chat-model requests there were.
        reports: The reports of those whose history is not accepted as it is meant.
    """

    checked: int
    reports: list[PairingReport]

    def __init__(self) -> None:
        self.checked = 0
        self.reports = []
        self._lock = threading.Lock()

    def add(self, report: PairingReport) -> None:
        """Take note of one request."""
        with self._lock:
            self.checked += 1
            if not report.ok:
                self.reports.append(report)


class Watch:
    """Look at every chat-model request of the process until `stop`.

    It sees requests that a handler of the application checks as well, and leaves counting and
    reporting to that one.

    Args:
        mode: `"observe"` only looks; `"strict"` also stops the requests that strict mode stops.
            The other options come from the environment.

    Attributes:
        requests: Where requests are noted; replace it to start anew.

    Raises:
        SettingsError: An environment variable has a value that it can't have.
    """

    requests: Requests

    def __init__(self, mode: Literal["strict", "observe"]) -> None:
        self.requests = Requests()
        self._settings = Settings.resolve(mode=mode)
        self._counts = shared_counts(None, self._settings.max_label_values)
        self._judge = Judge(self._settings, self._counts, "testing")
        if mode == "strict" and self._settings.wrap_callbacks:
            seam.install()
        _eye.open(self)

    def stop(self) -> None:
        """End the watch."""
        _eye.close(self)

    def started(self, request: Request, run_id: UUID) -> None:
        """See a request, and stop it where strict mode has to.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and no seam does it.
            CheckFailedError: The check failed, and strict mode must not let that pass.
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


class _Eye(ProcessHook):
    """Stands in every chat-model run, beside any handler of the application."""

    ignore_llm = True

    def __init__(self) -> None:
        super().__init__("_eye")
        self._watches: tuple[Watch, ...] = ()
        self._watches_lock = threading.Lock()

    def open(self, watch: Watch) -> None:
        """Let `watch` see requests."""
        with self._watches_lock:
            self._watches += (watch,)
        self.register()

    def close(self, watch: Watch) -> None:
        """Keep requests from `watch`."""
        with self._watches_lock:
            self._watches = tuple(each for each in self._watches if each is not watch)

    @property
    def ignore_chat_model(self) -> bool:
        """Whether no watch is open."""
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
        """Show that a request starts."""
        request = Request(messages[0], serialized, metadata, kwargs.get("invocation_params"))
        for watch in self._watches:
            watch.started(request, run_id)


_eye = _Eye()
