"""Whatever threads are stored in, they are read as the checkpointer itself reads them."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from tests.threads import stores, written
from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.threads.stores import sql
from toolpair_observe.threads.stores.opened import store_of


@pytest.fixture(params=stores.EACH)
def opened(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if "postgres" in request.param else ""
    with stores.EACH[request.param](tmp_path / "threads.db", url) as opened:
        yield opened


@pytest.fixture(params=stores.SQL)
def in_sql(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if "postgres" in request.param else ""
    with stores.SQL[request.param](tmp_path / "threads.db", url) as opened:
        yield opened


def fill(saver):
    """Store a thread of each kind, and return what the saver says of their checkpoints."""
    written.ask(written.agent(saver), "done")
    written.ask(written.agent(saver, written.failing), "failed")
    written.ask(written.agent(saver, written.asking), "asked")
    nested = written.with_history_of_its_own(saver)
    for _ in range(2):
        written.ask(nested, "nested")
    return by_thread(saver)


def by_thread(saver):
    found = {}
    for saved in saver.list(None):
        thread = found.setdefault(saved.config["configurable"]["thread_id"], [])
        thread.append(written.told_of_saved(saved))
    return {thread_id: written.newest_first(told) for thread_id, told in found.items()}


def test_every_checkpoint_is_read_as_its_saver_reads_it(opened):
    expected = fill(opened.saver)
    assert {
        thread_id: [written.told_of(each) for each in opened.store.history(thread_id)]
        for thread_id in expected
    } == expected


def test_the_history_of_one_namespace_is_its_own(opened):
    expected = [each for each in fill(opened.saver)["nested"] if each["namespace"] == "kept"]
    assert len(expected) > 1
    found = [written.told_of(each) for each in opened.store.history("nested", "kept")]
    assert found == expected


def test_each_thread_is_named_once(opened):
    expected = fill(opened.saver)
    assert sorted(opened.store.thread_ids()) == sorted(expected)
    assert opened.store.count() in {None, len(expected)}


def test_more_threads_than_a_page_has_are_named_in_the_order_of_their_ids(in_sql, monkeypatch):
    monkeypatch.setattr(sql, "PAGE", 2)
    graph = written.agent(in_sql.saver)
    for thread_id in ("", "a", "a|b", "b", "ü"):
        written.ask(graph, thread_id)
    found = list(in_sql.store.thread_ids())
    assert sorted(found) == ["", "a", "a|b", "b", "ü"]
    assert in_sql.store.count() == 5


def test_heads_are_the_newest_of_each_namespace_that_is_not_of_a_call(opened):
    expected = fill(opened.saver)
    asked = ["nested", "nothing of that name", "done", "nested"]
    heads = list(opened.store.heads(asked))
    assert [(head.thread_id, head.namespace) for head in heads] == [
        ("nested", ""),
        ("nested", "kept"),
        ("nested", "middle|lasting"),
        ("done", ""),
    ]
    for head in heads:
        of_namespace = [
            each for each in expected[head.thread_id] if each["namespace"] == head.namespace
        ]
        assert written.told_of(head) == of_namespace[0]


def test_calls_are_the_heads_of_the_other_namespaces(opened):
    expected = fill(opened.saver)["nested"]
    names = {each["namespace"] for each in expected if ":" in each["namespace"]}
    assert len(names) == 2
    calls = list(opened.store.calls("nested"))
    assert [call.namespace for call in calls] == sorted(names)
    for call in calls:
        newest = next(each for each in expected if each["namespace"] == call.namespace)
        assert written.told_of(call) == newest
    assert not list(opened.store.calls("done"))


def test_a_thread_that_is_not_stored_has_nothing(opened):
    written.ask(written.agent(opened.saver), "a")
    for thread_id in ("nothing of that name", "a\0b", "\ud800"):
        assert not list(opened.store.heads([thread_id]))
        assert not list(opened.store.calls(thread_id))
        assert not list(opened.store.history(thread_id))
    assert not list(opened.store.heads([]))


@pytest.mark.skipif(not written.HAS_PATHS, reason="the savers of this release keep no order")
def test_writes_stand_in_the_order_of_their_tasks(in_sql):
    written.ask(written.agent(in_sql.saver, written.failing), "a")
    (head,) = in_sql.store.heads(["a"])
    assert [write.channel for write in head.writes] == ["messages", "branch:to:model", "__error__"]
    paths = [write.path for write in head.writes]
    assert paths == sorted(paths)
    assert len(set(paths)) == 2


def test_messages_that_are_stored_as_changes_are_put_together(opened):
    graph = written.with_deltas(opened.saver)
    for _ in range(3):
        written.ask(graph, "a")
    (head,) = opened.store.heads(["a"])
    assert "messages" not in head.values
    expected = graph.get_state(written.config("a")).values["messages"]
    assert len(expected) == 6
    assert opened.store.delta(head, ["messages"]) == {"messages": expected}


def test_changes_go_back_to_the_last_snapshot(opened):
    graph = written.with_deltas(opened.saver, snapshot_frequency=3)
    for _ in range(3):
        written.ask(graph, "a")
    history = list(opened.store.history("a"))
    assert any("messages" in each.values for each in history)
    for stored in history:
        config = written.config("a", checkpoint_id=stored.checkpoint_id)
        # Its state has the writes of the tasks that run on it, which are no part of its values.
        if not stored.writes:
            expected = graph.get_state(config).values.get("messages", [])
            assert opened.store.delta(stored, ["messages"])["messages"] == expected


def test_a_branch_is_made_of_its_own_changes_only(opened):
    graph = written.with_deltas(opened.saver)
    written.ask(graph, "a")
    first = graph.get_state(written.config("a")).config
    graph.invoke({"messages": [HumanMessage("left")]}, written.config("a"))
    graph.invoke({"messages": [HumanMessage("right")]}, first)
    (head,) = opened.store.heads(["a"])
    found = [each.content for each in opened.store.delta(head, ["messages"])["messages"]]
    assert found == ["hi", "1", "right", "3"]


def test_a_store_may_be_used_while_it_is_read(opened):
    for thread_id in "abc":
        written.ask(written.agent(opened.saver), thread_id)
    found = []
    for thread_id in opened.store.thread_ids():
        for head in opened.store.heads([thread_id]):
            for older in opened.store.history(head.thread_id):
                found.append(older.thread_id)
                opened.saver.get_tuple(written.config(head.thread_id))
                break
    assert sorted(found) == ["a", "b", "c"]


def test_what_is_read_together_is_of_one_moment(in_sql):
    written.ask(written.agent(in_sql.saver), "a")
    store = getattr(in_sql.store, "_store", in_sql.store)
    with stores_writer(in_sql) as writer, store._snapshot() as fetch:
        count = "select count(*) from checkpoints"
        before = fetch(count)
        written.ask(written.agent(writer), "b")
        assert (fetch(count) == before) is in_sql.has_views
    with store._snapshot() as fetch:
        assert fetch(count) > before


def stores_writer(opened):
    """Another connection with the same database."""
    if type(opened.saver).__name__ == "SqliteSaver":
        (row,) = opened.saver.conn.execute("pragma database_list")
        return stores.sqlite_saver(row[2])
    return stores.postgres_saver(opened.saver.conn.info.dsn)


def test_an_asynchronous_checkpointer_needs_its_loop():
    with pytest.raises(ThreadStoreError, match=r"OnlyAsync has only asynchronous.*adiagnose"):
        store_of(stores.OnlyAsync(InMemorySaver()))


async def test_a_loop_is_not_waited_for_by_itself():
    store = store_of(stores.OnlyAsync(InMemorySaver()), loop=asyncio.get_running_loop())
    with pytest.raises(ThreadStoreError, match="adiagnose_threads"):
        list(store.thread_ids())


async def test_a_store_is_made_on_its_loop_and_read_in_another_thread():
    saver = InMemorySaver()
    written.ask(written.agent(saver), "a")
    only_async = stores.OnlyAsync(saver)
    store = store_of(only_async, loop=asyncio.get_running_loop())
    assert await asyncio.to_thread(lambda: list(store.thread_ids())) == ["a"]
    assert only_async.loops == {asyncio.get_running_loop()}
