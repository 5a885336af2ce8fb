"""Folders, patterns and URLs: which files they stand for, in which order, and what is left out."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest

from tests.histories.containers import data_in, found_in, reason_in
from toolpair_observe.histories.containers import opening
from toolpair_observe.histories.containers.paths import LeftOut, expand
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.install import install_line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    def fill(*names):
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
        return tmp_path / "data"

    monkeypatch.chdir(tmp_path)
    return fill


def files(*paths):
    found = list(expand(map(str, paths)))
    assert all(isinstance(each, str) for each in found)
    return found


def reason(path):
    (found,) = expand([str(path)])
    assert isinstance(found, Unreadable)
    return found.reason


def test_a_folder_stands_for_its_files_sorted(folder):
    names = [
        "b.json",
        "a/z.jsonl.gz",
        "a/c.YAML",
        "c.parquet",
        "a/b/x.sse",
        "d.ndjson.zst",
        "e.yml",
    ]
    folder(*names, "readme.md", "code.py", ".hidden.json", ".git/x.json", "a/.venv/y.json")

    assert files("data") == [f"data/{name}" for name in sorted(names)]


def test_data_of_other_kinds_is_named_and_counted(folder):
    folder("a.json", "b.csv", "c/d.csv", "e.sqlite", "f.pkl", "g.tar.gz", "h.unknown.gz", "i.py")

    *found, left = expand(["data"])

    assert found == ["data/a.json"]
    assert isinstance(left, LeftOut)
    assert left.files == tuple(
        f"data/{name}"
        for name in ["b.csv", "c/d.csv", "e.sqlite", "f.pkl", "g.tar.gz", "h.unknown.gz"]
    )
    assert str(left) == (
        "data: left out, for their names: 2 .csv, 1 .gz, 1 .pkl, 1 .sqlite, 1 .tar"
    )


def test_not_all_files_that_are_left_out_are_named_but_all_are_counted(folder):
    folder("a.json", *[f"{n}.csv" for n in range(50)])

    *_, left = expand(["data"])

    assert len(left.files) == 20
    assert left.endings == {".csv": 50}


def test_a_folder_without_such_files_is_named(folder):
    assert "no file in this folder ends in .json, .jsonl" in reason(folder("a.md").parent / "data")


def test_links_are_followed_and_loops_are_not(folder):
    data = folder("a/x.json", "b.json")
    (data / "a/loop").symlink_to(data)
    (data / "a/self").symlink_to("self")
    (data / "gone.json").symlink_to("nowhere")
    (data / "link.json").symlink_to("b.json")

    found = ["data/a/x.json", "data/b.json", "data/gone.json", "data/link.json"]
    assert files("data") == found
    assert reason_in(found[2]) == "no such file"


def test_what_is_no_file_is_left(folder):
    os.mkfifo(folder("a.json") / "pipe.json")

    assert files("data") == ["data/a.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_can_not_be_read_is_named(folder):
    data = folder("a.json", "b/c.json")
    (data / "b").chmod(0)

    found = list(expand(["data"]))

    assert found[0] == "data/a.json"
    assert found[1].path == "data/b"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("data/*.json", ["a.json"]),
        ("data/*.txt", ["e.txt"]),
        ("data/**/*.json", ["a.json", "b/c.json"]),
        ("data/**", ["a.json", "b/c.json", "b/d.jsonl", "e.txt"]),
        ("data/[ab].json", ["a.json"]),
        ("dat?", ["a.json", "b/c.json", "b/d.jsonl"]),
    ],
)
def test_a_pattern_stands_for_the_files_that_match(folder, pattern, names):
    folder("a.json", "b/c.json", "b/d.jsonl", "e.txt")

    found = [each for each in expand([pattern]) if isinstance(each, str)]

    assert found == [f"data/{name}" for name in names]


def test_a_pattern_without_a_match_is_named(folder):
    assert reason("data/*.json") == "no file matches this pattern"


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder):
    folder("[a].json")

    assert files("data/[a].json") == ["data/[a].json"]


def test_what_is_given_by_name_is_taken_whatever_it_is(folder):
    folder("e.txt")

    assert files("-", "data/e.txt", "missing.json", "data/e.txt") == [
        *["-", "data/e.txt", "missing.json", "data/e.txt"]
    ]


# --- URLs ----------------------------------------------------------------------------------------


@pytest.fixture
def memory():
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_urls_are_read(memory):
    memory.pipe("/runs/a.jsonl", b'{"a": 1}\n{"a": 2}\n')

    assert data_in("memory://runs/a.jsonl") == [{"a": 1}, {"a": 2}]
    assert memory.cat("/runs/a.jsonl") == b'{"a": 1}\n{"a": 2}\n'
    assert reason_in("memory://runs/b.jsonl") == "no such file"


def test_folders_and_patterns_of_urls(memory):
    for name in ["b.json", "a/c.jsonl.gz", "d.csv", ".hidden/x.json"]:
        memory.pipe(f"/runs/{name}", json.dumps({}).encode())

    *found, left = expand(["memory://runs"])

    assert found == ["memory:///runs/a/c.jsonl.gz", "memory:///runs/b.json"]
    assert left.endings == {".csv": 1}
    assert files("memory://runs/*.csv") == ["memory:///runs/d.csv"]
    assert files("memory://runs/b.json") == ["memory://runs/b.json"]
    assert reason("memory://runs/*.yaml") == "no file matches this pattern"


def test_parquet_behind_a_url(memory, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"a": [1, 2]}), tmp_path / "x")
    memory.pipe("/x.parquet", (tmp_path / "x").read_bytes())

    assert data_in("memory://x.parquet") == [{"a": 1}, {"a": 2}]


class _Broken:
    def __init__(self, fault):
        self._fault = fault

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, _):
        raise self._fault


def test_whatever_a_remote_file_system_raises_is_a_reason_without_its_words(memory, monkeypatch):
    class NoCredentialsError(Exception):
        pass

    fault = NoCredentialsError("key AKIA123")
    monkeypatch.setattr(type(memory), "open", lambda *_: _Broken(fault))
    assert reason_in("memory://x.jsonl") == "it can't be reached (NoCredentialsError)"

    def refuse(*_):
        raise fault

    monkeypatch.setattr(type(memory), "open", refuse)
    monkeypatch.setattr(type(memory), "isdir", refuse)
    assert reason_in("memory://x.jsonl") == "it can't be reached (NoCredentialsError)"
    assert reason("memory://x.jsonl") == "it can't be reached (NoCredentialsError)"


def test_a_file_system_that_is_not_known_or_not_installed_is_named(memory):
    for ask in (reason, reason_in):
        assert ask("nonsense://x") == "fsspec knows no file system by the name 'nonsense'"


def test_what_a_file_system_takes_is_named(memory, monkeypatch):
    from fsspec import core

    msg = "Install s3fs to access S3"

    def missing(_):
        raise ImportError(msg)

    monkeypatch.setattr(core, "url_to_fs", missing)

    assert reason("s3://bucket/x") == (
        "reading s3:// takes a package that is not installed: Install s3fs to access S3"
    )


def test_without_fsspec_the_reason_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.delitem(sys.modules, "fsspec.core", raising=False)

    told = f"reading s3:// takes the package fsspec: {install_line('urls')}"
    assert reason("s3://bucket/x") == told
    assert install_line("urls") in found_in("gs://bucket/x")[1][0][1]


@contextmanager
def a_thousand_open_files(path):
    """Have more files open than `select` can look at, one file again and again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # As many as that on top of what other tests of the process have open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1_024):
            opened.enter_context(path.open("a", encoding="utf-8"))
        yield


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
class TestANamedPipe:
    def test_that_nobody_writes_to_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(opening, "WRITER_SECONDS", 0.05)
        os.mkfifo(tmp_path / "pipe")

        values, faults = found_in(tmp_path / "pipe")

        assert values == []
        assert faults == [(None, "can't be read: a pipe that nobody writes to")]

    def test_is_read_as_soon_as_somebody_writes_to_it(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        text = '{"messages": [{"role": "user", "content": "x"}]}\n'
        writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
        writer.start()

        values, faults = found_in(tmp_path / "pipe")
        writer.join()

        assert len(values) == 1
        assert faults == []

    def test_is_looked_at_where_a_thousand_files_are_open(self, tmp_path, monkeypatch):
        monkeypatch.setattr(opening, "WRITER_SECONDS", 0.05)
        os.mkfifo(tmp_path / "pipe")
        with a_thousand_open_files(tmp_path / "other"):
            _, faults = found_in(tmp_path / "pipe")

        assert faults == [(None, "can't be read: a pipe that nobody writes to")]
