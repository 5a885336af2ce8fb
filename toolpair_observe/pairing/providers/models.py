"""A chat model that somebody holds, identified by what a callback would be told of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.load.dump import dumpd
from langchain_core.runnables import RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import DynamicRunnable

from toolpair_observe import foreign
from toolpair_observe.pairing.providers.identify import identify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.pairing.providers.identify import Target


class Told(NamedTuple):
    """What `on_chat_model_start` is told of a request beside its messages.

    Attributes:
        serialized: The model.
        metadata: The run's metadata.
        invocation_params: What the model is called with, the tools included.
    """

    serialized: dict[str, Any]
    metadata: dict[str, Any]
    invocation_params: dict[str, Any]


# langchain-core takes it away before it asks for the invocation parameters.
_NO_PARAMETERS: Final = frozenset({"ls_structured_output_format", "structured_output_format"})
# Deeper wrappers than anybody stacks: a wrapper may contain itself.
_MOST_WRAPPERS: Final = 32


def told_of(
    model: BaseChatModel,
    metadata: Mapping[str, Any] | None = None,
    stop: list[str] | None = None,
    **kwargs: Any,  # noqa: ANN401 -- whatever the model is called with
) -> Told:
    """Return what a callback is told of a call of `model`, without calling it.

    A model that does not answer as langchain-core's own class does is one that is not identified.

    Args:
        model: The model.
        metadata: The metadata of the call.
        stop: The stop words of the call.
        **kwargs: The other arguments of the call, such as the tools.
    """
    known = {**(metadata or {}), **(model.metadata or {})}
    kwargs = {name: value for name, value in kwargs.items() if name not in _NO_PARAMETERS}
    try:
        # The first is langchain-core's own cache of the second.
        serialized = foreign.SERIALIZED.of(model) or dumpd(model)
        params = foreign.INVOCATION_PARAMS.of(model)(stop=stop, **kwargs)
        known |= foreign.LS_PARAMS.of(model)(stop=stop, **kwargs)
    except Exception:  # noqa: BLE001 -- a foreign model class; the check must not depend on it
        return Told({}, known, dict(kwargs))
    return Told(serialized, known, params)


def target_of(model: object) -> Target | None:
    """Return what a request of `model.invoke(messages)` is judged by.

    Of a model with fallbacks, that is the one which is asked first.

    Args:
        model: A chat model, also with tools or arguments bound, with retries, with fallbacks,
            with configurable fields or behind a guard.

    Returns:
        The target; None where there is no chat model in `model`.
    """
    try:
        inner, arguments, config = unwrapped(model)
    except Exception:  # noqa: BLE001 -- a wrapper that can't say what is in it yet
        return None
    if not isinstance(inner, BaseChatModel):
        return None
    return identify(*told_of(inner, config.get("metadata"), **arguments))


def unbound(model: object) -> tuple[object, dict[str, Any], RunnableConfig]:
    """Return what stands behind bindings, and the arguments and the config that they bind to it.

    Args:
        model: Whatever langchain-core's bindings and retries are made of, or none of them.
    """
    arguments: dict[str, Any] = {}
    config: RunnableConfig = {}
    while isinstance(model, RunnableBindingBase):
        arguments = {**model.kwargs, **arguments}
        config = merge_configs(model.config, config)
        model = model.bound
    return model, arguments, config


def unwrapped(model: object) -> tuple[object, dict[str, Any], RunnableConfig]:
    """Return the chat model, and the arguments and the config that are bound to it.

    Args:
        model: What `target_of` takes. Where there is no chat model in it, something else comes out.
    """
    arguments: dict[str, Any] = {}
    config: RunnableConfig = {}
    for _ in range(_MOST_WRAPPERS):
        model, own_arguments, own_config = unbound(model)
        arguments = {**own_arguments, **arguments}
        config = merge_configs(own_config, config)
        if isinstance(model, BaseChatModel):
            break
        if isinstance(model, DynamicRunnable):
            model, config = model.prepare(config)
        else:
            model = _behind(model)
    return model, arguments, config


def _behind(wrapper: object) -> object:
    """Return what a wrapper calls, or None where it is no wrapper."""
    if isinstance(wrapper, RunnableWithFallbacks):
        return wrapper.runnable
    # `init_chat_model` with configurable fields has no public way.
    make = foreign.CONFIGURED_MODEL.of(type(wrapper))
    if callable(make):
        return make(wrapper, {})
    # A guard.
    return getattr(wrapper, "bound", None)
