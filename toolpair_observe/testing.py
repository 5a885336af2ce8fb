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
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from toolpair_observe.attach import seam
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.identify import identify

if TYPE_CHECKING:
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
        # What is watched in a test belongs to no trace and no LangSmith project.
        self._handler = ToolPairHandler(mode=mode, feedback="off", spans="off")
        self._handler._pipeline.report_to({})  # noqa: SLF001 -- nor to a log
        self._is_strict = mode == "strict"
        _eye.open(self)

    def stop(self) -> None:
        """Stop watching, and close the handler that checked."""
        _eye.close(self)
        self._handler.close()

    def started(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- langchain-core's own
        """See a request, and stop it where strict mode has to.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and no seam does it.
        """
        with self._handler.fail_open("testing"):
            self._see(*args, **kwargs)
        if self._is_strict:
            self._handler.on_chat_model_start(*args, **kwargs)

    def _see(
        self,
        serialized: dict[str, Any],
        messages: list[list[Any]],
        *,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- langchain-core's own
    ) -> None:
        settings = self._handler.settings
        if settings.mode_for(metadata) == "off":
            return
        params = kwargs.get("invocation_params")
        target = identify(serialized, metadata, params, settings.profile)
        self.requests.add(check(messages[0], target.profile, target.facts))

    def ended(self, callback: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- see above
        """See how a request goes on."""
        if self._is_strict:
            getattr(self._handler, callback)(*args, **kwargs)


class _Eye(BaseCallbackHandler, seam.Participant):
    """Stands in every chat-model run, beside any handler of the application."""

    run_inline = True
    raise_error = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    def __init__(self) -> None:
        super().__init__()
        self._watches: tuple[Watch, ...] = ()
        self._lock = threading.Lock()
        self._is_registered = False

    def open(self, watch: Watch) -> None:
        """Let `watch` see what happens."""
        with self._lock:
            self._watches += (watch,)
            if not self._is_registered:
                self._is_registered = True
                register_configure_hook(_eye_var, inheritable=False)

    def close(self, watch: Watch) -> None:
        """Let it see no more."""
        with self._lock:
            self._watches = tuple(each for each in self._watches if each is not watch)

    @property
    def ignore_llm(self) -> bool:
        """Whether nobody watches."""
        return not self._watches

    @property
    def ignore_chat_model(self) -> bool:
        """Whether nobody watches."""
        return not self._watches

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- see above
        """Show that a request starts."""
        for watch in self._watches:
            watch.started(*args, **kwargs)

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- see above
        """Show that the model has answered."""
        for watch in self._watches:
            watch.ended("on_llm_end", *args, **kwargs)

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- see above
        """Show that the request failed."""
        for watch in self._watches:
            watch.ended("on_llm_error", *args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Eye:
        return self

    def __reduce__(self) -> str:
        return "_eye"


_eye = _Eye()
_eye_var: ContextVar[BaseCallbackHandler | None] = ContextVar("toolpair_observe_eye", default=_eye)
