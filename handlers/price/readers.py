"""Portfolios in files: Parquet, CSV and JSON lines."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from events.failures import Permanent
from handlers.price.arrays import Ints
from handlers.price.fields import Column, Faults, Field, parse_column
from handlers.price.pricers import PRICERS

MAX_POSITIONS = 5_000_000

_FIELDS = {field.name: field for pricer in PRICERS.values() for field in pricer.fields}
_NEEDED = ("position_id", "product_type")
_NUMERIC = {name for name, field in _FIELDS.items() if field.dtype is np.float64} | {"frequency"}
_ROW_CONTENT = re.compile(r"(Expected \d+ columns, got \d+):.*", re.DOTALL)


class TableSource:
    """Positions as an Arrow table."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.ids = _texts(table.column("position_id"))
        self.types = table.column("product_type").to_pylist()

    def column(self, field: Field, rows: Ints) -> tuple[Column, Faults]:
        if field.name not in self.table.column_names:
            return parse_column(field, [None] * rows.size)
        column = self.table.column(field.name)
        if rows.size < len(column):
            column = column.take(pa.array(rows))
        return _parse_arrow(field, column.combine_chunks())


def read_positions(data: bytes, name: str, max_positions: int) -> TableSource | list[dict[str, Any]]:
    """The positions in a file, by its name's ending; raises Permanent."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    reader = _READERS.get(ending)
    if reader is None:
        raise _unreadable(f"the name must end in one of {', '.join(_READERS)}")
    return reader(data, max_positions)


def _unreadable(message: str) -> Permanent:
    return Permanent("portfolio_unreadable", message)


def _bounded(count: int, max_positions: int) -> None:
    if count > max_positions:
        raise Permanent("too_large", f"{count} positions are more than {max_positions}: split the portfolio")


def _read_parquet(data: bytes, max_positions: int) -> TableSource:
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data), read_dictionary=list(_NEEDED))
        _bounded(file.metadata.num_rows, max_positions)
        names = file.schema_arrow.names
        _check_columns(names)
        table = file.read(columns=[name for name in (*_NEEDED, *_FIELDS) if name in names], use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(f"not a readable Parquet file: {error}") from error
    return TableSource(table)


def _read_csv(data: bytes, max_positions: int) -> TableSource:
    _bounded(data.count(b"\n") - 1, max_positions)
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys((*_NEEDED, *_FIELDS), pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data), read_options=pyarrow.csv.ReadOptions(use_threads=False), convert_options=options
        )
    except (pa.ArrowException, ValueError) as error:
        without_content = _ROW_CONTENT.sub(r"\1", str(error))
        raise _unreadable(f"not a readable CSV file: {without_content}") from error
    _check_columns(table.column_names)
    for name in _NUMERIC & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, _numbers(table.column(name)))
    return TableSource(table)


def _check_columns(names: Sequence[str]) -> None:
    known = [name for name in names if name in _FIELDS or name in _NEEDED]
    for name in _NEEDED:
        if name not in known:
            raise _unreadable(f"there is no column {name}; a header of column names must come first")
    twice = {name for name in known if known.count(name) > 1}
    if twice:
        raise _unreadable(f"more than one column is named {min(twice)}")


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as numbers, if all of it is; otherwise as it is, and what is no number becomes its position's fault."""
    try:
        return pc.cast(pc.utf8_trim_whitespace(column), pa.float64())
    except pa.ArrowInvalid:
        return column


def _read_json_lines(data: bytes, max_positions: int) -> list[dict[str, Any]]:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    _bounded(len(lines) - 1, max_positions)
    return [_json_object(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _json_object(number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"line {number} is not JSON: {error}") from error
    if type(record) is not dict:
        raise _unreadable(f"line {number} is not a JSON object")
    return record


_READERS: dict[str, Callable[[bytes, int], TableSource | list[dict[str, Any]]]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}


def _texts(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    texts: list[Any] = column.to_pylist()
    return texts


def _parse_arrow(field: Field, column: pa.Array) -> tuple[Column, Faults]:
    """Numbers and dates without a detour over Python objects, if all are given and sound."""
    kind = column.type
    if column.null_count == 0 and field.dtype is np.float64 and (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
        if np.isfinite(numbers).all():
            return numbers, {}
    return parse_column(field, column.to_pylist())
