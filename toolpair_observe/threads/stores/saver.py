"""Threads of any checkpointer, read through what its class promises: `get_tuple` and `list`."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.threads.stored import SENDS, Stored, stored_of
from toolpair_observe.threads.stores.delta import replayed, without_snapshots
from toolpair_observe.threads.stores.rows import NO_CHECKPOINT, Key, unreadable
from toolpair_observe.threads.stores.serde import UnreadableError, data_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple


class Reading(Protocol):
    """How a checkpointer is asked."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; the head where the configuration names none."""

    def list(self, config: RunnableConfig | None) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, in whatever order. It is to be read to its end.

        A list that is left half read may hold the checkpointer's lock.
        """


class SaverStore:
    """Threads of any checkpointer.

    Args:
        reading: How the checkpointer is asked.
        name: What it is called in an error.
    """

    def __init__(self, reading: Reading, name: str) -> None:
        self._reading = reading
        self._name = name

    def thread_ids(self) -> Iterator[str]:
        """Yield the id of each thread, once.

        Raises:
            ThreadStoreError: A checkpoint that can't be read ended the list of all.
        """
        seen: dict[str, None] = {}
        try:
            for saved in self._reading.list(None):
                seen[str(saved.config["configurable"]["thread_id"])] = None
        except Exception as error:  # noqa: BLE001 - whatever its class raises
            msg = (
                f"the list of all threads in {self._name} broke off after {len(seen):,} "
                f"({_why(error)}): give thread_ids=, so that each is read alone"
            )
            raise ThreadStoreError(msg) from None
        yield from seen

    def count(self) -> int | None:
        """Return None: it would cost as much as reading all."""
        return None

    def heads(self, thread_ids: Sequence[str]) -> Iterator[Stored]:
        """Yield the heads of threads, all of one thread in a row, its root namespace first."""
        for thread_id in dict.fromkeys(thread_ids):
            heads = self._heads(thread_id, of_calls=False)
            yield from sorted(heads, key=lambda head: head.namespace)

    def calls(self, thread_id: str) -> Iterator[Stored]:
        """Yield the heads of a thread's namespaces of single calls, the outer ones first."""
        heads = self._heads(thread_id, of_calls=True)
        yield from sorted(heads, key=lambda head: (head.namespace.count("|"), head.namespace))

    def history(self, thread_id: str, namespace: str | None = None) -> Iterator[Stored]:
        """Yield the checkpoints of a thread, the newest first; None for all its namespaces."""
        ids: list[tuple[str, str]] = []
        is_whole = True
        try:
            for saved in self._reading.list(_config(thread_id, namespace)):
                where = saved.config["configurable"]
                ids.append((str(where["checkpoint_id"]), str(where.get("checkpoint_ns", ""))))
        except Exception:  # noqa: BLE001 - whatever its class raises
            is_whole = False
        passed = {checkpoint_id for checkpoint_id, _ in ids}
        last = None
        for checkpoint_id, its in sorted(ids, reverse=True):
            stored = self._tuple(thread_id, its, checkpoint_id)
            if stored is not None:
                yield stored
                last = stored if its == (namespace or "") else last
        if not is_whole:
            # What comes after the checkpoint that ended the list is reached over the parents.
            last = last or self._tuple(thread_id, namespace or "", "")
            if last is not None:
                if last.checkpoint_id not in passed:
                    yield last
                yield from self._ancestors(last)

    def delta(self, stored: Stored, channels: Sequence[str]) -> Mapping[str, Any]:
        """Return the values of channels that are stored as changes (`DeltaChannel`)."""
        return replayed(stored, channels, self._ancestors(stored))

    def _heads(self, thread_id: str, *, of_calls: bool) -> list[Stored]:
        """Return the heads of one kind.

        No method tells the namespaces of a thread, so that the thread is listed for them.
        """
        heads: dict[str, Stored] = {}
        try:
            for saved in self._reading.list(_config(thread_id)):
                each = self._stored(saved)
                known = heads.get(each.namespace)
                if known is None or known.checkpoint_id < each.checkpoint_id:
                    heads[each.namespace] = each
        except Exception:  # noqa: BLE001 - whatever its class raises
            # The graph's own head can be asked for, and perhaps read.
            root = self._tuple(thread_id, "", "")
            if root is not None:
                heads[""] = root
        return [head for head in heads.values() if head.is_of_call is of_calls]

    def _tuple(self, thread_id: str, namespace: str, checkpoint_id: str) -> Stored | None:
        config = _config(thread_id, namespace, checkpoint_id)
        try:
            saved = self._reading.get_tuple(config)
        except Exception as error:  # noqa: BLE001 - whatever its class raises
            return unreadable(Key(thread_id, namespace, checkpoint_id, ""), _why(error))
        return saved and self._stored(saved)

    def _stored(self, saved: CheckpointTuple) -> Stored:
        try:
            stored = stored_of(saved)
            sent = saved.checkpoint.get("pending_sends")
        # A serializer that is not LangGraph's may give anything.
        except Exception as error:  # noqa: BLE001
            where = saved.config.get("configurable", {})
            thread_id, namespace, checkpoint_id = (
                str(where.get(each, "")) for each in ("thread_id", "checkpoint_ns", "checkpoint_id")
            )
            key = Key(thread_id, namespace, checkpoint_id, "")
            return unreadable(key, f"{NO_CHECKPOINT} ({type_name(error)})")
        values = without_snapshots(stored.values)
        if sent and SENDS not in values:
            values = {**values, SENDS: sent}
        return stored if values is stored.values else replace(stored, values=values)

    def _ancestors(self, stored: Stored) -> Iterator[Stored]:
        passed = {stored.checkpoint_id}
        at: Stored | None = stored
        while at is not None and at.parent_id and at.parent_id not in passed:
            passed.add(at.parent_id)
            at = self._tuple(stored.thread_id, stored.namespace, at.parent_id)
            if at is not None:
                yield at


def with_data_only(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """Return a copy of a checkpointer that reads values as data, and shares all else with it."""
    serde = data_only(saver.serde)
    if serde is saver.serde:
        return saver
    reader = copy.copy(saver)  # as LangGraph copies one to change its serializer
    reader.serde = serde
    return reader


def _config(
    thread_id: str, namespace: str | None = None, checkpoint_id: str = ""
) -> RunnableConfig:
    where = {"thread_id": thread_id}
    if namespace is not None:
        where["checkpoint_ns"] = namespace
    if checkpoint_id:
        where["checkpoint_id"] = checkpoint_id
    return {"configurable": where}


def _why(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    return f"its checkpointer raised {type_name(error)}"
