"""Parquet: rows as plain data, group by group."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import io
import sys
import uuid

import pytest

from tests.histories.containers import data_in, found_in, reason_in
from toolpair_observe.histories import ReadLimits
from toolpair_observe.install import install_line

MAGIC_ONLY = b"PAR1 and nothing else"


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def parquet():
    return pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def write(tmp_path, arrow, parquet):
    def write(rows, schema=None, **options):
        path = tmp_path / "data.parquet"
        parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), path, **options)
        return path

    return write


def test_rows_have_their_places_and_no_lines(write):
    rows = [{"id": n, "text": str(n)} for n in range(5000)]

    values, faults = found_in(write(rows, row_group_size=700))

    assert values == [(None, f"[{n}]", row) for n, row in enumerate(rows)]
    assert faults == []


def test_a_struct_has_no_fields_that_are_null_and_a_row_has_all(write):
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    rows = [
        {
            "messages": [
                {"role": "user", "content": "x", "tool_calls": None},
                {"role": "assistant", "content": None, "tool_calls": [call]},
            ],
            "error": None,
        },
        {"messages": [], "error": "x"},
    ]

    assert data_in(write(rows)) == [
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "tool_calls": [call]},
            ],
            "error": None,
        },
        rows[1],
    ]


def test_types_that_json_has_not_are_text(write, arrow):
    at = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    schema = arrow.schema(
        [
            ("ns", arrow.timestamp("ns", "UTC")),
            ("nested", arrow.list_(arrow.struct([("at", arrow.timestamp("ns"))]))),
            ("us", arrow.timestamp("us")),
            ("day", arrow.date32()),
            ("took", arrow.duration("ns")),
            ("price", arrow.decimal128(9, 2)),
            ("id", arrow.uuid()),
            ("raw", arrow.binary()),
            ("bytes", arrow.binary()),
            ("map", arrow.map_(arrow.string(), arrow.int64())),
            ("kind", arrow.dictionary(arrow.int32(), arrow.string())),
        ]
    )
    row = {
        "ns": at,
        "nested": [{"at": at.replace(tzinfo=None)}],
        "us": at.replace(tzinfo=None),
        "day": at.date(),
        "took": dt.timedelta(seconds=1.5),
        "price": decimal.Decimal("1.25"),
        "id": uuid.UUID(int=7).bytes,
        "raw": '{"é": 1}'.encode(),
        "bytes": b"\xff",
        "map": [("a", 1)],
        "kind": "llm",
    }

    assert data_in(write([row], schema)) == [
        {
            "ns": "2024-01-02T03:04:05+00:00",
            "nested": [{"at": "2024-01-02T03:04:05"}],
            "us": "2024-01-02T03:04:05",
            "day": "2024-01-02",
            "took": 1.5,
            "price": "1.25",
            "id": "00000000-0000-0000-0000-000000000007",
            "raw": '{"é": 1}',
            "bytes": "ÿ",
            "map": {"a": 1},
            "kind": "llm",
        }
    ]


def test_nanoseconds_are_cut_and_no_fault(write, arrow):
    rows = [{"at": 1_700_000_000_123_456_789}]

    (row,) = data_in(write(rows, arrow.schema([("at", arrow.timestamp("ns"))])))

    assert row["at"].endswith(".123456")


def test_half_a_file_is_named(write):
    path = write([{"a": n} for n in range(1000)])
    path.write_bytes(path.read_bytes()[:-20])

    assert "the Parquet data is damaged" in reason_in(path)


def test_rows_before_the_damage_are_read(write):
    path = write([{"a": f"{n:099}"} for n in range(5000)], row_group_size=1000, compression="none")
    data = bytearray(path.read_bytes())
    start = data.find(f"{4000:099}".encode()) - 200
    data[start : start + 300] = b"\xff" * 300
    path.write_bytes(data)

    values, faults = found_in(path)

    assert len(values) >= 3000
    ((_, reason),) = faults
    assert "rows before that were read" in reason


@pytest.mark.parametrize("data", [MAGIC_ONLY, b"PAR1" + b"\xff" * 900 + b"\x10\x00\x00\x00PAR1"])
def test_what_only_begins_like_parquet_is_named(tmp_path, arrow, data):
    path = tmp_path / "data.parquet"
    path.write_bytes(data)

    assert "the Parquet data is damaged or of an unknown kind" in reason_in(path)


def test_two_columns_of_one_name_are_refused(tmp_path, arrow, parquet):
    table = arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["a", "a"])
    parquet.write_table(table, tmp_path / "data.parquet")

    assert reason_in(tmp_path / "data.parquet") == "the key 'a' stands twice in one object"


def test_a_schema_that_is_too_deep_is_refused(write):
    assert "nested more than 3 deep" in reason_in(write([{"a": [[[1]]]}]), ReadLimits(depth=3))
    assert data_in(write([{"a": [[1]]}]), ReadLimits(depth=3)) == [{"a": [[1]]}]


def test_a_file_that_unpacks_to_too_much_is_refused(write):
    path = write([{"a": "x" * 5000}] * 100, use_dictionary=False)
    assert path.stat().st_size < 100_000

    assert "larger than 100,000 bytes when unpacked" in reason_in(
        path, ReadLimits(file_bytes=100_000)
    )


def test_a_row_that_is_too_long_is_named_and_the_others_are_read(write):
    path = write([{"a": "x"}, {"a": "x" * 5000}, {"a": "y"}])

    values, faults = found_in(path, ReadLimits(value_bytes=4000))

    assert [data for _, _, data in values] == [{"a": "x"}, {"a": "y"}]
    assert faults == [(None, "[1]: the row takes more than 4,000 bytes")]


def test_rows_that_repeat_a_long_text_are_not_unpacked_together(write, parquet, monkeypatch):
    path = write([{"a": ["x" * 1000] * 1000}] * 30)
    sizes = []
    real = parquet.ParquetFile.iter_batches

    def watched(*args, **options):
        for batch in real(*args, **options):
            sizes.append(batch.nbytes)
            yield batch

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", watched)

    assert len(data_in(path)) == 30
    assert max(sizes) < 8_000_000


def test_a_file_without_rows_is_empty(write, arrow):
    assert reason_in(write([], arrow.schema([("a", arrow.int64())]))) == "the file is empty"


def test_what_can_not_be_read_from_its_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "data.parquet.gz"
    path.write_bytes(gzip.compress(MAGIC_ONLY))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MAGIC_ONLY)))

    for where in (path, "-"):
        assert "give an unpacked file" in reason_in(where)


def test_without_pyarrow_the_reason_says_how_to_get_it(tmp_path, monkeypatch):
    path = tmp_path / "data.parquet"
    path.write_bytes(MAGIC_ONLY)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert reason_in(path).endswith(install_line("parquet"))
