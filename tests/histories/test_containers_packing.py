"""Packed files: gzip and zstd, whole, cut off, damaged, and made to fill the memory."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
import types
from hashlib import sha256

import pytest

from tests.histories.containers import data_in, found_in, reason_in
from toolpair_observe.histories import ReadLimits

ROWS = [
    {"id": n, "text": b"".join(sha256(b"%d %d" % (n, m)).digest() for m in range(9)).hex()}
    for n in range(3000)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zstd(data):
    return pytest.importorskip("zstandard").compress(data)


PACKERS = [gzip.compress, zstd]


@pytest.fixture
def write(tmp_path):
    def write(data, name="data.jsonl"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("name", ["data", "data.jsonl", "data.jsonl.gz", "data.json.zst"])
def test_packed_data_is_told_by_its_content(write, pack, name):
    assert data_in(write(pack(LINES), name)) == ROWS


@pytest.mark.parametrize("pack", PACKERS)
def test_packed_parts_one_after_the_other(write, pack):
    assert data_in(write(pack(LINES) + pack(LINES))) == ROWS * 2


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("data", [LINES.decode().encode("utf-16"), b"\xef\xbb\xbf" + LINES])
def test_packed_text_of_other_encodings(write, pack, data):
    assert data_in(write(pack(data))) == ROWS


@pytest.mark.parametrize("pack", PACKERS)
def test_what_is_cut_off_is_read_up_to_there(write, pack):
    packed = pack(LINES)

    values, faults = found_in(write(packed[: len(packed) // 2]))

    assert [data for _, _, data in values] == ROWS[: len(values)]
    assert len(values) > len(ROWS) * 0.4
    ((line, reason),) = faults
    assert line == len(values)
    assert "data is damaged or cut off; the part before that was read" in reason


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("end", [-1, -4])
def test_what_lacks_only_its_end_is_named(write, pack, end):
    values, faults = found_in(write(pack(LINES)[:end]))

    assert len(values) >= len(ROWS) - 1 - 300
    assert len(faults) == 1


@pytest.mark.parametrize("pack", PACKERS)
def test_damage_in_the_middle_is_named(write, pack):
    packed = bytearray(pack(LINES))
    packed[len(packed) // 2 :] = b"\xff" * 2000

    _, faults = found_in(write(bytes(packed)))

    assert "data is damaged or cut off" in faults[-1][1]


@pytest.mark.parametrize("pack", PACKERS)
def test_data_that_is_packed_twice_is_refused(write, pack):
    assert "inside packed data: unpack it once" in reason_in(write(pack(pack(LINES))))


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("start", [b"", b'{"a": "', b"\n", b"[", b"[1,"])
@pytest.mark.parametrize("name", ["data.jsonl", "data.json", "data.yaml", "data"])
def test_a_bomb_fills_nothing(write, pack, start, name):
    path = write(pack(start + b" " * 80_000_000), name)
    assert path.stat().st_size < 100_000

    tracemalloc.start()
    try:
        _, faults = found_in(path, ReadLimits(value_bytes=1_000_000, file_bytes=50_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(faults) == 1
    assert peak < 45_000_000


def test_without_a_package_for_zstd_the_reason_says_how_to_get_it(write, monkeypatch):
    data = zstd(LINES)
    monkeypatch.setitem(sys.modules, "compression", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)

    assert 'pip install "zstandard"' in reason_in(write(data))


def test_pythons_own_zstd_comes_first(write, monkeypatch):
    class ZstdError(Exception):
        pass

    class ZstdFile(io.BytesIO):
        def __init__(self, stream):
            super().__init__(LINES if stream.read(4) == b"\x28\xb5\x2f\xfd" else b"")

        def read(self, size):
            data = super().read(size)
            if not data:
                raise ZstdError
            return data

    module = types.SimpleNamespace(ZstdFile=ZstdFile, ZstdError=ZstdError)
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", module)

    values, faults = found_in(write(b"\x28\xb5\x2f\xfd"))

    assert len(values) == len(ROWS)
    assert "zstd data is damaged" in faults[0][1]


def test_packed_standard_input(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(LINES)))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert data_in("-") == ROWS
