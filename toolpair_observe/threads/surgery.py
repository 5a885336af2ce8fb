"""Carries a mend out through the graph's own API, reads it back, and undoes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from toolpair_observe.errors import MendError
from toolpair_observe.pairing.shown import shown, type_name
from toolpair_observe.threads.diagnose import MEND_MARK
from toolpair_observe.threads.fork import Fork
from toolpair_observe.threads.pending import is_control
from toolpair_observe.threads.stored import stored_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

    from toolpair_observe.threads.door import Door
    from toolpair_observe.threads.stored import Stored
    from toolpair_observe.threads.trial import Step

ROLLBACK_MARK: Final = "toolpair_rolled_back"
"""Key in the metadata of the checkpoint that undoes a mend."""


@dataclass(slots=True, kw_only=True, eq=False)
class GraphSurgery:
    """The updates that mend one thread.

    Attributes:
        door: The way to the graph.
        graph: The graph.
        saver: Its checkpointer.
        config: The thread and namespace.
        head_id: The head that is mended.
        steps: The updates, in order.
        is_as_planned: Whether a head has the lists of messages that were planned.
        next: The nodes that run next after the mend.
    """

    door: Door
    graph: Any
    saver: BaseCheckpointSaver[Any]
    config: RunnableConfig
    head_id: str
    steps: Sequence[Step]
    is_as_planned: Callable[[Stored], bool]
    next: tuple[str, ...]
    # The head as it is before anything is written: an update leaves writes on the checkpoint that
    # it is made on.
    _old: CheckpointTuple | None = None
    # What it is written on: the head, or the copy of it that undid an earlier mend.
    _base: str = ""
    # What it has stored: checkpoints, and the tasks that the newest of them was stored with.
    _own: set[str] = field(default_factory=set)
    _tasks: set[str] = field(default_factory=set)

    def apply(self) -> str:
        """Write the mend and return the new head's id."""
        if self._newer():
            msg = (
                f"the thread has moved on: {shown(self.head_id)} is no longer its head; nothing "
                "was written. Plan again"
            )
            raise MendError(msg)
        try:
            self._old = self._old or self.door.saved(self.saver, self._at(self.head_id))
            made = self._written()
            why = "" if made else "what was written is not what was planned"
        except Exception as error:  # noqa: BLE001 - of the graph's own code, or its database
            # The error's own text may quote content, and so would its traceback.
            made, why = "", f"the graph refused the update ({type_name(error)})"
        except BaseException:
            self._put_back()
            raise
        foreign = self._newer()
        if foreign or not made:
            self._undo("a run has gone on with the thread meanwhile" if foreign else why)
        return made

    def _written(self) -> str:
        """Make the updates and return the new head's id; `""` where it is not what was planned."""
        base = self._base or self.head_id
        for step in self.steps:
            config = self._marked(base)
            made = self.door.update(self.graph, config, step.values, step.as_node)
            base = made["configurable"]["checkpoint_id"]
            self._own.add(base)
        head = self._head()
        if head is None or _id_of(head) != base or not self.is_as_planned(stored_of(head)):
            return ""
        if tuple(self.door.state(self.graph, self.config).next) != self.next:
            return ""
        self._tasks = _tasks_of(head)
        return base

    def _undo(self, why: str) -> NoReturn:
        """Put back what was the head, and say so. What a run has stored meanwhile counts."""
        try:
            kept = self._put_back()
        except Exception as error:  # noqa: BLE001 - as above
            msg = (
                f"{why}, and the old head could not be made the head again ({type_name(error)}): "
                f"it is checkpoint {shown(self.head_id)}. Copy it with update_state(…, None, "
                'as_node="__copy__")'
            )
            raise MendError(msg) from None
        is_as_it_was = kept == self.head_id
        end = "the thread is as it was" if is_as_it_was else "its state was kept. Plan again"
        msg = f"{why}{'; ' if is_as_it_was else ': '}{end}"
        raise MendError(msg) from None

    def rollback(self) -> str:
        """Make the old head the head again, and return the id of its copy."""
        if self._newer() or self._is_worked_on():
            msg = (
                "the thread has gone on since it was mended, and would lose that: nothing was "
                f"rolled back. The old head is checkpoint {shown(self.head_id)}"
            )
            raise MendError(msg)
        return self._copied(self.head_id)

    def _is_worked_on(self) -> bool:
        """Whether tasks have finished on the mended head, whose writes would be lost."""
        head = self._head()
        return head is not None and not _tasks_of(head) <= self._tasks

    def _newer(self) -> list[str]:
        """Return the checkpoints of others that are newer than the old head, the newest first."""
        newer: list[str] = []
        for saved in self.door.newest(self.saver, self.config):
            if _id_of(saved) <= self.head_id:
                break
            if _id_of(saved) not in self._own:
                newer.append(_id_of(saved))
        return newer

    def _put_back(self) -> str:
        """Make the old head the head, or what a run has stored since, and return that one's id."""
        kept = next(iter(self._newer()), self.head_id)
        head = self._head()
        # A run that goes on writes on its own checkpoint, which no copy takes the place of
        # without need.
        if head is not None and _id_of(head) in self._own:
            self._copied(kept)
        return kept

    def _copied(self, checkpoint_id: str) -> str:
        is_old = checkpoint_id == self.head_id
        saved = self._old if is_old else self.door.saved(self.saver, self._at(checkpoint_id))
        if saved is None:
            msg = "the checkpoint is gone"
            raise LookupError(msg)
        made = Fork(self.door, self.graph, self.saver, self.config).of(
            saved, {ROLLBACK_MARK: self.head_id}
        )
        self._own.add(made)
        if is_old:
            self._base = made
        return made

    def _head(self) -> CheckpointTuple | None:
        return self.door.saved(self.saver, self.config)

    def _at(self, checkpoint_id: str) -> RunnableConfig:
        where = {**self.config["configurable"], "checkpoint_id": checkpoint_id}
        return {**self.config, "configurable": where}

    def _marked(self, checkpoint_id: str) -> RunnableConfig:
        config = self._at(checkpoint_id)
        return {**config, "metadata": {**config.get("metadata", {}), MEND_MARK: self.head_id}}


def _id_of(saved: CheckpointTuple) -> str:
    checkpoint_id: str = saved.config["configurable"]["checkpoint_id"]
    return checkpoint_id


def _tasks_of(saved: CheckpointTuple) -> set[str]:
    """Return the ids of the tasks that have finished on a checkpoint."""
    return {task for task, channel, _ in saved.pending_writes or () if not is_control(channel)}
