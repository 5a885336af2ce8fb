"""PostgreSQL is read in transactions that can't write, and no error has a password."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.types import Send
from psycopg.pq import TransactionStatus

from tests.threads import stores, written
from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stores.opened import open_store, store_of

KEY = "0123456789abcdef"


@contextmanager
def filled(url, *thread_ids, bad=None):
    with stores.postgres_saver(url) as saver:
        for thread_id in thread_ids:
            written.ask(written.agent(saver, bad), thread_id)
        yield saver


def told(url):
    with pytest.raises(ThreadStoreError) as caught, open_store(url):
        pass
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


# Nothing is written


@pytest.mark.parametrize("of_saver", [False, True])
def test_no_transaction_of_ours_can_write(postgres_url, of_saver):
    with filled(postgres_url, "a") as saver, open_store(postgres_url) as store:
        reading = store_of(saver) if of_saver else store
        with (
            pytest.raises(ThreadStoreError, match="ReadOnlySqlTransaction"),
            reading._snapshot() as fetch,
        ):
            fetch("delete from checkpoints")
        assert list(reading.thread_ids()) == ["a"]


def test_no_table_is_made(postgres_url):
    assert "its tables are none, and a checkpointer's are checkpoints" in told(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        saver = PostgresSaver(connection)
        with pytest.raises(ThreadStoreError, match="its tables are none"):
            store_of(saver)
        assert connection.execute("select to_regclass('checkpoints')").fetchone() == (None,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_savers_connection_is_left_as_it_was(postgres_url, autocommit):
    with filled(postgres_url, "a", "b"), psycopg.connect(postgres_url) as connection:
        connection.autocommit = autocommit
        store = store_of(PostgresSaver(connection))
        assert list(store.thread_ids()) == ["a", "b"]
        assert connection.info.transaction_status is TransactionStatus.IDLE
        with connection.transaction():
            connection.execute("delete from checkpoints where thread_id = 'a'")
            assert list(store.thread_ids()) == ["b"]
            assert connection.info.transaction_status is TransactionStatus.INTRANS
            connection.execute("delete from checkpoints where thread_id = 'b'")
        assert not list(store.thread_ids())


# What is no such database


def test_a_server_that_is_not_there_is_told_without_the_password():
    text = told("postgresql://me:secret@127.0.0.1:1/app?application_name=x")
    assert "postgresql://me@127.0.0.1:1/app can't be reached" in text
    assert "refused" in text
    assert "secret" not in text


def test_a_database_that_is_not_there_is_told(postgres_server):
    url = postgres_server.url("nothing").replace("postgres@", "postgres:secret@")
    text = told(url)
    assert 'database "nothing" does not exist' in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sec%ret@host/db",
        "postgresql://me:secret@host:port/db",
        "postgres://[secret",
    ],
)
def test_a_url_that_cannot_be_read_is_told_without_it(url):
    text = told(url)
    assert "secret" not in text
    assert "sec%ret" not in text


def test_a_user_who_may_not_read_is_told_what_to_grant(postgres_url):
    with filled(postgres_url, "a"), psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("drop role if exists visitor")
        owner.execute("create role visitor login")
        url = postgres_url.replace("postgres@", "visitor@")
        with (
            pytest.raises(ThreadStoreError, match=r"grant it usage.*select"),
            open_store(url) as store,
        ):
            list(store.thread_ids())
        owner.execute("grant select on all tables in schema public to visitor")
        with open_store(url) as store:
            assert list(store.thread_ids()) == ["a"]
        owner.execute("drop owned by visitor")
        owner.execute("drop role visitor")


def test_a_server_that_goes_away_is_told(postgres_url):
    with filled(postgres_url, "a"), open_store(postgres_url) as store:
        with psycopg.connect(postgres_url, autocommit=True) as killer:
            killer.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = current_database()"
            )
        with pytest.raises(ThreadStoreError, match="does not answer"):
            list(store.thread_ids())


# Where the tables are, and which


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_tables_of_another_schema_are_found_as_the_url_says(postgres_url, scheme):
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("create schema app")
    url = f"{postgres_url}?options=-csearch_path%3Dapp"
    with filled(url, "a"), open_store(url.replace("postgresql", scheme)) as store:
        assert list(store.thread_ids()) == ["a"]
    assert "its tables are none" in told(postgres_url)


def test_the_one_checkpoint_of_a_shallow_saver_is_read(tmp_path, postgres_url):
    with stores.shallow(tmp_path, postgres_url) as opened:
        written.ask(written.agent(opened.saver, written.failing), "failed")
        written.ask(written.agent(opened.saver), "done")
        nested = written.with_history_of_its_own(opened.saver)
        written.ask(nested, "nested")
        assert list(opened.store.thread_ids()) == ["done", "failed", "nested"]
        heads = list(opened.store.heads(["failed", "done", "nested"]))
        assert [(head.thread_id, head.namespace) for head in heads] == [
            ("failed", ""),
            ("done", ""),
            ("nested", ""),
            ("nested", "kept"),
            ("nested", "middle|lasting"),
        ]
        for head in heads:
            saved = opened.saver.get_tuple(
                written.config(head.thread_id, checkpoint_ns=head.namespace)
            )
            assert written.told_of(head) == written.told_of_saved(saved)
        assert [written.told_of(each) for each in opened.store.history("failed")] == [
            written.told_of(heads[0])
        ]
        assert len(list(opened.store.calls("nested"))) == 1


def test_tables_from_before_paths_of_tasks_are_read(postgres_url):
    with filled(postgres_url, "a", bad=written.failing) as saver:
        saver.conn.execute("alter table checkpoint_writes drop column task_path")
        with open_store(postgres_url) as store:
            (head,) = store.heads(["a"])
    assert [each.path for each in head.writes] == ["", "", ""]


def test_what_an_old_checkpoint_sent_to_nodes_is_found_with_its_parent(postgres_url):
    with filled(postgres_url, "a", bad=written.failing) as saver:
        saver.conn.execute(
            "update checkpoints set checkpoint = jsonb_set(checkpoint, '{v}', '3')"
            " #- '{channel_versions,__pregel_tasks}'"
            " where checkpoint_id = (select max(checkpoint_id) from checkpoints)"
        )
        expected = written.told_of_saved(saver.get_tuple(written.config("a")))
        with open_store(postgres_url) as store:
            (head,) = store.heads(["a"])
    assert [type(each) for each in head.values["__pregel_tasks"]] == [Send, Send]
    assert written.told_of(head) == expected


# Rows


def test_of_encrypted_threads_all_but_the_values_is_known_without_the_key(
    postgres_url, monkeypatch
):
    with filled(postgres_url) as saver:
        saver.serde = EncryptedSerializer.from_pycryptodome_aes(key=KEY.encode())
        written.ask(written.agent(saver, written.failing), "hidden")
        expected = written.told_of_saved(saver.get_tuple(written.config("hidden")))
        saver.serde = PostgresSaver.serde
        written.ask(written.agent(saver), "plain")
        with open_store(postgres_url) as store:
            hidden, plain = store.heads(["hidden", "plain"])
    assert not plain.unreadable
    assert "--encryption" in hidden.unreadable
    assert hidden.checkpoint_id == expected["id"]
    assert (hidden.versions, hidden.seen) == (expected["versions"], expected["seen"])
    assert hidden.at is not None
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    with open_store(postgres_url, is_encrypted=True) as store:
        hidden, plain = store.heads(["hidden", "plain"])
    assert written.told_of(hidden) == expected
    assert not plain.unreadable


def test_a_value_that_cannot_be_read_stops_nothing(postgres_url):
    with filled(postgres_url, "a", "b", "c") as saver:
        saver.conn.execute(
            "update checkpoint_blobs set type = 'pickle'"
            " where channel = 'messages' and thread_id = 'b'"
        )
        with open_store(postgres_url) as store:
            heads = {head.thread_id: head for head in store.heads(["a", "b", "c"])}
    assert not heads["a"].unreadable
    assert not heads["c"].unreadable
    assert "pickle" in heads["b"].unreadable
    assert "messages" not in heads["b"].values


@pytest.mark.parametrize(
    "checkpoint", ["[]", "1", '{"channel_values": [1]}', '{"channel_versions": "a"}']
)
def test_a_row_of_another_shape_stops_nothing(postgres_url, checkpoint):
    with filled(postgres_url, "a", "b") as saver:
        saver.conn.execute(
            "update checkpoints set checkpoint = %s::jsonb where thread_id = 'a'", (checkpoint,)
        )
        with open_store(postgres_url) as store:
            heads = {head.thread_id: head for head in store.heads(["a", "b"])}
            assert list(store.history("a"))
    assert not heads["b"].unreadable
    assert "no checkpoint" in heads["a"].unreadable


def test_a_channel_may_have_any_name(postgres_url):
    """A name with a backslash makes the query of LangGraph's own saver fail."""
    with filled(postgres_url, "a") as saver:
        for table, column in (("checkpoint_blobs", "channel"), ("checkpoint_writes", "channel")):
            saver.conn.execute(
                f"update {table} set {column} = 'a\\b' where {column} = 'messages'"  # noqa: S608
            )
        saver.conn.execute(
            r"""update checkpoints set checkpoint = replace(
                checkpoint::text, '"messages"', '"a\\b"')::jsonb"""
        )
        with open_store(postgres_url) as store:
            (head,) = store.heads(["a"])
    assert not head.unreadable
    assert len(head.values["a\\b"]) == 5


def test_rows_that_the_server_cannot_read_stop_no_other_thread(postgres_url):
    """As those of a page that is damaged: here a view that fails takes the table's place."""
    with filled(postgres_url, "a", "b", "c") as saver:
        newest = max(saver.list(written.config("b")), key=lambda saved: saved.checkpoint["id"])
        saver.conn.execute("alter table checkpoints rename to kept")
        saver.conn.execute(
            "create view checkpoints as select thread_id, checkpoint_ns, checkpoint_id,"
            " parent_checkpoint_id, case"
            " when checkpoint_id = (select max(checkpoint_id) from kept where thread_id = 'b')"
            " then to_jsonb(1 / (length(thread_id) - 1)) else checkpoint end as checkpoint,"
            " metadata from kept"
        )
        with open_store(postgres_url) as store:
            heads = {head.thread_id: head.unreadable for head in store.heads(["a", "b", "c"])}
            first, *others = store.history("b")
    assert not heads["a"]
    assert not heads["c"]
    assert "can't read its rows (DivisionByZero)" in heads["b"]
    assert first.checkpoint_id == newest.checkpoint["id"]
    assert "can't read its rows" in first.unreadable
    assert others
    assert not any(each.unreadable for each in others)
