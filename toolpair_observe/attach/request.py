"""What the callbacks of a request would be told, asked of the model before any of them starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.load.dump import dumpd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models import BaseChatModel


class Upcoming(NamedTuple):
    """What identifies the provider of a request.

    Attributes:
        serialized: The model.
        metadata: The run's metadata.
        invocation_params: What the model is called with, the tools included.
    """

    serialized: dict[str, Any]
    metadata: dict[str, Any]
    invocation_params: dict[str, Any]


def upcoming(
    model: BaseChatModel,
    metadata: Mapping[str, Any] | None = None,
    stop: list[str] | None = None,
    **kwargs: Any,  # noqa: ANN401 -- whatever the model is called with
) -> Upcoming:
    """Ask `model` what it would tell its callbacks.

    A model that does not answer as langchain-core's own class does is one that is not identified.

    Args:
        model: The model.
        metadata: The metadata of the call.
        stop: The stop words of the call.
        **kwargs: The other arguments of the call, such as the tools.
    """
    told = {**(metadata or {}), **(model.metadata or {})}
    try:
        # The first is langchain-core's own cache of the second.
        serialized = getattr(model, "_serialized", None) or dumpd(model)
        params = model._get_invocation_params(stop=stop, **kwargs)  # noqa: SLF001 -- no public one
        told |= model._get_ls_params(stop=stop, **kwargs)  # noqa: SLF001 -- no public one
    except Exception:  # noqa: BLE001 -- a model of a stranger; the check must not depend on it
        return Upcoming({}, told, dict(kwargs))
    return Upcoming(serialized, told, params)
