"""The graph behind `module:attribute`, imported as a server imports it, and what mends its threads.

A compiled graph is taken as it is. A function without arguments is called for one, as LangGraph's
own server does with those in `langgraph.json`; it may be asynchronous, and what it returns may be a
context manager that closes what the graph has open.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.shown import quoted, shown, type_name
from toolpair_observe.threads.mend import amend_thread, mend_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.threads.plan import MendPlan

_EXAMPLE: Final = "--graph takes module:attribute, as in --graph my_agent.agent:graph"
_OWN: Final = str(Path(__file__).parents[1])


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
    found = _attribute(spec)
    if callable(found):
        with _opened(_called(found, spec), spec) as mender:
            yield mender
    else:
        yield _mender(found, spec)


@contextmanager
def _opened(made: object, spec: str) -> Iterator[Mender]:
    """Wait for what a function has made, or enter it, where that is needed."""
    if inspect.isawaitable(made) or hasattr(made, "__aenter__"):
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            try:
                yield _in_loop(runner, runner.run(_awaited(made, spec, stack)))
            finally:
                runner.run(stack.aclose())
    else:
        with ExitStack() as opened:
            if hasattr(made, "__enter__"):
                made = _made(lambda: opened.enter_context(made), spec)  # type: ignore[arg-type]
            yield _mender(made, spec)


def _mender(graph: object, spec: str) -> Mender:
    _require_graph(graph, spec)

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


async def _awaited(made: Any, spec: str, stack: AsyncExitStack) -> object:  # noqa: ANN401 - of the user
    try:
        graph = await made if inspect.isawaitable(made) else made
        if hasattr(graph, "__aenter__"):
            graph = await stack.enter_async_context(graph)
    except Exception as error:
        raise _failed(spec, error) from error
    _require_graph(graph, spec)
    return graph


def _called(function: Callable[[], object], spec: str) -> object:
    try:
        inspect.signature(function).bind()
    except TypeError:
        msg = (
            f"{_shown(spec)} takes arguments; name a compiled graph, or a "
            "function without arguments that returns one"
        )
        raise SettingsError(msg) from None
    except ValueError:
        pass  # a function of another language does not tell
    return _made(function, spec)


def _made(make: Callable[[], object], spec: str) -> object:
    try:
        return make()
    except Exception as error:
        raise _failed(spec, error) from error


def _attribute(spec: str) -> object:
    name, _, path = spec.partition(":")
    if not name or not path or name.endswith(".py") or "/" in name:
        msg = f"{_shown(spec)}: {_EXAMPLE}"
        raise SettingsError(msg)
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as for `python -m`
    try:
        found: object = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(spec, error) from error
        msg = f"{_shown(spec)}: there is no module {quoted(error.name)} here; {_EXAMPLE}"
        raise SettingsError(msg) from None
    except (Exception, SystemExit) as error:
        raise _failed(spec, error) from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            msg = f"{_shown(spec)}: module {quoted(name)} has no attribute {quoted(path)}"
            raise SettingsError(msg) from None
    return found


def _require_graph(graph: object, spec: str) -> None:
    from langgraph.graph import StateGraph  # noqa: PLC0415 - of an extra
    from langgraph.pregel import Pregel  # noqa: PLC0415

    if isinstance(graph, StateGraph):
        msg = f"{_shown(spec)} is not compiled; name what .compile(checkpointer=…) returns"
        raise SettingsError(msg)
    if not isinstance(graph, Pregel):
        msg = f"{_shown(spec)} is no compiled graph, it is of type {type_name(graph)}"
        raise SettingsError(msg)
    if not graph.checkpointer or graph.checkpointer is True:
        msg = (
            f"{_shown(spec)} has no checkpointer, so that no thread of it can be mended; name a "
            "graph that is compiled with the checkpointer of this database"
        )
        raise SettingsError(msg)


def _failed(spec: str, error: BaseException) -> SettingsError:
    """Say which exception the user's code raised and where; its own text may hold anything."""
    frames = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if not each.filename.startswith((_OWN, "<"))
    ]
    at = f" at {shown(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    module = spec.partition(":")[0]
    return SettingsError(
        f"{_shown(spec)} raises {type_name(error)}{at}; "
        f"python -c {quoted(f'import {module}')} may show more"
    )


def _shown(spec: str) -> str:
    return f"--graph {quoted(spec)}"
