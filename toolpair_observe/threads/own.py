"""A thread as its own application reads it: with the application's classes, and its pickles.

Diagnoses read values as data, where an object of an application's class comes as the dict of its
fields. What a mend writes back has to be what was stored, so that it is read again with the graph's
own checkpointer, whose application imports those classes anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from toolpair_observe.threads.recover import recover
from toolpair_observe.threads.stored import stored_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from toolpair_observe.threads.diagnose import StoredHead
    from toolpair_observe.threads.door import Door
    from toolpair_observe.threads.recover import Recovered
    from toolpair_observe.threads.stored import Stored


@dataclass(frozen=True, slots=True)
class OwnReading:
    """Reads checkpoints of a thread with the graph's own checkpointer.

    Attributes:
        door: The way to the checkpointer.
        saver: The checkpointer.
        config: The thread.
        head: The head that is mended, as a store reads it.
    """

    door: Door
    saver: BaseCheckpointSaver[Any]
    config: RunnableConfig
    head: StoredHead
    _read: dict[tuple[str, str], Stored | None] = field(default_factory=dict)

    def recovered(self, call_ids: AbstractSet[str]) -> Recovered:
        """Return what all rows of the thread hold of these calls."""
        found = self.head.recovered(call_ids, self._readable)
        if call_ids:
            found.again = partial(self._again, call_ids)
        return found

    def _readable(self, stored: Stored) -> Stored:
        """Return a checkpoint, which the application may be able to read where we are not."""
        if not stored.unreadable:
            return stored
        return self._own(stored.namespace, stored.checkpoint_id) or stored

    def _again(
        self, call_ids: AbstractSet[str], namespace: str, checkpoint_id: str
    ) -> Recovered | None:
        stored = self._own(namespace, checkpoint_id)
        return None if stored is None else recover([stored], call_ids, self.head.values_of)

    def _own(self, namespace: str, checkpoint_id: str) -> Stored | None:
        key = namespace, checkpoint_id
        if key not in self._read:
            where = {
                **self.config["configurable"],
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint_id,
            }
            self._read[key] = self._stored({**self.config, "configurable": where})
        return self._read[key]

    def _stored(self, config: RunnableConfig) -> Stored | None:
        try:
            saved = self.door.saved(self.saver, config)
        except Exception:  # noqa: BLE001 - of its serializer, for one row among many
            return None
        return saved and stored_of(saved)
