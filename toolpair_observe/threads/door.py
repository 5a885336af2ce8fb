"""The ways to a graph's stored threads: by its synchronous methods, or by its asynchronous ones.

A mend is planned and carried out in one piece of code. Where the checkpointer's methods are
asynchronous, that runs on a thread of its own, and its calls run on the event loop.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolpair_observe.errors import MendError
from toolpair_observe.threads.stores.bridge import Bridge

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
    from langgraph.types import StateSnapshot

_NEWEST: Final = 8
_AWAIT: Final = "the graph's methods are asynchronous: await plan.aapply() or plan.arollback()"


class Door(Protocol):
    """What a mend asks of a graph and a checkpointer."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that asynchronous methods run on."""

    def saved(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> CheckpointTuple | None:
        """Return a checkpoint: the head, or the one that the config names."""

    def every(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """Return all checkpoints of a thread and namespace, the newest first."""

    def newest(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """Return the newest ones of them, as many as a mend and a run beside it may make."""

    def put_writes(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        path: str = "",
    ) -> None:
        """Store what a task wrote."""

    def put(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        checkpoint: Any,  # noqa: ANN401 - as the checkpointer has it
        metadata: Any,  # noqa: ANN401 - the same
    ) -> RunnableConfig:
        """Store a checkpoint whose values are stored already, and return where it is."""

    def state(self, graph: Any, config: RunnableConfig) -> StateSnapshot:  # noqa: ANN401
        """Return a graph's state."""

    def update(
        self,
        graph: Any,  # noqa: ANN401 - a compiled graph
        config: RunnableConfig,
        values: Any,  # noqa: ANN401 - what its node would write
        as_node: str | None,
    ) -> RunnableConfig:
        """Update a graph's state, and return where the new checkpoint is."""


class SyncDoor:
    """By synchronous methods."""

    loop = None

    def saved(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> CheckpointTuple | None:
        """See `Door`."""
        return saver.get_tuple(config)

    def every(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """See `Door`."""
        return list(saver.list(config))

    def newest(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """See `Door`."""
        return list(saver.list(config, limit=_NEWEST))

    def put_writes(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        path: str = "",
    ) -> None:
        """See `Door`."""
        saver.put_writes(config, writes, task_id, *_path(saver.put_writes, path))

    def put(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        checkpoint: Any,  # noqa: ANN401
        metadata: Any,  # noqa: ANN401
    ) -> RunnableConfig:
        """See `Door`."""
        return saver.put(config, checkpoint, metadata, {})

    def state(self, graph: Any, config: RunnableConfig) -> StateSnapshot:  # noqa: ANN401
        """See `Door`."""
        found: StateSnapshot = graph.get_state(config)
        return found

    def update(
        self,
        graph: Any,  # noqa: ANN401
        config: RunnableConfig,
        values: Any,  # noqa: ANN401
        as_node: str | None,
    ) -> RunnableConfig:
        """See `Door`."""
        made: RunnableConfig = graph.update_state(config, values, as_node=as_node)
        return made


class AsyncDoor:
    """By asynchronous methods, from a thread that is not the event loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go by this loop."""
        self.loop = loop
        self._run = Bridge(loop, MendError(_AWAIT))

    def saved(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> CheckpointTuple | None:
        """See `Door`."""
        found: CheckpointTuple | None = self._run(saver.aget_tuple(config))
        return found

    def every(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """See `Door`."""

        async def listed() -> list[CheckpointTuple]:
            return [each async for each in saver.alist(config)]

        found: list[CheckpointTuple] = self._run(listed())
        return found

    def newest(
        self, saver: BaseCheckpointSaver[Any], config: RunnableConfig
    ) -> list[CheckpointTuple]:
        """See `Door`."""

        async def listed() -> list[CheckpointTuple]:
            return [each async for each in saver.alist(config, limit=_NEWEST)]

        found: list[CheckpointTuple] = self._run(listed())
        return found

    def put_writes(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        path: str = "",
    ) -> None:
        """See `Door`."""
        self._run(saver.aput_writes(config, writes, task_id, *_path(saver.aput_writes, path)))

    def put(
        self,
        saver: BaseCheckpointSaver[Any],
        config: RunnableConfig,
        checkpoint: Any,  # noqa: ANN401
        metadata: Any,  # noqa: ANN401
    ) -> RunnableConfig:
        """See `Door`."""
        made: RunnableConfig = self._run(saver.aput(config, checkpoint, metadata, {}))
        return made

    def state(self, graph: Any, config: RunnableConfig) -> StateSnapshot:  # noqa: ANN401
        """See `Door`."""
        found: StateSnapshot = self._run(graph.aget_state(config))
        return found

    def update(
        self,
        graph: Any,  # noqa: ANN401
        config: RunnableConfig,
        values: Any,  # noqa: ANN401
        as_node: str | None,
    ) -> RunnableConfig:
        """See `Door`."""
        made: RunnableConfig = self._run(graph.aupdate_state(config, values, as_node=as_node))
        return made


def _path(put_writes: Callable[..., Any], path: str) -> tuple[str, ...]:
    """Return what tells a checkpointer a task's path, where it takes one, as LangGraph tells it."""
    return (path,) if "task_path" in signature(put_writes).parameters else ()
