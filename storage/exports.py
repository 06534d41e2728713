"""A run's rows read from first to last, a bounded page at a time: each page is a short statement of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.database import Connection
from storage.results import CELL

# Values and rows in memory at a time.
PAGE_CELLS: Final = 262_144
PAGE_ROWS: Final = 32_768

# What stands before the cells of an array in its binary form: dimensions, flags, type, length, lower bound.
HEAD: Final = 20

# Uses pk_run_results.
COUNT = "select count(*) from run_results where run_id = $1 and generation = $2"

# Uses pk_run_results: goes on behind the row that was last. Without nulls, which are NaN here, all arrays of a run have one
# binary form, from which numpy reads them without a detour over Python's numbers.
PAGE = """
select row_no, position_id, measure, bucket, array_send(array_replace("values", null, 'NaN')) as cells, error, error_detail
from run_results
where run_id = $1 and generation = $2 and (row_no, measure, bucket) > ($3, $4, $5)
order by row_no, measure, bucket limit $6
"""

# More than these are left out of what is told of a run.
MOST_SLICES: Final = 1_000

# Uses pk_run_slices.
SLICES = """
select slice_no, first_row, positions, status, worker, pricer_version, started_at, finished_at from run_slices
where run_id = $1 and generation = $2 order by slice_no limit $3
"""

Session = Callable[[], AbstractAsyncContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Rows of one run by column, ordered by row_no, measure and bucket; `values` (rows × scenarios) are NaN where null."""

    row_no: Sequence[int]
    position_id: Sequence[str]
    measure: Sequence[str]
    bucket: Sequence[str]
    values: NDArray[np.float64]
    error: Sequence[str | None]
    error_detail: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.row_no)


async def count_results(connection: Connection, run_id: UUID, generation: int) -> int:
    """How many rows that generation of the run has."""
    counted: int = await connection.fetchval(COUNT, run_id, generation)
    return counted


async def slices_told(connection: Connection, run_id: UUID, generation: int) -> dict[str, Any]:
    """Who priced which rows of that generation and when, as `run_slices`; of more than MOST_SLICES where that stands."""
    rows = await connection.fetch(SLICES, run_id, generation, MOST_SLICES + 1)
    if len(rows) > MOST_SLICES:
        where = f"the table run_slices, where run_id = '{run_id}' and generation = {generation}"
        return {"run_slices_are_in": where}
    return {"run_slices": [dict(row) for row in rows]}


async def result_pages(session: Session, run_id: UUID, generation: int, scenarios: int) -> AsyncIterator[ResultPage]:
    """All rows of that generation of a run, each page in a `session` of its own, so that no transaction is held between."""
    limit = max(1, min(PAGE_ROWS, PAGE_CELLS // scenarios))
    last: tuple[int, str, str] = (-1, "", "")
    while True:
        async with session() as connection:
            rows = await connection.fetch(PAGE, run_id, generation, *last, limit)
        if rows:
            yield _page(rows, scenarios)
        if len(rows) < limit:
            return
        last = rows[-1]["row_no"], rows[-1]["measure"], rows[-1]["bucket"]


def _page(rows: Sequence[Sequence[Any]], scenarios: int) -> ResultPage:
    row_no, position_id, measure, bucket, cells, error, detail = zip(*rows, strict=True)
    return ResultPage(row_no, position_id, measure, bucket, _values(cells, scenarios), error, detail)


def _values(arrays: Sequence[bytes], scenarios: int) -> NDArray[np.float64]:
    """The cells of arrays in their binary form; one of another length than the run has scenarios holds no values."""
    layout = np.dtype([("head", f"V{HEAD}"), ("cells", CELL, (scenarios,))])
    blank = np.zeros(1, layout)
    blank["cells"]["number"] = np.nan
    nothing = blank.tobytes()
    whole = b"".join(each if len(each) == layout.itemsize else nothing for each in arrays)
    return np.frombuffer(whole, layout)["cells"]["number"].astype(np.float64)
