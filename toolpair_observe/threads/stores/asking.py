"""How a checkpointer is asked, whether its methods are synchronous, asynchronous, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import class_name
from toolpair_observe.threads.stores.bridge import Bridge

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple

_BATCH: Final = 16
"""How many checkpoints are carried over at a time from an asynchronous list."""


class Synchronous:
    """Asks a checkpointer's synchronous methods.

    Args:
        saver: The checkpointer.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self._saver = saver

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; the head where the configuration names none."""
        return self._saver.get_tuple(config)

    def list(self, config: RunnableConfig | None) -> Iterator[CheckpointTuple]:
        """Yield checkpoints."""
        yield from self._saver.list(config)


class Asynchronous:
    """Asks a checkpointer's asynchronous methods.

    Args:
        saver: The checkpointer.
        bridge: Runs its coroutines.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any], bridge: Bridge) -> None:
        self._saver = saver
        self._bridge = bridge

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; the head where the configuration names none."""
        return self._bridge(self._saver.aget_tuple(config))

    def list(self, config: RunnableConfig | None) -> Iterator[CheckpointTuple]:
        """Yield checkpoints."""
        listed = self._saver.alist(config)
        try:
            while True:
                some, error = self._bridge(_taken(listed))
                yield from some
                if error is not None:
                    raise error
                if len(some) < _BATCH:
                    return
        finally:
            self._bridge(_closed(listed))


def asked(
    saver: BaseCheckpointSaver[Any], loop: AbstractEventLoop | None
) -> Synchronous | Asynchronous:
    """Return how a checkpointer is asked.

    Raises:
        ThreadStoreError: It has only asynchronous methods, and there is no loop; or none at all.
    """
    cls, base = type(saver), BaseCheckpointSaver
    is_sync = cls.get_tuple is not base.get_tuple
    is_async = cls.aget_tuple is not base.aget_tuple
    if is_async and loop is not None and not _refuses(saver, loop):
        return Asynchronous(saver, Bridge(loop))
    if is_sync:
        return Synchronous(saver)
    name = class_name(cls)
    if not is_async:
        msg = f"{name} has neither get_tuple nor aget_tuple, as a checkpointer has"
        raise ThreadStoreError(msg)
    msg = f"{name} has only asynchronous methods: call adiagnose_threads"
    raise ThreadStoreError(msg)


def _refuses(saver: BaseCheckpointSaver[Any], loop: AbstractEventLoop) -> bool:
    """Whether a checkpointer has asynchronous methods only to say that it has none."""
    nowhere: RunnableConfig = {"configurable": {"thread_id": "", "checkpoint_ns": ""}}
    try:
        Bridge(loop)(saver.aget_tuple(nowhere))
    except NotImplementedError:
        return True
    except ThreadStoreError:
        raise
    except Exception:  # noqa: BLE001 - it has them, and what ails them shows when it is read
        return False
    return False


async def _taken(
    listed: AsyncIterator[CheckpointTuple],
) -> tuple[list[CheckpointTuple], Exception | None]:
    """Return some checkpoints of a list, and the error that ended it."""
    some: list[CheckpointTuple] = []
    try:
        async for each in listed:
            some.append(each)
            if len(some) == _BATCH:
                break
    except Exception as error:  # noqa: BLE001 - what came before it is not lost
        return some, error
    return some, None


async def _closed(listed: AsyncIterator[Any]) -> None:
    close = getattr(listed, "aclose", None)
    if close is not None:
        await close()
