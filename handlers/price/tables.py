"""Positions as columns of a file, which become arrays without a detour over Python objects where they are sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from handlers.price.arrays import Ints
from handlers.price.dates import FIRST_DAY, LAST_DAY
from handlers.price.fields import Column, Faults, Field, parse_column, parse_day
from handlers.price.grouping import label


class TableSource:
    """Columns by name, each an Arrow array or a list; one that is not there is missing in every position."""

    def __init__(self, columns: Mapping[str, pa.Array | list[Any]]) -> None:
        self.columns = columns
        self.ids: Sequence[Any] = _texts(columns["position_id"])
        self.types: Sequence[Any] = _texts(columns["product_type"])

    def column(self, field: Field, rows: Ints) -> tuple[Column, Faults]:
        """The field of the positions at `rows`; faults by place in `rows`."""
        column = self.columns.get(field.name)
        if column is None:
            return parse_column(field, [None] * rows.size)
        if isinstance(column, list):
            return parse_column(field, [column[row] for row in rows.tolist()])
        chosen = _simplified(column if rows.size == len(column) else column.take(pa.array(rows)))
        parsed = _parsed(field, chosen)
        return parse_column(field, _days_or(_values(chosen))) if parsed is None else (parsed, {})

    def texts(self, field: Field) -> set[str]:
        """The distinct texts that stand in the field of any position."""
        column = self.columns.get(field.name, [])
        values = column if isinstance(column, list) else objects(column.unique())
        return {value for value in values if type(value) is str}

    def labels(self, name: str) -> list[str]:
        """What each position says in a column that it may be grouped by."""
        column = self.columns.get(name)
        if column is None:
            return [""] * len(self.ids)
        values = column if isinstance(column, list) else _values(column)
        return [label(value) for value in values]


def _texts(column: pa.Array) -> list[Any]:
    """Ids or names as Python objects; whole numbers are taken as text."""
    return _values(column.cast(pa.string()) if pa.types.is_integer(column.type) else column)


def _values(column: pa.Array) -> list[Any]:
    """Values as Python objects, equal texts shared: a small file can hold one long text millions of times."""
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        return objects(column)
    values = [*objects(column.dictionary), None]
    return [values[code] for code in column.indices.fill_null(len(values) - 1).to_pylist()]


class _Unreadable:
    """Stands for a value that Python cannot hold, such as a day after the year 9999 or text that is not UTF-8."""

    def __repr__(self) -> str:
        return "an unreadable value"


def objects(column: pa.Array) -> list[Any]:
    """Values as Python objects, also where Python cannot hold one of them."""
    try:
        return cast(list[Any], column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_object(value) for value in column]


def _object(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        return _Unreadable()


def _simplified(column: pa.Array) -> pa.Array:
    """Decimals as floats, and timestamps as dates if none has a time of day."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(column.type):
        return _dates(column)
    return column


def _days_or(values: list[Any]) -> list[Any]:
    """Timestamps without a time of day as dates, where one that has a time keeps the column from being dates as a whole."""
    return [
        value.date() if type(value) is datetime and value == datetime.combine(value, time.min) else value for value in values
    ]


def _dates(column: pa.Array) -> pa.Array:
    try:
        days = column.cast(pa.date32())
        return days if days.cast(column.type).equals(column) else column
    except pa.ArrowInvalid:  # a time zone that does not exist, a day that the unit cannot tell
        return column


def _parsed(field: Field, column: pa.Array) -> Column | None:
    """The column as an array; None if any of it is missing or wrong."""
    if column.null_count and field.absent is None:
        return None
    kind = column.type
    if field.dtype is np.float64:
        return _numbers(field, column) if pa.types.is_floating(kind) or pa.types.is_integer(kind) else None
    if pa.types.is_date32(kind):
        return _days(field, column) if field.parse is parse_day else None
    if pa.types.is_nested(kind) or pa.types.is_temporal(kind):
        return None
    return _encoded(field, column)


def _numbers(field: Field, column: pa.Array) -> Column | None:
    numbers: npt.NDArray[np.float64] = pc.fill_null(column, field.absent or 0).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers if np.isfinite(numbers).all() else None


def _days(field: Field, column: pa.Array) -> Column | None:
    days: Ints = column.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if not ((days >= FIRST_DAY) & (days <= LAST_DAY)).all():
        return None
    days[column.is_null().to_numpy(zero_copy_only=False)] = field.absent or 0
    return days


def _encoded(field: Field, column: pa.Array) -> Column | None:
    """Each distinct value is parsed once."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values, faults = parse_column(field, [*objects(encoded.dictionary), *([None] if column.null_count else [])])
    if faults:
        return None
    codes: Ints = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return values[codes]
