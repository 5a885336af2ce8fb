"""`guard(model)`: check a request before any callback of it starts."""

# ruff: noqa: A002, ANN401 -- the names and types that Runnable has

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import ensure_config, merge_configs
from langchain_core.runnables.configurable import DynamicRunnable

from toolpair_observe import foreign
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.options import check_handler
from toolpair_observe.attach.request import request_to
from toolpair_observe.errors import is_deliberate
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.pairing.providers.models import unbound
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.settings import Settings, is_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.attach.options import HandlerOptions

    Model = Runnable[LanguageModelInput, AIMessage]
    Call = tuple[Model, LanguageModelInput, RunnableConfig]


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

    Of a model with fallbacks, each model is checked by what its own provider takes. Fallbacks put
    behind a guard, `guard(a).with_fallbacks([b])`, are not checked: `b` is sent what `a` was not.

    Args:
        model: A chat model, also with tools or arguments bound, with fallbacks or retries, or with
            fields or alternatives that the config of a call decides. Put parsers behind the guard:
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
    # Before a handler is made, which would stay.
    has_a_parser = isinstance(model, RunnableSequence | RunnableParallel)
    if has_a_parser or isinstance(model, GuardedModel) or not _is_model(model):
        raise TypeError(_no_model(model))
    if handler is not None or _says_a_mode(options):
        return _behind(model, chosen_handler("guard", handler, options))
    strict: HandlerOptions = {**options, "mode": "strict"}
    handler = ToolPairHandler(**strict)
    handler.standing.note_default_of("guard()")
    return _behind(model, handler)


def _says_a_mode(options: HandlerOptions) -> bool:
    """Whether the options or the environment name a mode, or environments that are strict."""
    if options.get("mode") is not None or is_set("mode", os.environ):
        return True
    settings = Settings.resolve(strict_environments=options.get("strict_environments"))
    return bool(settings.strict_environments)


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

    def __init__(self, model: Model, handler: ToolPairHandler) -> None:
        self.handler = handler
        self._bound = model

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
        if isinstance(self._bound, RunnableBindingBase):
            msg = "guard the model after its tools are bound: guard(model.bind_tools(tools))"
            raise TypeError(msg)
        bound: Any = self._bound
        return _behind(bound.bind_tools(tools, **kwargs), self.handler)

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Return the model with its parser behind it, guarded by the same handler.

        Args:
            schema: What the model's own `with_structured_output` takes.
            **kwargs: The other arguments of the model's own `with_structured_output`.

        Raises:
            TypeError: Something is bound to the model already.
        """
        if isinstance(self._bound, RunnableBindingBase):
            msg = "guard the model itself: guard(model).with_structured_output(schema)"
            raise TypeError(msg)
        bound: Any = self._bound
        return _guarded(bound.with_structured_output(schema, **kwargs), self.handler)

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
        with self._admitted(input, config, kwargs) as (model, messages, admitted):
            return model.invoke(messages, admitted, **kwargs)

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
        with self._admitted(input, config, kwargs) as (model, messages, admitted):
            return await model.ainvoke(messages, admitted, **kwargs)

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
        with self._admitted(input, config, kwargs) as (model, messages, admitted):
            yield from model.stream(messages, admitted, **kwargs)

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
        with self._admitted(input, config, kwargs) as (model, messages, admitted):
            async for chunk in model.astream(messages, admitted, **kwargs):
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
        with self._admitted(input, config, {}) as (model, messages, admitted):
            return model.stream_events(messages, admitted, **kwargs)

    def astream_events(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Check the history and send it, and yield events.

        Raises:
            InvalidToolResultsError: The request has to be blocked.
            CheckFailedError: The check failed, and strict mode must not let that pass.
        """
        # What it returns starts when it is read, and is checked again then.
        with self._admitted(input, config, {}) as (model, messages, admitted):
            return model.astream_events(messages, admitted, **kwargs)

    @contextmanager
    def _admitted(
        self, history: LanguageModelInput, config: RunnableConfig | None, kwargs: Mapping[str, Any]
    ) -> Iterator[Call]:
        """Yield what to call and what with; raise what has to stop the request."""
        config = ensure_config(config)
        admitted = self._watched(config)
        try:
            messages = as_messages(history)
        except Exception:  # noqa: BLE001 -- the model says what is wrong with its input
            yield self._bound, history, admitted
            return
        # What fails here is checked when the model starts.
        admission: AbstractContextManager[None] = nullcontext()
        with self.handler.fail_open("guard"):
            model, arguments, own_config = self._parts
            merged = merge_configs(own_config, config)
            arguments = {**arguments, **kwargs}
            asked = request_to(model, messages, merged.get("metadata"), **arguments)
            admission = self.handler.admitted(asked, merged, model.callbacks)
        with admission:
            yield self._bound, messages, admitted

    @cached_property
    def _parts(self) -> tuple[BaseChatModel, dict[str, Any], RunnableConfig]:
        """The chat model, and the arguments and config that are bound to it."""
        model, arguments, config = unbound(self._bound)
        return cast("BaseChatModel", model), arguments, config

    def _watched(self, config: RunnableConfig | None) -> RunnableConfig:
        """Return the config with the handler among its callbacks."""
        # Without it, what an enclosing chain hands down is lost as soon as callbacks are given.
        config = ensure_config(config)
        callbacks = config.get("callbacks") or []
        handlers = callbacks if isinstance(callbacks, list) else callbacks.handlers
        if any(each is self.handler for each in handlers):
            return config
        return merge_configs(config, {"callbacks": [self.handler]})


class _GuardedGroup(GuardedModel):
    """What holds models, such as fallbacks, with each of them behind a check of its own.

    Whatever else it holds sees the handler among its callbacks.
    """

    def __init__(self, model: Model, handler: ToolPairHandler) -> None:
        super().__init__(model, handler)
        self._members = _with_members_guarded(model, handler)

    @contextmanager
    def _admitted(
        self, history: LanguageModelInput, config: RunnableConfig | None, kwargs: Mapping[str, Any]
    ) -> Iterator[Call]:
        del kwargs  # each member is called with them
        yield self._members, history, self._watched(config)

    def __getattr__(self, name: str) -> Any:
        # Members have no `generate` and the like, which would send a request without a check.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._members, name)


class _GuardedChoice(GuardedModel):
    """A model that the config of each call chooses or makes."""

    @contextmanager
    def _admitted(
        self, history: LanguageModelInput, config: RunnableConfig | None, kwargs: Mapping[str, Any]
    ) -> Iterator[Call]:
        del kwargs  # the chosen one is called with them
        model, config = _chosen(self._bound, self._watched(config))
        yield _guarded_member(model, self.handler), history, config


def _behind(model: Runnable[Any, Any], handler: ToolPairHandler) -> GuardedModel:
    """Return a chat model, or what holds or chooses chat models, behind its checks.

    Raises:
        TypeError: It does not begin with a chat model.
    """
    if not _is_model(model):
        raise TypeError(_no_model(model))
    if isinstance(model, DynamicRunnable) or _is_made_at_call(model):
        return _GuardedChoice(model, handler)
    inner, *_ = unbound(model)
    kind = GuardedModel if isinstance(inner, BaseChatModel) else _GuardedGroup
    return kind(model, handler)


def _no_model(thing: object) -> str:
    return (
        f"guard() needs a chat model, not {type_name(thing)}: guard the model itself and put "
        "parsers behind it"
    )


def _guarded(runnable: Runnable[Any, Any], handler: ToolPairHandler) -> Runnable[Any, Any]:
    """Return the same with each chat model that its input goes to behind a guard.

    Raises:
        TypeError: Its input goes to no chat model.
    """
    if isinstance(runnable, RunnableSequence):
        first, *others = runnable.steps
        return RunnableSequence(_guarded(first, handler), *others, name=runnable.name)
    if isinstance(runnable, RunnableParallel) and _is_model(runnable):
        steps = runnable.steps__.items()
        return RunnableParallel({name: _guarded_member(step, handler) for name, step in steps})
    return runnable if isinstance(runnable, GuardedModel) else _behind(runnable, handler)


def _guarded_member(member: Runnable[Any, Any], handler: ToolPairHandler) -> Runnable[Any, Any]:
    """Return a member behind a guard; what is no chat model is left as it is."""
    return _guarded(member, handler) if _is_model(member) else member


def _with_members_guarded(holder: Any, handler: ToolPairHandler) -> Runnable[Any, Any]:
    """Return a copy of fallbacks, or of what is bound to them, with each model guarded."""
    update: dict[str, Any]
    if isinstance(holder, RunnableWithFallbacks):
        first, *others = [_guarded_member(each, handler) for each in holder.runnables]
        update = {"runnable": first, "fallbacks": others}
    else:
        update = {"bound": _guarded(holder.bound, handler)}
    copied: Runnable[Any, Any] = holder.model_copy(update=update)
    return copied


def _is_model(runnable: object) -> bool:
    """Whether the input of `runnable` goes to a chat model as it is."""
    if isinstance(runnable, RunnableBindingBase):
        return _is_model(runnable.bound)
    if isinstance(runnable, RunnableWithFallbacks):
        return _is_model(runnable.runnable)
    if isinstance(runnable, DynamicRunnable):
        return _is_model(runnable.default)
    if isinstance(runnable, RunnableSequence):
        return _is_model(runnable.first)
    if isinstance(runnable, RunnableParallel):
        return any(map(_is_model, runnable.steps__.values()))
    return isinstance(runnable, BaseChatModel | GuardedModel) or _is_made_at_call(runnable)


def _is_made_at_call(runnable: object) -> bool:
    """Whether `runnable` comes from `init_chat_model` with fields that the config decides."""
    module = sys.modules.get("langchain.chat_models.base")
    configurable = getattr(module, "_ConfigurableModel", ())
    return isinstance(runnable, configurable) and foreign.CONFIGURED_MODEL.of(runnable) is not None


def _chosen(model: Any, config: RunnableConfig) -> tuple[Runnable[Any, Any], RunnableConfig]:
    """Return the model that a config chooses, and the config to call it with."""
    if isinstance(model, DynamicRunnable):
        return model.prepare(config)
    return foreign.CONFIGURED_MODEL.of(model)(config), config
