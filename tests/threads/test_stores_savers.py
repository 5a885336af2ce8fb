"""Checkpointers of somebody else are asked by their methods, which may fail half way."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing

import aiosqlite
import ormsgpack
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from tests.threads import stores, written
from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stores.opened import store_of

HOSTILE = ormsgpack.packb(
    ormsgpack.Ext(0, ormsgpack.packb(("leaves_a_mark", "Thing", "secret content")))
)


class Broken(InMemorySaver):
    """A checkpointer that can't read one checkpoint, neither in a list nor alone."""

    broken_id = ""

    def get_tuple(self, config):
        saved = super().get_tuple(config)
        if saved and saved.checkpoint["id"] == self.broken_id:
            msg = "secret content"
            raise ValueError(msg)
        return saved

    def list(self, config, **more):
        for saved in super().list(config, **more):
            if saved.checkpoint["id"] == self.broken_id:
                msg = "secret content"
                raise ValueError(msg)
            yield saved


class OnlyTuples(stores.OnlySync):
    """A checkpointer that can't list."""

    list = BaseCheckpointSaver.list


def filled(saver, *thread_ids):
    for thread_id in thread_ids:
        written.ask(written.agent(saver), thread_id)
    return saver


def ids_of(saver, thread_id):
    return [
        saved.checkpoint["id"] for saved in InMemorySaver.list(saver, written.config(thread_id))
    ]


def test_a_list_that_breaks_off_asks_for_thread_ids():
    saver = filled(Broken(), "a", "b", "c")
    saver.broken_id = ids_of(saver, "b")[0]
    with pytest.raises(ThreadStoreError, match=r"Broken broke off after 1 .*thread_ids=") as caught:
        list(store_of(saver).thread_ids())
    assert "secret" not in str(caught.value)


def test_threads_beside_one_that_cannot_be_read_are_read():
    saver = filled(Broken(), "a", "b", "c")
    saver.broken_id = ids_of(saver, "b")[0]
    heads = {head.thread_id: head for head in store_of(saver).heads(["a", "b", "c"])}
    assert [thread_id for thread_id, head in heads.items() if not head.unreadable] == ["a", "c"]
    assert heads["b"].unreadable == "its checkpointer raised ValueError"


def test_a_head_is_read_although_an_older_checkpoint_cannot_be():
    saver = filled(Broken(), "a")
    ids = ids_of(saver, "a")
    saver.broken_id = ids[2]
    (head,) = store_of(saver).heads(["a"])
    assert (head.checkpoint_id, head.unreadable) == (ids[0], "")


@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_history_says_where_it_ends(place):
    saver = filled(Broken(), "a")
    ids = ids_of(saver, "a")
    saver.broken_id = ids[place]
    *others, last = store_of(saver).history("a")
    assert [each.checkpoint_id for each in others] == ids[: ids.index(saver.broken_id)]
    assert not any(each.unreadable for each in others)
    assert last.unreadable == "its checkpointer raised ValueError"


def test_a_checkpointer_that_cannot_list_is_read_thread_by_thread():
    saver = filled(OnlyTuples(), "a")
    store = store_of(saver)
    with pytest.raises(ThreadStoreError, match="give thread_ids="):
        list(store.thread_ids())
    (head,) = store.heads(["a"])
    assert len(head.values["messages"]) == 5
    history = list(store.history("a"))
    assert [each.checkpoint_id for each in history] == ids_of(saver.inner, "a")


def test_what_a_row_names_is_not_imported_and_the_checkpointer_stays_as_it_is(
    tmp_path, monkeypatch
):
    (tmp_path / "leaves_a_mark.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    saver = filled(InMemorySaver(), "a")
    serde = saver.serde
    for key in saver.blobs:
        if key[2] == "messages":
            saver.blobs[key] = ("msgpack", HOSTILE)
    (head,) = store_of(saver).heads(["a"])
    assert head.values["messages"] == "secret content"
    assert "leaves_a_mark" not in sys.modules
    assert saver.serde is serde


def test_a_serializer_of_the_checkpointers_own_is_used():
    class Own(JsonPlusSerializer):
        def dumps_typed(self, obj):
            kind, packed = super().dumps_typed(obj)
            return f"own {kind}", packed[::-1]

        def loads_typed(self, data):
            return super().loads_typed((data[0].removeprefix("own "), data[1][::-1]))

    saver = filled(InMemorySaver(serde=Own()), "a")
    (head,) = store_of(saver).heads(["a"])
    assert len(head.values["messages"]) == 5


def test_a_checkpointer_that_reads_in_its_own_way_is_asked_for_it(tmp_path):
    class Prefixed(SqliteSaver):
        def list(self, config, **more):
            for saved in super().list(config, **more):
                where = saved.config["configurable"]
                yield saved._replace(
                    config={"configurable": {**where, "thread_id": f"our {where['thread_id']}"}}
                )

    with closing(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)) as connection:
        saver = filled(Prefixed(connection), "a")
        assert list(store_of(saver).thread_ids()) == ["our a"]
        saver.__class__ = SqliteSaver
        assert list(store_of(saver).thread_ids()) == ["a"]


def test_a_checkpointer_that_promises_nothing_is_told():
    class Empty(BaseCheckpointSaver):
        pass

    with pytest.raises(ThreadStoreError, match="Empty has neither get_tuple nor aget_tuple"):
        store_of(Empty())


def test_a_closed_connection_is_told(tmp_path, postgres_url):
    with stores.sqlite_saver(tmp_path / "a.db") as saver:
        store = store_of(saver)
    with pytest.raises(ThreadStoreError, match="SqliteSaver"):
        list(store.thread_ids())
    with PostgresSaver.from_conn_string(postgres_url) as saver:
        saver.setup()
        store = store_of(saver)
    with pytest.raises(ThreadStoreError, match="PostgresSaver"):
        list(store.thread_ids())


def test_a_connection_that_is_not_open_yet_is_told(tmp_path):
    async def make():
        return AsyncSqliteSaver(aiosqlite.connect(tmp_path / "a.db"))

    with stores.running_loop() as loop:
        saver = asyncio.run_coroutine_threadsafe(make(), loop).result()
        with pytest.raises(ThreadStoreError, match="AsyncSqliteSaver is not open"):
            list(store_of(saver, loop=loop).thread_ids())
    assert not list(tmp_path.iterdir())
