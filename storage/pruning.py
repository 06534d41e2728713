"""Dropping what the inbox need not remember any more, a few rows at a time.

ix_inbox_processed_at is a block range index: for each 128 pages it knows the oldest and the newest row, so a look that
finds nothing reads the index alone. It has two habits that would make it useless in time. Pages that nobody has summarised
are read by every look. And a summary only ever widens: where old rows were dropped and new ones took their place, it
still says *old*. So each round first summarises what is new, and forgets the summary of what it has emptied.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from storage.database import Connection

# Of all workers one at a time drops a batch.
LOCK = 0x494E424F
TRY_LOCK = "select pg_try_advisory_xact_lock($1)"
PAGES_PER_RANGE = 128
# Whoever waits for a lock for a second ends an autovacuum that holds it; this is to give way instead.
GIVE_WAY = "set local lock_timeout = '500ms'"

# Of a table whose statistics are old the planner thinks that a third of it matches, and reads all of it.
NO_SCAN = "set local enable_seqscan = off"

# Uses ix_inbox_processed_at, then pages and places in them. Rows that a group holds at this moment are left for later.
DROP = """
with old as (
    select ctid from inbox where processed_at < now() - $1::interval limit $2 for update skip locked
), dropped as (
    delete from inbox where ctid = any(array(select ctid from old)) returning ctid
)
select (ctid::text::point)[0]::bigint / $3 * $3 as range, count(*) as rows from dropped group by 1
"""

SUMMARISE = "select brin_summarize_new_values('ix_inbox_processed_at')"
FORGET = "select brin_desummarize_range('ix_inbox_processed_at', range) from unnest($1::bigint[]) as emptied (range)"


async def summarise(connection: Connection) -> None:
    """Summarises the pages that nobody has summarised yet, each once; within a transaction of its own."""
    await connection.execute(GIVE_WAY)
    await connection.execute(SUMMARISE)


async def forget(connection: Connection, ranges: Collection[int]) -> None:
    """Has the summaries of these ranges made anew by the next `summarise`; within a transaction of its own."""
    await connection.execute(GIVE_WAY)
    await connection.execute(FORGET, sorted(ranges))


async def drop(connection: Connection, age: timedelta, rows: int) -> dict[int, int] | None:
    """Drops up to `rows` rows that are older than `age` by the database's clock, within the transaction it is given.

    Returns how many were dropped of each range of pages, by its first page; None while another worker is about it.
    """
    if not await connection.fetchval(TRY_LOCK, LOCK):
        return None
    await connection.execute(NO_SCAN)
    return {row["range"]: row["rows"] for row in await connection.fetch(DROP, age, rows, PAGES_PER_RANGE)}
