"""A portfolio's file as content: one digest for the same positions, in whatever kind of file they come.

The digest is the sha256 over one line a position, in their order: its fields as compact JSON, names sorted, without those that
are null; numbers of the fields that hold numbers as floats, dates as ISO text. A line break stands behind each line.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from events.failures import Permanent
from events.text import printable
from handlers.price.readers import (
    IDENTITY,
    NUMBERS,
    check_columns,
    ending_of,
    json_object,
    numbers,
    parquet_columns,
    without_content,
)
from handlers.price.tables import objects

BATCH_ROWS: Final = 4096
TYPE_LENGTH: Final = 64
# What more distinct product types than these are counted as.
MOST_TYPES: Final = 200
OTHER: Final = "other"

Record = dict[str, Any]
# Positions, and how many bytes of the file are behind them.
Batch = tuple[list[Record], int]


@dataclass(slots=True)
class Content:
    """What a portfolio's file holds: the digest of its positions, their number, and how many there are of each type."""

    sha256: bytes = b""
    positions: int = 0
    products: Counter[str] = field(default_factory=Counter)


def read_content(path: Path, show: Callable[[int], None]) -> Content:
    """Reads the file once from its start to its end, a batch of positions at a time; shows how many bytes are behind.

    Raises Permanent, code portfolio_unreadable, saying where and why; OSError.
    """
    digest, content = hashlib.sha256(), Content()
    for records, read in _READERS[ending_of(path.name)](path):
        digest.update("".join(map(_line, records)).encode())
        content.positions += len(records)
        _count(content.products, records)
        show(read)
    content.sha256 = digest.digest()
    return content


def _line(record: Mapping[str, Any]) -> str:
    told = {name: _plain(name, value) for name, value in record.items() if value is not None}
    # Not orjson: NaN is not null, and a whole number can be of any size.
    return json.dumps(told, sort_keys=True, separators=(",", ":"), default=_text) + "\n"


def _plain(name: str, value: Any) -> Any:
    """A value as every kind of file can say it."""
    if name in NUMBERS and type(value) in {int, Decimal}:
        return _float(value)
    return value


def _float(value: int | Decimal) -> Any:
    try:
        return float(value)
    except OverflowError:
        return value


def _text(value: Any) -> str:
    if isinstance(value, datetime) and value.time() == datetime.min.time() and value.tzinfo is None:
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else repr(value)


def _count(products: Counter[str], records: Iterable[Mapping[str, Any]]) -> None:
    for name, number in Counter(_type(record.get("product_type")) for record in records).items():
        products[name if name in products or len(products) < MOST_TYPES else OTHER] += number


def _type(value: Any) -> str:
    return printable(value, TYPE_LENGTH) if type(value) is str and value else OTHER


def _json_lines(path: Path) -> Iterator[Batch]:
    records, read = list[Record](), 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            read += len(line)
            content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if content.strip():
                records.append(json_object(path.name, number, content))
            if len(records) == BATCH_ROWS:
                yield records, read
                records = []
    yield records, read


def _csv(path: Path) -> Iterator[Batch]:
    try:
        with pyarrow.csv.open_csv(path, parse_options=_LINE_BREAKS_IN_VALUES) as header:
            names = header.schema.names
        _check_names(names, path.name)
        with path.open("rb") as file, _opened_csv(file, names) as batches:
            for batch in batches:
                columns = dict(zip(names, batch.columns, strict=True))
                numeric = {name: numbers(columns[name]) for name in NUMBERS.intersection(names)}
                yield _records(columns | numeric), file.tell()
    except (pa.ArrowException, ValueError) as error:
        raise Permanent(
            "portfolio_unreadable", f"{path.name!r} is not a readable CSV file: {without_content(error)}"
        ) from error


def _opened_csv(file: BinaryIO, names: Iterable[str]) -> pyarrow.csv.CSVStreamingReader:
    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    return pyarrow.csv.open_csv(file, parse_options=_LINE_BREAKS_IN_VALUES, convert_options=as_text)


def _parquet(path: Path) -> Iterator[Batch]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            parquet_columns(file.metadata, path.name)
            names, size, rows = file.schema_arrow.names, path.stat().st_size, 0
            _check_names(names, path.name)
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                rows += batch.num_rows
                columns = dict(zip(names, batch.columns, strict=True))
                yield _records(columns | _ids(columns)), size * rows // file.metadata.num_rows
    except (pa.ArrowException, ValueError) as error:
        raise Permanent("portfolio_unreadable", f"{path.name!r} is not a readable Parquet file: {error}") from error


def _check_names(names: Sequence[str], file: str) -> None:
    """Of a column that is not priced by, too, there can be one: of two, which of them would be the position's?"""
    check_columns(names, file)
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise Permanent("portfolio_unreadable", f"{file!r} has more than one column {printable(twice[0], TYPE_LENGTH)}")


def _ids(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Whole numbers in the columns of ids and names, which are taken as text."""
    whole = [name for name in IDENTITY if pa.types.is_integer(columns[name].type)]
    return {name: columns[name].cast(pa.string()) for name in whole}


def _records(columns: Mapping[str, pa.Array | list[Any]]) -> list[Record]:
    values = [column if isinstance(column, list) else objects(column) for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


_LINE_BREAKS_IN_VALUES: Final = pyarrow.csv.ParseOptions(newlines_in_values=True)
_READERS: Final[Mapping[str, Callable[[Path], Iterator[Batch]]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
