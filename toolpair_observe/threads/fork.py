"""A copy of a checkpoint that becomes the head of its thread, with all that its tasks have done.

LangGraph's own copy (`update_state` as `__copy__`) has the same values, and drops the rest: what
finished tasks wrote, what they asked, and the metadata that the run had.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from langgraph.checkpoint.base.id import uuid6
from langgraph.types import Interrupt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
    from langgraph.types import PregelTask

    from toolpair_observe.threads.door import Door

# Each answer that a task has got gives its next question another id.
_MOST_ANSWERS: Final = 64


@dataclass(frozen=True, slots=True)
class Fork:
    """Makes copies of a thread's checkpoints its head.

    Attributes:
        door: The way to the graph.
        graph: The graph.
        saver: Its checkpointer.
        config: The thread and namespace.
    """

    door: Door
    graph: Any
    saver: BaseCheckpointSaver[Any]
    config: RunnableConfig

    def of(self, saved: CheckpointTuple, mark: Mapping[str, str]) -> str:
        """Make a copy of a checkpoint the head of its thread, and return its id.

        Args:
            saved: The checkpoint.
            mark: What is added to its metadata.
        """
        step = saved.metadata.get("step", -1) + 1
        made = self.door.put(
            self.saver,
            saved.parent_config or _at(saved.config, None),
            {
                **saved.checkpoint,
                "id": str(uuid6(clock_seq=step)),
                "ts": datetime.now(UTC).isoformat(),
            },
            {**saved.metadata, **mark, "source": "fork", "step": step},
        )
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task_id, channel, value in saved.pending_writes or ():
            by_task.setdefault(task_id, []).append((channel, value))
        moved = self._moved(saved.config, made) if by_task else {}
        for task_id, writes in by_task.items():
            task = moved.get(task_id)
            given = writes if task is None else [(name, task.renamed(v)) for name, v in writes]
            where = () if task is None else (task.path,)
            self.door.put_writes(self.saver, made, given, task.id if task else task_id, *where)
        checkpoint_id: str = made["configurable"]["checkpoint_id"]
        return checkpoint_id

    def _moved(self, old: RunnableConfig, new: RunnableConfig) -> dict[str, _Moved]:
        """Return by its old id what each task of a checkpoint is on the copy."""
        outer = self.config["configurable"].get("checkpoint_ns", "")
        before, after = ({task.path: task for task in self._tasks(where)} for where in (old, new))
        return {
            task.id: _Moved(
                after[path].id,
                _path(path),
                *(
                    f"{outer}|{name}" if outer else name
                    for name in (f"{task.name}:{task.id}", f"{task.name}:{after[path].id}")
                ),
            )
            for path, task in before.items()
            if path in after
        }

    def _tasks(self, where: RunnableConfig) -> Sequence[PregelTask]:
        config = _at(self.config, where["configurable"]["checkpoint_id"])
        return self.door.state(self.graph, config).tasks


def _at(config: RunnableConfig, checkpoint_id: str | None) -> RunnableConfig:
    where = {**config["configurable"], "checkpoint_id": checkpoint_id}
    return {**config, "configurable": where}


def _path(path: Any) -> str:  # noqa: ANN401 - of names, numbers and further paths
    """Return a task's path as LangGraph's checkpointers have it (`task_path_str`)."""
    if isinstance(path, list | tuple):
        return f"~{', '.join(map(_path, path))}"
    return f"{path:010d}" if isinstance(path, int) else str(path)


@dataclass(frozen=True, slots=True)
class _Moved:
    """What a task is on the copy of its checkpoint, whose id makes that of the task.

    Attributes:
        id: Its id.
        path: Its path.
        before: The namespace of what runs in it, on the checkpoint.
        after: The same on the copy.
    """

    id: str
    path: str
    before: str
    after: str

    def renamed(self, value: Any) -> Any:  # noqa: ANN401 - what a task wrote
        """Return a value, with the ids by which a resume knows its questions."""
        if isinstance(value, Interrupt):
            return self._asked(value)
        if isinstance(value, list | tuple) and any(isinstance(each, Interrupt) for each in value):
            return type(value)(map(self.renamed, value))
        return value

    def _asked(self, question: Interrupt) -> Interrupt:
        for answers in range(_MOST_ANSWERS):
            suffix = f"|{answers}" if answers else ""
            if Interrupt.from_ns(None, f"{self.before}{suffix}").id == question.id:
                made = copy.copy(question)
                made.id = Interrupt.from_ns(None, f"{self.after}{suffix}").id
                return made
        return question  # a subgraph asks it, and its tasks bear ids of their own
