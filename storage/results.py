"""The rows of values that runs came to: many, so they are written as one binary COPY built from whole arrays.

The stream's format is told in the PostgreSQL manual under COPY, "Binary Format"; that of an array in its source,
array_recv in src/backend/utils/adt/arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection

# Fields of one width are laid out for all rows at once.
FIXED_COLUMNS: Final = ("run_id", "generation", "row_no", "values")
TEXT_COLUMNS: Final = ("client_id", "position_id", "measure", "bucket", "error", "error_detail")
COLUMNS: Final = FIXED_COLUMNS + TEXT_COLUMNS

CELL: Final = np.dtype([("octets", ">i4"), ("number", ">f8")])
FLOAT8_OID: Final = 701
SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)

# Rows encoded at a time, so that neither memory nor the event loop is held for a whole run.
CHUNK_ROWS: Final = 4096


@dataclass(frozen=True, slots=True)
class ResultRows:
    """Rows of one run, by column; all columns are equally long.

    `values` is (rows × scenarios) in the order of the run's scenarios; what is not finite there is stored as null.
    (`row_no`, `measure`, `bucket`) is unique within a run and generation. Raises ValueError when the lengths differ.
    """

    run_id: UUID
    client_id: str
    generation: int
    row_no: Sequence[int] | NDArray[np.integer[Any]]
    position_id: Sequence[str]
    measure: Sequence[str]
    bucket: Sequence[str]
    values: NDArray[np.float64]
    error: Sequence[str | None]
    error_detail: Sequence[str | None]

    def __post_init__(self) -> None:
        columns = (self.row_no, self.position_id, self.measure, self.bucket, self.values, self.error, self.error_detail)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the columns of a run's rows are not equally long")


# A run and those of its rows that belong to a chunk.
Piece = tuple[ResultRows, slice]


async def copy_results(connection: Connection, runs: Iterable[ResultRows]) -> None:
    """Writes the rows of all these runs in one COPY."""
    await connection.copy_to_table("run_results", source=_stream(runs), columns=COLUMNS, format="binary")


async def _stream(runs: Iterable[ResultRows]) -> AsyncIterator[bytes]:
    yield SIGNATURE
    for chunk in _chunks(runs):
        yield _encode(chunk)
    yield TRAILER


def _chunks(runs: Iterable[ResultRows]) -> Iterator[list[Piece]]:
    """Rows to encode together: many small runs or a part of a large one, with one number of scenarios."""
    chunk: list[Piece] = []
    room, scenarios = CHUNK_ROWS, 0
    for run in runs:
        for first in range(0, len(run.row_no), CHUNK_ROWS):
            rows = slice(first, min(first + CHUNK_ROWS, len(run.row_no)))
            size = rows.stop - rows.start
            if chunk and (size > room or run.values.shape[1] != scenarios):
                yield chunk
                chunk, room = [], CHUNK_ROWS
            chunk.append((run, rows))
            room, scenarios = room - size, run.values.shape[1]
    if chunk:
        yield chunk


def _encode(chunk: Sequence[Piece]) -> bytes:
    """The rows as COPY wants them: each its part of one layout, then its texts."""
    parts: list[bytes] = []
    for fixed, *texts in zip(_fixed_parts(chunk), *_text_columns(chunk), strict=True):
        parts.append(fixed)
        parts += texts
    return b"".join(parts)


def _fixed_parts(chunk: Sequence[Piece]) -> Iterator[bytes]:
    values = np.concatenate([run.values[rows] for run, rows in chunk])
    holes = ~np.isfinite(values)
    records = _records(chunk, values, holes)
    octets = records.view(np.uint8).reshape(len(records), records.itemsize)
    # A null has a length of -1 and no octets: those of its number are cut out.
    kept = np.ones(octets.shape, bool)
    kept[:, records.itemsize - CELL.itemsize * values.shape[1] :].reshape(*values.shape, -1)[holes, 4:] = False
    stream = octets[kept].tobytes() if holes.any() else octets.tobytes()
    edges = [0, *np.cumsum(records.itemsize - 8 * holes.sum(axis=1)).tolist()]
    return (stream[start:end] for start, end in pairwise(edges))


def _records(chunk: Sequence[Piece], values: NDArray[np.float64], holes: NDArray[np.bool_]) -> NDArray[np.void]:
    sizes = [rows.stop - rows.start for _, rows in chunk]
    scenarios = values.shape[1]
    records = np.empty(len(values), _layout(scenarios))
    records["fields"] = len(COLUMNS)
    for name in FIXED_COLUMNS:
        records[f"{name}_octets"] = records.dtype[name].itemsize
    records["values_octets"] -= 8 * holes.sum(axis=1, dtype=np.int32)
    records["run_id"] = np.repeat(np.frombuffer(b"".join(run.run_id.bytes for run, _ in chunk), "V16"), sizes)
    records["generation"] = np.repeat([run.generation for run, _ in chunk], sizes)
    records["row_no"] = np.concatenate([run.row_no[rows] for run, rows in chunk])
    array = records["values"]
    array["dimensions"], array["oid"], array["size"], array["lower_bound"] = 1, FLOAT8_OID, scenarios, 1
    array["has_nulls"] = holes.any(axis=1)
    array["cells"]["octets"] = np.where(holes, -1, 8)
    array["cells"]["number"] = values
    return records


def _layout(scenarios: int) -> np.dtype[np.void]:
    head = [(name, ">i4") for name in ("dimensions", "has_nulls", "oid", "size", "lower_bound")]
    array = np.dtype([*head, ("cells", CELL, (scenarios,))])
    kinds: tuple[Any, ...] = ("V16", ">i4", ">i4", array)
    fields = [((f"{name}_octets", ">i4"), (name, kind)) for name, kind in zip(FIXED_COLUMNS, kinds, strict=True)]
    return np.dtype([("fields", ">i2"), *(part for field in fields for part in field)])


def _text_columns(chunk: Sequence[Piece]) -> list[Iterator[bytes]]:
    encoded = _EncodedTexts()
    columns = [[_texts(run, rows, name) for run, rows in chunk] for name in TEXT_COLUMNS]
    return [map(encoded.__getitem__, chain.from_iterable(column)) for column in columns]


def _texts(run: ResultRows, rows: slice, name: str) -> Iterable[str | None]:
    if name == "client_id":
        return repeat(run.client_id, rows.stop - rows.start)
    texts: Sequence[str | None] = getattr(run, name)
    return texts[rows]


class _EncodedTexts(dict[str | None, bytes]):
    """Each text as a field of COPY, encoded once."""

    def __missing__(self, text: str | None) -> bytes:
        octets = b"" if text is None else text.encode()
        self[text] = field = struct.pack(">i", -1 if text is None else len(octets)) + octets
        return field
