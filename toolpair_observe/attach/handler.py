"""`ToolPairHandler`: the callback that checks each chat-model request before it leaves."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack
from uuid import UUID

from toolpair_observe.attach import parts
from toolpair_observe.attach.as_class import InstancesOnly
from toolpair_observe.attach.outcome_listener import OutcomeListener
from toolpair_observe.attach.step_listener import StepListener
from toolpair_observe.errors import is_deliberate
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_core.callbacks import Callbacks
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from langsmith import Client
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from toolpair_observe.accuracy import Accuracy
    from toolpair_observe.attach.admission import Admission
    from toolpair_observe.attach.judge import Verdict
    from toolpair_observe.attach.request import Request
    from toolpair_observe.attach.runs import Run
    from toolpair_observe.attach.seam import StartCall
    from toolpair_observe.attach.standing import StandingSettings
    from toolpair_observe.fail_open import FailOpen, HookFailed
    from toolpair_observe.option_values import Mode
    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.record import Record, TraceLink
    from toolpair_observe.reporters.hook import ObservationHook
    from toolpair_observe.reporters.pipeline import Pipeline
    from toolpair_observe.settings import Options, Settings


__tracebackhide__ = is_deliberate


class ToolPairHandler(InstancesOnly, StepListener, OutcomeListener):
    """Check the tool calls and tool results of every chat-model request.

    In `observe` mode it reports; in `strict` mode it also stops a request that is predicted to
    fail, with `InvalidToolResultsError`, before anything is sent. Its own failures never reach the
    application, unless `on_internal_error` says so.

    A copy of the handler, shallow or deep, is the handler itself. Unpickling makes a new one from
    the settings, without the providers, the client and the hook.

    Args:
        mode: `"observe"` (the default), `"strict"` or `"off"`.
        tracer_provider: Where spans go; None for the application's global one.
        meter_provider: Where metrics go; None for the application's global one.
        logger_provider: Where events go; None for the application's global one.
        langsmith_client: The client that sends feedback; None for that of each run's own tracer.
        on_near_miss: Function to call with the `Observation` of each near miss and each escape
            once its outcome is known, plain or a coroutine function; it says where to look.
        on_masked: The same for each request in which the model first sees made-up results.
        **options: See `Options`. Each can be given as `TOOLPAIR_<OPTION>` in the environment, too.

    Raises:
        SettingsError: An option is unknown or has a value that it can't have; or a provider, the
            client or a function is of no use.
    """

    def __init__(  # noqa: PLR0913 -- each is a place of its own
        self,
        mode: Mode | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        langsmith_client: Client | None = None,
        on_near_miss: ObservationHook | None = None,
        on_masked: ObservationHook | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        parts.bring()
        settings = parts.Settings.resolve(mode=mode, **options)
        self._set_up(
            parts.StandingSettings(settings, tracer_provider, meter_provider, logger_provider),
            settings,
            parts.Pipeline(
                settings,
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                logger_provider=logger_provider,
                langsmith_client=langsmith_client,
                on_near_miss=on_near_miss,
                on_masked=on_masked,
            ),
        )

    def _set_up(self, standing: StandingSettings, settings: Settings, pipeline: Pipeline) -> None:
        self.standing = standing
        self._settings = settings
        self._pipeline = pipeline
        self.judge = parts.Judge(settings, pipeline.counts)
        self._runs = parts.runs.Runs(
            limit=settings.max_runs,
            timeout=settings.run_timeout,
            counts=pipeline.counts,
            placed=partial(parts.find_place, pipeline),
            checked=pipeline.checked,
            ended=_ended(settings, pipeline),
        )
        self._handler_guard = parts.FailOpen(pipeline.counts, "handler")
        self._outcome_guard = parts.FailOpen(pipeline.counts, "outcome")
        self._steps_guard = parts.FailOpen(pipeline.counts, "steps")
        self._journal = parts.JOURNAL
        self._recorder = parts.Recorder(settings, self.judge, self._steps_guard)
        if settings.mode != "off":
            self._install_seam()
        parts.close_at_exit(self)

    def _install_seam(self) -> None:
        if self._settings.wrap_callbacks:
            parts.seam.install()

    @property
    def settings(self) -> Settings:
        """The options that apply now: the mode can follow the deployment environment."""
        return self.standing.now()

    @property
    def hears_steps(self) -> bool:
        """Whether the steps of agents and their tools are written down, for the option `blame`."""
        return self._settings.blame == "steps" and self._settings.mode != "off"

    @property
    def mode_reason(self) -> str:
        """Where the mode comes from, such as `environment variable TOOLPAIR_MODE`."""
        return self.standing.reason()

    def mode_for(self, metadata: Mapping[str, Any] | None) -> Mode:
        """Return the mode of a request. Never raises.

        Args:
            metadata: The metadata of the request; its key `toolpair_mode` asks for a mode.

        Returns:
            The mode: the handler's own, or the one that is asked for where `request_mode` lets it
            hold.
        """
        try:
            return self.standing.mode_for(metadata)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._handler_guard.swallow(error, error.__traceback__)
        with self._handler_guard:
            return self.standing.now().mode
        return self._settings.mode

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *args: Any,  # noqa: ANN401, ARG002 -- what langchain-core may add
        run_id: UUID | None = None,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- langchain-core's own signature
    ) -> None:
        """Check the request, and stop it where strict mode has to.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and there is no seam to do it.
            CheckFailedError: The check failed, and strict mode blocks such a request.
        """
        mode = self.mode_for(metadata)
        if mode == "off":
            return
        if type(run_id) is not UUID:
            run_id = parts.runs.usable_id(run_id)
        try:
            request = parts.Request(
                messages[0], serialized, metadata, kwargs.get("invocation_params")
            )
            refusal = self._start(request, run_id, mode, parent_run_id)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._handler_guard.swallow(error, error.__traceback__)
            refusal = self.judge.unchecked(error, run_id, mode)
        if refusal is not None:
            self._install_seam()  # where a request of a handler that is off asks for strict
            parts.seam.refuse(refusal, run_id)

    def _start(
        self, request: Request, run_id: UUID, mode: Mode, parent_id: UUID | None
    ) -> Exception | None:
        """Check a request and open its run; return the error that has to stop it, or None."""
        call = parts.seam.current_call()
        earlier = parts.runs.find(run_id)
        if earlier is not None:
            earlier = self._same_start(earlier, request, call)
        if earlier is not None and (mode != "strict" or earlier.owner is self._runs):
            return None
        verdict, refusal = self.judge.decide(request, run_id, mode)
        if verdict is None or earlier is not None:
            return refusal
        try:
            record = self._recorder.record(request, run_id, mode, verdict, parent_id)
            self._open_run(record, call, request)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            # The refusal is settled by now: nothing that fails here can lose it.
            self._handler_guard.swallow(error, error.__traceback__)
        return refusal

    def _same_start(self, earlier: Run, request: Request, call: StartCall | None) -> Run | None:
        """Return the run with this id if a handler, or this one, has opened it at this start."""
        if earlier in call.runs if call is not None else earlier.messages is request.messages:
            return earlier
        with self._handler_guard:
            # Another request under the same run id. Their ends can't be told apart.
            earlier.give_up(parts.Outcome.ABANDONED)
        return None

    def _open_run(
        self, record: Record, call: StartCall | None, request: Request | None = None
    ) -> None:
        run = self._runs.open(record)
        if run is None:
            self._pipeline.checked_without_end(record)  # another request has the id by now
            return
        if self._pipeline.tells_of(record.report):
            run.wants_place = True
        if call is not None:
            call.runs.append(run)
            if call.is_async:
                run.watch_current_task()
            return
        if request is not None:
            run.messages = request.messages
            parts.seam.note_start_outside()
        run.watch_current_task()
        if run.wants_place:
            self._pipeline.place(record)
        run.check()

    @contextmanager
    def admitted(
        self,
        request: Request,
        config: RunnableConfig,
        model_callbacks: Callbacks = None,
        target: Target | None = None,
    ) -> Iterator[None]:
        """Check a request before any callback starts, and let it start or raise what stops it.

        What is stopped is counted and reported here: LangSmith is shown it as a failed run with its
        feedback; no other callback is called. Everything else is counted and reported when it
        starts, with the verdict that it was admitted with unless something has changed it since.

        Args:
            request: The request.
            config: What the model would be called with.
            model_callbacks: The model's own callbacks.
            target: What the request is judged by, where that is known already.

        Raises:
            InvalidToolResultsError: Strict mode stops the request.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        refusal: Exception | None = None
        admission: Admission | None = None
        with parts.FailOpen(self._pipeline.counts, "handler"):
            mode = self.mode_for(request.metadata)
            # Without a target the start of a request that can't be stopped is soon enough.
            if mode == "strict" or (mode == "observe" and target is not None):
                run_id = parts.runs.free_id(config.get("run_id"))
                verdict, refusal = self.judge.decide(request, run_id, mode, target)
                if refusal is not None:
                    self._report_refused(request, run_id, verdict, refusal, config, model_callbacks)
                elif verdict is not None:
                    admission = parts.Admission(self.judge, request, verdict)
        if refusal is not None:
            raise refusal
        try:
            yield
        finally:
            if admission is not None:
                admission.release()

    def _report_refused(  # noqa: PLR0913, PLR0917 -- what was refused, and whom to show it to
        self,
        request: Request,
        run_id: UUID,
        verdict: Verdict | None,
        refusal: Exception,
        config: RunnableConfig,
        model_callbacks: Callbacks,
    ) -> None:
        with ExitStack() as stack:
            link: TraceLink | None = None
            # What LangSmith can't be shown is counted and reported all the same.
            with self.fail_open("handler"):
                if parts.seam.is_active():
                    run = parts.failing_run(request, run_id, refusal, config, model_callbacks)
                    link = stack.enter_context(run)
            if verdict is not None:
                record = self._recorder.record(request, run_id, "strict", verdict)
                record.link = link
                try:
                    self._open_run(record, None)
                finally:
                    parts.runs.end_refused(run_id)

    def fail_open(self, component: str) -> FailOpen:
        """Return a guard that counts failures of `component` and swallows them."""
        return parts.FailOpen(self._pipeline.counts, component)

    def fail_hook(self, name: str) -> HookFailed:
        """Return the same for a function of the application, by the argument that holds it."""
        return parts.HookFailed(self._pipeline.counts, name)

    def accuracy(self) -> Accuracy:
        """Return predicted effects against outcomes so far, for each provider and model.

        It covers all handlers of the process that report to the same meter provider; its `scope`
        and its text say so.
        """
        from toolpair_observe.accuracy import Accuracy  # noqa: PLC0415 -- only for people

        scope = f"all handlers of process {os.getpid()} that report to the same meter provider"
        return Accuracy.of(self._pipeline.counts.snapshot(parts.semconv.OUTCOMES), scope)

    def flush(self, timeout: float = 5.0) -> bool:
        """Give up overdue requests, and deliver queued reports.

        Args:
            timeout: Seconds to wait at most; what is no number is a TypeError.

        Returns:
            Whether everything was delivered.
        """
        deadline = parts.Deadline(timeout)
        with parts.FailOpen(self._pipeline.counts, "flush"):
            parts.runs.sweep_all()
            return self._pipeline.flush(deadline.left)
        return False

    def close(self, timeout: float = 5.0) -> bool:
        """Abandon requests in flight, deliver queued reports, and stop all workers.

        The handler goes on checking, counting and blocking if it is called again, and delivers
        nothing more to LangSmith or to the hooks.

        Args:
            timeout: Seconds to wait at most; what is no number is a TypeError.

        Returns:
            Whether everything was delivered.
        """
        deadline = parts.Deadline(timeout)
        with parts.FailOpen(self._pipeline.counts, "close"):
            parts.runs.sweep_all()
            self._runs.abandon_all()
            delivered = self._pipeline.flush(deadline.left)
            self._pipeline.close(deadline.left)
            return delivered
        return False

    def retire(self, timeout: float = 5.0) -> bool:
        """Deliver queued reports, and close unless requests are in flight.

        Their ends are still reported; `close` would give them up.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is closed.
        """
        with parts.FailOpen(self._pipeline.counts, "close"):
            deadline = parts.Deadline(timeout)
            self._pipeline.flush(deadline.left)
            if not len(self._runs):
                self._pipeline.close(deadline.left)
                return True
        return False

    def __copy__(self) -> ToolPairHandler:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ToolPairHandler:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._settings)

    def __repr__(self) -> str:
        return f"{type_name(self)}(mode={self.settings.mode!r})"


def _rebuild(cls: type[ToolPairHandler], settings: Settings) -> ToolPairHandler:
    parts.bring()
    handler = cls.__new__(cls)
    standing = parts.StandingSettings(settings)
    handler._set_up(standing, settings, parts.Pipeline(settings))  # noqa: SLF001 -- see __reduce__
    return handler


def _ended(settings: Settings, pipeline: Pipeline) -> Callable[[Record], None]:
    """Return what hears of each record once its outcome is known."""
    profile = settings.profile
    if profile is None or profile.measured is None or settings.mode == "off":
        return pipeline.finished
    # Few profiles are measured.
    from toolpair_observe.attach.measured import Currency  # noqa: PLC0415 - see above

    currency = Currency(profile, parts.FailOpen(pipeline.counts, "handler"))
    currency.begin()
    return currency.before(pipeline.finished)
