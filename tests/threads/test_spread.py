"""Threads that several processes diagnose are diagnosed as by one, in the same order."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from tests.threads import stores, written
from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.hashed import KEY_VARIABLE, hashed
from toolpair_observe.threads import spread
from toolpair_observe.threads.diagnose import DiagnosisOptions
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.spread import diagnose_url

OPTIONS = DiagnosisOptions(idle=0)
THREADS = 9


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A database of threads, every other one of which is stalled."""
    monkeypatch.setattr(spread, "CHUNK", 2)
    path = tmp_path / "threads.db"
    with stores.sqlite_saver(path) as saver:
        for place in range(THREADS):
            bad = written.failing if place % 2 else None
            written.ask(written.agent(saver, bad), f"thread {place}")
    return f"sqlite:///{path}"


def told(diagnoses):
    return [{**each.to_dict(), "age_seconds": None} for each in diagnoses]


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_several_processes_give_what_one_gives(url):
    seen = {1: [], 2: []}

    def diagnosed(jobs):
        return told(
            diagnose_url(url, OPTIONS, jobs=jobs, progress=lambda *done: seen[jobs].append(done))
        )

    alone = diagnosed(1)
    assert [each["thread_id"] for each in alone] == [f"thread {place}" for place in range(THREADS)]
    assert {each["verdict"] for each in alone} == {"sound", "stalled"}
    assert diagnosed(2) == alone
    assert seen[1] == seen[2] == [(done, THREADS) for done in (0, 2, 4, 6, 8, 9)]
    assert not multiprocessing.active_children()


def test_only_the_threads_that_are_asked_for_are_diagnosed(url):
    asked = ["thread 3", "nothing of that name", "thread 0", "thread 5"]
    found = diagnose_url(url, OPTIONS, thread_ids=asked)
    assert [each.thread_id for each in found] == ["thread 3", "thread 0", "thread 5"]


def test_no_more_threads_are_begun_than_are_soon_taken(url, monkeypatch):
    taken = []

    def ids(self):
        for place in range(1000):
            taken.append(place)
            yield f"thread {place}"

    monkeypatch.setattr("toolpair_observe.threads.stores.sql.SqlStore.thread_ids", ids)
    found = diagnose_url(url, OPTIONS, jobs=2)
    assert next(found).thread_id == "thread 0"
    assert len(taken) <= (2 * 2 + 1) * 2
    found.close()
    assert not multiprocessing.active_children()


def test_each_process_hashes_as_this_one(url, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "")
    before = hashed("call_bad")
    options = DiagnosisOptions(idle=0, name_id=hashed)
    found = list(diagnose_url(url, options, jobs=2))
    ids = {
        violation.tool_call_id
        for each in found
        if each.verdict is ThreadVerdict.STALLED
        for violation in each.on_new.violations
    }
    assert before == hashed("call_bad")
    assert before in ids


def test_encrypted_threads_are_read_in_each_process(url, monkeypatch):
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    key = "0123456789abcdef"
    with stores.sqlite_saver(url.removeprefix("sqlite:///")) as saver:
        saver.serde = EncryptedSerializer.from_pycryptodome_aes(key=key.encode())
        written.ask(written.agent(saver), "hidden")
    monkeypatch.setenv("LANGGRAPH_AES_KEY", key)
    found = diagnose_url(url, OPTIONS, thread_ids=["hidden"], is_encrypted=True, jobs=2)
    assert [each.verdict.value for each in found] == ["sound"]
    found = diagnose_url(url, OPTIONS, thread_ids=["hidden"])
    assert [each.verdict.value for each in found] == ["unreadable"]


def test_a_database_that_cannot_be_read_starts_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(spread, "process_pool", None)
    with pytest.raises(ThreadStoreError, match="there is no file"):
        list(diagnose_url(str(tmp_path / "threads.db"), OPTIONS, jobs=2))


def test_a_process_that_is_killed_is_said(url, monkeypatch):
    monkeypatch.setattr(spread, "_diagnosed", die)
    with pytest.raises(ThreadStoreError, match=r"killed.*try again with fewer"):
        list(diagnose_url(url, OPTIONS, jobs=2))
