"""A stored checkpoint as data, whichever database it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langgraph.checkpoint.base import CheckpointTuple

_SNAPSHOT: Final = "_DeltaSnapshot"  # a channel that else is stored as changes, stored whole
SENDS: Final = "__pregel_tasks"
"""The channel of packets (`Send`) for the next superstep."""

CALL_MARK: Final = ":"
"""Stands between the name and the task id in the namespace of one call of a subgraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What a task wrote in the superstep that runs on a checkpoint.

    Attributes:
        task_id: The task.
        channel: The channel, or LangGraph's name of a control write (`__interrupt__`).
        value: The value.
        path: Where the task stands in its superstep (`~__pregel_pull, model`); `""` where the
            store does not tell.
    """

    task_id: str
    channel: str
    value: Any
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One checkpoint of one thread in one namespace.

    Attributes:
        thread_id: The thread.
        namespace: `""` for the graph itself; `name` of a subgraph with a history of its own,
            `name:<task id>` of one call of a subgraph, nested with a vertical bar.
        checkpoint_id: Its id; the greatest of a thread and namespace is the head.
        parent_id: The checkpoint that it was made from; `""` for the first one.
        at: When it was stored, in UTC; None where it does not tell.
        values: Value of each channel that is stored with it.
        versions: Version of each channel.
        seen: By node the versions that it has seen of its channels.
        metadata: `source`, `step`, `parents`, and what the caller put there.
        writes: What the tasks of the superstep that runs on it wrote, in the order of the tasks.
        unreadable: Why it could not be read; `""` where it could. Then only the ids are known.
    """

    thread_id: str
    namespace: str
    checkpoint_id: str
    parent_id: str = ""
    at: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    writes: tuple[Write, ...] = ()
    unreadable: str = ""

    @property
    def is_of_call(self) -> bool:
        """Whether it belongs to one call of a subgraph, whose history ends with the call."""
        return CALL_MARK in self.namespace.rpartition("|")[2]


class ThreadStore(Protocol):
    """Where threads are stored. Reading changes nothing, and imports nothing that a row names."""

    def thread_ids(self) -> Iterator[str]:
        """Yield the id of each thread, once."""

    def count(self) -> int | None:
        """Return how many threads there are; None where it would cost as much as reading them."""

    def heads(self, thread_ids: Sequence[str]) -> Iterator[Stored]:
        """Yield the heads of threads, all of one thread in a row, its root namespace first.

        Namespaces of single calls are left out. A thread that is not stored yields nothing. A row
        that can't be read is yielded with the reason.
        """

    def calls(self, thread_id: str) -> Iterator[Stored]:
        """Yield the heads of a thread's namespaces of single calls, the outer ones first."""

    def history(self, thread_id: str, namespace: str | None = None) -> Iterator[Stored]:
        """Yield the checkpoints of a thread, the newest first; None for all its namespaces."""

    def delta(self, stored: Stored, channels: Sequence[str]) -> Mapping[str, Any]:
        """Return the values of channels that are stored as changes (`DeltaChannel`)."""


def stored_of(saved: CheckpointTuple) -> Stored:
    """Return what a saver's public interface tells of a checkpoint."""
    checkpoint: Mapping[str, Any] = saved.checkpoint
    where: Mapping[str, Any] = saved.config["configurable"]
    parent: Mapping[str, Any] = (saved.parent_config or {}).get("configurable", {})
    return Stored(
        thread_id=str(where["thread_id"]),
        namespace=where.get("checkpoint_ns", ""),
        checkpoint_id=str(where.get("checkpoint_id") or checkpoint["id"]),
        parent_id=str(parent.get("checkpoint_id") or ""),
        at=when(checkpoint.get("ts")),
        values={
            name: value.value if type(value).__name__ == _SNAPSHOT else value
            for name, value in (checkpoint.get("channel_values") or {}).items()
        },
        versions=checkpoint.get("channel_versions") or {},
        seen=checkpoint.get("versions_seen") or {},
        metadata=saved.metadata or {},
        writes=tuple(
            Write(task_id=task, channel=channel, value=value)
            for task, channel, value in saved.pending_writes or ()
        ),
    )


def when(text: object) -> datetime | None:
    """Return the time of a checkpoint, None where there is none that can be read."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
