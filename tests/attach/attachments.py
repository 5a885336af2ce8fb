"""Every way of attaching, as a function that runs one way of calling under it."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core._api import LangChainBetaWarning, LangChainDeprecationWarning
from langchain_core.runnables import RunnableLambda

from tests.strict.ways import (
    WAYS,
    Way,
    abatch,
    ainvoke,
    astream,
    astream_events,
    batch,
    get_weather,
    invoke,
    stream,
)
from toolpair_observe.attach.guard import guard
from toolpair_observe.attach.instrument import instrument, uninstrument
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.otel_instrumentor import ToolPairInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.messages import BaseMessage

    from tests.handler.models import CountingModel
    from toolpair_observe.attach.handler import ToolPairHandler


@dataclass(frozen=True)
class Attachment:
    """One way of attaching.

    Attributes:
        name: For the test's id.
        model: Makes the model that is called, from the model that counts and the handler.
        in_config: Whether the handler stands in the call's config.
        everywhere: Whether `instrument` puts the handler into the process.
        by_opentelemetry: Whether OpenTelemetry's loader does it.
        ways: The ways of calling that it allows.
    """

    name: str
    model: Callable[[CountingModel, ToolPairHandler], Any]
    ways: tuple[Way, ...]
    in_config: bool = False
    everywhere: bool = False
    by_opentelemetry: bool = False

    @contextmanager
    def attached(self, handler: ToolPairHandler) -> Iterator[list[BaseCallbackHandler]]:
        """Attach the handler, and yield the callbacks of the call's config."""
        if self.everywhere:
            instrument(handler)
        if self.by_opentelemetry:
            ToolPairInstrumentor().instrument(handler=handler)
        try:
            yield [handler] if self.in_config else []
        finally:
            if self.by_opentelemetry:
                ToolPairInstrumentor().uninstrument()
            uninstrument()


def _as_it_is(model: CountingModel, _: ToolPairHandler) -> CountingModel:
    return model


def _on_the_model(model: CountingModel, handler: ToolPairHandler) -> CountingModel:
    model.callbacks = [handler]
    return model


def _agent_with(model: CountingModel, handler: ToolPairHandler) -> Any:
    agent = create_agent(model, [get_weather], middleware=[ToolPairMiddleware(handler)])
    return RunnableLambda(lambda messages: {"messages": messages}) | agent


# A guarded model is no `BaseChatModel`: it cannot `generate`, and `create_agent` does not take it.
_GUARDED = tuple(
    way for way in WAYS if "generate" not in way.name and not way.name.startswith("agent")
)
_AGENT = (
    Way("invoke", invoke),
    Way("ainvoke", ainvoke),
    Way("stream", stream),
    Way("astream", astream),
    Way("batch", batch, sends=2),
    Way("abatch", abatch, sends=2),
    Way("astream_events-v1", astream_events("v1")),
    Way("astream_events-v2", astream_events("v2")),
)

ATTACHMENTS = (
    Attachment("in-config", _as_it_is, tuple(WAYS), in_config=True),
    Attachment("on-the-model", _on_the_model, tuple(WAYS)),
    Attachment("instrument", _as_it_is, tuple(WAYS), everywhere=True),
    Attachment("opentelemetry", _as_it_is, tuple(WAYS), by_opentelemetry=True),
    Attachment("instrument-and-config", _as_it_is, tuple(WAYS), in_config=True, everywhere=True),
    Attachment("instrument-and-model", _on_the_model, tuple(WAYS), everywhere=True),
    Attachment("guard", guard, _GUARDED),
    Attachment("guard-and-instrument", guard, _GUARDED, everywhere=True),
    Attachment("guard-and-config", guard, _GUARDED, in_config=True),
    Attachment("middleware", _agent_with, _AGENT),
    Attachment("middleware-and-instrument", _agent_with, _AGENT, everywhere=True),
    Attachment("middleware-and-config", _agent_with, _AGENT, in_config=True),
)
EVERY_PAIR = [(attachment, way) for attachment in ATTACHMENTS for way in attachment.ways]


async def send(
    way: Way, model: Any, messages: list[BaseMessage], callbacks: list[BaseCallbackHandler]
) -> None:
    """Send one history, and wait for everything that the call has started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangChainBetaWarning)
        warnings.simplefilter("ignore", LangChainDeprecationWarning)
        sent = way.prepare(model)(messages, {"callbacks": callbacks})
        if inspect.isawaitable(sent):
            await sent
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
