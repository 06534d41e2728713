"""A database that was another test's before is as if it were new."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.databases import Databases

ROWS = "insert into lanes (flow, status) values ('runs', 'running')"
FILLED = """
select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
"""


async def do(url: str, *statements: str) -> list[str]:
    """The first column of what the last statement gives."""
    connection = await asyncpg.connect(url)
    try:
        found = [await connection.fetch(statement) for statement in statements]
    finally:
        await connection.close()
    return [str(row[0]) for row in found[-1]]


async def taken_and_left(databases: Databases, *statements: str) -> int:
    """How many more databases are free after a test that does this than when it had its own."""
    async with databases.one() as url:
        await do(url, *statements)
        free = databases.free
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await do(url, "select 1")
    return databases.free - free


async def test_rows_tables_and_counts_of_a_test_are_swept_out(databases: Databases) -> None:
    mine = ("create table mine (number serial)", "insert into mine default values")
    assert await taken_and_left(databases, ROWS, *mine) == 1
    async with databases.one() as url:
        assert await do(url, FILLED) == ["alembic_version"]
        assert await do(url, "select relname from pg_class where relname like 'mine%'") == []


@pytest.mark.parametrize(
    "change",
    [
        "alter table inbox drop constraint pk_inbox",
        "alter table outbox alter column claimed_until set default now() + interval '1 hour'",
        "alter table runs add column embedding integer",
        "create index lanes_by_status on lanes (status)",
        "create function mine() returns integer language sql as 'select 1'",
        "update alembic_version set version_num = 'another'",
        "drop table run_totals",
    ],
)
async def test_a_database_that_is_otherwise_than_the_template_is_dropped(databases: Databases, change: str) -> None:
    assert await taken_and_left(databases, change) == 0


async def test_whoever_is_still_connected_is_sent_away(databases: Databases) -> None:
    async with databases.one() as url:
        holder = await asyncpg.connect(url)
        await holder.execute("begin; lock table lanes in access exclusive mode")
        free = databases.free
    assert databases.free == free + 1
    with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
        await holder.execute("select 1")
    holder.terminate()
