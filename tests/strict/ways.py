"""Every way in which an application makes a chat model speak."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph

from tests.strict.conversations import SOUND

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable, RunnableConfig

Call = Callable[["list[BaseMessage]", "RunnableConfig"], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of calling.

    Attributes:
        name: For the test's id.
        prepare: Makes from a model a function that sends one history.
        sends: How many requests reach the provider when nothing is blocked.
    """

    name: str
    prepare: Callable[[BaseChatModel], Call]
    sends: int = 1

    @property
    def is_direct(self) -> bool:
        """Whether the model itself is called, and not something around it."""
        return "-" not in self.name or self.name.startswith(("stream_", "astream_", "generate"))


def invoke(model: Runnable[Any, Any]) -> Call:
    def call(messages, config):
        model.invoke(messages, config)

    return call


def ainvoke(model: Runnable[Any, Any]) -> Call:
    async def call(messages, config):
        await model.ainvoke(messages, config)

    return call


def batch(model: BaseChatModel) -> Call:
    def call(messages, config):
        model.batch([messages, messages], config)

    return call


def abatch(model: BaseChatModel) -> Call:
    async def call(messages, config):
        await model.abatch([messages, messages], config)

    return call


def stream(model: Runnable[Any, Any]) -> Call:
    def call(messages, config):
        for _ in model.stream(messages, config):
            pass

    return call


def astream(model: Runnable[Any, Any]) -> Call:
    async def call(messages, config):
        async for _ in model.astream(messages, config):
            pass

    return call


def astream_events(version: str) -> Callable[[Runnable[Any, Any]], Call]:
    def prepare(model: Runnable[Any, Any]) -> Call:
        async def call(messages, config):
            async for _ in model.astream_events(messages, config, version=version):
                pass

        return call

    return prepare


def stream_events_v3(model: BaseChatModel) -> Call:
    def call(messages, config):
        for _ in model.stream_events(messages, config, version="v3"):
            pass

    return call


def astream_events_v3(model: BaseChatModel) -> Call:
    async def call(messages, config):
        async for _ in await model.astream_events(messages, config, version="v3"):
            pass

    return call


def generate(model: BaseChatModel) -> Call:
    def call(messages, config):
        model.generate([messages, SOUND], callbacks=config["callbacks"])

    return call


def generate_sound_first(model: BaseChatModel) -> Call:
    def call(messages, config):
        model.generate([SOUND, messages, SOUND], callbacks=config["callbacks"])

    return call


def agenerate(model: BaseChatModel) -> Call:
    async def call(messages, config):
        await model.agenerate([SOUND, messages], callbacks=config["callbacks"])

    return call


def _chain(model: BaseChatModel) -> Runnable[Any, Any]:
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Be brief."), ("placeholder", "{history}")],
    )
    to_input = RunnableLambda(lambda messages: {"history": messages})
    return to_input | prompt | model | StrOutputParser()


@tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"sun in {city}"


def _agent(model: BaseChatModel) -> Runnable[Any, Any]:
    return RunnableLambda(lambda messages: {"messages": messages}) | create_agent(
        model, tools=[get_weather]
    )


class _State(TypedDict):
    messages: list[Any]
    answers: Annotated[list[Any], operator.add]


def _graph(model: BaseChatModel) -> Runnable[Any, Any]:
    """Two nodes that ask the model at the same time."""

    def ask(state: _State, config: RunnableConfig) -> dict[str, Any]:
        return {"answers": [model.invoke(state["messages"], config)]}

    async def aask(state: _State, config: RunnableConfig) -> dict[str, Any]:
        return {"answers": [await model.ainvoke(state["messages"], config)]}

    return _in_parallel(RunnableLambda(ask, aask))


def _graph_that_collects(model: BaseChatModel) -> Runnable[Any, Any]:
    """The same, with nodes that pass an error on to the end.

    LangGraph cancels the other nodes where one raises, and a run that is cancelled while it starts
    or ends stays open at its peers, block or no block.
    """

    async def ask(state: _State, config: RunnableConfig) -> dict[str, Any]:
        try:
            return {"answers": [await model.ainvoke(state["messages"], config)]}
        except ValueError as error:
            return {"answers": [error]}

    def join(state: _State) -> dict[str, Any]:
        for answer in state["answers"]:
            if isinstance(answer, Exception):
                raise answer
        return {}

    return _in_parallel(RunnableLambda(ask), join)


def _in_parallel(node: Runnable[Any, Any], join: Any = None) -> Runnable[Any, Any]:
    graph = StateGraph(_State)
    graph.add_node("join", join or (lambda state: {}))
    for name in ("left", "right"):
        graph.add_node(name, node)
        graph.add_edge(START, name)
    graph.add_edge(["left", "right"], "join")
    graph.add_edge("join", END)
    return RunnableLambda(lambda messages: {"messages": messages, "answers": []}) | graph.compile()


def _through(
    make: Callable[[BaseChatModel], Runnable[Any, Any]],
    prepare: Callable[[Runnable[Any, Any]], Call],
) -> Callable[[BaseChatModel], Call]:
    return lambda model: prepare(make(model))


def _with_fallback(model: BaseChatModel) -> Runnable[Any, Any]:
    return model.with_fallbacks([model])


def _with_retry(model: BaseChatModel) -> Runnable[Any, Any]:
    return model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)


RACING_GRAPH = Way("graph-that-cancels", _through(_graph, ainvoke), sends=2)

WAYS = [
    Way("invoke", invoke),
    Way("ainvoke", ainvoke),
    Way("batch", batch, sends=2),
    Way("abatch", abatch, sends=2),
    Way("stream", stream),
    Way("astream", astream),
    Way("astream_events-v1", astream_events("v1")),
    Way("astream_events-v2", astream_events("v2")),
    Way("generate", generate, sends=2),
    Way("generate-sound-first", generate_sound_first, sends=3),
    Way("agenerate", agenerate, sends=2),
    Way("chain-invoke", _through(_chain, invoke)),
    Way("chain-ainvoke", _through(_chain, ainvoke)),
    Way("chain-stream", _through(_chain, stream)),
    Way("agent-invoke", _through(_agent, invoke)),
    Way("agent-ainvoke", _through(_agent, ainvoke)),
    Way("agent-astream", _through(_agent, astream)),
    Way("graph-invoke", _through(_graph, invoke), sends=2),
    Way("graph-ainvoke", _through(_graph_that_collects, ainvoke), sends=2),
    Way("fallbacks-invoke", _through(_with_fallback, invoke)),
    Way("fallbacks-ainvoke", _through(_with_fallback, ainvoke)),
    Way("retry-invoke", _through(_with_retry, invoke)),
    Way("retry-ainvoke", _through(_with_retry, ainvoke)),
]
if inspect.getattr_static(BaseChatModel, "stream_events", None) is not None:
    WAYS += [
        Way("stream_events-v3", stream_events_v3),
        Way("astream_events-v3", astream_events_v3),
    ]
