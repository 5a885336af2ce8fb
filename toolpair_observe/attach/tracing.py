"""Where a run stands in traces: LangSmith's side of it, as langchain-core's tracer keeps it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from toolpair_observe import foreign
from toolpair_observe.attach.closing import no_result
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.record import TraceLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler, CallbackManager, Callbacks
    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.attach.request import Request
    from toolpair_observe.record import Record
    from toolpair_observe.reporters.pipeline import Pipeline

    RunManager = Any  # CallbackManagerForLLMRun or its asynchronous counterpart


def trace_link(manager: RunManager) -> TraceLink | None:
    """Return LangSmith's side of a run, or None where no tracer writes it.

    Args:
        manager: The run's manager. The tracer among its handlers may be a copy of the one that
            the application made; they share their runs.
    """
    try:
        return _link_of(manager)
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001
        # Nothing is awaited here, so that even a cancellation is only a fault of the tracer.
        raise RuntimeError(type(error).__name__) from None


def _link_of(manager: RunManager) -> TraceLink | None:
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


def find_place(pipeline: Pipeline, record: Record, manager: RunManager) -> None:
    """Find where a request stands in the application's traces, LangSmith's and OpenTelemetry's.

    Args:
        pipeline: What knows the latter.
        record: The record of the request, which is told.
        manager: The manager of its run.
    """
    # A try, because a guard costs every near miss several times as much where nothing fails.
    try:
        record.link = trace_link(manager)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
        FailOpen(pipeline.counts, "seam").swallow(error, error.__traceback__)
    pipeline.place(record, manager.handlers)


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
        LangSmith's side of the run before it ends; None where the call is not traced.
    """
    manager = _tracing_manager(request, config, model_callbacks)
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
        run.on_llm_error(error, response=no_result())


def _tracing_manager(
    request: Request, config: RunnableConfig, model_callbacks: Callbacks
) -> CallbackManager | None:
    from langchain_core.callbacks import CallbackManager  # noqa: PLC0415 -- see `seam`

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
