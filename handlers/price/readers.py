"""Portfolios in files: Parquet, CSV and JSON lines."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from events.failures import Permanent
from handlers.price.pricers import PRICERS
from handlers.price.row_groups import rows_of
from handlers.price.tables import TableSource

MAX_POSITIONS = 5_000_000

IDENTITY = ("position_id", "product_type")
_FIELDS = {field.name: field for pricer in PRICERS.values() for field in pricer.fields}
NUMBERS = {name for name, field in _FIELDS.items() if field.numeric}
_COLUMNS = (*IDENTITY, *_FIELDS)
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)
_ROW_CONTENT = re.compile(r"(Expected \d+ columns, got \d+):.*", re.DOTALL)

Positions = TableSource | list[dict[str, Any]]


def read_positions(data: bytes, name: str, max_positions: int, also: Sequence[str] = ()) -> Positions:
    """The positions in a file of the kind that its name's ending tells, with the columns `also` beside those of terms.

    Raises Permanent: portfolio_unreadable, saying where and why, or too_large.
    """
    return _READERS[ending_of(name)](data, name, max_positions, also)


def ending_of(name: str) -> str:
    """What a file's name ends in, which tells its kind. Raises Permanent for an ending that tells none."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if ending not in _READERS:
        raise _unreadable(f"{name!r} does not end in one of {', '.join(_READERS)}")
    return ending


def _unreadable(message: str) -> Permanent:
    return Permanent("portfolio_unreadable", message)


def _check_size(count: int, name: str, max_positions: int) -> None:
    if count > max_positions:
        raise Permanent("too_large", f"{name!r} has {count} positions, more than {max_positions}: split the portfolio")


def check_columns(names: Sequence[str], file: str) -> None:
    """Raises Permanent unless these can be the columns of a portfolio."""
    for name in IDENTITY:
        if name not in names:
            raise _unreadable(f"{file!r} has no column {name}; its columns are {', '.join(names)}")
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise _unreadable(f"{file!r} has more than one column {name}")


def _check_types(schema: pa.Schema, columns: Sequence[str], file: str) -> None:
    """Refuses what no field is read from: it can also unfold to any size, and not be kept as a dictionary."""
    for column in columns:
        kind = schema.field(column).type
        if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind) or isinstance(kind, pa.BaseExtensionType):
            raise _unreadable(f"column {column} of {file!r} has the type {kind}, which no field can have")


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in _TEXTS)


def parquet_columns(metadata: pyarrow.parquet.FileMetaData, name: str, also: Sequence[str] = ()) -> list[str]:
    """The columns that are read of a Parquet file, `also` these. Raises Permanent for one that no portfolio is read from."""
    schema = _schema(metadata, name)
    check_columns(schema.names, name)
    columns = [column for column in dict.fromkeys((*_COLUMNS, *also)) if column in schema.names]
    _check_types(schema, columns, name)
    return columns


def read_parquet_rows(
    file: io.RawIOBase,
    metadata: pyarrow.parquet.FileMetaData,
    name: str,
    first_row: int,
    positions: int,
    also: Sequence[str] = (),
) -> TableSource:
    """Some positions of a Parquet file. Raises Permanent: portfolio_unreadable."""
    columns = parquet_columns(metadata, name, also)
    try:
        opened = pyarrow.parquet.ParquetFile(file, metadata=metadata, read_dictionary=_texts(_schema(metadata, name), columns))
        table = rows_of(opened, first_row, positions, columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(f"{name!r} is not a readable Parquet file: {error}") from error
    return TableSource({column: table.column(column).combine_chunks() for column in columns})


def check_header(header: bytes, name: str) -> None:
    """Raises Permanent unless the bytes are the header of a CSV file of positions."""
    _read_csv(header, name, 0, ())


def _schema(metadata: pyarrow.parquet.FileMetaData, name: str) -> pa.Schema:
    try:
        return metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(f"{name!r} is not a readable Parquet file: {error}") from error


def _texts(schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    # A few bytes can say one long text millions of times; dictionaries keep it once.
    return [column for column in columns if _is_text(schema.field(column).type)]


def _read_parquet(data: bytes, name: str, max_positions: int, also: Sequence[str]) -> TableSource:
    try:
        metadata = pyarrow.parquet.read_metadata(io.BytesIO(data))
        _check_size(metadata.num_rows, name, max_positions)
        columns = parquet_columns(metadata, name, also)
        texts = _texts(_schema(metadata, name), columns)
        table = pyarrow.parquet.read_table(io.BytesIO(data), columns=columns, read_dictionary=texts, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(f"{name!r} is not a readable Parquet file: {error}") from error
    return TableSource({column: table.column(column).combine_chunks() for column in columns})


def _read_csv(data: bytes, name: str, max_positions: int, also: Sequence[str]) -> TableSource:
    wanted = dict.fromkeys((*_COLUMNS, *also))
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            # One block, because a block must not end in a value that has line breaks.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=max(len(data), 1)),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        names = table.column_names
    except (pa.ArrowException, ValueError) as error:
        raise _unreadable(f"{name!r} is not a readable CSV file: {without_content(error)}") from error
    _check_size(table.num_rows, name, max_positions)
    check_columns(names, name)
    columns = {column: table.column(column).combine_chunks() for column in wanted if column in names}
    return TableSource(columns | {column: numbers(columns[column]) for column in NUMBERS.intersection(columns)})


def without_content(error: Exception) -> str:
    """What is wrong with a file, without quoting what stands in it."""
    return _ROW_CONTENT.sub(r"\1", str(error))


def numbers(column: pa.Array) -> pa.Array | list[Any]:
    """Text as numbers; what is no number stays text, for its position to be judged by."""
    try:
        return pc.cast(pc.utf8_trim_whitespace(column), pa.float64())
    except pa.ArrowInvalid:
        return [_number(text) for text in column.to_pylist()]


def _number(text: str | None) -> float | str | None:
    try:
        return None if text is None else pc.cast(pa.scalar(text.strip()), pa.float64()).as_py()
    except pa.ArrowInvalid:
        return text


def _read_json_lines(data: bytes, name: str, max_positions: int, _also: Sequence[str]) -> list[dict[str, Any]]:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    _check_size(len(filled), name, max_positions)
    return [json_object(name, number, line) for number, line in filled]


def json_object(name: str, number: int, line: bytes) -> dict[str, Any]:
    """The object in a line. Raises Permanent, naming the line, where there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise _unreadable(f"line {number} of {name!r} is not JSON: {reason}") from error
    if type(record) is not dict:
        raise _unreadable(f"line {number} of {name!r} is not a JSON object")
    return record


_READERS: dict[str, Callable[[bytes, str, int, Sequence[str]], Positions]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
