"""A chat-model request before it leaves: what a callback is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.load.dump import dumpd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


class Request(NamedTuple):
    """What identifies the provider of a request, and what is sent there.

    Attributes:
        messages: The history.
        serialized: The model.
        metadata: The run's metadata.
        invocation_params: What the model is called with, the tools included.
    """

    messages: Sequence[BaseMessage]
    serialized: dict[str, Any]
    metadata: dict[str, Any] | None = None
    invocation_params: dict[str, Any] | None = None

    @property
    def conversation_id(self) -> str | None:
        """The thread that the application says the request belongs to."""
        return self._told("thread_id")

    @property
    def node(self) -> str | None:
        """The node of a LangGraph graph that makes the request."""
        return self._told("langgraph_node")

    def _told(self, key: str) -> str | None:
        value = self.metadata.get(key) if self.metadata else None
        return None if value is None else str(value)

    def asks_as(self, other: Request) -> bool:
        """Whether both call the same model with the same parameters."""
        return self.invocation_params == other.invocation_params and (
            self.serialized is other.serialized or self.serialized == other.serialized
        )


# langchain-core takes it away before it asks for the invocation parameters.
_NO_PARAMETERS = frozenset({"ls_structured_output_format", "structured_output_format"})


def request_to(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    metadata: Mapping[str, Any] | None = None,
    stop: list[str] | None = None,
    **kwargs: Any,  # noqa: ANN401 -- whatever the model is called with
) -> Request:
    """Return the request that a call of `model` makes, without calling it.

    A model that does not answer as langchain-core's own class does is one that is not identified.

    Args:
        model: The model.
        messages: The history.
        metadata: The metadata of the call.
        stop: The stop words of the call.
        **kwargs: The other arguments of the call, such as the tools.
    """
    known = {**(metadata or {}), **(model.metadata or {})}
    kwargs = {name: value for name, value in kwargs.items() if name not in _NO_PARAMETERS}
    try:
        # The first is langchain-core's own cache of the second.
        serialized = getattr(model, "_serialized", None) or dumpd(model)
        params = model._get_invocation_params(stop=stop, **kwargs)  # noqa: SLF001 -- no public one
        known |= model._get_ls_params(stop=stop, **kwargs)  # noqa: SLF001 -- no public one
    except Exception:  # noqa: BLE001 -- a foreign model class; the check must not depend on it
        return Request(messages, {}, known, dict(kwargs))
    return Request(messages, serialized, known, params)
