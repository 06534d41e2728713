"""Totals of runs by group, which come with a run's rows of values or with the end of its last slice, and those of slices."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection, renew_time_limit
from storage.results import CELL, FLOAT8_OID, SIGNATURE, TRAILER
from storage.runs import RunRow

COLUMNS: Final = ("run_id", "generation", "client_id", "group_values", "measure", "values")
TEXT_OID: Final = 25
# Cells encoded at a time, so that neither memory nor the event loop is held for a whole run.
CHUNK_CELLS: Final = 200_000

# Uses pk_run_slices.
OF_SLICES = """
select totals::text, groups::text, group_sums from run_slices where run_id = $1 and generation = $2 order by slice_no
"""


@dataclass(frozen=True, slots=True)
class TotalRows:
    """The totals of one run by group: a row for each measure and each of G groups; see the model.

    `group_values` (G), each once; `sums` by measure (G × scenarios), where what is not finite is stored as null.
    """

    run_id: UUID
    generation: int
    client_id: str
    group_values: Sequence[Sequence[str]]
    sums: Mapping[str, NDArray[np.float64]]


class SliceTotals(NamedTuple):
    """What a slice adds to its run's totals: JSON and bytes, as `SliceEnd` told them."""

    totals: str
    groups: str
    group_sums: bytes


async def slice_totals(connection: Connection, run: RunRow) -> AsyncIterator[SliceTotals]:
    """Those of a run's slices in their order, one at a time; each renews the transaction's time limit."""
    async for row in connection.cursor(OF_SLICES, run.run_id, run.generation, prefetch=1):
        yield SliceTotals(*row)
        await renew_time_limit(connection)


async def copy_totals(connection: Connection, runs: Iterable[TotalRows]) -> None:
    """Writes the totals of groups, if there are any, in one COPY."""
    filled = [run for run in runs if run.group_values and run.sums]
    if filled:
        await connection.copy_to_table("run_totals", source=_stream(filled), columns=COLUMNS, format="binary")


async def _stream(runs: Iterable[TotalRows]) -> AsyncIterator[bytes]:
    yield SIGNATURE
    for piece in chain.from_iterable(map(_pieces, runs)):
        yield piece
    yield TRAILER


def _pieces(run: TotalRows) -> Iterator[bytes]:
    head = struct.pack(">h", len(COLUMNS)) + _field(run.run_id.bytes) + _field(struct.pack(">i", run.generation))
    head += _field(run.client_id.encode())
    groups = [_field(_text_array(values)) for values in run.group_values]
    for measure, sums in run.sums.items():
        name = _field(measure.encode())
        step = max(1, CHUNK_CELLS // max(1, sums.shape[1]))
        for first in range(0, len(groups), step):
            rows = zip(groups[first : first + step], _float_arrays(sums[first : first + step]), strict=True)
            yield b"".join([part for group, values in rows for part in (head, group, name, _field(values))])


def _text_array(texts: Sequence[str]) -> bytes:
    array = struct.pack(">iiiii", 1, 0, TEXT_OID, len(texts), 1)
    return array + b"".join(_field(text.encode()) for text in texts)


def _float_arrays(values: NDArray[np.float64]) -> Iterator[bytes]:
    """Each row (of scenarios) as an array; a null has a length of -1 and no octets."""
    holes = ~np.isfinite(values)
    cells = np.empty(values.shape, CELL)
    cells["octets"] = np.where(holes, -1, 8)
    cells["number"] = values
    for row, is_hole in zip(cells, holes, strict=True):
        head = struct.pack(">iiiii", 1, int(is_hole.any()), FLOAT8_OID, len(row), 1)
        yield head + (_without(row, is_hole) if is_hole.any() else row.tobytes())


def _without(row: NDArray[Any], is_hole: NDArray[np.bool_]) -> bytes:
    octets = row.view(np.uint8).reshape(len(row), CELL.itemsize)
    kept = np.ones(octets.shape, bool)
    kept[is_hole, 4:] = False
    return octets[kept].tobytes()


def _field(octets: bytes) -> bytes:
    return struct.pack(">i", len(octets)) + octets
