"""Threads in PostgreSQL, as `PostgresSaver` stores them."""

# ruff: noqa: S608 - only names of columns are put into queries

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
    checked,
    mapping,
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

_TABLES: Final = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
# Most have no mark at all.
_OF_CALL: Final = "(position(':' in checkpoint_ns) > 0 and checkpoint_ns ~ ':[^|]*$')"
_NO_VALUE: Final = "empty"
"""The type of a channel that has a version and no value."""


def _named(*columns: str) -> str:
    """Return a table of what is asked for, whose rows are numbered from 1.

    JSON, since it takes much less time to write than an array of PostgreSQL's.
    """
    values = ", ".join(["json_array_elements_text(%s::json)"] * len(columns))
    return f"rows from ({values}) with ordinality as k({', '.join(columns)}, place)"


_IDS: Final = _named("thread_id", "checkpoint_ns", "checkpoint_id")
_VERSIONS: Final = _named("thread_id", "checkpoint_ns", "channel", "version")


class PostgresStore(SqlStore):
    """Threads as `PostgresSaver` stores them.

    Args:
        snapshot: Opens a view of the database.
        serde: Reads packed values.
        paths: The column of a task's place in its superstep.
    """

    _id = "checkpoint_id"
    _parent = "coalesce(parent_checkpoint_id, '')"
    _head = "max(checkpoint_id)"
    _grouped = "group by 1, 2"
    _of_ids = "using (thread_id, checkpoint_ns, checkpoint_id)"
    _of_versions = "using (thread_id, checkpoint_ns, channel, version)"

    def __init__(self, snapshot: Snapshot, serde: SerializerProtocol, paths: str) -> None:
        super().__init__(snapshot)
        self._reader = Reader(serde)
        self._write = f"w.task_id, {paths}, w.idx, w.channel, w.type, w.blob"

    def _may_be_stored(self, thread_id: str) -> bool:
        return "\0" not in thread_id and super()._may_be_stored(thread_id)

    def _page(self, fetch: Fetch, after: str | None) -> list[str]:
        where = "" if after is None else "where thread_id > %s"
        rows = fetch(page_of_ids(where), () if after is None else (after,))
        return [row[0] for row in rows]

    def _count(self, fetch: Fetch) -> int:
        # Faster than to count distinct ones, which are sorted first.
        query = "select count(*) from (select distinct thread_id from checkpoints) as t"
        return int(fetch(query)[0][0])

    def _head_keys(
        self, fetch: Fetch, thread_ids: Sequence[str], *, of_calls: bool
    ) -> Iterable[Key]:
        rows = fetch(
            f"select thread_id, checkpoint_ns, {self._head}, '' from checkpoints"
            f" where thread_id = any(%s) and {_OF_CALL} = {of_calls} {self._grouped}",
            (list(thread_ids),),
        )
        return [Key(*row) for row in rows]

    def _keys(self, fetch: Fetch, thread_id: str, namespace: str | None) -> Iterable[Key]:
        only = "" if namespace is None else "and checkpoint_ns = %s"
        rows = fetch(
            f"select thread_id, checkpoint_ns, {self._id}, {self._parent} from checkpoints"
            f" where thread_id = %s {only} order by 3 desc, 2",
            (thread_id,) if namespace is None else (thread_id, namespace),
        )
        return [Key(*row) for row in rows]

    def _load(self, fetch: Fetch, keys: Sequence[Key]) -> Iterable[Stored]:
        rows = fetch(
            # As text, which is read here, where one that can't be read stops nothing.
            f"select k.place, {self._parent}, c.checkpoint::text, c.metadata::text"
            f" from {_IDS} join checkpoints c {self._of_ids} order by 1",
            _columns([key[:3] for key in keys], 3),
        )
        found = [
            (place, keys[place - 1]._replace(parent_id=parent_id), _parsed(checkpoint), metadata)
            for place, parent_id, checkpoint, metadata in rows
        ]
        wanted = [
            (place, key.thread_id, key.namespace, channel, version)
            for place, key, checkpoint, _ in found
            for channel, version in _versions(checkpoint)
        ]
        blobs: defaultdict[int, dict[str, Value]] = defaultdict(dict)
        for at, kind, packed in fetch(
            f"select k.place, b.type, b.blob from {_VERSIONS}"
            f" join checkpoint_blobs b {self._of_versions} where b.type <> '{_NO_VALUE}'",
            _columns([each[1:] for each in wanted], 4),
        ):
            place, _, _, channel, _ = wanted[at - 1]
            blobs[place][channel] = Value(kind, packed)
        return self._made(found, blobs, self._writes(fetch, keys))

    def _made(
        self,
        found: Iterable[tuple[int, Key, object, str]],
        blobs: Mapping[int, Mapping[str, Value]],
        writes: Mapping[int, Sequence[WriteRow]],
    ) -> Iterator[Stored]:
        for place, key, parsed, metadata in found:
            try:
                checkpoint = checked(parsed)
            except UnreadableError as error:
                yield unreadable(key, str(error))
                continue
            yield self._reader.stored(
                key,
                checkpoint,
                _parsed(metadata),
                writes.get(place, ()),
                blobs=blobs.get(place),
                sends=self._sends(key) if predates_sends(checkpoint) else (),
            )

    def _writes(
        self, fetch: Fetch, keys: Sequence[Key], only: str = ""
    ) -> Mapping[int, Sequence[WriteRow]]:
        """Return what the tasks of checkpoints wrote, by the place of the checkpoint from 1."""
        found: defaultdict[int, list[WriteRow]] = defaultdict(list)
        rows = fetch(
            f"select {self._write}, k.place from {_IDS}"
            f" join checkpoint_writes w using (thread_id, checkpoint_ns, checkpoint_id) {only}",
            _columns([key[:3] for key in keys], 3),
        )
        for row in rows:
            found[row[-1]].append(_write(row))
        return found

    def _sends(self, key: Key) -> Sequence[WriteRow]:
        """Return what the tasks of a checkpoint's parent sent to nodes."""
        parent = key._replace(checkpoint_id=key.parent_id)
        with self._snapshot() as fetch:
            return self._writes(fetch, [parent], f"where w.channel = '{SENDS}'").get(1, ())


class ShallowPostgresStore(PostgresStore):
    """Threads as `ShallowPostgresSaver` stores them: one checkpoint of each, and no parents."""

    _id = "checkpoint ->> 'id'"
    _parent = "''"
    _head = _id
    _grouped = ""
    _of_ids = (
        "on c.thread_id = k.thread_id and c.checkpoint_ns = k.checkpoint_ns"
        " and c.checkpoint ->> 'id' = k.checkpoint_id"
    )
    # There is one value of a channel, whose version is not told.
    _of_versions = "using (thread_id, checkpoint_ns, channel)"

    def _sends(self, key: Key) -> Sequence[WriteRow]:
        # No other writes are kept than its own and its parent's.
        with self._snapshot() as fetch:
            rows = fetch(
                f"select {self._write} from checkpoint_writes w where thread_id = %s"
                f" and checkpoint_ns = %s and checkpoint_id <> %s and channel = '{SENDS}'",
                key[:3],
            )
        return [_write(row) for row in rows]


def postgres_store(snapshot: Snapshot, serde: SerializerProtocol, name: str) -> PostgresStore:
    """Return the store of whichever saver has made the tables.

    Args:
        snapshot: Opens a view of the database.
        serde: Reads packed values.
        name: What the database is called in an error.

    Raises:
        ThreadStoreError: The database has no checkpoints.
    """
    with snapshot() as fetch:
        columns = {
            table: {
                str(row[0])
                for row in fetch(
                    "select attname from pg_attribute where attrelid = to_regclass(%s)"
                    " and attnum > 0 and not attisdropped",
                    (table,),
                )
            }
            for table in _TABLES
        }
        if not all("thread_id" in columns[table] for table in _TABLES):
            there = fetch(
                "select tablename from pg_tables where schemaname = any(current_schemas(false))"
                " order by 1"
            )
            raise ThreadStoreError(told_lack(name, _TABLES, [str(row[0]) for row in there]))
    is_whole = "checkpoint_id" in columns["checkpoints"]
    cls = PostgresStore if is_whole else ShallowPostgresStore
    # Tables of older savers have no such column.
    return cls(snapshot, serde, "w.task_path" if "task_path" in columns[_TABLES[2]] else "''")


def _write(row: tuple[Any, ...]) -> WriteRow:
    return WriteRow(row[0], row[1], row[2], row[3], Value(row[4], row[5]))


def _columns(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    return [json.dumps([row[at] for row in rows]) for at in range(width)]


def _parsed(text: str) -> object:
    """Return what a column of JSON holds; nothing where it can't be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _versions(checkpoint: object) -> Iterator[tuple[str, str]]:
    """Yield each channel whose value may be in a row of its own, with the value's version."""
    parts = mapping(checkpoint)
    inline = mapping(parts.get("channel_values"))
    for channel, version in mapping(parts.get("channel_versions")).items():
        # Where a snapshot of changes is in a row of its own, True stands in its place.
        if channel not in inline or inline[channel] is True:
            yield channel, str(version)
