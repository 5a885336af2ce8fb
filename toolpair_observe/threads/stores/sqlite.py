"""Threads in a file of SQLite's, as `SqliteSaver` stores them."""

# ruff: noqa: S608 - only names of columns and question marks are put into queries

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stored import SENDS
from toolpair_observe.threads.stores.rows import (
    Key,
    Reader,
    Value,
    WriteRow,
    predates_sends,
    unreadable,
)
from toolpair_observe.threads.stores.serde import UnreadableError
from toolpair_observe.threads.stores.sql import Fetch, Snapshot, SqlStore, page_of_ids
from toolpair_observe.threads.stores.tables import told_lack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from toolpair_observe.threads.stored import Stored

# What stands behind the last vertical bar of a namespace has the mark of a call: without the
# characters that are no bars, only what ends with the last bar is left of it. Most have no mark.
_OF_CALL: Final = (
    "(instr(checkpoint_ns, ':') and instr(substr(checkpoint_ns,"
    " length(rtrim(checkpoint_ns, replace(checkpoint_ns, '|', ''))) + 1), ':'))"
)
_COLUMNS: Final = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id"),
    "writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel"),
}


class SqliteStore(SqlStore):
    """Threads as `SqliteSaver` stores them.

    Args:
        snapshot: Opens a view of the database.
        serde: Reads packed values.
        name: What the database is called in an error.

    Raises:
        ThreadStoreError: The database has no checkpoints.
    """

    def __init__(self, snapshot: Snapshot, serde: SerializerProtocol, name: str) -> None:
        super().__init__(snapshot)
        self._reader = Reader(serde)
        with snapshot() as fetch:
            columns = {
                table: {str(row[1]) for row in fetch(f"pragma table_info('{table}')")}
                for table in _COLUMNS
            }
            if any(not columns[table].issuperset(needed) for table, needed in _COLUMNS.items()):
                tables = fetch("select name from sqlite_master where type = 'table' order by 1")
                raise ThreadStoreError(told_lack(name, _COLUMNS, [str(row[0]) for row in tables]))
        # Files from before the column have none, until a newer saver opens them.
        self._path = "w.task_path" if "task_path" in columns["writes"] else "''"

    def _page(self, fetch: Fetch, after: str | None) -> list[str]:
        where = "" if after is None else "where thread_id > ?"
        rows = fetch(page_of_ids(where), () if after is None else (after,))
        return [row[0] for row in rows]

    def _count(self, fetch: Fetch) -> int:
        return int(fetch("select count(distinct thread_id) from checkpoints")[0][0])

    def _head_keys(
        self, fetch: Fetch, thread_ids: Sequence[str], *, of_calls: bool
    ) -> Iterable[Key]:
        # These columns stand in the index, so that no row is read.
        rows = fetch(
            "select thread_id, checkpoint_ns, max(checkpoint_id) from checkpoints"
            f" where thread_id in ({','.join('?' * len(thread_ids))})"
            f" and {_OF_CALL} = {int(of_calls)} group by 1, 2",
            thread_ids,
        )
        return [Key(row[0], row[1], row[2], "") for row in rows]

    def _keys(self, fetch: Fetch, thread_id: str, namespace: str | None) -> Iterable[Key]:
        only = "" if namespace is None else "and checkpoint_ns = ?"
        rows = fetch(
            "select thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id from checkpoints"
            f" where thread_id = ? {only} order by checkpoint_id desc, checkpoint_ns",
            (thread_id,) if namespace is None else (thread_id, namespace),
        )
        return [Key(row[0], row[1], row[2], row[3] or "") for row in rows]

    def _load(self, fetch: Fetch, keys: Sequence[Key]) -> Iterable[Stored]:
        rows = fetch(
            f"{_ids(keys)} select k.place, c.parent_checkpoint_id, c.type, c.checkpoint, c.metadata"
            f" from k cross join checkpoints c on {_of_ids('c')} order by 1",
            _parameters(keys),
        )
        return self._made(keys, rows, self._writes(fetch, keys))

    def _made(
        self,
        keys: Sequence[Key],
        rows: Sequence[tuple[Any, ...]],
        writes: Mapping[int, Sequence[WriteRow]],
    ) -> Iterator[Stored]:
        for place, parent_id, kind, packed, metadata in rows:
            key = keys[place]._replace(parent_id=parent_id or "")
            try:
                checkpoint = self._reader.checkpoint(Value(kind, packed))
            except UnreadableError as error:
                yield unreadable(key, str(error))
                continue
            yield self._reader.stored(
                key,
                checkpoint,
                _metadata(metadata),
                writes.get(place, ()),
                sends=self._sends(key) if predates_sends(checkpoint) else (),
            )

    def _sends(self, key: Key) -> Sequence[WriteRow]:
        """Return what the tasks of a checkpoint's parent sent to nodes."""
        parent = key._replace(checkpoint_id=key.parent_id)
        with self._snapshot() as fetch:
            return self._writes(fetch, [parent], f"and w.channel = '{SENDS}'").get(0, ())

    def _writes(
        self, fetch: Fetch, keys: Sequence[Key], only: str = ""
    ) -> Mapping[int, Sequence[WriteRow]]:
        """Return what the tasks of checkpoints wrote, by the place of the checkpoint."""
        found: defaultdict[int, list[WriteRow]] = defaultdict(list)
        rows = fetch(
            f"{_ids(keys)} select k.place, w.task_id, {self._path}, w.idx, w.channel,"
            f" w.type, w.value from k cross join writes w on {_of_ids('w')} {only}",
            _parameters(keys),
        )
        for row in rows:
            found[row[0]].append(WriteRow(row[1], row[2], row[3], row[4], Value(row[5], row[6])))
        return found


def _ids(keys: Sequence[Key]) -> str:
    # With this table first, as a cross join has it, each of its rows is looked up by the primary
    # key. In any other form SQLite reads the whole other table.
    rows = ",".join(f"({place}, ?, ?, ?)" for place in range(len(keys)))
    return f"with k(place, thread_id, checkpoint_ns, checkpoint_id) as (values {rows})"


def _of_ids(table: str) -> str:
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return " and ".join(f"{table}.{name} = k.{name}" for name in names)


def _parameters(keys: Sequence[Key]) -> list[str]:
    return [each for key in keys for each in key[:3]]


def _metadata(packed: object) -> object:
    """Return a checkpoint's metadata; nothing where it can't be read, which hides no message."""
    try:
        text = packed.decode() if isinstance(packed, bytes) else packed
        return json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
