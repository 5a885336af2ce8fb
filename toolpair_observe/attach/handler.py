"""`ToolPairHandler`: the callback that checks each chat-model request before it leaves."""

from __future__ import annotations

import asyncio
import atexit
import re
import weakref
from time import monotonic, perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Unpack
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackHandler

from toolpair_observe.accuracy import Accuracy
from toolpair_observe.attach import runs, seam
from toolpair_observe.counts import Metric
from toolpair_observe.errors import CheckFailedError, InvalidToolResultsError, ToolPairError
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.identify import identify
from toolpair_observe.pairing.refusals.recognize import rejection_kind
from toolpair_observe.pairing.words import Effect, Outcome
from toolpair_observe.record import Record
from toolpair_observe.reporters import delivery, hook
from toolpair_observe.reporters.pipeline import Pipeline
from toolpair_observe.reporters.text import without_ids
from toolpair_observe.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.callbacks import Callbacks
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult
    from langchain_core.runnables import RunnableConfig
    from langsmith import Client
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from toolpair_observe.attach.runs import Run
    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind
    from toolpair_observe.reporters.hook import NearMissHook
    from toolpair_observe.settings import Mode, Options

_EXIT_SECONDS: Final = 3.0


class _Request(NamedTuple):
    """What langchain-core tells a handler of a chat-model request."""

    run_id: UUID
    serialized: dict[str, Any]
    messages: list[BaseMessage]
    metadata: dict[str, Any] | None
    kwargs: dict[str, Any]

    @property
    def conversation_id(self) -> str | None:
        """The thread that the application says the request belongs to."""
        thread_id = self.metadata.get("thread_id") if self.metadata else None
        return None if thread_id is None else str(thread_id)


class ToolPairHandler(BaseCallbackHandler, seam.Participant):
    """Check the tool calls and tool results of every chat-model request.

    In `observe` mode it reports; in `strict` mode it also stops a request that is predicted to
    fail, with `InvalidToolResultsError`, before anything is sent. Nothing else that it does ever
    raises into the application.

    A copy of the handler, shallow or deep, is the handler itself. A pickled one is made anew from
    its settings: providers, client and hook stay behind.

    Args:
        mode: `"observe"` (the default), `"strict"` or `"off"`.
        tracer_provider: Where spans go; None for the application's global one.
        meter_provider: Where metrics go; None for the application's global one.
        logger_provider: Where events go; None for the application's global one.
        langsmith_client: The client that sends feedback; None for that of each run's own tracer.
        on_near_miss: Function to call with the `Observation` of each near miss and each escape
            once its outcome is known; a plain or a coroutine function.
        **options: See `Options`. Each can be given as `TOOLPAIR_<OPTION>` in the environment, too.

    Raises:
        SettingsError: An option is unknown or has a value that it can't have.
    """

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

    def __init__(  # noqa: PLR0913 -- each is a place of its own
        self,
        mode: Mode | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        langsmith_client: Client | None = None,
        on_near_miss: NearMissHook | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__()
        settings = Settings.resolve(mode=mode, **options)
        self._set_up(
            settings,
            Pipeline(
                settings,
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                logger_provider=logger_provider,
                langsmith_client=langsmith_client,
                on_near_miss=on_near_miss,
            ),
        )

    def _set_up(self, settings: Settings, pipeline: Pipeline) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._runs = runs.Runs(
            limit=settings.max_runs,
            timeout=settings.run_timeout,
            stats=pipeline.stats,
            ended=pipeline.finished,
        )
        # A guard whose `failure` nobody reads serves every thread.
        self._handler_guard = FailOpen(pipeline.stats, "handler")
        self._outcome_guard = FailOpen(pipeline.stats, "outcome")
        sends_feedback = settings.feedback != "off" and settings.mode != "off"
        if settings.seam and (settings.mode == "strict" or sends_feedback):
            seam.install()
        _close_at_exit(self)

    @property
    def settings(self) -> Settings:
        """The options that apply."""
        return self._settings

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 -- langchain-core's own signature
    ) -> None:
        """Check the request, and stop it where strict mode has to.

        Raises:
            InvalidToolResultsError: Strict mode stops the request, and no seam does it.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        call: seam.StartCall | None = None
        refusal: Exception | None = None
        with self._handler_guard:
            mode = self._settings.mode_for(metadata)
            if mode == "off":
                return
            call = seam.current_call()
            request = _Request(run_id, serialized, messages[0], metadata, kwargs)
            refusal = self._start(request, mode, call)
        if refusal is None:
            return
        if call is None:
            self._end_refused(run_id)
            raise refusal
        call.refuse(refusal)

    def _start(
        self, request: _Request, mode: Mode, call: seam.StartCall | None
    ) -> Exception | None:
        """Check a request and take its run in; return the error that has to stop it, or None."""
        holder = runs.find(request.run_id)
        if holder is not None and call is not None and holder not in call.runs:
            # Another request under the same id, whose end cannot be told from the first one's.
            holder.end_unseen(Outcome.ABANDONED)
            holder = None
        if holder is not None and (mode != "strict" or holder.owner is self._runs):
            return None
        start_ns = time_ns()
        began = perf_counter_ns()
        with FailOpen(self._pipeline.stats, "check") as guard:
            target, report = self._check(request)
        if guard.failure is not None:
            if mode == "strict" and self._settings.on_internal_error == "block":
                return CheckFailedError(type(guard.failure).__name__, request.run_id)
            return None
        check_ns = perf_counter_ns() - began
        stops = mode == "strict" and self._stops(report, identified=target.identified)
        if holder is not None:
            # Another handler reports this run; it only was not as strict.
            if stops:
                holder.record.blocked = True
                holder.record.mode = mode
        else:
            record = Record(
                run_id=request.run_id,
                report=report,
                mode=mode,
                provider=target.provider,
                model=target.model,
                conversation_id=request.conversation_id,
                start_ns=start_ns,
                check_ns=check_ns,
                identified=target.identified,
                blocked=stops,
                context=self._pipeline.context_of(request.run_id),
            )
            self._take_in(record, call)
        return self._error(report, request.run_id) if stops else None

    def _take_in(self, record: Record, call: seam.StartCall | None) -> None:
        run = self._runs.open(record)
        if run is None:
            return
        run.always_linked = self._settings.feedback == "all"
        if call is not None:
            call.runs.append(run)
        if call is None or call.is_async:
            _watch_current_task(run)
        self._pipeline.checked(record)

    def _check(self, request: _Request) -> tuple[Target, PairingReport]:
        target = identify(
            request.serialized,
            request.metadata,
            request.kwargs.get("invocation_params"),
            self._settings.profile,
        )
        return target, check(request.messages, target.profile, target.facts)

    def _stops(self, report: PairingReport, *, identified: bool) -> bool:
        if report.effect in self._settings.block_on:
            return True
        held_to_contract = not identified or report.profile == CONTRACT.name
        return (
            held_to_contract
            and self._settings.block_unidentified
            and report.effect is Effect.UNKNOWN
        )

    def _error(self, report: PairingReport, run_id: UUID) -> InvalidToolResultsError:
        summary = without_ids(report).summary() if self._settings.hash_ids else None
        return InvalidToolResultsError(report, run_id, summary=summary)

    def _end_refused(self, run_id: UUID) -> None:
        with self._outcome_guard:
            run = runs.find(run_id)
            if run is not None:
                run.end(Outcome.BLOCKED)

    def refusal(  # noqa: PLR0913 -- what a callback is told, and whom to show it to
        self,
        messages: list[BaseMessage],
        *,
        serialized: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        invocation_params: dict[str, Any] | None = None,
        config: RunnableConfig | None = None,
        model_callbacks: Callbacks = None,
    ) -> Exception | None:
        """Check a request before any callback starts; return the error that has to stop it.

        Only a request that has to be stopped is reported here. Any other one is checked, counted
        and reported when it starts, so nothing is counted twice. LangSmith is shown a stopped one
        as a failed run with its feedback; no other callback hears of it.

        Args:
            messages: The history that would be sent.
            serialized: The model, as `dumpd` writes it.
            metadata: What the callbacks of the run would be given.
            invocation_params: What the callbacks of the run would be given.
            config: What the model would be called with.
            model_callbacks: The model's own callbacks.
        """
        params = {"invocation_params": invocation_params}
        request = _Request(uuid4(), serialized, messages, metadata, params)
        error: Exception | None = None
        with FailOpen(self._pipeline.stats, "handler"):
            mode = self._settings.mode_for(metadata)
            if mode == "strict" and self._would_stop(request):
                error = self._show_refusal(request, config or {}, model_callbacks)
                if error is None:
                    error = self._start(request, mode, None)
                    self._end_refused(request.run_id)
        return error

    def _show_refusal(
        self, request: _Request, config: RunnableConfig, model_callbacks: Callbacks
    ) -> ToolPairError | None:
        """Have the request refused in a run of LangSmith's; None where nobody traces it."""
        with FailOpen(self._pipeline.stats, "handler"):
            tracing = seam.tracing_manager(config, model_callbacks, request.metadata)
            if tracing is not None:
                tracing.handlers = [self, *tracing.handlers]
                try:
                    tracing.on_chat_model_start(
                        request.serialized,
                        [request.messages],
                        run_id=config.get("run_id"),
                        name=config.get("run_name"),
                        **request.kwargs,
                    )
                except ToolPairError as refused:
                    return refused
        return None

    def fail_open(self, component: str) -> FailOpen:
        """Return what keeps a failure of `component` away from the application, and counts it."""
        return FailOpen(self._pipeline.stats, component)

    def _would_stop(self, request: _Request) -> bool:
        with FailOpen(self._pipeline.stats, "check"):
            target, report = self._check(request)
            return self._stops(report, identified=target.identified)
        return self._settings.on_internal_error == "block"

    def on_llm_new_token(self, token: object, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Note that the model answers: whatever happens now, the request was accepted."""
        run = runs.find(run_id)
        if run is not None:
            run.streamed = True

    def on_stream_event(self, event: object, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Note that the model answers, in the newest form of streaming."""
        run = runs.find(run_id)
        if run is not None:
            run.streamed = True

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Settle the outcome of a request that the model answered."""
        with self._outcome_guard:
            run = runs.find(run_id)
            if run is not None:
                _end(run, Outcome.ACCEPTED)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Settle the outcome of a request that failed."""
        with self._outcome_guard:
            run = runs.find(run_id)
            if run is None:
                return
            siblings = run.siblings
            _end(run, *_outcome_of(run, error))
            if not isinstance(error, ToolPairError):
                for sibling in siblings:
                    sibling.end(Outcome.CANCELLED)

    def accuracy(self) -> Accuracy:
        """Return predicted effects against outcomes so far, for each provider and model.

        It covers all handlers of the process that report to the same meter provider.
        """
        return Accuracy.of(self._pipeline.stats.snapshot(Metric.OUTCOMES))

    def flush(self, timeout: float = 5.0) -> bool:
        """Give up what is overdue, and deliver what is queued.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether everything was delivered.
        """
        with FailOpen(self._pipeline.stats, "flush"):
            runs.sweep_all()
            return self._pipeline.flush(timeout)
        return False

    def close(self, timeout: float = 5.0) -> bool:
        """Abandon what is in flight, deliver what is queued, and stop all workers.

        The handler goes on checking, counting and blocking if it is called again, and delivers
        nothing more to LangSmith or to `on_near_miss`.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether everything was delivered.
        """
        with FailOpen(self._pipeline.stats, "close"):
            runs.sweep_all()
            self._runs.abandon_all()
            delivered = self._pipeline.flush(timeout)
            self._pipeline.close()
            return delivered
        return False

    def retire(self, timeout: float = 5.0) -> bool:
        """Deliver what is queued, and close unless requests are in flight.

        Their ends are still reported; `close` would give them up.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is closed.
        """
        with FailOpen(self._pipeline.stats, "close"):
            self._pipeline.flush(timeout)
            if not len(self._runs):
                self._pipeline.close()
                return True
        return False

    def __copy__(self) -> ToolPairHandler:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ToolPairHandler:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mode={self._settings.mode!r})"


def _outcome_of(run: Run, error: BaseException) -> tuple[Outcome, ViolationKind | None]:
    """What an error says of the request, and which kind of breach the provider named."""
    record = run.record
    if isinstance(error, ToolPairError):
        return (Outcome.BLOCKED if record.blocked else Outcome.CANCELLED), None
    if run.streamed:
        return Outcome.ACCEPTED, None
    if not isinstance(error, Exception):
        return Outcome.CANCELLED, None
    is_near_miss = record.report.effect.is_near_miss
    kind = rejection_kind(error, foreseen=is_near_miss) or _foreseen_kind(record.report, error)
    if kind is None:
        return Outcome.FAILED, None
    return (Outcome.REJECTED if is_near_miss else Outcome.ESCAPED), kind


def _foreseen_kind(report: PairingReport, error: Exception) -> ViolationKind | None:
    """The breach whose local error, raised by the integration before any request, this is.

    The class decides: the rest of the text has positions and counts that differ from case to case.
    """
    if report.effect is not Effect.LOCAL_ERROR:
        return None
    name = type(error).__name__
    foreseen = [
        violation
        for violation in report.violations
        if violation.effect is Effect.LOCAL_ERROR and _named_class(violation.expected_error) == name
    ]
    text = f"{name}: {error}"
    literal = [violation for violation in foreseen if violation.expected_error in text]
    return next((violation.kind for violation in literal or foreseen), None)


def _named_class(expected: str) -> str:
    """The bare name of the class that an expected error begins with."""
    return re.split(r"[.\s]", expected.partition(":")[0])[-1]


def _end(run: Run, outcome: Outcome, kind: ViolationKind | None = None) -> None:
    if outcome is Outcome.ESCAPED and run.record.link is None and run.holder is not None:
        run.record.link = seam.trace_link(run.holder)
    run.end(outcome, kind)


def _watch_current_task(run: Run) -> None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return
    if task is not None:
        run.watch_task(task)


def _rebuild(cls: type[ToolPairHandler], settings: Settings) -> ToolPairHandler:
    handler = cls.__new__(cls)
    handler._set_up(settings, Pipeline(settings))  # noqa: SLF001 -- the other half of __reduce__
    return handler


class _Exit:
    """The handlers to close at the end of the process; none is kept alive for it."""

    handlers: ClassVar[weakref.WeakSet[ToolPairHandler]] = weakref.WeakSet()
    is_registered: ClassVar[bool] = False


def _close_at_exit(handler: ToolPairHandler) -> None:
    _Exit.handlers.add(handler)
    if not _Exit.is_registered:
        # Not at import: what is registered later runs earlier, and the application usually sets
        # its exporters up before it makes a handler.
        _Exit.is_registered = True
        atexit.register(_close_all)


def _close_all() -> None:
    deadline = monotonic() + _EXIT_SECONDS
    runs.abandon_everything()
    for handler in list(_Exit.handlers):
        handler.close(timeout=max(0.0, deadline - monotonic()))
    # What handlers have queued that are gone already.
    for close_all in (delivery.close_all, hook.close_all):
        close_all(timeout=max(0.0, deadline - monotonic()))
