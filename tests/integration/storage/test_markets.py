"""Market snapshots in the database: written once, by content, never changed."""

from __future__ import annotations

import asyncio
from datetime import date
from hashlib import sha256

import asyncpg
import pytest

from storage.database import Database
from storage.markets import MarketRow, insert_market, newest_markets, read_markets

AS_OF = date(2026, 1, 15)
CONTENT, OTHER = b'{"fx_spot":{"EURUSD":1.0}}', b'{"fx_spot":{"EURUSD":1.5}}'


async def load(database: Database, name: str | None, content: bytes, client: str = "acme") -> tuple[MarketRow, bool]:
    async with database.transaction() as connection:
        return await insert_market(connection, client, name, AS_OF, content)


async def test_other_content_under_an_id_is_left_out_and_what_stands_there_told(database: Database) -> None:
    first, _ = await load(database, "eod", CONTENT)
    assert await load(database, "eod", OTHER) == (first, False)
    assert (first.content, first.content_sha256) == (CONTENT, sha256(CONTENT).digest())


async def test_of_many_who_load_under_one_id_at_once_one_is_first_and_the_others_are_told(database: Database) -> None:
    contents = [b'{"fx_spot":{"EURUSD":%d.5}}' % number for number in range(5)] * 2
    loaded = await asyncio.gather(*(load(database, "eod", content) for content in contents))
    assert [is_new for _, is_new in loaded].count(True) == 1
    assert len({row for row, _ in loaded}) == 1


async def test_content_without_an_id_goes_by_its_digest_however_often_it_is_loaded(database: Database) -> None:
    digest = sha256(CONTENT).hexdigest()
    loaded = await asyncio.gather(*(load(database, None, CONTENT) for _ in range(4)))
    assert {row.snapshot_id for row, _ in loaded} == {digest}
    assert [is_new for _, is_new in loaded].count(True) == 1


async def test_content_without_an_id_goes_by_the_id_it_has_for_this_client(database: Database) -> None:
    await load(database, "theirs", CONTENT, "rival")
    await load(database, "eod", CONTENT)
    await load(database, "later", CONTENT)
    row, is_new = await load(database, None, CONTENT)
    assert (row.snapshot_id, is_new) == ("eod", False)


async def test_each_client_has_its_own_ids(database: Database) -> None:
    await load(database, "eod", CONTENT)
    row, is_new = await load(database, "eod", OTHER, "rival")
    assert (row.client_id, row.content, is_new) == ("rival", OTHER, True)
    async with database.connection() as connection:
        assert (await read_markets(connection, "acme", ["eod", "none"]))["eod"].content == CONTENT
        assert await read_markets(connection, "nobody", ["eod"]) == {}
        assert [entry.snapshot_id for entry in await newest_markets(connection, "acme", 9)] == ["eod"]


@pytest.mark.parametrize(
    "statement",
    [
        "update market_snapshots set as_of = '2000-01-01'",
        "update market_snapshots set content = '{}', content_sha256 = sha256('{}')",
        "update portfolios set uri = 'other.csv'",
    ],
)
async def test_what_is_loaded_cannot_be_changed_even_by_the_owner_of_the_tables(database: Database, statement: str) -> None:
    await load(database, "eod", CONTENT)
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="never changes"):
            await connection.execute(statement)


async def test_a_digest_that_is_not_the_contents_is_refused_by_the_database(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="content_sha256"):
            await connection.execute(
                "insert into market_snapshots values ('acme', 'eod', '2026-01-15', sha256('{}'), $1::text::json)", "{ }"
            )


@pytest.mark.parametrize("content", [b'{"b": 1.0, "a":1e-7,  "c":1e22}', '{"é":"\\u00e9"}'.encode()])
async def test_content_is_kept_to_the_letter(database: Database, content: bytes) -> None:
    row, _ = await load(database, "eod", content)
    assert row.content == content
