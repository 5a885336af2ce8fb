"""Parquet, row by row, a few at a time. It takes pyarrow, which is an extra.

Rows come as plain JSON data: times, ids and decimals as text, a struct without the fields that are
null in it. A writer gives each struct every field that any row has, so that a null tells nothing.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
import uuid
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import DuplicateKeyError
from toolpair_observe.histories.containers.value import Fault, Value
from toolpair_observe.histories.limits import size_text, too_deep
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits

_NO_FILE: Final = (
    "Parquet is read from its end: give an unpacked file, not a packed one or standard input"
)
# What is read at once of a column, and what the rows that are unpacked at once take.
_BUFFER: Final = 256 * 1024
_BATCH_BYTES: Final = 1024 * 1024
# More at once are hardly faster, and each may be larger than a packed column shows.
_BATCH_ROWS: Final = 16
_BATCH_VALUES: Final = 4096


def parquet_values(source: Source, limits: ReadLimits) -> Iterator[Value | Fault]:
    """Yield each row."""
    if source.file is None:
        raise HistoryFileError(_NO_FILE)
    is_new = "pyarrow" not in sys.modules
    try:
        arrow = import_module("pyarrow")
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        msg = f"reading Parquet takes the package pyarrow: {install_line('parquet')}"
        raise HistoryFileError(msg) from None
    if is_new:
        # Its own keeps what it once had. Nobody else has arranged for another.
        arrow.set_memory_pool(arrow.system_memory_pool())
    yield from _Rows(arrow, limits).values(parquet, source.file)


class _Rows:
    def __init__(self, arrow: Any, limits: ReadLimits) -> None:  # noqa: ANN401 - a module
        self._arrow = arrow
        self._limits = limits

    def values(self, parquet: Any, file: BinaryIO) -> Iterator[Value | Fault]:  # noqa: ANN401
        position = 0
        try:
            file.seek(0)
            with parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER) as table:
                schema = table.schema_arrow
                self._check(schema, table.metadata)
                types = {field.name: self._plain(field.type) for field in schema}
                for group in range(table.metadata.num_row_groups):
                    rows = self._batch_rows(table.metadata.row_group(group))
                    for batch in table.iter_batches(rows, [group], use_threads=False):
                        for number in range(batch.num_rows):
                            place = f"[{position}]"
                            position += 1
                            yield self._value(batch.slice(number, 1), types, place)
        except HistoryFileError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged file may raise any of pyarrow's
            msg = f"the Parquet data is damaged or of an unknown kind ({type_name(error)})"
            where = f"; the {position:,} rows before that were read" if position else ""
            yield Fault(None, msg + where, ends_file=True)

    def _check(self, schema: Any, metadata: Any) -> None:  # noqa: ANN401 - pyarrow's
        size = sum(
            metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)
        )
        if size > self._limits.file_bytes:
            msg = f"the file is larger than {size_text(self._limits.file_bytes)} when unpacked"
            raise HistoryFileError(msg)
        for name, count in Counter(schema.names).items():
            if count > 1:
                raise DuplicateKeyError(name)
        # The row is an object around them.
        if any(_height(field.type) >= self._limits.depth for field in schema):
            raise HistoryFileError(too_deep(self._limits))

    @staticmethod
    def _batch_rows(group: Any) -> int:  # noqa: ANN401 - pyarrow's
        rows = max(group.num_rows, 1)
        each = group.total_byte_size // rows + 1
        columns = [group.column(number) for number in range(group.num_columns)]
        # What repeats is stored once: each value may be as large as all that is stored.
        largest = max((each.total_uncompressed_size for each in columns), default=0)
        if largest > _BATCH_BYTES and any(each.has_dictionary_page for each in columns):
            return 1
        values = sum(each.num_values for each in columns) // rows + 1
        return int(max(1, min(_BATCH_ROWS, _BATCH_BYTES // each, _BATCH_VALUES // values)))

    def _plain(self, kind: Any) -> Any:  # noqa: ANN401, PLR0911 - pyarrow's types, one each
        """Return a type whose values Python can show: of nanoseconds it has none."""
        types, arrow = self._arrow.types, self._arrow
        if types.is_timestamp(kind) and kind.unit == "ns":
            return arrow.timestamp("us", kind.tz)
        if types.is_time64(kind) and kind.unit == "ns":
            return arrow.time64("us")
        if types.is_duration(kind) and kind.unit == "ns":
            return arrow.duration("us")
        if types.is_struct(kind):
            return arrow.struct([field.with_type(self._plain(field.type)) for field in kind])
        if types.is_map(kind):
            return arrow.map_(self._plain(kind.key_type), self._plain(kind.item_type))
        if types.is_large_list(kind):
            return arrow.large_list(self._plain(kind.value_type))
        if types.is_list(kind):
            return arrow.list_(self._plain(kind.value_type))
        return kind

    def _value(self, batch: Any, types: dict[str, Any], place: str) -> Value | Fault:  # noqa: ANN401
        """Return the row that a batch of one holds."""
        if batch.nbytes > self._limits.value_bytes:
            size = size_text(self._limits.value_bytes)
            return Fault(None, f"{place}: the row takes more than {size}")
        row = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if column.type != types[name]:
                column = column.cast(types[name], safe=False)  # noqa: PLW2901 - the same one
            row[name] = _told(column[0].as_py())
        return Value(row, None, place)


def _height(kind: Any) -> int:  # noqa: ANN401 - pyarrow's types
    inner = [kind.field(number).type for number in range(kind.num_fields)]
    return 1 + max(map(_height, inner)) if inner else 0


def _told(value: Any) -> Any:  # noqa: ANN401, PLR0911 - whatever a column holds, one each
    """Return a value as JSON has it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # a map comes as pairs
            return {str(_told(key)): _told(inner) for key, inner in value}
        return [_told(inner) for inner in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    msg = f"a column holds values that JSON has not ({type_name(value)})"
    raise HistoryFileError(msg)
