"""The keyword arguments of everything that makes a `ToolPairHandler`."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from toolpair_observe.arguments import kind_of
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.option_values import Mode
from toolpair_observe.pairing.shown import MAX_TEXT, quoted
from toolpair_observe.settings import Options

if TYPE_CHECKING:
    from langsmith import Client
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from toolpair_observe.reporters.hook import ObservationHook


class HandlerOptions(Options, total=False):
    """The options of `ToolPairHandler`, `instrument`, `guard` and `ToolPairMiddleware`.

    It also has every key of `Options`. Each can be left out; None means the same.

    Attributes:
        mode: `"observe"` reports; `"strict"` also stops a request that is predicted to fail;
            `"off"` does nothing. The default is `"observe"`, and `"strict"` where
            `strict_environments` names this environment; of `guard` it is `"strict"` where that
            option is not set either.
        tracer_provider: Where spans go; None for the application's global one.
        meter_provider: Where metrics go; None for the application's global one.
        logger_provider: Where events go; None for the application's global one.
        langsmith_client: The client that sends feedback; None for that of each run's own tracer.
        on_near_miss: Function to call with the `Observation` of each near miss and each escape
            once its outcome is known.
        on_masked: The same for each request in which the model sees a result that other software
            made up for the first time.
    """

    mode: Mode | None
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    logger_provider: LoggerProvider | None
    langsmith_client: Client | None
    on_near_miss: ObservationHook | None
    on_masked: ObservationHook | None


def check_handler(taker: str, handler: object, options: HandlerOptions) -> None:
    """Refuse what is no handler, and a handler beside the options of one.

    Args:
        taker: What was called.
        handler: What it was given as a handler; None stands for not given.
        options: The options that it was given.

    Raises:
        TypeError: The text says what to write.
    """
    if handler is not None and not isinstance(handler, ToolPairHandler):
        hint = f"; write mode={handler!r}" if handler in get_args(Mode) else ""
        msg = f"{taker} takes a ToolPairHandler, not {kind_of(handler)}{hint}"
        raise TypeError(msg)
    if handler is not None and options:
        given = quoted(sorted(options), MAX_TEXT)
        msg = f"{taker} takes a handler or the options of one, not both: {given}"
        raise TypeError(msg)
