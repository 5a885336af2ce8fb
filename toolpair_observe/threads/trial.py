"""Updates tried on a copy of a thread, which lives in memory and ends with the trial.

`update_state` decides what runs next by running a node's conditional edges, which are the
application's own code. So what an update leads to is found out by making it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.memory import InMemorySaver
from langsmith import tracing_context

from toolpair_observe.threads.stored import stored_of
from toolpair_observe.threads.stores.opened import store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

    from toolpair_observe.threads.door import Door
    from toolpair_observe.threads.stored import Stored, ThreadStore


@dataclass(frozen=True, slots=True)
class Step:
    """One update of a graph's state.

    Attributes:
        values: What the node would write; None with `END` applies what finished tasks wrote.
        as_node: The node in whose name.
    """

    values: Any
    as_node: str | None


@dataclass(frozen=True, slots=True)
class Tried:
    """Where a trial has led to.

    Attributes:
        head: The head of the copy.
        store: The store that the copy is in.
        next: The nodes that run next.
    """

    head: Stored
    store: ThreadStore
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries updates on copies of a thread.

    Attributes:
        door: The way to the graph.
        graph: The graph.
        config: The thread and namespace.
        saved: Its checkpoints that matter, the newest first.
        serde: What the graph's own checkpointer writes values with.
    """

    door: Door
    graph: Any
    config: RunnableConfig
    saved: Sequence[CheckpointTuple]
    serde: Any

    def outcome(self, steps: Sequence[Step]) -> Tried | None:
        """Return where updates lead to; None where the graph refuses one of them."""
        try:
            copy, saver = self._made(steps, self.saved)
            head = self.door.saved(saver, self.config)
            if head is None:
                return None
            next_nodes = tuple(self.door.state(copy, self.config).next)
        except Exception:  # noqa: BLE001 - a node's edges are the application's code
            return None
        return Tried(stored_of(head), store_of(saver), next_nodes)

    def values(self, steps: Sequence[Step]) -> Mapping[str, Any]:
        """Return the values of the graph's channels after updates, as the graph reads them.

        Before any they are those that are stored: without what finished tasks wrote.
        """
        head, *before = self.saved
        copy, _ = self._made(
            steps, self.saved if steps else [head._replace(pending_writes=[]), *before]
        )
        values = self.door.state(copy, self.config).values
        return values if isinstance(values, dict) else {}

    def _made(
        self, steps: Sequence[Step], saved: Sequence[CheckpointTuple]
    ) -> tuple[Any, InMemorySaver]:
        """Return a copy of the graph, after updates, and where its thread is stored."""
        saver = InMemorySaver(serde=self.serde)
        for each in reversed(saved):
            _copy(saver, each)
        copy = self.graph.copy(
            {"checkpointer": saver, "config": _untold(getattr(self.graph, "config", None) or {})}
        )
        with _telling_nobody():
            for step in steps:
                self.door.update(copy, _untold(self.config), step.values, step.as_node)
        return copy, saver


@contextmanager
def _telling_nobody() -> Iterator[None]:
    """Run a graph's code without traces of it, and without the callbacks of a run around it."""
    outer = var_child_runnable_config.set(None)
    try:
        with tracing_context(enabled=False):
            yield
    finally:
        var_child_runnable_config.reset(outer)


def _untold(config: Mapping[str, Any]) -> RunnableConfig:
    """Return a config without callbacks."""
    return cast("RunnableConfig", {k: v for k, v in config.items() if k != "callbacks"})


def _copy(saver: BaseCheckpointSaver[Any], saved: CheckpointTuple) -> None:
    where = {**saved.config["configurable"]}
    parent = (saved.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    config: RunnableConfig = {"configurable": {**where, "checkpoint_id": parent}}
    versions = saved.checkpoint["channel_versions"]
    saver.put(config, saved.checkpoint, saved.metadata, versions)
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task_id, channel, value in saved.pending_writes or ():
        by_task.setdefault(task_id, []).append((channel, value))
    for task_id, writes in by_task.items():
        saver.put_writes(saved.config, writes, task_id)
