"""`guard(model)`: check a request before any callback of it starts."""

# ruff: noqa: A002, ANN401 -- the names and types that Runnable has

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Unpack

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableParallel,
    RunnableSequence,
)
from langchain_core.runnables.config import ensure_config, merge_configs

from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.options import check_handler
from toolpair_observe.attach.request import request_to
from toolpair_observe.errors import is_deliberate
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.settings import is_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.attach.options import HandlerOptions
    from toolpair_observe.attach.request import Request


__tracebackhide__ = is_deliberate


def guard(
    model: Runnable[LanguageModelInput, AIMessage],
    handler: ToolPairHandler | None = None,
    **options: Unpack[HandlerOptions],
) -> GuardedModel:
    """Return `model` behind a check: what has to be blocked never starts.

    No callback of a blocked request begins, except that LangSmith is shown a failed run where the
    call is traced. Everything else is reported as by a `ToolPairHandler` on the model, and counted
    once if there is one.

    Args:
        model: A chat model, also with tools or arguments bound. Put retries, fallbacks and parsers
            behind the guard: `guard(model.bind_tools(tools)).with_retry()`,
            `guard(model).with_structured_output(schema)`.
        handler: The handler that checks; None makes one from `options`.
        **options: See `HandlerOptions`. The mode is `"strict"` unless `mode` or
            `strict_environments` is given here or in the environment.

    Returns:
        The model behind the check, a `Runnable` that is called like the model.

    Raises:
        SettingsError: An option is unknown or has a value that it can't have.
        TypeError: `model` is not a chat model, `handler` is not a handler, or both a handler and
            options were given.
    """
    if handler is None and not (_is_given("mode", options) or _is_given(_DECIDES, options)):
        options = {**options, "mode": "strict"}
    return GuardedModel(model, chosen_handler("guard", handler, options))


_DECIDES: Final = "strict_environments"


def _is_given(option: str, options: HandlerOptions) -> bool:
    return options.get(option) is not None or is_set(option, os.environ)


def chosen_handler(
    taker: str, handler: ToolPairHandler | None, options: HandlerOptions
) -> ToolPairHandler:
    """Return the handler, or make one from its options.

    Raises:
        TypeError: Both were given, or what is no handler.
    """
    check_handler(taker, handler, options)
    return ToolPairHandler(**options) if handler is None else handler


class GuardedModel(Runnable[LanguageModelInput, AIMessage]):
    """A chat model whose requests are checked before any callback starts. See `guard`.

    Attributes:
        handler: The handler that checks; `handler.close()` delivers what is queued.
    """

    handler: ToolPairHandler

    def __init__(
        self, model: Runnable[LanguageModelInput, AIMessage], handler: ToolPairHandler
    ) -> None:
        self.handler = handler
        self._bound = model
        self._model, self._arguments, self._config = _unbound(model)

    @property
    def bound(self) -> Runnable[LanguageModelInput, AIMessage]:
        """The model behind the check."""
        return self._bound

    def bind_tools(self, tools: Any, **kwargs: Any) -> GuardedModel:
        """Return the model with these tools, guarded by the same handler.

        Args:
            tools: What the model's own `bind_tools` takes.
            **kwargs: The other arguments of the model's own `bind_tools`.

        Raises:
            TypeError: Something is bound to the model already.
        """
        if not isinstance(self._bound, BaseChatModel):
            msg = "guard the model after its tools are bound: guard(model.bind_tools(tools))"
            raise TypeError(msg)
        return GuardedModel(self._bound.bind_tools(tools, **kwargs), self.handler)

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Return the model with its parser behind it, guarded by the same handler.

        Args:
            schema: What the model's own `with_structured_output` takes.
            **kwargs: The other arguments of the model's own `with_structured_output`.

        Raises:
            TypeError: Something is bound to the model already.
        """
        if not isinstance(self._bound, BaseChatModel):
            msg = "guard the model itself: guard(model).with_structured_output(schema)"
            raise TypeError(msg)
        return _guarded(self._bound.with_structured_output(schema, **kwargs), self.handler)

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Check the history and send it.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        with self._admitted(input, config, kwargs) as (messages, admitted):
            return self._bound.invoke(messages, admitted, **kwargs)

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Check the history and send it.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        with self._admitted(input, config, kwargs) as (messages, admitted):
            return await self._bound.ainvoke(messages, admitted, **kwargs)

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any | None,
    ) -> Iterator[AIMessage]:
        """Check the history, send it and yield the answer as it comes.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        with self._admitted(input, config, kwargs) as (messages, admitted):
            yield from self._bound.stream(messages, admitted, **kwargs)

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        **kwargs: Any | None,
    ) -> AsyncIterator[AIMessage]:
        """Check the history, send it and yield the answer as it comes.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        with self._admitted(input, config, kwargs) as (messages, admitted):
            async for chunk in self._bound.astream(messages, admitted, **kwargs):
                yield chunk

    def stream_events(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Check the history and send it, in the newest form of streaming.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        # What it returns starts when it is read, and is checked again then.
        with self._admitted(input, config, {}) as (messages, admitted):
            return self._bound.stream_events(messages, admitted, **kwargs)

    def astream_events(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Check the history and send it, and yield events.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        # What it returns starts when it is read, and is checked again then.
        with self._admitted(input, config, {}) as (messages, admitted):
            return self._bound.astream_events(messages, admitted, **kwargs)

    @contextmanager
    def _admitted(
        self, history: LanguageModelInput, config: RunnableConfig | None, kwargs: Mapping[str, Any]
    ) -> Iterator[tuple[LanguageModelInput, RunnableConfig]]:
        """Yield what to call the model with; raise what has to stop the request."""
        # Without it, what an enclosing chain hands down is lost as soon as callbacks are given.
        config = ensure_config(config)
        admitted = merge_configs(config, {"callbacks": [self.handler]})
        try:
            messages = as_messages(history)
        except Exception:  # noqa: BLE001 -- the model itself says what is wrong with its input
            yield history, admitted
            return
        with ExitStack() as stack:
            # What fails here is checked when the model starts.
            asked: Request | None = None
            with self.handler.fail_open("guard"):
                merged = merge_configs(self._config, config)
                arguments = {**self._arguments, **kwargs}
                asked = request_to(self._model, messages, merged.get("metadata"), **arguments)
            if asked is not None:
                own = self._model.callbacks
                stack.enter_context(self.handler.admitted(asked, merged, own))
            yield messages, admitted


def _guarded(runnable: Runnable[Any, Any], handler: ToolPairHandler) -> Runnable[Any, Any]:
    """Return the same with the model that it begins with behind a guard."""
    if isinstance(runnable, RunnableSequence):
        first, *others = runnable.steps
        return RunnableSequence(_guarded(first, handler), *others, name=runnable.name)
    if isinstance(runnable, RunnableParallel):
        steps = runnable.steps__.items()
        return RunnableParallel({name: _guarded(step, handler) for name, step in steps})
    return GuardedModel(runnable, handler)


def _unbound(
    model: Runnable[LanguageModelInput, AIMessage],
) -> tuple[BaseChatModel, dict[str, Any], RunnableConfig]:
    """Return the chat model, and the arguments and config that are bound to it."""
    arguments: dict[str, Any] = {}
    config: RunnableConfig = {}
    inner: object = model
    while isinstance(inner, RunnableBinding):
        arguments = {**inner.kwargs, **arguments}
        config = merge_configs(inner.config, config)
        inner = inner.bound
    if not isinstance(inner, BaseChatModel):
        msg = (
            f"guard() needs a chat model, not {type(inner).__name__}: guard the model itself and "
            "put retries, fallbacks and parsers behind it"
        )
        raise TypeError(msg)
    return inner, arguments, config
