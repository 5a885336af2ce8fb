"""The graph behind `module:attribute`, imported as a server imports it, and what mends its threads.

A compiled graph is taken as it is. A function without arguments is called for one, as LangGraph's
own server does with those in `langgraph.json`; it may be asynchronous, and what it returns may be a
context manager that closes what the graph has open.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolpair_observe.errors import SettingsError
from toolpair_observe.imported import Named
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.threads.mend import amend_thread, mend_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.threads.plan import MendPlan


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what carries it out.

    Attributes:
        plan: The plan. It has changed nothing.
        apply: Carries it out. Raises MendError.
    """

    plan: MendPlan
    apply: Callable[[], None]


class Mender(Protocol):
    """Prepares the mends of one graph's threads."""

    def __call__(self, config: RunnableConfig, options: Mapping[str, Any]) -> Prepared:
        """Plan the mend of a thread; the options are those of `mend_thread`."""


@contextmanager
def opened_graph(spec: str) -> Iterator[Mender]:
    """Import a graph, and yield what mends its threads.

    Args:
        spec: `module:attribute`; the module is looked for in the current folder first.

    Raises:
        SettingsError: It can't be imported, or is no compiled graph with a checkpointer.
    """
    named = Named("--graph", spec, "a compiled graph", "--graph my_agent.agent:graph")
    found = named.found()
    if callable(found):
        with _opened(named.called(found), named) as mender:
            yield mender
    else:
        yield _mender(found, named)


@contextmanager
def _opened(made: object, named: Named) -> Iterator[Mender]:
    """Wait for what a function has made, or enter it, where that is needed."""
    if inspect.isawaitable(made) or hasattr(made, "__aenter__"):
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            try:
                yield _in_loop(runner, runner.run(_awaited(made, named, stack)))
            finally:
                runner.run(stack.aclose())
    else:
        with ExitStack() as opened:
            if hasattr(made, "__enter__"):
                made = named.made(lambda: opened.enter_context(made))  # type: ignore[arg-type]
            yield _mender(made, named)


def _mender(graph: object, named: Named) -> Mender:
    _require_graph(graph, named)

    def prepare(config: RunnableConfig, options: Mapping[str, Any]) -> Prepared:
        plan = mend_thread(graph, config, **options)

        return Prepared(plan, plan.apply)

    return prepare


def _in_loop(runner: asyncio.Runner, graph: object) -> Mender:
    """Mend in the loop in which the graph was made: what it has open may belong to that loop."""

    def prepare(config: RunnableConfig, options: Mapping[str, Any]) -> Prepared:
        plan = runner.run(amend_thread(graph, config, **options))

        def apply() -> None:
            runner.run(plan.aapply())

        return Prepared(plan, apply)

    return prepare


async def _awaited(made: Any, named: Named, stack: AsyncExitStack) -> object:  # noqa: ANN401 - of the user
    try:
        graph = await made if inspect.isawaitable(made) else made
        if hasattr(graph, "__aenter__"):
            graph = await stack.enter_async_context(graph)
    except Exception as error:
        raise named.failed(error) from error
    _require_graph(graph, named)
    return graph


def _require_graph(graph: object, named: Named) -> None:
    from langgraph.graph import StateGraph  # noqa: PLC0415 - of an extra
    from langgraph.pregel import Pregel  # noqa: PLC0415

    if isinstance(graph, StateGraph):
        msg = f"{named} is not compiled; name what .compile(checkpointer=…) returns"
        raise SettingsError(msg)
    if not isinstance(graph, Pregel):
        msg = f"{named} is no compiled graph, it is of type {type_name(graph)}"
        raise SettingsError(msg)
    if not graph.checkpointer or graph.checkpointer is True:
        msg = (
            f"{named} has no checkpointer, so that no thread of it can be mended; name a "
            "graph that is compiled with the checkpointer of this database"
        )
        raise SettingsError(msg)
