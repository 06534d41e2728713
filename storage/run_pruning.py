"""Dropping generations of runs that have been past for long enough, a few rows at a time."""

from __future__ import annotations

from datetime import timedelta

from storage.database import Connection

# Of all workers one at a time drops a batch.
LOCK = 0x52554E53
TRY_LOCK = "select pg_try_advisory_xact_lock($1)"
MOST_GENERATIONS = 200

# Uses ix_run_generations_retired_at.
PAST = """
select run_id, generation from run_generations where retired_at < now() - $1::interval order by retired_at limit $2
"""

# Each uses the primary key of its table.
DROP = """
with dropped as (
    delete from {table} where ctid = any(array(
        select ctid from {table} where run_id = $1 and generation = $2 limit $3
    )) returning 1
)
select count(*) from dropped
"""
# The generation itself comes last: as long as it is there, what is left of it is found.
DROPS = [DROP.format(table=table) for table in ("run_results", "run_totals", "run_slices", "run_plans", "run_generations")]


async def drop_generations(connection: Connection, age: timedelta, rows: int) -> int | None:
    """Drops up to `rows` rows of generations past for longer than `age`, by the database's clock; how many it were.

    None while another worker is about it. Within the transaction it is given.
    """
    if not await connection.fetchval(TRY_LOCK, LOCK):
        return None
    left = rows
    for run_id, generation in await connection.fetch(PAST, age, MOST_GENERATIONS):
        for drop in DROPS:
            left -= await connection.fetchval(drop, run_id, generation, left)
            if not left:
                return rows
    return rows - left
