"""A chat-model request before it leaves: what a callback is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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

    def origin(self) -> tuple[str | None, str | None]:
        """Return the thread that the application says the request belongs to, and its graph's node.

        Returns:
            Each None where nothing tells.
        """
        metadata = self.metadata
        if not isinstance(metadata, dict):
            return None, None
        thread_id, node = metadata.get("thread_id"), metadata.get("langgraph_node")
        return (
            None if thread_id is None else _text_of(thread_id),
            None if node is None else _text_of(node),
        )

    def asks_as(self, other: Request) -> bool:
        """Whether both call the same model with the same parameters."""
        return self.invocation_params == other.invocation_params and (
            self.serialized is other.serialized or self.serialized == other.serialized
        )


def _text_of(value: object) -> str | None:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 -- an object of the application
        return None


def request_to(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    metadata: Mapping[str, Any] | None = None,
    stop: list[str] | None = None,
    **kwargs: Any,  # noqa: ANN401 -- whatever the model is called with
) -> Request:
    """Return the request that a call of `model` makes, without calling it. See `told_of`.

    Args:
        model: The model.
        messages: The history.
        metadata: The metadata of the call.
        stop: The stop words of the call.
        **kwargs: The other arguments of the call, such as the tools.
    """
    # Imports langchain-core's models, which a handler does not need.
    from toolpair_observe.pairing.providers.models import told_of  # noqa: PLC0415

    return Request(messages, *told_of(model, metadata, stop, **kwargs))
