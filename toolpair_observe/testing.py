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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Unpack

from toolpair_observe.attach import seam
from toolpair_observe.attach.hindsight import Hindsight
from toolpair_observe.attach.judge import Judge
from toolpair_observe.attach.process_hook import ProcessHook
from toolpair_observe.attach.request import Request
from toolpair_observe.attach.step_listener import StepListener
from toolpair_observe.counts import shared_counts
from toolpair_observe.errors import is_deliberate
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.forks import reset_in_child
from toolpair_observe.observation import fresh_masked
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.settings import MODE_KEY, Settings
from toolpair_observe.steps.journal import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind
    from toolpair_observe.settings import Options

__all__ = ["Found", "Requests", "Watch"]


__tracebackhide__ = is_deliberate


class Found(NamedTuple):
    """A request with violations.

    Attributes:
        report: Its report.
        stopping: The kinds of those violations for which strict mode stops it.
    """

    report: PairingReport
    stopping: frozenset[ViolationKind]


class Requests:
    """The requests of one test.

    Attributes:
        checked: The number of chat-model requests that were checked.
        unchecked: The number of those that were not: `toolpair_mode` in their metadata is `"off"`,
            or the check failed.
        reports: The reports of the requests that are near misses.
        masked: The results that other software made up, each of the request in which the model saw
            it first.
        stopped: The errors with which a strict watch has stopped requests.
    """

    checked: int
    unchecked: int
    reports: list[PairingReport]
    masked: list[MaskedResult]
    stopped: list[Exception]

    def __init__(self) -> None:
        self.checked = 0
        self.unchecked = 0
        self.reports = []
        self.masked = []
        self.stopped = []
        self._found: list[Found] = []
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Leave a lock behind that another thread may have held at a fork."""
        self._lock = threading.Lock()

    def add(
        self, report: PairingReport | None, stopping: frozenset[ViolationKind] = frozenset()
    ) -> None:
        """Record one request, None where it was not checked.

        Args:
            report: Its report.
            stopping: The kinds of those violations for which strict mode stops it.
        """
        with self._lock:
            if report is None:
                self.unchecked += 1
                return
            self.checked += 1
            if report.violations:
                self._found.append(Found(report, stopping))
            if not report.ok:
                self.reports.append(report)

    def add_masked(self, masked: tuple[MaskedResult, ...]) -> None:
        """Record results that other software made up, and that the model sees first."""
        if masked:
            with self._lock:
                self.masked += masked

    def found(self) -> tuple[Found, ...]:
        """Return the requests with violations, whatever became of `reports` since."""
        with self._lock:
            return tuple(self._found)


class Watch:
    """Check every chat-model request of the process until `stop`.

    A watch also checks requests that a handler of the application checks. It does not count or
    report them as a handler does.

    Args:
        mode: `"observe"` only checks; `"strict"` also stops the requests that strict mode stops.
        **options: See `Options`. What is not given comes from the environment.

    Attributes:
        requests: The recorded requests; replace it to start a new record.
        admits: Says of the report of a request that has to be stopped whether it is let through
            all the same; none is until you set it.

    Raises:
        SettingsError: An option, given or in the environment, has a value that is not allowed.
    """

    requests: Requests
    admits: Callable[[PairingReport], bool]

    def __init__(self, mode: Literal["strict", "observe"], **options: Unpack[Options]) -> None:
        self.requests = Requests()
        self.admits = _admits_none
        self._settings = Settings.resolve(mode=mode, **options)
        self._counts = shared_counts(None, self._settings.max_label_values)
        self._judge = Judge(self._settings, self._counts, "testing")
        self._hindsight = Hindsight(self._settings)
        if mode == "strict" and self._settings.wrap_callbacks:
            seam.install()
        _hook.add(self)
        _steps.register()

    def stop(self) -> None:
        """End the watch."""
        _hook.remove(self)

    @property
    def settings(self) -> Settings:
        """The options that apply."""
        return self._settings

    def stopping_kinds(self, report: PairingReport) -> frozenset[ViolationKind]:
        """Return the kinds of those violations for which strict mode stops a request.

        Args:
            report: The report of the request.
        """
        for found in reversed(self.requests.found()):
            if found.report is report:
                return found.stopping
        return self._judge.stopping_kinds(report, identified=report.profile != CONTRACT.name)

    def started(self, request: Request, run_id: UUID, parent_id: UUID | None = None) -> None:
        """Check a request when it starts, and stop it if strict mode does.

        Args:
            request: The request.
            run_id: Its run.
            parent_id: The run that asks, or None.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and the seam is off.
            CheckFailedError: The check failed, and `on_internal_error` is `"block"`.
        """
        if _is_taken_out(request):
            self.requests.add(None)
            return
        verdict, refusal = self._judge.decide(request, run_id, self._settings.mode)
        is_admitted = False
        with FailOpen(self._counts, "testing"):
            if verdict is None:
                self.requests.add(None)
            else:
                self.requests.add(verdict.report, verdict.stopping)
                is_admitted = refusal is not None and self.admits(verdict.report)
                masked = self._hindsight.masked(request, parent_id, verdict.report)
                self.requests.add_masked(fresh_masked(masked))
        if refusal is not None and not is_admitted:
            self.requests.stopped.append(refusal)
            seam.refuse(refusal, run_id)


def _is_taken_out(request: Request) -> bool:
    """Whether a request asks not to be checked; no other mode that it asks for is the watch's."""
    asked = request.metadata.get(MODE_KEY) if request.metadata else None
    return isinstance(asked, str) and asked.strip().lower() == "off"


def _admits_none(_: PairingReport) -> bool:
    return False


class _WatchHook(ProcessHook):
    """Takes part in every chat-model run, next to the handlers of the application."""

    ignore_llm = True

    def __init__(self) -> None:
        super().__init__("_hook")
        self._watches: tuple[Watch, ...] = ()

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Those that go on."""
        return self._watches

    def add(self, watch: Watch) -> None:
        """Pass requests on to `watch`."""
        with self._lock:
            self._watches += (watch,)
        self.register()

    def remove(self, watch: Watch) -> None:
        """Stop passing requests on to `watch`."""
        with self._lock:
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
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- langchain-core's own signature
    ) -> None:
        """Pass a request on to each watch."""
        request = Request(messages[0], serialized, metadata, kwargs.get("invocation_params"))
        for watch in self._watches:
            watch.started(request, run_id, parent_run_id)


class _WatchSteps(ProcessHook, StepListener):
    """Hears of the steps of every agent in the process, for the watches."""

    ignore_chat_model = True
    ignore_llm = True

    def __init__(self) -> None:
        super().__init__("_steps", is_inherited=True)
        self._journal = JOURNAL
        self._steps_guard = FailOpen(shared_counts(), "testing")

    @property
    def hears_steps(self) -> bool:
        """Whether a watch wants the steps to be written down."""
        return any(watch.settings.blame == "steps" for watch in _hook.watches)


_hook = _WatchHook()
_steps = _WatchSteps()
