"""Files that are not read: each is called by its name, with what to do."""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile

import pytest

from tests.histories.containers import reason_in


def zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.json", "{}")
    return data.getvalue()


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.json"))
    return data.getvalue()


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table checkpoints (a)")
    data = connection.serialize()
    connection.close()
    return data


PICKLES = [pickle.dumps([{"role": "user"}], protocol=n) for n in (2, 3, 4, 5)]


@pytest.mark.parametrize("name", ["data", "data.json", "data.jsonl", "data.yaml", "data.txt"])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(), ["a zip archive", "unpack it"]),
        (tarred(), ["a tar archive", "unpack it"]),
        (bz2.compress(b"[]"), ["bzip2", "gzip or zstd"]),
        (lzma.compress(b"[]"), ["xz", "gzip or zstd"]),
        (database(), ["an SQLite database", "get_state_history", "threads"]),
        *[(data, ["a pickle", "would run what it names", "JSON Lines"]) for data in PICKLES],
        (b"\x82\xa4role\xa4user\xa1a\x01", ["msgpack", "JSON Lines"]),
        (b"\x91\x81\xa4role\xa4user", ["msgpack"]),
        (b"\xdc\x00\x10\x81", ["msgpack"]),
        (b"%PDF-1.7\n%\xe2\xe3", ["a PDF document"]),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ["a PNG image"]),
        (b"\xff\xd8\xff\xe0\x00", ["a JPEG image"]),
        (b"ARROW1\x00\x00", ["an Arrow file", "Parquet"]),
        (b"Obj\x01\x04", ["an Avro file"]),
        (b"PARE\x00", ["an encrypted Parquet file"]),
        (b"\x7fELF\x02\x01", ["a program"]),
        (b"<!DOCTYPE html><html>", ["an HTML page", "fetch the data again"]),
        (b"<?xml version='1.0'?>", ["an XML document"]),
        (b"version https://git-lfs.github.com/spec/v1\n", ["Git LFS", "git lfs pull"]),
        (b"\x0a\x05hello\x00\x12", ["binary data of no known kind"]),
    ],
)
def test_each_is_called_by_its_name(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)

    reason = reason_in(path)

    assert all(word in reason for word in words)


@pytest.mark.parametrize("name", ["data", "data.txt", "data.json", "data.md"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("role,content\nuser,hello\n", "a table (CSV)"),
        ('"role";"content"\n"user";"x"\n', "a table (CSV)"),
        ("a\tb\n1\t2\n", "a table (CSV)"),
        ("Dear all, this is a letter.\nIt goes on.\n", "plain text, not JSON"),
        ("hello\n", "plain text, not JSON"),
        ("# A title\n\nSome words.\n", "plain text, not JSON"),
    ],
)
def test_other_text_is_called_by_its_name(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)

    assert words in reason_in(path)


@pytest.mark.parametrize("text", ['[{"a": 1}]', "role: ORC\n"])
def test_a_table_is_told_by_its_name_unless_it_is_none(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text)

    if text.startswith("["):
        with pytest.raises(AssertionError):
            reason_in(path)
    else:
        assert "a table (CSV)" in reason_in(path)
