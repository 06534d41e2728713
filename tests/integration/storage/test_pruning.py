"""The inbox forgets what is old, and looks for it without reading what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage import pruning
from storage.database import Connection, Database

MONTH = timedelta(days=30)
ROWS = 60_000
# Aged by days, in the order of their age, as they came.
FILL = """
insert into inbox (event_key, flow, source, event_id, generation, client_id, payload_sha256, outcome, processed_at)
select gen_random_uuid(), 'runs', '/s', 'e' || number, 0, 'acme', sha256(''), 'completed',
    now() - $2::interval + number * interval '1 millisecond'
from generate_series(1, $1::int) as number
"""
COUNT = "select count(*) from inbox"


async def fill(database: Database, rows: int, age: timedelta) -> None:
    async with database.connection() as connection:
        await connection.execute(FILL, rows, age)


async def prune(database: Database, rows: int = 10_000_000) -> dict[int, int] | None:
    async with database.transaction() as connection:
        return await pruning.drop(connection, MONTH, rows)


async def summarise(database: Database) -> None:
    async with database.transaction() as connection:
        await pruning.summarise(connection)


async def pages_read(database: Database) -> tuple[int, int]:
    """Pages of the table that a look reads, and those that the table has."""
    async with database.transaction() as connection:
        await connection.execute(pruning.NO_SCAN)
        [plan] = await connection.fetchval(f"explain (analyze, format json) {pruning.DROP}", MONTH, 10_000_000, 128)
        return _lossy(plan["Plan"]), await _size(connection)


def _lossy(plan: dict[str, Any]) -> int:
    assert plan["Node Type"] != "Seq Scan", "the table must not be scanned"
    below = sum(_lossy(each) for each in plan.get("Plans", ()))
    return below + int(plan.get("Exact Heap Blocks", 0)) + int(plan.get("Lossy Heap Blocks", 0))


async def _size(connection: Connection) -> int:
    return int(await connection.fetchval("select pg_relation_size('inbox') / 8192"))


async def test_what_is_older_is_dropped_and_nothing_else(database: Database) -> None:
    await fill(database, 30, MONTH + timedelta(hours=1))
    await fill(database, 20, MONTH - timedelta(hours=1))
    assert sum((await prune(database, rows=10) or {}).values()) == 10
    assert sum((await prune(database) or {}).values()) == 20
    assert await prune(database) == {}
    async with database.connection() as connection:
        assert await connection.fetchval(COUNT) == 20


async def test_one_worker_at_a_time_drops_and_rows_that_are_held_are_left(database: Database) -> None:
    await fill(database, 3, MONTH + timedelta(hours=1))
    async with database.transaction() as connection:
        await connection.execute("select from inbox where event_id = 'e2' for update")
        async with database.transaction() as other:
            assert sum((await pruning.drop(other, MONTH, 10) or {}).values()) == 2
            assert await prune(database) is None
    assert sum((await prune(database) or {}).values()) == 1


async def test_a_look_that_finds_nothing_reads_no_page_of_the_table(database: Database) -> None:
    await fill(database, ROWS, timedelta(days=1))
    unsummarised, size = await pages_read(database)
    assert size > 500
    assert unsummarised > size / 2, "what nobody has summarised has to be read"
    await summarise(database)
    assert await pages_read(database) == (0, size)


async def test_a_look_reads_what_is_old_and_not_what_came_after(database: Database) -> None:
    await fill(database, ROWS // 10, MONTH + timedelta(hours=1))
    await fill(database, ROWS, timedelta(days=1))
    await summarise(database)
    read, size = await pages_read(database)
    assert 0 < read < size / 4


@pytest.mark.parametrize("forgets", [True, False])
async def test_pages_whose_old_rows_were_replaced_are_only_passed_over_if_their_summary_was_forgotten(
    database: Database, *, forgets: bool
) -> None:
    await fill(database, ROWS, MONTH + timedelta(hours=1))
    await summarise(database)
    emptied = await prune(database) or {}
    assert sum(emptied.values()) == ROWS
    async with database.connection() as connection:
        await connection.execute("vacuum (truncate off) inbox")
    await fill(database, ROWS, timedelta(days=1))
    if forgets:
        async with database.transaction() as connection:
            await pruning.forget(connection, emptied)
    await summarise(database)
    read, size = await pages_read(database)
    assert read == 0 if forgets else read > size / 2
