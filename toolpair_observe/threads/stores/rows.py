"""Rows of a database of threads, made into checkpoints. A row that can't be read says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.pairing.shown import type_name
from toolpair_observe.threads.stored import SENDS, Stored, Write, when
from toolpair_observe.threads.stores.serde import UnreadableError, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langgraph.checkpoint.serde.base import SerializerProtocol

NO_CHECKPOINT: Final = "it is no checkpoint of LangGraph's"

SENDS_MOVED: Final = 4
"""The version of checkpoints since which what was sent to nodes is a channel's value.

Before, it is what the tasks of the parent wrote.
"""


class Key(NamedTuple):
    """Which checkpoint."""

    thread_id: str
    namespace: str
    checkpoint_id: str
    parent_id: str


class Value(NamedTuple):
    """A packed value, as a row has it."""

    type: str | None
    packed: bytes | None


class WriteRow(NamedTuple):
    """A row of what tasks wrote."""

    task_id: str
    path: str
    place: int
    channel: str
    value: Value

    @property
    def order(self) -> tuple[str, str, int]:
        """Where it comes among the writes of its superstep: as LangGraph applies them."""
        return self.path, self.task_id, self.place


def unreadable(key: Key, reason: str) -> Stored:
    """Return a checkpoint of which only the ids are known."""
    return Stored(
        thread_id=key.thread_id,
        namespace=key.namespace,
        checkpoint_id=key.checkpoint_id,
        parent_id=key.parent_id,
        unreadable=reason,
    )


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value that has to be a mapping of names; empty for any other."""
    return value if isinstance(value, dict) else {}


def checked(checkpoint: object) -> Mapping[str, Any]:
    """Return a checkpoint that is one.

    Raises:
        UnreadableError: It is none.
    """
    if not isinstance(checkpoint, dict):
        raise UnreadableError(NO_CHECKPOINT)
    for part in ("channel_values", "channel_versions", "versions_seen"):
        if not isinstance(checkpoint.get(part), dict | None):
            raise UnreadableError(NO_CHECKPOINT)
    return checkpoint


class Reader:
    """Makes checkpoints of rows.

    Args:
        serde: Reads packed values.
    """

    def __init__(self, serde: SerializerProtocol) -> None:
        self._serde = serde

    def checkpoint(self, value: Value) -> Mapping[str, Any]:
        """Return a packed checkpoint.

        Raises:
            UnreadableError: It can't be read, or is none.
        """
        return checked(read(self._serde, *value))

    def stored(  # noqa: PLR0913 - the columns of three tables
        self,
        key: Key,
        checkpoint: Mapping[str, Any],
        metadata: object,
        writes: Iterable[WriteRow],
        *,
        blobs: Mapping[str, Value] | None = None,
        sends: Sequence[WriteRow] = (),
    ) -> Stored:
        """Return a checkpoint.

        Args:
            key: Which.
            checkpoint: What is stored of it, read.
            metadata: Its metadata, read.
            writes: What the tasks wrote that run on it.
            blobs: By channel the values that are stored in rows of their own.
            sends: What its parent's tasks sent to nodes, for a checkpoint of old.
        """
        try:
            return self._stored(key, checkpoint, metadata, writes, blobs or {}, sends)
        # Any part of a row may be anything.
        except Exception as error:  # noqa: BLE001
            return unreadable(key, f"{NO_CHECKPOINT} ({type_name(error)})")

    def _stored(  # noqa: PLR0913, PLR0917 - the same
        self,
        key: Key,
        checkpoint: Mapping[str, Any],
        metadata: object,
        writes: Iterable[WriteRow],
        blobs: Mapping[str, Value],
        sends: Sequence[WriteRow],
    ) -> Stored:
        faults: list[str] = []
        values = {**mapping(checkpoint.get("channel_values"))}
        for channel, value in blobs.items():
            values.pop(channel, None)
            try:
                values[channel] = read(self._serde, *value)
            except UnreadableError as error:
                faults.append(f"a channel's value: {error}")
        written = self._writes(writes, faults)
        versions = {**mapping(checkpoint.get("channel_versions"))}
        sent = checkpoint.get("pending_sends")
        if sends and not sent:
            sent = [each.value for each in self._writes(sends, faults)]
        if sent and SENDS not in values:
            values[SENDS] = sent
            versions[SENDS] = max(versions.values(), default=1)
        return Stored(
            thread_id=key.thread_id,
            namespace=key.namespace,
            checkpoint_id=key.checkpoint_id,
            parent_id=key.parent_id,
            at=when(checkpoint.get("ts")),
            values=values,
            versions=versions,
            seen={
                node: mapping(seen)
                for node, seen in mapping(checkpoint.get("versions_seen")).items()
            },
            metadata=mapping(metadata),
            writes=written,
            unreadable=faults[0] if faults else "",
        )

    def _writes(self, rows: Iterable[WriteRow], faults: list[str]) -> tuple[Write, ...]:
        written = []
        for row in sorted(rows, key=lambda row: row.order):
            try:
                value = read(self._serde, *row.value)
            except UnreadableError as error:
                faults.append(f"what a task wrote: {error}")
            else:
                written.append(
                    Write(task_id=row.task_id, channel=row.channel, value=value, path=row.path)
                )
        return tuple(written)


def predates_sends(checkpoint: Mapping[str, Any]) -> bool:
    """Whether what was sent to nodes is stored with its parent."""
    version = checkpoint.get("v")
    return isinstance(version, int) and version < SENDS_MOVED
