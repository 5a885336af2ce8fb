"""A SQLite file is read without a change of a byte, and what ails it is told in one line."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Send

from tests.threads import stores, written
from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stores import sqlite_file
from toolpair_observe.threads.stores.opened import open_store, store_of

NOBODY = 65534


@pytest.fixture
def folder():
    """A folder that other users may look into, as those of `tmp_path` are not."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@contextmanager
def as_nobody():
    """Be a user who may write nowhere: root may write everywhere."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def filled(path, *thread_ids, journal="wal"):
    with stores.sqlite_saver(path) as saver:
        for thread_id in thread_ids or ("a", "b"):
            written.ask(written.agent(saver), thread_id)
        saver.conn.execute(f"pragma journal_mode = {journal}")
    return path


def read(url):
    with open_store(str(url)) as store:
        ids = list(store.thread_ids())
        heads = list(store.heads(ids))
        assert all(list(store.history(each)) for each in ids)
    return {head.thread_id: head.unreadable for head in heads}


def state_of(folder):
    """Names, bytes and times of all files."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


def changed(path, statement, *parameters):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, parameters).rowcount


# Nothing changes


def test_a_file_with_a_rollback_journal_stays_as_it_is(tmp_path):
    path = filled(tmp_path / "threads.db", journal="delete")
    before = state_of(tmp_path)
    assert read(path) == {"a": "", "b": ""}
    assert state_of(tmp_path) == before


def test_a_file_with_a_log_stays_as_it_is(tmp_path):
    path = filled(tmp_path / "threads.db")
    before = state_of(tmp_path)
    assert read(path) == {"a": "", "b": ""}
    after = state_of(tmp_path)
    assert after["threads.db"] == before["threads.db"]
    # SQLite needs these two for as long as the file is open, and leaves them.
    assert set(after) - set(before) <= {"threads.db-wal", "threads.db-shm"}


def test_what_stands_in_the_log_only_is_read_and_stays_there(tmp_path):
    path = tmp_path / "threads.db"
    with stores.sqlite_saver(path) as saver:
        written.ask(written.agent(saver), "a")
        before = state_of(tmp_path)
        assert before["threads.db-wal"]
        assert read(path) == {"a": ""}
        after = state_of(tmp_path)
    for name in ("threads.db", "threads.db-wal"):
        assert after[name] == before[name]


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_file_in_a_folder_that_is_read_only_is_read(folder, journal):
    filled(folder / "threads.db", journal=journal)
    before = state_of(folder)
    folder.chmod(0o555)
    with as_nobody():
        assert read(folder / "threads.db") == {"a": "", "b": ""}
    assert state_of(folder) == before


def test_a_log_in_a_folder_that_is_read_only_is_told(folder):
    path = folder / "threads.db"
    with stores.sqlite_saver(folder / "live.db") as saver:
        written.ask(written.agent(saver), "a")
        for end in ("", "-wal"):
            shutil.copy(f"{folder / 'live.db'}{end}", f"{path}{end}")
    folder.chmod(0o555)
    with (
        as_nobody(),
        pytest.raises(ThreadStoreError, match=r"threads\.db.*copy of it.*can be written to"),
        open_store(str(path)),
    ):
        pass


def test_a_write_that_was_killed_is_told_and_not_undone(tmp_path):
    live, path = filled(tmp_path / "live.db", journal="delete"), tmp_path / "threads.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("pragma cache_size = 1")  # so that what is written is in the file
        connection.execute("begin")
        connection.execute("update checkpoints set metadata = zeroblob(100000)")
        for end in ("", "-journal"):
            shutil.copy(f"{live}{end}", f"{path}{end}")
        connection.execute("rollback")
    before = state_of(tmp_path)
    with (
        pytest.raises(ThreadStoreError, match="let the application open it once"),
        open_store(str(path)),
    ):
        pass
    assert state_of(tmp_path) == before


def test_a_saver_is_not_set_up_to_read_it(tmp_path):
    path = filled(tmp_path / "threads.db", journal="delete")
    before = state_of(tmp_path)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        saver = SqliteSaver(connection)
        assert [head.thread_id for head in store_of(saver).heads(["a"])] == ["a"]
        assert not saver.is_setup
    assert state_of(tmp_path) == before


def test_a_transaction_of_a_savers_owner_stays_open(tmp_path):
    with stores.sqlite_saver(filled(tmp_path / "threads.db")) as saver:
        saver.conn.execute("delete from checkpoints where thread_id = 'a'")
        assert list(store_of(saver).thread_ids()) == ["b"]
        assert saver.conn.in_transaction
        saver.conn.rollback()
        assert list(store_of(saver).thread_ids()) == ["a", "b"]
        assert not saver.conn.in_transaction


def test_a_saver_whose_rows_are_no_tuples_is_read(tmp_path):
    with stores.sqlite_saver(filled(tmp_path / "threads.db")) as saver:
        saver.conn.row_factory = sqlite3.Row
        assert [head.unreadable for head in store_of(saver).heads(["a"])] == [""]


# What is no such file


def test_a_misspelt_path_makes_no_file(tmp_path):
    with (
        pytest.raises(ThreadStoreError, match=r"no file '.*thread\.db'.*none was made"),
        open_store(f"sqlite:///{tmp_path / 'thread.db'}"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def make_text(path):
    path.write_text("no database " * 100)


def make_other(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table users (id int)")
        connection.execute("create table writes (id int)")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Path.mkdir, "is no file"),
        (make_text, "is no SQLite database"),
        (Path.touch, "its tables are none"),
        (make_other, "its tables are users, writes, and a checkpointer's are checkpoints, writes;"),
    ],
    ids=["a folder", "a text", "an empty file", "another application's"],
)
def test_a_path_of_something_else_is_told(tmp_path, make, told):
    path = tmp_path / "threads.db"
    make(path)
    with pytest.raises(ThreadStoreError, match=told) as caught, open_store(str(path)):
        pass
    assert "threads.db" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_another_process_has_locked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0)
    path = filled(tmp_path / "threads.db", journal="delete")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        with pytest.raises(ThreadStoreError, match=r"locked.*try again"), open_store(str(path)):
            pass


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "http://host/secret"])
def test_another_kind_of_url_is_told_without_the_rest_of_it(url):
    with pytest.raises(ThreadStoreError, match=url.partition("/")[0]) as caught, open_store(url):
        pass
    assert "secret" not in str(caught.value)


def test_a_url_has_a_relative_or_an_absolute_path(tmp_path, monkeypatch):
    filled(tmp_path / "a %20?#ü.db")
    monkeypatch.chdir(tmp_path)
    for url in (
        "sqlite:///a %20?#ü.db",
        f"sqlite:///{tmp_path}/a %20?#ü.db",
        f"sqlite+aiosqlite:///{tmp_path}/a %20?#ü.db",
        "a %20?#ü.db",
    ):
        assert list(read(url)) == ["a", "b"]


# Rows


def test_a_row_that_cannot_be_read_stops_nothing(tmp_path):
    path = filled(tmp_path / "threads.db", "a", "b", "c")
    pickled = (
        "update checkpoints set type = 'pickle' where checkpoint_id ="
        " (select max(checkpoint_id) from checkpoints where thread_id = 'b')"
    )
    assert changed(path, pickled) == 1
    assert {key: bool(why) for key, why in read(path).items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    with open_store(str(path)) as store:
        history = list(store.history("b"))
    assert ["pickle" in each.unreadable for each in history] == [
        True,
        *[False] * (len(history) - 1),
    ]
    assert history[0].checkpoint_id > history[1].checkpoint_id


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"channel_values": [1]},
        {"channel_values": {}, "v": 3, "pending_sends": 1, "channel_versions": {"a": 1, "b": "x"}},
    ],
    ids=["no mapping", "no values", "versions that do not compare"],
)
def test_a_row_of_another_shape_stops_nothing(tmp_path, value):
    path = filled(tmp_path / "threads.db")
    kind, packed = JsonPlusSerializer().dumps_typed(value)
    changed(
        path,
        "update checkpoints set type = ?, checkpoint = ? where thread_id = 'a'",
        *(kind, packed),
    )
    found = read(path)
    assert "no checkpoint" in found["a"]
    assert not found["b"]


@pytest.mark.parametrize("metadata", [b"\xff", b"[", b"[1]", None])
def test_metadata_that_cannot_be_read_are_none(tmp_path, metadata):
    path = filled(tmp_path / "threads.db")
    changed(path, "update checkpoints set metadata = ?", metadata)
    with open_store(str(path)) as store:
        assert [head.metadata for head in store.heads(["a"])] == [{}]


def test_a_write_that_cannot_be_read_is_told(tmp_path):
    path = tmp_path / "threads.db"
    with stores.sqlite_saver(path) as saver:
        written.ask(written.agent(saver, written.failing), "a")
    changed(path, "update writes set type = 'pickle' where channel = '__error__'")
    with open_store(str(path)) as store:
        (head,) = store.heads(["a"])
    assert "what a task wrote: it is a pickle" in head.unreadable
    assert [each.channel for each in head.writes] == ["messages", "branch:to:model"]
    assert head.values["messages"]


def test_pages_that_are_damaged_stop_no_other_thread(tmp_path):
    path = tmp_path / "threads.db"
    kind, packed = JsonPlusSerializer().dumps_typed(
        {"v": 4, "channel_values": {"messages": [HumanMessage("hi")]}}
    )
    with stores.sqlite_saver(path) as saver, saver.conn:
        for at in range(200):
            saver.conn.execute(
                "insert into checkpoints values (?, '', '1', null, ?, ?, ?)",
                (f"{at:04}", kind, packed + b"", b'{"mark": "%04d"}' % at),
            )
    whole = bytearray(path.read_bytes())
    size = int.from_bytes(whole[16:18], "big")
    page = whole.index(b'{"mark": "0100"}') // size * size
    assert whole[page] == 0x0D, "no leaf of the table"
    whole[page] = 0xFF
    path.write_bytes(whole)
    with open_store(str(path)) as store:
        heads = {head.thread_id: head.unreadable for head in store.heads(list(store.thread_ids()))}
    assert len(heads) == 200
    assert "damaged" in heads["0100"]
    assert [why for why in heads.values() if not why]
    assert not heads["0000"]
    assert not heads["0199"]


def test_a_file_from_before_paths_of_tasks_is_read(tmp_path):
    path = tmp_path / "threads.db"
    with stores.sqlite_saver(path) as saver:
        written.ask(written.agent(saver, written.failing), "a")
        if any(row[1] == "task_path" for row in saver.conn.execute("pragma table_info(writes)")):
            saver.conn.execute("alter table writes drop column task_path")
    with open_store(str(path)) as store:
        (head,) = store.heads(["a"])
    assert [each.path for each in head.writes] == ["", "", ""]
    assert {each.channel for each in head.writes} == {"messages", "branch:to:model", "__error__"}


def test_what_an_old_checkpoint_sent_to_nodes_is_found_with_its_parent(tmp_path):
    path = tmp_path / "threads.db"
    with stores.sqlite_saver(path) as saver:
        written.ask(written.agent(saver, written.failing), "a")
        saved = saver.get_tuple(written.config("a"))
        old = {**saved.checkpoint, "v": 3}
        tasks = old["channel_values"].pop("__pregel_tasks")
        version = old["channel_versions"].pop("__pregel_tasks")
        assert len(tasks) == 2
        saver.put(saved.parent_config, old, saved.metadata, {})
    with open_store(str(path)) as store:
        (head,) = store.heads(["a"])
    assert list(head.values["__pregel_tasks"]) == list(tasks)
    assert all(isinstance(each, Send) for each in head.values["__pregel_tasks"])
    assert head.versions["__pregel_tasks"] == version


def test_encrypted_threads_are_read_with_the_key(tmp_path, monkeypatch):
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    path = filled(tmp_path / "threads.db", "plain")
    key = "0123456789abcdef"
    with stores.sqlite_saver(path) as saver:
        saver.serde = EncryptedSerializer.from_pycryptodome_aes(key=key.encode())
        written.ask(written.agent(saver, written.failing), "hidden")
        expected = written.told_of_saved(saver.get_tuple(written.config("hidden")))
        with ExitStack() as stack:
            monkeypatch.setenv("LANGGRAPH_AES_KEY", key)
            by_url = stack.enter_context(open_store(str(path), is_encrypted=True))
            for store in (by_url, store_of(saver)):
                heads = list(store.heads(["hidden", "plain"]))
                assert written.told_of(heads[0]) == expected
                assert not heads[1].unreadable
    without = read(path)
    assert "--encryption" in without["hidden"]
    assert not without["plain"]


def test_a_file_is_closed_in_the_end(tmp_path):
    path = filled(tmp_path / "threads.db", journal="delete")
    with pytest.raises(KeyError), open_store(str(path)):
        raise KeyError
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin exclusive")


def test_a_file_that_may_not_be_read_is_told(folder):
    path = filled(folder / "threads.db")
    path.chmod(stat.S_IWUSR)
    with (
        as_nobody(),
        pytest.raises(ThreadStoreError, match=r"threads\.db. may not be read by this user"),
        open_store(str(path)),
    ):
        pass
