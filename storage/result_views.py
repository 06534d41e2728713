"""What of a run's results is read at a time: a page of values, the totals of groups.

All of it is of the generation that the caller has read from the run's row, so that what is read in several statements belongs
together although another generation may be put in its place meanwhile: one that was read stays for a while.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from storage.database import Connection

GroupTotal = tuple[list[str], str, list[float | None]]

# Uses pk_run_results.
PAGE = """
select row_no, position_id, measure, bucket, "values", error, error_detail
from run_results
where run_id = $1 and generation = $2 and (not $3 or error is not null) and ($6::text is null or measure = $6)
order by row_no, measure, bucket limit $4 offset $5
"""

# Both use pk_run_totals.
TOTALS = """
select group_values, measure, "values" from run_totals
where run_id = $1 and generation = $2
order by group_values, measure limit $3
"""
COUNT_TOTALS = "select count(*) from run_totals where run_id = $1 and generation = $2"


async def read_results(
    connection: Connection,
    run_id: UUID,
    generation: int,
    *,
    limit: int,
    offset: int = 0,
    errors_only: bool = False,
    measure: str | None = None,
) -> list[dict[str, Any]]:
    """A page of the rows of that generation by row_no, measure and bucket; of one measure if it is named.

    Of a run that is planned these are the rows that are there so far.

    Each has row_no, position_id, measure, bucket, values (by scenario; None: could not be priced), error, error_detail.
    """
    rows = await connection.fetch(PAGE, run_id, generation, errors_only, limit, offset, measure)
    return [dict(row) for row in rows]


async def read_totals(connection: Connection, run_id: UUID, generation: int, limit: int | None = None) -> list[GroupTotal]:
    """The values of each group, a measure, and its totals by scenario; at most `limit`, in the order of groups."""
    return [tuple(row) for row in await connection.fetch(TOTALS, run_id, generation, limit)]


async def count_totals(connection: Connection, run_id: UUID, generation: int) -> int:
    """How many of these there are."""
    counted: int = await connection.fetchval(COUNT_TOTALS, run_id, generation)
    return counted
